"""A table and its mapping as a source of events. First in the flow, like ``files.py``.

Each row gives the events of its mapping as lines of JSON; where a row stands, and why it gives none, goes
along beside the lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from monitor.sources.checks import columns_used
from monitor.sources.chunks import Chunk, Position, SourceError
from monitor.sources.definition import MappingFile
from monitor.sources.joins import JoinedTable, check_columns
from monitor.sources.rules import RowMapper, Tally
from monitor.sources.tablefiles import BrokenRow, Rows, open_table
from monitor.sources.values import Row

_BETWEEN = "#"


class TableSource:
    """One table, read by a mapping."""

    def __init__(self, path: Path, name: str, mapping: MappingFile, *, follow: bool = False) -> None:
        """Opens the table and finds its joined tables beside it; reads their headers alone.

        Raises SourceError where a table or a column that the mapping names is missing: before any event.
        """
        self.name = name
        rules = mapping.mapping
        self._table = open_table(path, name, rules.table, follow=follow)
        check_columns(name, self._columns(mapping, None), self._table.columns)
        self._joins: dict[str, JoinedTable] = {}
        for key, join in rules.joins.items():
            beside = path.with_name(join.file)
            if not beside.is_file():
                where = mapping.at(("joins", key, "file"))
                raise SourceError(
                    f"{name}：旁边没有关联表，请放到同一目录 / put the joined table beside it: {join.file} ({where})"
                )
            self._joins[key] = JoinedTable(beside, join.file, join, self._columns(mapping, key))
        columns = {key: joined.columns for key, joined in self._joins.items()}
        self._mapper = RowMapper(rules, self._table.columns, columns)
        # A changed mapping or joined table makes other events of the same rows: then all are read again.
        marks = "".join(joined.mark for joined in self._joins.values())
        self._mark = hashlib.sha256((mapping.digest + marks).encode()).hexdigest()[:16]
        self._told_broken = False

    @staticmethod
    def _columns(mapping: MappingFile, join: str | None) -> dict[str, str]:
        """The columns that are needed, and where the mapping names them."""
        used = columns_used(mapping.mapping, join)
        return {column: mapping.at(place) for column, place in used.items()}

    @property
    def tally(self) -> Tally:
        """What became of the rows so far."""
        return self._mapper.tally

    def read(self, position: Position, limit_bytes: int) -> Chunk:
        """The events of the rows after a position, as of `limit_bytes` of the table; see `Source.read`."""
        print_of_table, _, mark = position.fingerprint.rpartition(_BETWEEN)
        restarted = bool(position.offset) and mark != self._mark
        asked = Position() if restarted else Position(position.offset, position.line, print_of_table)
        try:
            for joined in self._joins.values():
                joined.load()
        except SourceError as error:
            return Chunk([], position.line + 1, position.offset, position, eof=True, error=str(error))
        rows = self._table.read(asked, limit_bytes)
        after = rows.position
        chunk = Chunk(
            lines=[],
            first_line=asked.line + 1,
            start=asked.offset,
            position=Position(after.offset, after.line, f"{after.fingerprint}{_BETWEEN}{self._mark}"),
            eof=rows.eof,
            error=rows.error,
            restarted=restarted or rows.restarted,
            numbers=[],
            offsets=[],
        )
        if not asked.offset and not self._told_broken:
            self._told_broken = True
            for joined in self._joins.values():
                for number, offset, row in joined.broken:
                    _add(chunk, row.raw, number, offset, f"{joined.name}:{number}：{row.reason}")
        self._map(rows, chunk)
        return chunk

    def _map(self, rows: Rows, chunk: Chunk) -> None:
        """Adds the events of a block of rows to a chunk."""
        mapper = self._mapper
        whole = [row for row in rows.rows if not isinstance(row, BrokenRow)]
        joined = self._joined(whole)
        at = 0
        for row, number, offset in zip(rows.rows, rows.numbers, rows.offsets, strict=True):
            if isinstance(row, BrokenRow):
                mapper.tally.broken += 1
                _add(chunk, row.raw, number, offset, row.reason)
                continue
            for line, problem in mapper.events(row, {key: found[at] for key, found in joined.items()}):
                _add(chunk, line, number, offset, problem)
            at += 1

    def _joined(self, rows: Sequence[Row]) -> dict[str, list[Sequence[Row]]]:
        """By joined table, the rows that belong to each of some rows."""
        return {
            key: joined.rows_of([self._mapper.keys[key](row) for row in rows]) for key, joined in self._joins.items()
        }

    def progress(self) -> float | None:
        """Share of the table that has been read."""
        return self._table.progress()

    def notes(self) -> list[str]:
        """What became of the rows, where it is not one event of each."""
        tally = self.tally
        found = [(count, f"行舍弃 / rows left out：{why}") for why, count in sorted(tally.left_out.items())]
        found += [
            (tally.no_rule, "行不符合任何规则 / rows for which no rule holds"),
            (tally.broken, "行无法分列 / rows that cannot be told apart into columns"),
            (tally.unmapped, "个事件无法按映射转换 / events that the mapping cannot make"),
            (tally.persons_left_out, "人缺少角色或身份 / persons without role or identity"),
        ]
        if self.progress() == 1.0:
            found += [(one.unmet(), f"行无所属 / rows met none：{one.name}") for one in self._joins.values()]
        return [f"{self.name}：{count:,} {what}" for count, what in found if count]

    def close(self) -> None:
        """Lets go of the table."""
        self._table.close()


def _add(chunk: Chunk, line: bytes, number: int, offset: int, problem: str) -> None:
    if problem:
        chunk.problems[len(chunk.lines)] = problem
    chunk.lines.append(line)
    if chunk.numbers is not None and chunk.offsets is not None:
        chunk.numbers.append(number)
        chunk.offsets.append(offset)
