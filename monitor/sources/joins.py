"""Tables joined to another: the rows that belong to each row of a block, without a dict of all of them.

A joined table is held as columns, sorted by a 64-bit hash of its key: some tens of bytes a row beyond its
texts. A block of rows asks once and is answered by binary search; keys of one hash are told apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from monitor.sources.chunks import Position, SourceError
from monitor.sources.definition import Join
from monitor.sources.tablefiles import BrokenRow, TableFile, content_mark, open_table
from monitor.sources.values import Row

_BLOCK: Final = 1024 * 1024
_BETWEEN: Final = "\x1f"
_HASH: Final = "hash of the key"


class JoinedTable:
    """One joined table. `broken` has the rows that cannot be read, each with its line number and offset."""

    def __init__(self, path: Path, name: str, join: Join, used: Mapping[str, str]) -> None:
        """Checks the header alone. `used`: see `check_columns`. Raises SourceError."""
        self.name = name
        self.columns = list(used)
        self.broken: list[tuple[int, int, BrokenRow]] = []
        self.mark = content_mark(path)
        self._keys = [self.columns.index(theirs) for theirs in join.keys.values()]
        self._table: TableFile | None = open_table(path, name, join)
        check_columns(name, used, self._table.columns)
        self._sorted = pl.DataFrame()
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._met = np.zeros(0, dtype=bool)

    def load(self) -> None:
        """Reads all rows, once. Raises SourceError for a damaged file: persons would be missing unsaid."""
        if self._table is None:
            return
        frame = self._frame(self._table)
        key = pl.concat_str([frame.columns[index] for index in self._keys], separator=_BETWEEN)
        frame = frame.with_columns(key.hash().alias(_HASH)).sort(_HASH, maintain_order=True)
        self._hashes = frame[_HASH].to_numpy()
        self._sorted = frame.drop(_HASH)
        self._met = np.zeros(len(frame), dtype=bool)
        self._table = None

    def _frame(self, table: TableFile) -> pl.DataFrame:
        """The used columns of all rows."""
        indexes = [table.columns.index(column) for column in self.columns]
        keys = frozenset(self._keys)
        blocks: list[pl.DataFrame] = []
        position, eof = Position(), False
        schema = [f"c{index}" for index in range(len(indexes))]
        while not eof:
            block = table.read(position, _BLOCK)
            if block.error:
                raise SourceError(block.error)
            position, eof = block.position, block.eof
            columns: list[list[str]] = [[] for _ in indexes]
            for row, number, offset in zip(block.rows, block.numbers, block.offsets, strict=True):
                if isinstance(row, BrokenRow):
                    self.broken.append((number, offset, row))
                    continue
                for at, index in enumerate(indexes):
                    columns[at].append(row[index].strip() if at in keys else row[index])
            data = dict(zip(schema, columns, strict=True))
            blocks.append(pl.DataFrame(data, schema=dict.fromkeys(schema, pl.String)))
        table.close()
        return pl.concat(blocks)

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
