"""Dead letters on a cluster: made where intake decides, sent by the topic `dead-letters`, written by the board."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from config.moments import as_text
from monitor.cluster.wire.boxes import Outbox
from monitor.events.refusal import DeadLetter, Refusal, readable_text
from monitor.events.types import Event
from monitor.identifiers.pseudonyms import Pseudonymiser

DEAD_LETTERS: Final = "dead-letters"


def letter_of(
    source: str, line: bytes, place: tuple[int, int], refusal: Refusal, received: int, pseudonyms: Pseudonymiser
) -> DeadLetter:
    """The letter of a refused line; `place`: its number and byte offset in the source."""
    text, masked = readable_text(line, pseudonyms)
    return DeadLetter(
        source=source,
        line=place[0],
        offset=place[1],
        received=received,
        reason=refusal.reason,
        detail=refusal.detail,
        text=text,
        masked=masked,
        digest=hashlib.sha256(line).hexdigest(),
    )


def event_text(event: Event) -> bytes:
    """An accepted event as JSON, pseudonyms in place of numbers."""
    known = msgspec.to_builtins(event)
    for field in ("time", "recordedtime"):
        if isinstance(known.get(field), int):
            known[field] = as_text(known[field])
    return msgspec.json.encode(known)


def tell_letter(outbox: Outbox, letter: DeadLetter) -> None:
    """Sends a letter to be kept."""
    item = msgspec.structs.astuple(letter)
    outbox.box(DEAD_LETTERS, letter.source).add(item, len(letter.text) // 100)
