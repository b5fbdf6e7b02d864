"""Tries a mapping on a sample: what came out, what was refused and why, and what nobody reads.

The real rows go through the real mapping and the real intake, under a key that is thrown away, so that what is refused
here is what a run would refuse. Nothing is kept, and nothing printed: the command shows the report.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from config.moments import moment
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import REASONS, Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.sources.check_fields import HIDDEN, fields_of, personal_columns, values_of, without_numbers
from monitor.sources.check_report import (
    FieldReport,
    JoinedReport,
    Partners,
    Refused,
    Report,
    RuleReport,
    TableReport,
    Unknown,
)
from monitor.sources.checks import columns_used, conditions_of
from monitor.sources.chunks import SourceError
from monitor.sources.definition import Condition, EventRule, MappingFile
from monitor.sources.files import list_directory
from monitor.sources.joins import JoinedPlace
from monitor.sources.mapping import is_table
from monitor.sources.rules import Made
from monitor.sources.tablefiles import BrokenRow
from monitor.sources.tables import TableSource, Traced
from monitor.sources.values import Compiler, Row

_EXAMPLES: Final = 3
_WHERE: Final = re.compile(r"`\$\.?([\w.]+)|^`(\w+)`")
_TIMES: Final = frozenset({"future_time", "invalid_time"})


class Misses:
    """Counts the values without a translation, each once a row."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._of_row: set[tuple[str, str]] = set()

    def __call__(self, columns: str, value: str) -> None:
        """One value without a translation."""
        self._of_row.add((columns, value))

    def end_row(self) -> None:
        """All of a row has been told."""
        self.counts.update(self._of_row)
        self._of_row.clear()


def check(mapping: MappingFile, sample: Path) -> Report:
    """Tries a mapping on a table, or on all its tables in a folder. Raises SourceError where that cannot be done."""
    paths = [path for path in list_directory(sample) if is_table(path, mapping)] if sample.is_dir() else [sample]
    if not paths:
        wanted = ", ".join(pattern for part in mapping.parts for pattern in part.mapping.table.files)
        raise SourceError(f"{sample}：没有映射所说的表 / holds no table of the mapping: {wanted}")
    if not sample.exists():
        raise SourceError(f"{sample}：没有此文件 / there is no such file")
    checks = []
    seen: dict[tuple[str, str, str], Candidate] = {}
    intake = Intake(Pseudonymiser([secrets.token_bytes(32)]))
    for path in paths:
        one = _TableCheck(path, str(path), mapping, intake, seen)
        one.run()
        checks.append(one)
    read = _read_by_joins(checks)
    return Report(
        mapping=mapping.name,
        tables=[one.report(read.get(one.path.name, set())) for one in checks],
        joined=_joined(mapping, checks, read),
    )


