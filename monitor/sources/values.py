"""Compiles the values and conditions of a mapping into functions of a row.

A row is a sequence of texts in the order of the table's columns; an empty text is a missing value. What these
functions give goes into an event as it is.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from config.moments import SHANGHAI
from monitor.sources.checks import PLACEHOLDER, value_columns
from monitor.sources.definition import Condition, Day, Instead, Spec, Value, as_value
from monitor.sources.shapes import Shape

Row = Sequence[str]
Given = str | float | bool | list[str] | None
"""A value of an event; None where the row has none."""

Missed = Callable[[str, str], None]
"""Told of each value that neither `map` nor `patterns` know: its columns, and the value."""

_KEPT: Final = 50_000
"""Results remembered per value: registers repeat dates, roles and forms over and over."""

_NUMBER: Final = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")


class UnmappableError(Exception):
    """A value that the mapping cannot turn into one of an event; the text never quotes the value."""


class Compiler:
    """Makes functions of the rows of one table."""

    def __init__(
        self, columns: Sequence[str], zone: str, missing: Sequence[str], *, name: str = "", missed: Missed | None = None
    ) -> None:
        """`columns`: the header; `zone`: of times without an offset; `missing`: texts that mean no value.

        `missed` is told of values without a translation, each time; `name` stands before their columns.
        """
        self._name = name
        self._missed = missed
        self._index = {name: index for index, name in enumerate(columns)}
        self._zone = ZoneInfo(zone)
        self._missing = frozenset(missing)

    def value(self, spec: Spec, shape: Shape) -> Callable[[Row], Given]:
        """The function that gives one value of an event. It raises UnmappableError."""
        value = as_value(spec)
        given = self._unconditional(value, shape)
        if not value.when:
            return given
        holds = self.all_hold(value.when)
        return lambda row: given(row) if holds(row) else None

    def _unconditional(self, value: Value, shape: Shape) -> Callable[[Row], Given]:
        """The value of a row for which the conditions of the value hold."""
        text = self._text(value)
        worked = value.extract or value.split or value.find or value.map or value.patterns
        if shape.kind in ("text", "word") and not worked:
            fixed = value.template if value.template == "" else value.default
            return lambda row: text(row) or fixed
        finish = self._finisher(value, shape)
        if self._missed is not None and (value.map or value.patterns):
            # Who counts what was missed must be told each time.
            return lambda row: finish(text(row))
        known: dict[str, Given | UnmappableError] = {}

        def given(row: Row) -> Given:
            raw = text(row)
            found = known.get(raw, known)
            if found is known:
                if len(known) >= _KEPT:
                    known.clear()
                try:
                    found = finish(raw)
                except UnmappableError as error:
                    found = error
                known[raw] = found
            if isinstance(found, UnmappableError):
                raise found
            return found  # type: ignore[return-value]  # a dict never stands in itself

        return given

    def all_hold(self, conditions: Sequence[Condition]) -> Callable[[Row], bool]:
        """The function that tells whether all conditions hold for a row."""
        tests = [self._condition(condition) for condition in conditions]
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)

    def cell(self, column: str) -> Callable[[Row], str]:
        """The function that gives a column's text without blanks around it."""
        index, missing = self._index[column], self._missing

        def trimmed(row: Row) -> str:
            text = row[index].strip()
            return "" if text in missing else text

        return trimmed

    def _text(self, value: Value) -> Callable[[Row], str]:
        """The text that a value starts from; empty where a column it needs is."""
        if value.column is not None:
            return self.cell(value.column)
        if value.first_of is not None:
            return self._first(value.first_of)
        template = value.template or ""
        cells = [self.cell(column) for column in value_columns(value)]
        if not cells:
            return lambda row: template
        between = PLACEHOLDER.split(template)[::2]
        if between == ["", ""]:
            return cells[0]

        def filled(row: Row) -> str:
            parts = [between[0]]
            for cell, after in zip(cells, between[1:], strict=True):
                text = cell(row)
                if not text:
                    return ""
                parts += (text, after)
            return "".join(parts)

        return filled

    def _first(self, specs: Sequence[Spec]) -> Callable[[Row], str]:
        texts = [self.value(spec, Shape("text", required=False)) for spec in specs]

        def first(row: Row) -> str:
            return next((str(found) for text in texts if (found := text(row))), "")

        return first

    def _finisher(self, value: Value, shape: Shape) -> Callable[[str], Given]:
        """What becomes of the text: taken out, split, translated, and read as what the field is."""
        extract = re.compile(value.extract) if value.extract is not None else None
        read = self._reader(value, shape)
        translate = _translator(value, self._teller(value))
        pieces = _pieces(value)

        def finish(raw: str) -> Given:
            if extract is not None and raw:
                found = extract.search(raw)
                raw = (found[1] or "").strip() if found else ""
            texts = [text for part in pieces(raw) if part.strip() for text in translate(part.strip())]
            if shape.kind == "texts":
                if not texts and value.default is not None:
                    texts = [value.default]
                return list(dict.fromkeys(texts)) or None
            if texts and texts[0]:
                return read(texts[0])
            return read(value.default) if value.default else value.default

        return finish

    def _teller(self, value: Value) -> Callable[[str], None]:
        """What is called with a value that has no translation."""
        missed = self._missed
        if missed is None:
            return lambda text: None
        columns = ", ".join(f"{self._name}{column}" for column in dict.fromkeys(value_columns(value)))
        return lambda text: missed(columns, text)

    def _reader(self, value: Value, shape: Shape) -> Callable[[str], Given]:
        """Reads a text as the kind of value that the field holds."""
        moment = self._moment(value)
        match shape.kind:
            case "number":
                return lambda text: _number(text, value.multiply)
            case "whole":
                return lambda text: _whole(_number(text, value.multiply))
            case "truth":
                truths = dict.fromkeys(value.true_when, True) | dict.fromkeys(value.false_when, False)
                return lambda text: _truth(text, truths)
            case "time":
                return lambda text: _rfc3339(moment(text))
            case "date":
                return lambda text: moment(text).astimezone(SHANGHAI).date().isoformat()
        return lambda text: text

    def _moment(self, value: Value) -> Callable[[str], dt.datetime]:
        """Reads a date, or a date and time, in a format; a bare date is at the time of day that `at` says."""
        zone = ZoneInfo(value.zone) if value.zone is not None else self._zone
        at = dt.time.fromisoformat(value.at)
        parse = _parser(value.format)

        def moment(text: str) -> dt.datetime:
            when = parse(text)
            if not isinstance(when, dt.datetime):
                return dt.datetime.combine(when, at, zone)
            return when if when.tzinfo is not None else when.replace(tzinfo=zone)

        return moment

    def _condition(self, condition: Condition) -> Callable[[Row], bool]:
        """One test. A date that cannot be read is neither before nor not before anything."""
        if condition.any is not None:
            tests = [self._condition(inner) for inner in condition.any]
            return lambda row: any(test(row) for test in tests)
        if condition.not_ is not None:
            inner_test = self._condition(condition.not_)
            return lambda row: not inner_test(row)
        cell = self.cell(condition.column)
        if condition.equals is not None:
            wanted = condition.equals
            return lambda row: cell(row) == wanted
        if condition.in_ is not None:
            words = frozenset(condition.in_)
            return lambda row: cell(row) in words
        if condition.empty is not None:
            empty = condition.empty
            return lambda row: (not cell(row)) is empty
        if condition.matches is not None:
            matches = re.compile(condition.matches).fullmatch
            return lambda row: matches(cell(row)) is not None
        if condition.differs is not None:
            before = self.cell(condition.differs)
            return lambda row: _folded(cell(row)) != _folded(before(row))
        return self._date_test(condition, cell)

    def moment(self, column: str, form: str) -> Callable[[Row], dt.datetime | None]:
        """The function that reads a column's date; None where there is none."""
        cell = self.cell(column)
        moment = self._moment(Value(format=form))

        def read(row: Row) -> dt.datetime | None:
            try:
                return moment(cell(row))
            except UnmappableError:
                return None

        return read

    def _date_test(self, condition: Condition, cell: Callable[[Row], str]) -> Callable[[Row], bool]:
        limit = condition.before if condition.before is not None else condition.not_before
        before = condition.before is not None
        moment = self._moment(Value(format=condition.format))
        if isinstance(limit, Day):
            other = self.cell(limit.column)
        else:
            fixed = dt.datetime.combine(dt.date.fromisoformat(limit or ""), dt.time(), self._zone)
            other = None

        def holds(row: Row) -> bool:
            try:
                edge = fixed if other is None else moment(other(row))
                return (moment(cell(row)) < edge) is before
            except UnmappableError:
                return False

        return holds


