"""Tables joined to another: the rows that belong to each row of a block, without a dict of all of them.

A joined table is held as columns, sorted by a 64-bit hash of its key: some tens of bytes a row beyond its
texts. A block of rows asks once and is answered by binary search; keys of one hash are told apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from monitor.sources.chunks import Position, SourceError
from monitor.sources.definition import Join
from monitor.sources.tablefiles import BrokenRow, TableFile, content_mark, open_table
from monitor.sources.values import Compiler, Row

_BLOCK: Final = 1024 * 1024
_BETWEEN: Final = "\x1f"
_HASH: Final = "hash of the key"
_FILE, _LINE, _WHEN = "file", "line", "date"


class JoinedPlace(NamedTuple):
    """Where a joined row stands: the name of its file, and its line."""

    file: str
    line: int


class JoinedTable:
    """One joined table. `broken` has the rows that cannot be read, each with its place and offset."""

    def __init__(self, paths: Sequence[Path], join: Join, used: Mapping[str, str], zone: str) -> None:
        """Checks the headers alone. `paths`: the files that are the table; there may be none.

        `used`: see `check_columns`; `zone`: of the dates that put the rows in order. Raises SourceError.
        """
        self.name = ", ".join(path.name for path in paths) or join.file
        self.columns = list(used)
        self.broken: list[tuple[JoinedPlace, int, BrokenRow]] = []
        self.mark = "".join(map(content_mark, paths))
        self.headers: dict[str, list[str]] = {}
        self._keys = [self.columns.index(theirs) for theirs in join.keys.values()]
        own = Compiler(self.columns, zone, join.missing)
        self._counts = own.all_hold(join.when) if join.when else None
        self._moment = own.moment(join.order.column, join.order.format) if join.order is not None else None
        self._tables: list[TableFile] = []
        for path in paths:
            table = open_table(path, path.name, join)
            check_columns(path.name, used, table.columns)
            self.headers[path.name] = table.columns
            self._tables.append(table)
        self._loaded = False
        self._sorted = pl.DataFrame()
        self._places = pl.DataFrame()
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._met = np.zeros(0, dtype=bool)

    def load(self) -> None:
        """Reads all rows, once. Raises SourceError for a damaged file: persons would be missing unsaid."""
        if self._loaded:
            return
        files = zip(self.headers, self._tables, strict=True)
        frame = pl.concat([self._block([], [], "")] + [block for file in files for block in self._blocks(*file)])
        if self._moment is not None:
            # Rows are hashed in the order of their dates; those without a date come last.
            frame = frame.sort(_WHEN, nulls_last=True, maintain_order=True)
        key = pl.concat_str([frame.columns[index] for index in self._keys], separator=_BETWEEN)
        frame = frame.with_columns(key.hash().alias(_HASH)).sort(_HASH, maintain_order=True)
        self._hashes = frame[_HASH].to_numpy()
        self._sorted = frame.drop(_HASH, _FILE, _LINE, _WHEN)
        self._places = frame.select(_FILE, _LINE)
        self._met = np.zeros(len(frame), dtype=bool)
        self._tables = []
        self._loaded = True

    def _blocks(self, name: str, table: TableFile) -> Iterator[pl.DataFrame]:
        """The used columns of the rows of one file that count, a block at a time."""
        indexes = [table.columns.index(column) for column in self.columns]
        keys = frozenset(self._keys)
        position, eof = Position(), False
        while not eof:
            block = table.read(position, _BLOCK)
            if block.error:
                raise SourceError(block.error)
            position, eof = block.position, block.eof
            rows: list[Row] = []
            numbers: list[int] = []
            for row, number, offset in zip(block.rows, block.numbers, block.offsets, strict=True):
                if isinstance(row, BrokenRow):
                    self.broken.append((JoinedPlace(name, number), offset, row))
                    continue
                own = [row[index].strip() if at in keys else row[index] for at, index in enumerate(indexes)]
                if self._counts is None or self._counts(own):
                    rows.append(own)
                    numbers.append(number)
            yield self._block(rows, numbers, name)
        table.close()

    def _block(self, rows: Sequence[Row], numbers: Sequence[int], file: str) -> pl.DataFrame:
        """Some rows as columns of texts, with their places."""
        dates = [self._moment(row) for row in rows] if self._moment is not None else [None] * len(rows)
        columns = [[row[index] for row in rows] for index in range(len(self.columns))]
        return pl.DataFrame(
            [pl.Series(f"c{index}", column, dtype=pl.String) for index, column in enumerate(columns)]
            + [
                pl.Series(_FILE, [file] * len(rows), dtype=pl.Categorical),
                pl.Series(_LINE, numbers, dtype=pl.UInt32),
                pl.Series(_WHEN, dates, dtype=pl.Datetime("us", "UTC")),
            ]
        )

    def rows_of(self, keys: Sequence[tuple[str, ...]]) -> list[Sequence[Row]]:
        """For each key the rows that have it, in the order of the file; none where part of it is missing."""
        series = pl.Series([_BETWEEN.join(key) for key in keys], dtype=pl.String)
        hashes = series.hash().to_numpy()
        first = np.searchsorted(self._hashes, hashes, side="left")
        last = np.searchsorted(self._hashes, hashes, side="right")
        counts = last - first
        if not counts.any():
            return [()] * len(keys)
        places = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True) if b > a])
        rows: list[tuple[Any, ...]] = self._sorted[places].rows()
        found: list[Sequence[Row]] = []
        at = 0
        for key, count in zip(keys, counts.tolist(), strict=True):
            own = rows[at : at + count]
            mine = [row for row in own if all(key) and tuple(row[index] for index in self._keys) == key]
            if mine:
                self._met[places[at : at + count]] = True
            found.append(mine)
            at += count
        return found

    def unmet(self) -> int:
        """Rows that no row of the table has asked for so far."""
        return int(len(self._met) - self._met.sum())

    def places(self, *, met: bool) -> set[JoinedPlace]:
        """Where the rows stand that some row of the table has asked for so far, or that none has."""
        chosen = self._places.filter(pl.Series(self._met if met else ~self._met, dtype=pl.Boolean))
        return {JoinedPlace(str(file), line) for file, line in chosen.iter_rows()}


def check_columns(name: str, used: Mapping[str, str], columns: Sequence[str]) -> None:
    """Raises SourceError where a table lacks a column that the mapping names, or has it twice.

    `used`: each column that is named, with the place in the mapping that names it.
    """
    absent = [column for column in used if column not in columns]
    if absent:
        near = difflib.get_close_matches(absent[0], columns, n=1)
        hint = f"是否指 / did you mean `{near[0]}`?" if near else f"表头 / header: {', '.join(columns)[:400]}"
        wanted = ", ".join(f"`{column}` ({used[column]})" for column in absent)
        raise SourceError(f"{name}：缺少列，请核对映射和编码 / lacks columns that are mapped: {wanted}；{hint}")
    twice = [column for column in used if columns.count(column) > 1]
    if twice:
        raise SourceError(f"{name}：列名重复，请改名 / two columns of one name, rename one: `{twice[0]}`")
