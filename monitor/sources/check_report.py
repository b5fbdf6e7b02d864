"""What a check of a mapping found, as plain data: the command shows it to people, or as JSON to machines."""

from __future__ import annotations

import msgspec


class FieldReport(msgspec.Struct):
    """One field of the events of a rule; of a list, the field of its entries. `examples`: a few values, no numbers."""

    field: str
    columns: list[str]
    filled: int
    empty: int
    examples: list[str]


class RuleReport(msgspec.Struct):
    """One rule: the type that it makes, how many events intake accepted, and their fields."""

    rule: str
    type: str
    accepted: int
    fields: list[FieldReport]


class Refused(msgspec.Struct):
    """One refusal: its line (Parquet: row), the columns behind it, the reason of intake and a sentence."""

    line: int
    columns: list[str]
    reason: str
    told: str


class Unknown(msgspec.Struct):
    """A value that the mapping does not know, with the number of rows that have it."""

    columns: str
    value: str
    rows: int


class Partners(msgspec.Struct):
    """How many rows found rows in a joined table, and how many none."""

    join: str
    files: str
    found: int
    none: int


class TableReport(msgspec.Struct):
    """One table. `unknown` has values that no translation knows, `unnamed` codes that no condition names."""

    file: str
    table: str
    rows: int
    types: dict[str, int]
    rules: list[RuleReport]
    repeats: int
    left_out: dict[str, int]
    no_rule: int
    persons_left_out: int
    refused: list[Refused]
    unknown: list[Unknown]
    unnamed: list[Unknown]
    partners: list[Partners]
    unread: list[str]


class JoinedReport(msgspec.Struct):
    """A file that is only joined: rows that count, lines of those without partner in any table, and what is unread."""

    file: str
    rows: int
    without_partner: list[int]
    broken: list[Refused]
    unread: list[str]


class Report(msgspec.Struct):
    """A mapping tried on a sample."""

    mapping: str
    tables: list[TableReport]
    joined: list[JoinedReport]

    @property
    def accepted(self) -> int:
        """Events that a run would take."""
        return sum(sum(table.types.values()) for table in self.tables)

    @property
    def refused(self) -> int:
        """What a run would make dead letters of."""
        return sum(len(table.refused) for table in self.tables) + sum(len(joined.broken) for joined in self.joined)
