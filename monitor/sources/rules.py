"""Carries out a mapping: from one row, and the rows joined to it, to the events that it gives.

Each event is one line of JSON that intake treats like any other. A row that its mapping cannot turn into an
event gives a line that intake refuses, with the reason beside it; nothing is dropped unsaid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from monitor.sources.checks import borrowed_columns, value_columns
from monitor.sources.definition import (
    AddressRule,
    DataRule,
    EventRule,
    LeftOut,
    PersonRule,
    Spec,
    as_value,
    data_rules,
)
from monitor.sources.definition import Mapping as Definition
from monitor.sources.shapes import TEXT, TIME, Shape, address_shapes, person_shapes, shapes_of
from monitor.sources.values import Compiler, Missed, Row, UnmappableError

Joined = Mapping[str, Sequence[Row]]
"""The rows of each joined table that belong to a row."""


class Fault(NamedTuple):
    """Why a row gives no good event: the place in the event, the columns that it comes from, and what is wrong."""

    place: str
    columns: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        """One sentence."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"{self.place}{columns}：{self.why}"


class Made(NamedTuple):
    """One event as JSON, why intake must refuse it (empty where it need not), and the rule that made it."""

    line: bytes
    faults: tuple[Fault, ...]
    rule: EventRule

    @property
    def problem(self) -> str:
        """The faults in one line; empty where there is none."""
        return "；".join(map(str, self.faults))


_encode: Final = msgspec.json.Encoder().encode
_NO_VALUE: Final = "无值 / no value"
_IDENTITIES: Final = ("id", "id_number", "name")


class Tally(msgspec.Struct):
    """What became of the rows of a table so far.

    `events` counts by rule, `left_out` by the mapping's reason; `no_rule`: rows for which no rule held;
    `unmapped`: events that intake is told to refuse; `persons_left_out`: persons without role or identity.
    """

    rows: int = 0
    events: Counter[str] = msgspec.field(default_factory=Counter)
    left_out: Counter[str] = msgspec.field(default_factory=Counter)
    no_rule: int = 0
    unmapped: int = 0
    broken: int = 0
    persons_left_out: int = 0


class RowMapper:
    """A mapping, compiled for the columns of a table and of its joined tables."""

    def __init__(
        self,
        mapping: Definition,
        columns: Sequence[str],
        joined_columns: Mapping[str, Sequence[str]],
        missed: Missed | None = None,
    ) -> None:
        """All columns that the mapping names must be there: `tables.py` has checked it.

        `keys` has, by join, the function that gives what a row is joined by; `missed` is told of values without a
        translation.
        """
        self.tally = Tally()
        self._joins = {
            name: Compiler(joined_columns[name], mapping.zone, join.missing, name=f"{name}.", missed=missed)
            for name, join in mapping.joins.items()
        }
        borrowed = borrowed_columns(mapping)
        self._borrowed = [self._of_joined(*column.split(".", 1)) for column in borrowed]
        self._rows = Compiler([*columns, *borrowed], mapping.zone, mapping.table.missing, missed=missed)
        self.keys = {name: self._key(list(join.keys)) for name, join in mapping.joins.items()}
        self._left_out = [self._left(out) for out in mapping.leave_out]
        self._rules = [self._rule(mapping.source, rule) for rule in mapping.events]

    def events(self, row: Row, joined: Joined) -> list[Made]:
        """The events of one row, in the order of the rules."""
        tally = self.tally
        tally.rows += 1
        if self._borrowed:
            row = (*row, *(first(joined) for first in self._borrowed))
        for reason, holds in self._left_out:
            if holds(row):
                tally.left_out[reason] += 1
                return []
        made = []
        for name, holds, make in self._rules:
            if holds(row):
                event = make(row, joined)
                tally.events[name] += 1
                tally.unmapped += bool(event.faults)
                made.append(event)
        tally.no_rule += not made
        return made

    def _key(self, columns: Sequence[str]) -> Callable[[Row], tuple[str, ...]]:
        """The function that gives what a row is joined by."""
        cells = [self._rows.cell(column) for column in columns]
        return lambda row: tuple(cell(row) for cell in cells)

    def _of_joined(self, join: str, column: str) -> Callable[[Joined], str]:
        """The function that gives the first value of a column in the joined rows; an empty text where none is."""
        cell = self._joins[join].cell(column)
        return lambda joined: next((text for row in joined[join] if (text := cell(row))), "")

    def _left(self, out: LeftOut) -> tuple[str, Callable[[Row], bool]]:
        return out.reason, self._rows.all_hold(out.when)

    def _rule(self, source: str, rule: EventRule) -> tuple[str, Callable[[Row], bool], Callable[[Row, Joined], Made]]:
        """A rule's name, whether it holds for a row, and the event that it makes of it."""
        envelope = [
            _Field("id", "id", rule.id, TEXT, self._rows),
            _Field("subject", "subject", rule.subject, TEXT, self._rows),
            _Field("time", "time", rule.time, TIME, self._rows),
        ]
        if rule.recordedtime is not None:
            optional = Shape("time", required=False)
            envelope.append(_Field("recordedtime", "recordedtime", rule.recordedtime, optional, self._rows))
        parts = [self._part(name, given, shapes_of(rule.type)[name]) for name, given in data_rules(rule).items()]

        def make(row: Row, joined: Joined) -> Made:
            faults: list[Fault] = []
            event: dict[str, Any] = {"specversion": "1.0", "source": source, "type": rule.type}
            data: dict[str, Any] = {}
            for field in envelope:
                field.put(event, row, joined, faults)
            for part in parts:
                part.put(data, row, joined, faults)
            event["data"] = data
            if faults:
                # Refused whether or not intake looks at the reason: an envelope without its version is none.
                del event["specversion"]
            return Made(_encode(event), tuple(faults), rule)

        return rule.rule, self._rows.all_hold(rule.when), make

    def _part(self, name: str, given: DataRule, shape: Shape) -> _Part:
        place = f"data.{name}"
        if isinstance(given, AddressRule):
            return _Nested(name, _fields(place, given, address_shapes(), self._rows), ("text",), shape)
        if isinstance(given, PersonRule):
            # A rule that names a person is about a person: without one it would be about the enterprise.
            needed = Shape("person", required=True)
            return _Nested(name, _fields(place, given, person_shapes(), self._rows), _IDENTITIES, needed)
        if isinstance(given, list):
            rules = [_Persons(place, one, self._joins.get(one.from_ or "", self._rows)) for one in given]
            return _Everyone(rules, shape, self.tally)
        return _Field(name, place, given, shape, self._rows)


