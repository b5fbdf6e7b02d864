"""What every source gives and the runner takes: chunks of lines, and positions to go on from after a restart.

First in the flow: source → chunk of raw lines → intake, which decides about each line.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final, Protocol

import msgspec

MAX_LINE: Final = 1024 * 1024
"""Bytes of the longest line that is held; an event may have a quarter of it (contract §1)."""


class SourceError(Exception):
    """A source that cannot be read; the text names it and says what to do, zh and en in one line."""


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where to go on: what a runner stores with the events that it took from a source.

    `offset` counts uncompressed bytes before the next line (rows, for Parquet), `line` the lines (rows)
    before it. `fingerprint` tells a replaced file, which starts over, from one that has grown, which goes on.
    """

    offset: int = 0
    line: int = 0
    fingerprint: str = ""


class OversizedLine(msgspec.Struct, frozen=True):
    """A line longer than MAX_LINE that was passed over without holding it.

    `offset` and `length` are uncompressed bytes, `head` its first bytes, `digest` the SHA-256 (hex) of the
    whole line without its line end.
    """

    offset: int
    length: int
    head: bytes
    digest: str


class Chunk(msgspec.Struct):
    r"""Some lines of one source, as raw bytes without ``\n`` or ``\r\n``; blank lines are among them.

    `position`: where to go on after these lines. `eof`: nothing more for now. `error`: the source is damaged
    or unreadable from here on (a sentence for people, zh and en); the lines before are good. `restarted`: the
    position asked for was of another file, so these lines are from the beginning.

    `oversized`: by index in `lines`, lines that were too long to hold; `lines` has their first bytes, and
    intake refuses them as too large. `problems`: by index, why a row of a table cannot be mapped; **intake
    must refuse these lines** with this reason (their bytes are no acceptable event either).
    """

    lines: list[bytes]
    first_line: int
    start: int
    position: Position
    eof: bool
    error: str = ""
    restarted: bool = False
    oversized: dict[int, OversizedLine] = msgspec.field(default_factory=dict)
    problems: dict[int, str] = msgspec.field(default_factory=dict)
    numbers: list[int] | None = None
    offsets: list[int] | None = None

    def number(self, index: int) -> int:
        """Number in the file, from 1, of a line; for tables the line (Parquet: row) it was made from."""
        return self.first_line + index if self.numbers is None else self.numbers[index]

    def offset(self, index: int) -> int:
        """Uncompressed offset in the file of a line; for tables that of the row it was made from."""
        if self.offsets is None:
            # Asked for dead letters only, so it is worked out at the first question.
            self.offsets = list(accumulate((len(line) + 1 for line in self.lines), initial=self.start))
        return self.offsets[index]


class Source(Protocol):
    """Something that events are read from. One reader at a time; nothing is shared between sources."""

    @property
    def name(self) -> str:
        """Stable name for positions and dead letters: the path as given."""

    def read(self, position: Position, limit_bytes: int) -> Chunk:
        """The lines after a position, about `limit_bytes` of them at most; never raises for a bad file.

        Reading on from the position of the last chunk is free; from any other the file is opened again.
        """

    def progress(self) -> float | None:
        """Share of the source that has been read, 0 to 1; None where its size is not known."""

    def notes(self) -> list[str]:
        """What a person should know about the reading so far, zh and en; empty where nothing."""

    def close(self) -> None:
        """Lets go of files; a later read opens them again."""
