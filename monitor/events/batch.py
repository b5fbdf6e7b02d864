"""A batch of events in one JSON text, cut into the texts of its events. About each of these intake decides alone.

Batches come over HTTP and Kafka (contract §1: a JSON array of events, of any subjects). One event that does not parse
must not take the others with it, so what a strict decoder refuses as a whole is cut by its brackets and commas.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from monitor.events.refusal import Refusal, from_decode_error

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode


def events_of(body: bytes) -> list[bytes]:
    """The texts of the events of a batch, in their order. Raises Refusal where the body is no JSON array."""
    body = body.removeprefix(_BOM).strip(_SPACE)
    try:
        return [bytes(event) for event in _decode(body)]
    except msgspec.ValidationError as error:
        raise Refusal("wrong_type", "a batch is a JSON array of events") from error
    except (msgspec.DecodeError, RecursionError) as error:
        parts = _cut(body)
        if parts is None:
            raise from_decode_error(error) from error
        return parts


def _cut(body: bytes) -> list[bytes] | None:
    """The members of an array whose members may be broken inside; None where the array itself is. Linear."""
    if body[:1] != b"[":
        return None
    parts: list[bytes] = []
    start, depth, ended = 1, 0, False
    for found in _TOKEN.finditer(body):
        mark = body[found.start()]
        if ended or (mark == ord('"') and found.end() == found.start() + 1):
            return None  # something after the array, or a text without its end
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if (depth == 1 and mark == ord(",")) or depth == 0:
            parts.append(body[start : found.start()].strip(_SPACE))
            start = found.end()
            ended = depth == 0
    whole = ended and start == len(body) and all(parts)
    return parts if whole else None