class _Part(Protocol):
    def put(self, into: dict[str, Any], row: Row, joined: Joined, faults: list[Fault]) -> None:
        """Adds what a row gives to an object of the event, or says why it cannot."""


class _Field:
    """One plain value."""

    def __init__(self, key: str, place: str, spec: Spec, shape: Shape, compiler: Compiler) -> None:
        self.key = key
        self._value = compiler.value(spec, shape)
        self._required = shape.required
        self._place = place
        self._columns = tuple(dict.fromkeys(value_columns(as_value(spec))))

    def put(self, into: dict[str, Any], row: Row, joined: Joined, faults: list[Fault]) -> None:
        try:
            given = self._value(row)
        except UnmappableError as error:
            faults.append(Fault(self._place, self._columns, str(error)))
            return
        if given is not None:
            into[self.key] = given
        elif self._required:
            faults.append(Fault(self._place, self._columns, _NO_VALUE))


class _Nested:
    """An object of its own, such as an address: there where one of the keys that it needs has a value."""

    def __init__(self, key: str, fields: list[_Field], needs: Sequence[str], shape: Shape) -> None:
        self._key = key
        self._fields = fields
        self._needs = needs
        self._required = shape.required

    def put(self, into: dict[str, Any], row: Row, joined: Joined, faults: list[Fault]) -> None:
        inner: dict[str, Any] = {}
        for field in self._fields:
            field.put(inner, row, joined, faults)
        if any(key in inner for key in self._needs):
            into[self._key] = inner
        elif self._required and not faults:
            faults.append(Fault(f"data.{self._key}", (), _NO_VALUE))


class _Persons:
    """The persons that one rule finds for a row: one entry for each role of each."""

    def __init__(self, place: str, rule: PersonRule, compiler: Compiler) -> None:
        self._join = rule.from_
        self._holds = compiler.all_hold(rule.when)
        shapes = person_shapes()
        roles = Shape("texts", required=False, words=shapes["role"].words)
        self._role = compiler.value(rule.role or "", roles)
        self._columns = tuple(value_columns(as_value(rule.role or "")))
        self._identity = [field for field in _fields(place, rule, shapes, compiler) if field.key != "role"]

    def find(self, row: Row, joined: Joined, faults: list[Fault]) -> Iterator[list[dict[str, Any]]]:
        """For each row that may name a person, the entries of that person; none without role or identity."""
        for one in joined[self._join] if self._join is not None else (row,):
            if not self._holds(one):
                continue
            identity: dict[str, Any] = {}
            for field in self._identity:
                field.put(identity, one, joined, faults)
            try:
                roles = self._role(one)
            except UnmappableError as error:
                faults.append(Fault("data.persons.role", self._columns, str(error)))
                continue
            known = any(identity.get(key) for key in _IDENTITIES)
            yield [{"role": role, **identity} for role in roles or ()] if known else []  # type: ignore[union-attr]


class _Everyone:
    """The whole list of persons, each entry once."""

    def __init__(self, rules: list[_Persons], shape: Shape, tally: Tally) -> None:
        self._rules = rules
        self._required = shape.required
        self._tally = tally

    def put(self, into: dict[str, Any], row: Row, joined: Joined, faults: list[Fault]) -> None:
        entries: dict[tuple[Any, ...], dict[str, Any]] = {}
        for rule in self._rules:
            for found in rule.find(row, joined, faults):
                self._tally.persons_left_out += not found
                entries.update((tuple(entry.values()), entry) for entry in found)
        # That a row names nobody is no news of who is there: a change must not clear the list by it.
        if entries or self._required:
            into["persons"] = list(entries.values())


def _fields(
    place: str, rule: AddressRule | PersonRule, shapes: Mapping[str, Shape], compiler: Compiler
) -> list[_Field]:
    """The parts of an address or person that a mapping gives."""
    return [
        _Field(key, f"{place}.{key}", spec, Shape(shape.kind, required=False, words=shape.words), compiler)
        for key, shape in shapes.items()
        if (spec := getattr(rule, key)) is not None
    ]
