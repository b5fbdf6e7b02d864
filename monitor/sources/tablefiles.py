"""Rows of CSV and Parquet files, a block at a time, each row with its place. Below the mapping of rows.

CSV is read with the standard library over the line reader of ``files.py``, not with polars: measured with
2.1, polars gives up a whole file for one row that is too long without saying which, and fills one that is too
short with missing values unsaid. Here such a row is handed on as broken, and all others count.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import polars as pl

from monitor.sources.chunks import Chunk, Position, SourceError
from monitor.sources.definition import TableOptions
from monitor.sources.files import FileSource

_ENCODINGS: Final = ("utf-8", "gb18030", "big5", "windows-1252")
_HEADER_BYTES: Final = 256 * 1024
_PARQUET_MAGIC: Final = b"PAR1"
_BYTES_PER_ROW: Final = 256
"""Assumed of Parquet, whose rows have no size of their own, to turn a limit in bytes into rows."""
_TAIL: Final = 64 * 1024
_SURELY_WRONG: Final = 3
"""So many rows that cannot be read, being most of those beyond ASCII, are no slips but another encoding."""


class BrokenRow(msgspec.Struct, frozen=True):
    """A row that cannot be told apart into its columns: its bytes as they stand, and why."""

    raw: bytes
    reason: str


class Rows(msgspec.Struct):
    """Some rows. `numbers`: the line (Parquet: row) on which each begins; the rest as in `Chunk`."""

    rows: list[Sequence[str] | BrokenRow]
    numbers: list[int]
    offsets: list[int]
    position: Position
    eof: bool
    error: str = ""
    restarted: bool = False


class TableFile(Protocol):
    """An open table."""

    columns: list[str]

    def read(self, position: Position, limit_bytes: int) -> Rows:
        """Rows after a position, as of `limit_bytes` of the file."""

    def progress(self) -> float | None:
        """Share of the file that has been read."""

    def close(self) -> None:
        """Lets go of the file."""


def open_table(path: Path, name: str, options: TableOptions, *, follow: bool = False) -> TableFile:
    """Opens a table and reads its header. Raises SourceError where that cannot be done."""
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == _PARQUET_MAGIC
    except OSError as failure:
        raise SourceError(f"{name}：无法读取表格 / the table cannot be read ({failure.strerror})") from failure
    if is_parquet or path.suffix == ".parquet":
        return ParquetFile(path, name)
    return CsvFile(path, name, options, follow=follow)


class _Unreadable(Exception):
    """A line that no row can be made of."""


class _Feed:
    """Hands the lines of a file to the csv reader, and remembers which of them a row was made from."""

    def __init__(self, source: FileSource, encoding: str, limit_bytes: int) -> None:
        self._source = source
        self._encoding = encoding
        self.limit_bytes = limit_bytes
        self.raw: list[bytes] = []  # the lines of the present row
        self.fault = ""  # what is wrong with one of them
        self.exhausted = False
        self.go_to(Position())

    def go_to(self, position: Position) -> None:
        """Goes on from a position at the next read."""
        self._at = position
        self._chunk = Chunk([], position.line + 1, position.offset, position, eof=False)
        self._index = 0

    def pending(self) -> bool:
        """Whether lines are at hand that no row was made from yet."""
        return self._index < len(self._chunk.lines)

    def fetch(self) -> Chunk:
        """The next lines of the file, once those at hand are used up."""
        self._chunk = self._source.read(self._chunk.position, self.limit_bytes)
        self._index = 0
        return self._chunk

    def place(self) -> tuple[int, int]:
        """Line number and offset of the next line."""
        return self._chunk.number(self._index), self._chunk.offset(self._index)

    def position(self) -> Position:
        """Where to go on after the lines that were used."""
        if not self.pending():
            return self._chunk.position
        number, offset = self.place()
        return Position(offset, number - 1, self._chunk.position.fingerprint)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self.pending():
            chunk = self.fetch()
            if not chunk.lines and (chunk.eof or chunk.error):
                self.exhausted = True
                raise StopIteration
        index, self._index = self._index, self._index + 1
        line = self._chunk.lines[index]
        self.raw.append(line)
        if index in self._chunk.oversized:
            raise _Unreadable("行超过 1 MiB / a line longer than 1 MiB")
        if b"\0" in line:
            self.fault = "含有 NUL 字符 / a NUL character"
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError:
            self.fault = f"不是 {self._encoding} 文本 / not {self._encoding} text"
            text = line.decode(self._encoding, "replace")
        return text + "\n"


class CsvFile:
    """A CSV file with a header, plain or packed."""

    def __init__(self, path: Path, name: str, options: TableOptions, *, follow: bool) -> None:
        """Reads the header, and leaves nothing open. Raises SourceError."""
        self._name = name
        self._options = options
        self._follow = follow
        self._source = FileSource(path, name, follow=follow)
        self._feed = _Feed(self._source, options.encoding, _HEADER_BYTES)
        self._reader = csv.reader(
            self._feed,
            delimiter=options.delimiter,
            quotechar=options.quote or None,
            quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            first = self._feed.fetch()
            if first.error and not first.lines:
                raise SourceError(first.error)
            self._check_encoding(first.lines)
            self.columns = self._header()
        finally:
            self._source.close()
        self._data = self._feed.position()

    def _check_encoding(self, lines: Sequence[bytes]) -> None:
        """A file that is mostly not in its encoding is told at once, not row by row."""
        foreign = [line for line in lines if not line.isascii()]
        wrong = [line for line in foreign if not _decodes(line, self._options.encoding)]
        mostly = len(wrong) >= _SURELY_WRONG and len(wrong) * 2 > len(foreign)
        if mostly or (wrong and wrong[0] is lines[0]):
            fits = [code for code in _ENCODINGS if all(_decodes(line, code) for line in foreign)]
            hint = f"；可试 / try {fits[0]}" if fits else ""
            raise SourceError(
                f"{self._name}：编码不是 {self._options.encoding}，请改 table.encoding / the file is not "
                f"{self._options.encoding}: set table.encoding{hint}"
            )

    def _header(self) -> list[str]:
        try:
            while not (row := next(self._reader)):
                self._feed.raw.clear()
        except StopIteration:
            raise SourceError(f"{self._name}：文件为空，没有表头 / the file is empty: no header") from None
        except (csv.Error, _Unreadable) as error:
            raise SourceError(f"{self._name}：表头无法读取 / the header cannot be read ({error})") from error
        if self._feed.fault:
            raise SourceError(f"{self._name}：表头无法读取 / the header cannot be read ({self._feed.fault})")
        self._feed.raw.clear()
        return [column.removeprefix("\ufeff").strip() for column in row]

    def read(self, position: Position, limit_bytes: int) -> Rows:
        """Rows after a position, as of `limit_bytes` of the file."""
        feed = self._feed
        feed.limit_bytes = limit_bytes
        wanted = position if position.offset else self._data
        if wanted != feed.position():
            feed.go_to(wanted)
        rows = Rows([], [], [], wanted, eof=False)
        if not feed.pending():
            chunk = feed.fetch()
            rows.eof, rows.error = chunk.eof, chunk.error
            if chunk.restarted and not self._same_header(rows):
                return rows
        while feed.pending():
            number, offset = feed.place()
            row = self._row(feed)
            if feed.exhausted and self._follow and isinstance(row, BrokenRow):
                # The rest of the row is still being written.
                feed.go_to(Position(offset, number - 1, wanted.fingerprint))
                break
            if row is not None:
                rows.rows.append(row)
                rows.numbers.append(number)
                rows.offsets.append(offset)
        feed.exhausted = False
        rows.position = feed.position()
        return rows

    def _same_header(self, rows: Rows) -> bool:
        """Reads over the header of a file that took the place of another."""
        rows.restarted = True
        try:
            same = self._header() == self.columns
        except SourceError:
            same = False
        if not same:
            rows.eof = True
            rows.error = (
                f"{self._name}：文件已更换且表头不同，请重新启动 / "
                "the file was replaced by one with another header: start again"
            )
        return same

    def _row(self, feed: _Feed) -> Sequence[str] | BrokenRow | None:
        """The next row; None for a blank line."""
        feed.raw.clear()
        feed.fault = ""
        try:
            row = next(self._reader)
        except StopIteration:
            return None
        except (csv.Error, _Unreadable) as error:
            return _broken(feed.raw, str(error))
        if feed.fault:
            return _broken(feed.raw, feed.fault)
        if not row:
            return None
        if len(row) != len(self.columns):
            have, want = len(row), len(self.columns)
            return _broken(feed.raw, f"应有 {want} 列，实有 {have} 列 / {have} fields instead of {want}")
        return row

    def progress(self) -> float | None:
        """Share of the file that has been read."""
        return self._source.progress()

    def close(self) -> None:
        """Lets go of the file."""
        self._source.close()


class ParquetFile:
    """A Parquet file. Its columns are read as texts: dates as in ISO 8601, whole numbers without a point."""

    def __init__(self, path: Path, name: str) -> None:
        """Reads the schema. Raises SourceError."""
        self._path = path
        self._name = name
        self._read = 0
        try:
            self._table = pl.scan_parquet(path)
            schema = self._table.collect_schema()
            self._count = self._table.select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(self._damaged(error)) from error
        self._texts = [_as_text(column, kind) for column, kind in schema.items() if not kind.is_nested()]
        self.columns = [column for column, kind in schema.items() if not kind.is_nested()]
        self._fingerprint = content_mark(path)

    def _damaged(self, error: Exception) -> str:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"{self._name}：Parquet 文件无法读取 / the Parquet file cannot be read: {why}"

    def read(self, position: Position, limit_bytes: int) -> Rows:
        """Rows after a position; `limit_bytes` taken as so many rows of 256 bytes."""
        restarted = bool(position.offset) and position.fingerprint != self._fingerprint
        start = 0 if restarted else position.offset
        count = max(1, limit_bytes // _BYTES_PER_ROW)
        rows = Rows([], [], [], Position(start, start, self._fingerprint), eof=False, restarted=restarted)
        try:
            rows.rows = list(self._table.select(self._texts).slice(start, count).collect().rows())
        except (pl.exceptions.PolarsError, OSError) as error:
            rows.eof, rows.error = True, self._damaged(error)
            return rows
        end = start + len(rows.rows)
        rows.numbers = list(range(start + 1, end + 1))
        rows.offsets = list(range(start, end))
        rows.position = Position(end, end, self._fingerprint)
        rows.eof = end >= self._count
        self._read = end
        return rows

    def progress(self) -> float | None:
        """Share of the rows that have been read."""
        return self._read / self._count if self._count else 1.0

    def close(self) -> None:
        """Nothing: polars opens the file for each read."""


def _broken(lines: Sequence[bytes], reason: str) -> BrokenRow:
    raw = b"\n".join(lines)[:_HEADER_BYTES]
    # A row of a table must never be taken for an event, whatever its bytes say.
    return BrokenRow(b"row: " + raw if raw.lstrip()[:1] in (b"{", b"[") else raw, reason)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _as_text(column: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if isinstance(kind, pl.Datetime):
        text = value.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f" + ("%:z" if kind.time_zone else ""))
    elif kind.is_float():
        text = value.cast(pl.String).str.strip_suffix(".0")
    else:
        text = value.cast(pl.String)
    return text.fill_null("")


def content_mark(path: Path) -> str:
    """Digest of size, head and tail: for files that are written whole, as Parquet and joined tables are."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(f"{size}:".encode() + file.read(_TAIL))
        file.seek(max(0, size - _TAIL))
        digest.update(file.read(_TAIL))
    return f"p:{digest.hexdigest()[:32]}"