class _TableCheck:
    """One table of a sample."""

    def __init__(
        self, path: Path, name: str, mapping: MappingFile, intake: Intake, seen: dict[tuple[str, str, str], Candidate]
    ) -> None:
        """`seen`: every event so far, by what identifies it."""
        self.path = path
        self.misses = Misses()
        self.source = TableSource(path, name, mapping, missed=self.misses)
        rules = self.source.part.mapping
        self._intake = intake
        self._seen = seen
        self._received = moment(datetime.now(UTC))
        self._personal = personal_columns(rules, names=False)
        self._unseen = personal_columns(rules, names=True)
        self._fields = {rule.rule: fields_of(rule) for rule in rules.events}
        self._rules = {rule.rule: _RuleCount(rule, self._fields[rule.rule], self._personal) for rule in rules.events}
        self._refused: list[Refused] = []
        self._repeats = 0
        self._partners: Counter[str] = Counter()
        compiler = Compiler(self.source.header, rules.zone, rules.table.missing)
        self._codes = _codes(self.source, compiler, self._unseen)
        self._unnamed: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        """Reads the whole table."""
        try:
            for traced in self.source.trace():
                self._row(traced)
                self.misses.end_row()
        finally:
            self.source.close()

    def _row(self, traced: Traced) -> None:
        if isinstance(traced.row, BrokenRow):
            self._refused.append(Refused(traced.line, [], "unmapped_row", traced.row.reason))
            return
        for join, rows in traced.joined.items():
            self._partners[join] += bool(rows)
        for column, codes in self._codes.items():
            value = codes.cell(traced.row)
            is_asked = codes.is_listed or not traced.made
            if value and is_asked and not any(test(traced.row) for test in codes.tests):
                self._unnamed[column, value] += 1
        for made in traced.made:
            self._event(traced.line, made)

    def _event(self, line: int, made: Made) -> None:
        if made.faults:
            columns = [column for fault in made.faults for column in fault.columns]
            self._refuse(line, columns, "unmapped_row", made.problem)
            return
        try:
            candidate = self._intake.read(made.line, self._received)
            if candidate is None or not self._is_new(candidate):
                self._repeats += 1
                return
        except Refusal as refusal:
            self._refuse(line, self._columns_of(made.rule, refusal), refusal.reason, refusal.detail)
            return
        self._rules[made.rule.rule].add(candidate, made.line)

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether an event comes for the first time. Raises Refusal where it came with other contents."""
        event = candidate.event
        key = (str(event.subject), str(event.source), str(event.id))
        known = self._seen.setdefault(key, candidate)
        if known.content != candidate.content:
            raise Refusal("conflicting_repeat", f"`id`: {event.id}")
        return known is candidate

    def _refuse(self, line: int, columns: list[str], reason: str, detail: str) -> None:
        zh, en = REASONS[reason]
        said = detail if reason == "unmapped_row" else f"{zh} / {en}" + (f"：{detail}" if detail else "")
        self._refused.append(Refused(line, list(dict.fromkeys(columns)), reason, without_numbers(said)))

    def _columns_of(self, rule: EventRule, refusal: Refusal) -> list[str]:
        """The columns behind the field that intake names."""
        found = _WHERE.search(refusal.detail)
        field = (found[1] or found[2]) if found else "time" if refusal.reason in _TIMES else ""
        fields = self._fields[rule.rule].items()
        return [column for name, columns in fields if field and name.startswith(field) for column in columns]

    def report(self, read_elsewhere: set[str]) -> TableReport:
        """What was found. `read_elsewhere`: columns that other tables read of this one by their joins."""
        source, tally = self.source, self.source.tally
        types: Counter[str] = Counter()
        for count in self._rules.values():
            types[count.rule.type] += count.accepted
        read = columns_used(source.part.mapping, None).keys() | read_elsewhere
        return TableReport(
            file=source.name,
            table=source.part.table,
            rows=tally.rows + tally.broken,
            types={kind: number for kind, number in types.items() if number},
            rules=[count.report() for count in self._rules.values()],
            repeats=self._repeats,
            left_out=dict(tally.left_out),
            no_rule=tally.no_rule,
            persons_left_out=tally.persons_left_out,
            refused=self._refused,
            unknown=self._unknown(self.misses.counts),
            unnamed=self._unknown(self._unnamed),
            partners=[
                Partners(join, joined.name, self._partners[join], tally.rows - self._partners[join])
                for join, joined in source.joined.items()
            ],
            unread=[column for column in source.header if column not in read],
        )

    def _unknown(self, counts: Counter[tuple[str, str]]) -> list[Unknown]:
        """Values by how often they stand; those of persons together, unseen."""
        shown: Counter[tuple[str, str]] = Counter()
        for (columns, value), rows in counts.items():
            is_personal = bool(self._unseen & set(columns.split(", ")))
            shown[columns, HIDDEN if is_personal else without_numbers(value)] += rows
        return [Unknown(columns, value, rows) for (columns, value), rows in shown.most_common()]


class _RuleCount:
    """The accepted events of one rule."""

    def __init__(self, rule: EventRule, fields: dict[str, tuple[str, ...]], personal: frozenset[str]) -> None:
        self.rule = rule
        self.accepted = 0
        self._fields = fields
        self._personal = personal
        self._filled: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {field: [] for field in fields}

    def add(self, candidate: Candidate, line: bytes) -> None:
        """One more event."""
        self.accepted += 1
        filled = set()
        for field, value in values_of(candidate.event, line):
            if value and field in self._fields:
                filled.add(field)
                self._example(field, value)
        self._filled.update(filled)

    def _example(self, field: str, value: str) -> None:
        examples = self._examples[field]
        if len(examples) >= _EXAMPLES:
            return
        is_masked = field.startswith(("data.person", "data.phone"))
        is_personal = not is_masked and bool(self._personal & set(self._fields[field]))
        shown = HIDDEN if is_personal else without_numbers(value)
        if shown not in examples:
            examples.append(shown)

    def report(self) -> RuleReport:
        """The rule with its fields, in the order of the mapping."""
        fields = [
            FieldReport(
                field, list(columns), self._filled[field], self.accepted - self._filled[field], self._examples[field]
            )
            for field, columns in self._fields.items()
        ]
        return RuleReport(self.rule.rule, self.rule.type, self.accepted, fields)


class _Codes:
    """A column whose values the conditions of a mapping name. `is_listed`: one by one, and not only by expressions."""

    def __init__(self, cell: Callable[[Row], str]) -> None:
        self.cell = cell
        self.tests: list[Callable[[Row], bool]] = []
        self.is_listed = False


def _codes(source: TableSource, compiler: Compiler, unseen: frozenset[str]) -> dict[str, _Codes]:
    """The columns of codes. Of one that only expressions look at, rows matter for which no rule holds."""
    found: dict[str, _Codes] = {}
    for place, join, condition in conditions_of(source.part.mapping):
        if join is not None or place[0] == "joins":
            continue
        for test in _leaves([condition]):
            is_listed = test.equals is not None or test.in_ is not None
            if test.column in unseen or test.column not in source.header or not (is_listed or test.matches is not None):
                continue
            codes = found.setdefault(test.column, _Codes(compiler.cell(test.column)))
            codes.tests.append(compiler.all_hold([test]))
            codes.is_listed |= is_listed
    return found


def _leaves(conditions: Sequence[Condition]) -> list[Condition]:
    """The single tests of some conditions."""
    found: list[Condition] = []
    for one in conditions:
        inner = one.any if one.any is not None else [one.not_] if one.not_ is not None else None
        found += _leaves(inner) if inner is not None else [one]
    return found


def _read_by_joins(checks: Sequence[_TableCheck]) -> dict[str, set[str]]:
    """By file name, the columns that joins read of it."""
    read: dict[str, set[str]] = {}
    for one in checks:
        for joined in one.source.joined.values():
            for name in joined.headers:
                read.setdefault(name, set()).update(joined.columns)
    return read


def _joined(mapping: MappingFile, checks: Sequence[_TableCheck], read: dict[str, set[str]]) -> list[JoinedReport]:
    """The files that are only joined, each over all tables that read it."""
    headers: dict[str, list[str]] = {}
    met: set[JoinedPlace] = set()
    unmet: set[JoinedPlace] = set()
    broken: dict[JoinedPlace, str] = {}
    for one in checks:
        for joined in one.source.joined.values():
            headers |= joined.headers
            met |= joined.places(met=True)
            unmet |= joined.places(met=False)
            broken |= {place: row.reason for place, _, row in joined.broken}
    return [
        JoinedReport(
            file=name,
            rows=len([place for place in met | unmet if place.file == name]),
            without_partner=sorted(place.line for place in unmet - met if place.file == name),
            broken=[
                Refused(place.line, [], "unmapped_row", reason)
                for place, reason in sorted(broken.items())
                if place.file == name
            ],
            unread=[column for column in header if column not in read[name]],
        )
        for name, header in headers.items()
        if not mapping.knows(name)
    ]
