"""Reads single lines and rows of a source again, where a dead letter says that they stand. Beside the sources.

A line is the one that was refused if its digest is the same. The line that a mapping makes of a row changes with the
mapping; of a row it is checked that the table begins as when it was read last, and that a row begins at its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from monitor.sources.chunks import MAX_LINE, Chunk, Position, SourceError
from monitor.sources.definition import MappingFile
from monitor.sources.files import holds_lines, unpacked_name
from monitor.sources.fingerprints import PACKED_ENDINGS
from monitor.sources.mapping import load_mapping
from monitor.sources.streams import ByteStream, DamagedError, PlainStream, open_stream

Why = Literal["not_found", "differs", "needs_mapping", "mapping_fails", "no_event"]

_TABLE_ENDINGS: Final = (".csv", ".tsv", ".parquet")
_READ: Final = 64 * 1024
_LINES_OF_A_ROW: Final = 64


class LostError(Exception):
    """A refused line that is not there any more: `why` is one word for it."""

    def __init__(self, why: Why) -> None:
        """Keeps the word."""
        super().__init__(why)
        self.why: Why = why


class Place(Protocol):
    """Where a dead letter stands in its source (see `monitor.events.refusal.DeadLetter`)."""

    source: str
    line: int
    offset: int
    digest: str
    masked: bool


class Made(msgspec.Struct, frozen=True):
    """A line, and why a mapping could not make an event of it (empty: it could)."""

    line: bytes
    problem: str = ""


class Rereading:
    """Reads again what dead letters name, best in the order in which they came. `close` lets go of the files."""

    def __init__(self, folder: Path, mapping: Path | None, positions: Mapping[str, Position]) -> None:
        """`folder`: where relative names of sources are looked for, before the working folder. `positions`: how far
        each source was read. Raises SourceError for a mapping that does not fit.
        """
        self._folder = folder
        self._rules = None if mapping is None else load_mapping(mapping)
        self._positions = positions
        self._lines: dict[Path, _Lines] = {}
        self._tables: dict[str, _Table] = {}
        self.unfit: dict[str, str] = {}
        """Tables that the mapping does not fit, and why."""

    def is_table(self, source: str) -> bool:
        """Whether the events of a source are made by a mapping."""
        path = Path(source)
        return not holds_lines(path) and (self._rules is not None or unpacked_name(path).endswith(_TABLE_ENDINGS))

    @property
    def has_mapping(self) -> bool:
        """Whether rows of tables can be read."""
        return self._rules is not None

    def line(self, place: Place) -> bytes:
        """The line of a dead letter. Raises LostError."""
        found = self._opened(self._path(place.source)).at(place.offset)
        if len(found) <= MAX_LINE and hashlib.sha256(found).hexdigest() != place.digest:
            raise LostError("differs")
        return found

    def row(self, place: Place) -> list[Made]:
        """What the mapping makes of a row now. Raises LostError."""
        path = self._path(place.source)
        if self._rules is None:
            raise LostError("needs_mapping")
        if place.masked and not self._is_row(path, place):
            raise LostError("differs")
        if place.source in self.unfit:
            raise LostError("mapping_fails")
        try:
            table = self._tables.get(place.source)
            if table is None:
                before = self._positions.get(place.source, Position()).fingerprint
                table = self._tables[place.source] = _Table(path, place.source, self._rules, before)
            return table.at(place.line, place.offset)
        except SourceError as error:
            self.unfit[place.source] = str(error)
            raise LostError("mapping_fails") from error

    def close(self) -> None:
        """Lets go of the files."""
        for lines in self._lines.values():
            lines.close()
        for table in self._tables.values():
            table.close()

    def _path(self, source: str) -> Path:
        for path in (self._folder / source, Path(source)):
            if path.is_file():
                return path
        raise LostError("not_found")

    def _opened(self, path: Path) -> _Lines:
        if path not in self._lines:
            self._lines[path] = _Lines(path)
        return self._lines[path]

    def _is_row(self, path: Path, place: Place) -> bool:
        """Whether the bytes of a row that could not be told apart are still there; it may have several lines."""
        lines = self._opened(path)
        raw = b""
        offset = place.offset
        for number in range(_LINES_OF_A_ROW):
            try:
                line = lines.at(offset)
            except LostError:
                return False
            raw = line if not number else raw + b"\n" + line
            # As `tablefiles` marks rows that could be taken for an event.
            if place.digest in (hashlib.sha256(raw).hexdigest(), hashlib.sha256(b"row: " + raw).hexdigest()):
                return True
            offset = lines.next_offset
        return False


class _Lines:
    """Single lines of one file, plain or packed, at ascending offsets without reading anything twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: ByteStream | None = None
        self._rest = b""
        self._at = 0
        self.next_offset = 0

    def at(self, offset: int) -> bytes:
        """The line that begins at an offset; of one that is too long a piece longer than MAX_LINE. Raises LostError."""
        try:
            self._go_to(offset)
            while (end := self._rest.find(b"\n")) < 0 and len(self._rest) <= MAX_LINE and self._more():
                pass
        except FileNotFoundError:
            raise LostError("not_found") from None
        except (OSError, EOFError, DamagedError):
            raise LostError("differs") from None
        line = self._rest if end < 0 else self._rest[:end]
        self.next_offset = offset + len(line) + 1
        return line.removesuffix(b"\r")

    def _go_to(self, offset: int) -> None:
        ahead = offset - self._at
        far = ahead > len(self._rest) and isinstance(self._stream, PlainStream)
        if self._stream is None or ahead < 0 or far:
            self.close()
            self._stream, self._rest = open_stream(self._path, offset)
            self._at = offset
            if not self._rest and not self._more():
                raise EOFError
            return
        while len(self._rest) <= offset - self._at:
            self._at += len(self._rest)
            self._rest = b""
            if not self._more():
                raise EOFError
        self._rest = self._rest[offset - self._at :]
        self._at = offset

    def _more(self) -> bool:
        piece = self._stream.read(_READ) if self._stream is not None else b""
        self._rest += piece or b""
        return bool(piece)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._rest = b""