def _pieces(value: Value) -> Callable[[str], list[str]]:
    """Takes a text apart where it stands for several values."""
    if value.find is not None:
        several = re.compile(value.find).finditer
        return lambda text: [found[0] for found in several(text)]
    between = value.split
    return lambda text: text.split(between) if between else [text]


def _folded(text: str) -> str:
    """A text by which two are compared: without blanks, full-width forms as plain ones."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _translator(value: Value, missed: Callable[[str], None]) -> Callable[[str], list[str]]:
    """Exchanges a text by `map` and `patterns`; several texts, or none where it is left out."""
    if not value.map and not value.patterns:
        return lambda text: [text]
    patterns = [(re.compile(pattern.matches).fullmatch, pattern.to) for pattern in value.patterns]

    def translate(text: str) -> list[str]:
        if text in value.map:
            to = value.map[text]
        else:
            for matches, result in patterns:
                if matches(text):
                    to = result
                    break
            else:
                missed(text)
                if isinstance(value.otherwise, Instead):
                    return [value.otherwise.use]
                if value.otherwise == "refuse":
                    raise UnmappableError("对照表中没有此值 / a value that the mapping does not know")
                to = text if value.otherwise == "keep" else None
        if to is None:
            return []
        return [to] if isinstance(to, str) else to

    return translate


def _parser(form: str) -> Callable[[str], dt.date | dt.datetime]:
    """Reads texts of one date format. Raises UnmappableError."""
    has_time = any(code in form for code in ("%H", "%I", "%c", "%X", "%s"))

    def parse(text: str) -> dt.date | dt.datetime:
        try:
            if form == "iso":
                return dt.date.fromisoformat(text) if len(text) <= 10 else dt.datetime.fromisoformat(text)
            when = dt.datetime.strptime(text, form)  # noqa: DTZ007 the caller gives it its zone
        except ValueError:
            msg = f"不是 {form} 格式的日期 / not a date in the format {form}"
            raise UnmappableError(msg) from None
        return when if has_time else when.date()

    return parse


def _rfc3339(when: dt.datetime) -> str:
    """RFC 3339 knows offsets of whole minutes alone; local mean time of before about 1900 has seconds."""
    try:
        offset = when.utcoffset() or dt.timedelta()
        return (when if not offset.seconds % 60 else when.astimezone(dt.UTC)).isoformat()
    except OverflowError:
        raise UnmappableError("时间超出范围 / a time out of range") from None


def _number(text: str, multiply: float) -> float:
    """A decimal number, with or without commas between thousands; full-width digits are read."""
    text = unicodedata.normalize("NFKC", text).replace(" ", "")
    if not _NUMBER.fullmatch(text):
        raise UnmappableError("不是数字 / not a number")
    number = float(text.replace(",", "")) * multiply
    if number in (float("inf"), float("-inf")):
        raise UnmappableError("数字过大 / a number too large")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _whole(number: float) -> int:
    if number != int(number):
        raise UnmappableError("不是整数 / not a whole number")
    return int(number)


def _truth(text: str, truths: dict[str, bool]) -> bool:
    if text not in truths:
        raise UnmappableError("既不是真也不是假 / neither a word for true nor one for false")
    return truths[text]
