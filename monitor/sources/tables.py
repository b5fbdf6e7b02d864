"""A table and its mapping as a source of events. First in the flow, like ``files.py``.

Each row gives the events of its mapping as lines of JSON; where a row stands, and why it gives none, goes
along beside the lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from monitor.sources.checks import columns_used
from monitor.sources.chunks import Chunk, Position, SourceError
from monitor.sources.definition import TABLE_ENDINGS, Join, MappingFile, Part
from monitor.sources.files import unpacked_name
from monitor.sources.joins import JoinedPlace, JoinedTable, check_columns
from monitor.sources.rules import Joined, Made, RowMapper, Tally
from monitor.sources.tablefiles import BrokenRow, Rows, open_table
from monitor.sources.values import Missed, Row

_BETWEEN: Final = "#"
_BLOCK: Final = 1024 * 1024


class Traced(NamedTuple):
    """One row of a table: its place, its texts, the rows joined to it, and the events that it gave."""

    line: int
    offset: int
    row: Row | BrokenRow
    joined: Joined
    made: list[Made]


class TableSource:
    """One table, read by a mapping."""

    def __init__(
        self, path: Path, name: str, mapping: MappingFile, *, follow: bool = False, missed: Missed | None = None
    ) -> None:
        """Opens the table and finds its joined tables beside it; reads their headers alone.

        `missed` is told of values without a translation. Raises SourceError where a table or a column that the
        mapping names is missing, or where the mapping knows no table of this name: before any event.
        """
        self.name = name
        self.part = part = _part_for(path, name, mapping)
        rules = part.mapping
        self._mapping = mapping
        self._table = open_table(path, name, rules.table, follow=follow)
        check_columns(name, self._columns(None), self._table.columns)
        self.joined = {key: self._join(path, key, join) for key, join in rules.joins.items()}
        columns = {key: joined.columns for key, joined in self.joined.items()}
        self._mapper = RowMapper(rules, self._table.columns, columns, missed)
        # A changed mapping or joined table makes other events of the same rows: then all are read again.
        marks = "".join(joined.mark for joined in self.joined.values())
        self._mark = hashlib.sha256((mapping.digest + marks).encode()).hexdigest()[:16]
        self._told_broken = False

    def _join(self, path: Path, key: str, join: Join) -> JoinedTable:
        """A joined table, found beside the table."""
        beside = _beside(path, join)
        if not beside and not join.optional:
            where = self._mapping.at((*self.part.place, "joins", key, "file"))
            raise SourceError(
                f"{self.name}：旁边没有关联表，请放到同一目录 / put the joined table beside it: {join.file} ({where})"
            )
        return JoinedTable(beside, join, self._columns(key), self.part.mapping.zone)

    def _columns(self, join: str | None) -> dict[str, str]:
        """The columns that are needed, and where the mapping names them."""
        used = columns_used(self.part.mapping, join)
        return {column: self._mapping.at((*self.part.place, *place)) for column, place in used.items()}

    @property
    def header(self) -> list[str]:
        """The columns of the table."""
        return self._table.columns

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
            for joined in self.joined.values():
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
            for place, (offset, row) in self._broken_beside().items():
                _add(chunk, row.raw, place.line, offset, f"{place.file}:{place.line}：{row.reason}")
        self._map(rows, chunk)
        return chunk

    def _broken_beside(self) -> dict[JoinedPlace, tuple[int, BrokenRow]]:
        """The rows of joined tables that cannot be read, each once; a table of the mapping tells its own."""
        return {
            place: (offset, row)
            for joined in self.joined.values()
            for place, offset, row in joined.broken
            if not self._is_table(place.file)
        }

    def _is_table(self, file_name: str) -> bool:
        """Whether a joined file is a table of the mapping as well."""
        return self._mapping.knows(file_name)

    def _map(self, rows: Rows, chunk: Chunk) -> None:
        """Adds the events of a block of rows to a chunk."""
        for one in self._made(rows):
            if isinstance(one.row, BrokenRow):
                _add(chunk, one.row.raw, one.line, one.offset, one.row.reason)
            for event in one.made:
                _add(chunk, event.line, one.line, one.offset, event.problem)

    def trace(self) -> Iterator[Traced]:
        """Every row of the table with all that came of it, for who checks a mapping. Raises SourceError."""
        for joined in self.joined.values():
            joined.load()
        position, eof = Position(), False
        while not eof:
            rows = self._table.read(position, _BLOCK)
            position, eof = rows.position, rows.eof
            yield from self._made(rows)
            if rows.error:
                raise SourceError(rows.error)

    def _made(self, rows: Rows) -> Iterator[Traced]:
        """The rows of a block with what came of each."""
        mapper = self._mapper
        joined = self._joined([row for row in rows.rows if not isinstance(row, BrokenRow)])
        at = 0
        for row, number, offset in zip(rows.rows, rows.numbers, rows.offsets, strict=True):
            if isinstance(row, BrokenRow):
                mapper.tally.broken += 1
                yield Traced(number, offset, row, {}, [])
                continue
            own = {key: found[at] for key, found in joined.items()}
            yield Traced(number, offset, row, own, mapper.events(row, own))
            at += 1

    def _joined(self, rows: Sequence[Row]) -> dict[str, list[Sequence[Row]]]:
        """By joined table, the rows that belong to each of some rows."""
        return {
            key: joined.rows_of([self._mapper.keys[key](row) for row in rows]) for key, joined in self.joined.items()
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
            found += [(one.unmet(), f"行无所属 / rows met none：{one.name}") for one in self._owned()]
        return [f"{self.name}：{count:,} {what}" for count, what in found if count]

    def _owned(self) -> list[JoinedTable]:
        """The joined tables of which every row should meet one of this table: no other join or rule reads them."""
        files = [join.file for join in self._mapping.joins()]
        return [
            joined
            for key, joined in self.joined.items()
            if files.count(self.part.mapping.joins[key].file) == 1 and not any(map(self._is_table, joined.headers))
        ]

    def close(self) -> None:
        """Lets go of the table."""
        self._table.close()


def _part_for(path: Path, name: str, mapping: MappingFile) -> Part:
    """The table of a mapping that a file is. Where there is one alone, every file is it."""
    if len(mapping.parts) == 1:
        return mapping.parts[0]
    part = mapping.part_for(path.name)
    if part is None:
        known = ", ".join(pattern for one in mapping.parts for pattern in one.mapping.table.files)
        raise SourceError(
            f"{name}：映射中没有此文件名的表 / no table of the mapping has files of this name: {known} ({mapping.name})"
        )
    return part


def _beside(path: Path, join: Join) -> list[Path]:
    """The files beside a table that are joined to it, in the order of their names."""
    if not any(wild in join.file for wild in "*?["):
        only = path.with_name(join.file)
        return [only] if only.is_file() else []
    found = [one for one in path.parent.iterdir() if join.takes(one.name) and not one.name.startswith(".")]
    return sorted(one for one in found if unpacked_name(one).endswith(TABLE_ENDINGS) and one.is_file())


def _add(chunk: Chunk, line: bytes, number: int, offset: int, problem: str) -> None:
    if problem:
        chunk.problems[len(chunk.lines)] = problem
    chunk.lines.append(line)
    if chunk.numbers is not None and chunk.offsets is not None:
        chunk.numbers.append(number)
        chunk.offsets.append(offset)
