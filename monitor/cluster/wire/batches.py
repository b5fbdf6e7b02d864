"""Messages of the topic `intake`: many lines of one source in one message, and how a reader takes them apart again.

The sender decides nothing about events. A line that is a JSON object with a text `subject` joins the batch of its
partition, byte for byte; any other line goes alone, so that intake makes the dead letter of it that `run` would make.

Headers: `source`, the name of the source; `places`, a msgpack list of [line, offset] for each line in the message;
`raw` where the value is one line as it stood and no batch, whatever it looks like; `problem` where the source says why
the line is refused, a msgpack map of reason, detail and digest; `sender`, the state folder that it was sent from, where
there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
import xxhash

from monitor.cluster.wire.partitions import partition_of
from monitor.events.intake import MAX_BYTES, MAX_DEPTH
from monitor.sources import Chunk

SOURCE: Final = "source"
PLACES: Final = "places"
RAW: Final = "raw"
PROBLEM: Final = "problem"
SENDER: Final = "sender"

BATCH_EVENTS: Final = 256
BATCH_BYTES: Final = 700_000


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a source says that its line is no event. `digest`: SHA-256 of a line that was too long to hold."""

    reason: str
    detail: str
    digest: str = ""


class Message(NamedTuple):
    """What is sent to one partition; `lines` are so many."""

    partition: int
    value: bytes
    headers: list[tuple[str, bytes]]
    lines: int


class _Named(msgspec.Struct):
    """An event of which only the subject is looked at."""

    subject: str


_decode = msgspec.json.Decoder(_Named).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_places = msgspec.msgpack.Decoder(list[tuple[int, int]]).decode
_problem = msgspec.msgpack.Decoder(Problem).decode
_pack = msgspec.msgpack.encode


class Cutter:
    """Cuts the lines of one source into messages."""

    def __init__(self, source: str, sender: str | None, partitions: int, size: int = BATCH_EVENTS) -> None:
        """`sender`: None where nobody asks later what was sent. `size`: lines of a batch at most."""
        self._partitions = partitions
        self._size = size
        self._open: list[list[bytes]] = [[] for _ in range(partitions)]
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
        self._bytes = [0] * partitions
        self._headers = [(SOURCE, source.encode("utf-8", "replace"))]
        if sender is not None:
            self._headers.append((SENDER, sender.encode()))
        self.left_out = 0
        """Lines that had reached the topic before."""

    def take(self, chunk: Chunk, reached: Counter[bytes] | None = None) -> Iterator[Message]:
        """The messages that some more lines fill. `reached` counts lines, by `line_key`, that are there already: they
        are left out and taken off.
        """
        plain = not chunk.problems and not chunk.oversized
        for index, line in enumerate(chunk.lines):
            problem = None if plain else _problem_of(chunk, index)
            subject = None if problem is not None else subject_of(line)
            if subject is None and problem is None and not line.strip():
                continue
            if reached:
                key = line_key(line, problem)
                count = reached[key]
                if count:
                    if count == 1:
                        del reached[key]
                    else:
                        reached[key] = count - 1
                    self.left_out += 1
                    continue
            message = self.put(line, (chunk.number(index), chunk.offset(index)), subject, problem)
            if message is not None:
                yield message

    def put(
        self, line: bytes, place: tuple[int, int], subject: str | None, problem: Problem | None = None
    ) -> Message | None:
        """Takes one line; the message that goes now. `place`: number and offset. `subject`: as `subject_of` says, None
        where there is a problem.
        """
        if subject is None:
            return self._alone(line, place, problem)
        partition = partition_of(subject, self._partitions)
        size = len(line) + 1
        full = self._closed(partition) if self._bytes[partition] + size >= BATCH_BYTES else None
        self._open[partition].append(line)
        self._places[partition].append(place)
        self._bytes[partition] += size
        return self._closed(partition) if len(self._open[partition]) >= self._size else full

    def rest(self) -> Iterator[Message]:
        """The messages of the lines that filled none."""
        for partition in range(self._partitions):
            if self._open[partition]:
                yield self._closed(partition)

    def _closed(self, partition: int) -> Message:
        lines, places = self._open[partition], self._places[partition]
        self._open[partition], self._places[partition], self._bytes[partition] = [], [], 0
        headers = [*self._headers, (PLACES, _pack(places))]
        return Message(partition, b"[" + b",".join(lines) + b"]", headers, len(lines))

    def _alone(self, line: bytes, place: tuple[int, int], problem: Problem | None) -> Message:
        headers = [*self._headers, (PLACES, _pack([place])), (RAW, b"1")]
        if problem is not None:
            headers.append((PROBLEM, _pack(problem)))
        return Message(partition_of(line, self._partitions), line, headers, 1)


def subject_of(line: bytes) -> str | None:
    """The subject of a line that may stand in a batch, None for any other."""
    # What stands around an event would be lost in a batch, and with it the digest of the line.
    if line[:1] != b"{" or line[-1:] != b"}" or len(line) > MAX_BYTES:
        return None
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        return None
    try:
        if not line.isascii():
            line.decode("utf-8")
        return _decode(line).subject
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _problem_of(chunk: Chunk, index: int) -> Problem | None:
    """What the source says against a line, in the words of `run`."""
    if index in chunk.problems:
        return Problem("unmapped_row", chunk.problems[index])
    if index in chunk.oversized:
        oversized = chunk.oversized[index]
        return Problem("too_large", f"{oversized.length:,} bytes", oversized.digest)
    return None


def line_key(line: bytes, problem: Problem | None = None) -> bytes:
    """What a line is known by among those that were sent."""
    return xxhash.xxh3_128_digest(line if problem is None else line + b"\n" + _pack(problem))


def lines_in(value: bytes, headers: Mapping[str, bytes]) -> list[bytes]:
    """The lines of a message, as they stood in their source; also of a message that others sent: one event, or an array
    of events. Raises msgspec.DecodeError for an array that is broken.
    """
    if RAW in headers or not value.lstrip().startswith(b"["):
        return [value]
    return [bytes(one) for one in _array(value)]


def places_in(headers: Mapping[str, bytes]) -> list[tuple[int, int]]:
    """Line and offset of each line of a message; empty where others sent it."""
    return _places(headers[PLACES]) if PLACES in headers else []


def problem_in(headers: Mapping[str, bytes]) -> Problem | None:
    """Why the source of a message says that its line is no event, None where it does not."""
    return _problem(headers[PROBLEM]) if PROBLEM in headers else None
