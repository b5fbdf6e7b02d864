"""What a mapping file says, as structures: the table, its joins, and the rules by which a row becomes events.

Read and checked by ``mapping.py``, carried out by ``rules.py`` and ``values.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

import msgspec

from monitor.sources.chunks import SourceError

Place = tuple[str | int, ...]
"""Where something stands in a mapping, such as ("events", 0, "data", "name")."""


TABLE_ENDINGS: Final = (".csv", ".tsv", ".parquet")
"""Names of files that hold tables, before a `.gz` or `.zst`."""


class MappingError(SourceError):
    """A mapping that cannot be used. `errors` has every fault found, its text the first."""

    def __init__(self, errors: Sequence[str]) -> None:
        """At least one sentence, each naming file, line and place."""
        more = f"（另有 {len(errors) - 1} 处 / and {len(errors) - 1} more）" if len(errors) > 1 else ""
        super().__init__(errors[0] + more)
        self.errors = list(errors)


class Day(msgspec.Struct, frozen=True):
    """Another column to compare a date with."""

    column: str


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One test of a row; exactly one of the tests is set."""

    column: str = ""
    equals: str | None = None
    in_: list[str] | None = msgspec.field(default=None, name="in")
    matches: str | None = None
    empty: bool | None = None
    differs: str | None = None
    before: str | Day | None = None
    not_before: str | Day | None = None
    format: str = "iso"
    any: list[Condition] | None = None
    not_: Condition | None = msgspec.field(default=None, name="not")


Mapped = str | list[str] | None


class Pattern(msgspec.Struct, frozen=True):
    """A regular expression for a whole value, and what the value becomes."""

    matches: str
    to: Mapped


class Instead(msgspec.Struct, frozen=True):
    """What every value becomes that neither `map` nor `patterns` know."""

    use: str


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """How one value of an event comes from a row; exactly one of the first three is set."""

    column: str | None = None
    template: str | None = None
    first_of: list[str | Value] | None = None
    when: list[Condition] = []
    extract: str | None = None
    split: str | None = None
    find: str | None = None
    map: dict[str, Mapped] = {}
    patterns: list[Pattern] = []
    otherwise: Literal["refuse", "leave_out", "keep"] | Instead = "refuse"
    default: str | None = None
    format: str = "iso"
    zone: str | None = None
    at: str = "00:00"
    multiply: float = 1
    true_when: tuple[str, ...] = ("true",)
    false_when: tuple[str, ...] = ("false",)


class AddressRule(msgspec.Struct, frozen=True):
    """Where an address comes from."""

    text: str | Value
    region: str | Value | None = None
    kind: str | Value | None = None


class PersonRule(msgspec.Struct, frozen=True, kw_only=True):
    """Where persons come from: the row itself, or the rows of a joined table."""

    from_: str | None = msgspec.field(default=None, name="from")
    when: list[Condition] = []
    role: str | Value | None = None
    id: str | Value | None = None
    id_number: str | Value | None = None
    id_type: str | Value | None = None
    name: str | Value | None = None


class EventRule(msgspec.Struct, frozen=True, kw_only=True):
    """One event that a row may give."""

    rule: str
    type: str
    id: str | Value
    subject: str | Value
    time: str | Value
    data: dict[str, Any]
    when: list[Condition] = []
    recordedtime: str | Value | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """Rows left out on purpose."""

    when: list[Condition]
    reason: str


class TableOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is written; all but `missing` concern CSV."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    missing: list[str] = []


class Table(TableOptions, frozen=True, kw_only=True):
    """The table itself; `files`: which files of a directory are it."""

    files: tuple[str, ...] = ("*",)


class Order(msgspec.Struct, frozen=True):
    """The date by which the rows of a joined table are put in order."""

    column: str
    format: str = "iso"


class Join(TableOptions, frozen=True, kw_only=True):
    """Tables beside the source file; `keys`: column of the table → column of the joined one.

    `file` may hold `*` and `?`: then all files of such a name are one table. `when`: which of its rows count;
    `order`: the earliest first; `optional`: nothing beside the source file is as an empty table.
    """

    file: str
    keys: dict[str, str]
    when: list[Condition] = []
    order: Order | None = None
    optional: bool = False

    def takes(self, file_name: str) -> bool:
        """Whether a file is one of those that are joined."""
        return fnmatchcase(file_name, self.file)


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """How one table is read: a whole mapping file, or one of the `tables` in it."""

    mapping: str
    source: str
    events: list[EventRule]
    description: str = ""
    zone: str = "Asia/Shanghai"
    table: Table = Table()
    joins: dict[str, Join] = {}
    leave_out: list[LeftOut] = []

    def takes(self, file_name: str) -> bool:
        """Whether a file of a directory is this table, and not one that is joined to it."""
        joined = any(join.takes(file_name) for join in self.joins.values())
        return not joined and any(fnmatchcase(file_name, pattern) for pattern in self.table.files)


class Part(msgspec.Struct, frozen=True):
    """One table of a mapping file: its name (empty where the file knows one alone), and where it stands."""

    table: str
    mapping: Mapping
    place: Place = ()


class MappingFile(msgspec.Struct, frozen=True):
    """A valid mapping with its digest and the means to name a place in it; at least one part."""

    name: str
    parts: list[Part]
    digest: str
    lines: dict[Place, int]

    @property
    def mapping(self) -> Mapping:
        """The table of a file that knows one alone; else the first."""
        return self.parts[0].mapping

    def part_for(self, file_name: str) -> Part | None:
        """The first table that a file of a directory is."""
        return next((part for part in self.parts if part.mapping.takes(file_name)), None)

    def knows(self, file_name: str) -> bool:
        """Whether a joined file is one of several tables as well, and tells of its rows itself."""
        return len(self.parts) > 1 and self.part_for(file_name) is not None

    def joins(self) -> Iterator[Join]:
        """The joins of all tables."""
        for part in self.parts:
            yield from part.mapping.joins.values()

    def at(self, place: Place) -> str:
        """File, line and place, for messages."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        spelt = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
        return f"{self.name}:{self.lines.get(known, 1)} {spelt.lstrip('.')}".rstrip()


Spec = str | Value
"""A value as written: a text is short for a template."""

DataRule = Spec | AddressRule | PersonRule | list[PersonRule]


def as_value(spec: Spec) -> Value:
    """The long form of a value."""
    return spec if isinstance(spec, Value) else Value(template=spec)


def data_rules(rule: EventRule) -> dict[str, DataRule]:
    """The fields of an event's data, each as what its name makes it."""
    kinds: dict[str, Any] = {"address": AddressRule, "persons": list[PersonRule], "person": PersonRule}
    return {name: msgspec.convert(given, kinds.get(name, Spec)) for name, given in rule.data.items()}


def owner_of(column: str, joins: Iterable[str]) -> tuple[str | None, str]:
    """Of a column as written: the join that it belongs to (None: the table itself), and its name there."""
    name, dot, rest = column.partition(".")
    return (name, rest) if dot and name in joins else (None, column)