class _Table:
    """Single rows of one table, at ascending places, by a mapping."""

    def __init__(self, path: Path, name: str, rules: MappingFile, before: str) -> None:
        # Tables bring polars with them, 36 MB: only where there is one.
        from monitor.sources.tables import TableSource

        self._source = TableSource(path, name, rules)
        self._is_packed = path.name.lower().endswith(PACKED_ENDINGS)
        self._chunk: Chunk | None = None
        now, _, mark = self._source.read(Position(), 1).position.fingerprint.rpartition("#")
        was = before.rpartition("#")[0]
        self._is_another = was.startswith("p:") and was != now
        self._print = f"{was}#{mark}"

    def at(self, line: int, offset: int) -> list[Made]:
        """The events of the row that begins at a place. Raises LostError."""
        if self._is_another:
            raise LostError("differs")
        chunk = self._chunk
        while self._is_packed and chunk is not None and chunk.position.offset <= offset and not chunk.eof:
            chunk = self._chunk = self._read(chunk.position)
        made = [] if chunk is None else _events(chunk, line, offset)
        if not made:
            self._chunk = self._read(Position(offset, line - 1, self._print))
            made = _events(self._chunk, line, offset)
        if not made:
            raise LostError("no_event")
        return made

    def _read(self, position: Position) -> Chunk:
        chunk = self._source.read(position, _READ)
        if chunk.restarted:
            self._is_another = True
            raise LostError("differs")
        if chunk.error:
            raise SourceError(chunk.error)
        return chunk

    def close(self) -> None:
        self._source.close()


def _events(chunk: Chunk, line: int, offset: int) -> list[Made]:
    return [
        Made(one, chunk.problems.get(index, ""))
        for index, one in enumerate(chunk.lines)
        if (chunk.number(index), chunk.offset(index)) == (line, offset)
    ]
