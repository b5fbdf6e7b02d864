"""What a JSON Schema cannot say about a mapping: whether its fields, words and columns fit the event types.

Walks the mapping once, place by place; ``mapping.py`` turns what is found into messages with line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from monitor.sources.definition import (
    AddressRule,
    Condition,
    Day,
    EventRule,
    Instead,
    Mapping,
    PersonRule,
    Place,
    Spec,
    Value,
    as_value,
    data_rules,
    owner_of,
)
from monitor.sources.shapes import TEXT, TIME, Shape, address_shapes, person_shapes, shapes_of

Fault = tuple[Place, str]

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def faults(mapping: Mapping) -> Iterator[Fault]:
    """Everything in a mapping that no row could make right."""
    names = [rule.rule for rule in mapping.events]
    for index, rule in enumerate(mapping.events):
        if rule.rule in names[:index]:
            yield ("events", index, "rule"), f"规则名 `{rule.rule}` 重复 / the name stands twice: rename one"
        yield from _field_faults(("events", index, "data"), rule)
    for place, join, value, shape in _values(mapping):
        yield from _value_faults(place, value, shape)
        if join is not None and join not in mapping.joins:
            have = ", ".join(mapping.joins) or "-"
            yield place, f"没有关联表 / there is no join `{join}`；joins: {have}"


def columns_used(mapping: Mapping, join: str | None) -> dict[str, Place]:
    """The columns needed of the table (None) or of a joined one, each with the first place that names it."""
    used: dict[str, Place] = {}
    for name, joined in mapping.joins.items():
        for ours, theirs in joined.keys.items():
            if join is None or join == name:
                used.setdefault(ours if join is None else theirs, ("joins", name, "keys", ours))
            if joined.order is not None and join == name:
                used.setdefault(joined.order.column, ("joins", name, "order"))
    named = [(place, of, column) for place, of, test in conditions_of(mapping) for column in condition_columns(test)]
    named += [(place, of, column) for place, of, value, _ in _values(mapping) for column in value_columns(value)]
    for place, of, column in named:
        owner, name = (of, column) if of is not None else owner_of(column, mapping.joins)
        if owner == join:
            used.setdefault(name, place)
    return used


def borrowed_columns(mapping: Mapping) -> list[str]:
    """What the rules read of joined rows as if it were a column of the table, written `join.column`."""
    named = [column for _, of, test in conditions_of(mapping) if of is None for column in condition_columns(test)]
    named += [column for _, of, value, _ in _values(mapping) if of is None for column in value_columns(value)]
    return [column for column in dict.fromkeys(named) if owner_of(column, mapping.joins)[0] is not None]


def value_columns(value: Value) -> list[str]:
    """The columns that one value is made of."""
    if value.column is not None:
        return [value.column]
    if value.template is not None:
        return PLACEHOLDER.findall(value.template)
    return [column for spec in value.first_of or () for column in value_columns(as_value(spec))]


def _values(mapping: Mapping) -> Iterator[tuple[Place, str | None, Value, Shape]]:
    """Every value of a mapping: its place, the join it is read from, and the shape that it must have."""
    for index, rule in enumerate(mapping.events):
        at: Place = ("events", index)
        yield from _nested((*at, "id"), None, rule.id, TEXT)
        yield from _nested((*at, "subject"), None, rule.subject, TEXT)
        yield from _nested((*at, "time"), None, rule.time, TIME)
        yield from _nested((*at, "recordedtime"), None, rule.recordedtime, TIME)
        shapes = shapes_of(rule.type)
        for name, given in data_rules(rule).items():
            place = (*at, "data", name)
            if isinstance(given, AddressRule):
                for part, shape in address_shapes().items():
                    yield from _nested((*place, part), None, getattr(given, part), shape)
            elif isinstance(given, PersonRule):
                yield from _person_values(place, given)
            elif isinstance(given, list):
                for number, person in enumerate(given):
                    yield from _person_values((*place, number), person)
            elif name in shapes:
                yield from _nested(place, None, given, shapes[name])


def _person_values(place: Place, person: PersonRule) -> Iterator[tuple[Place, str | None, Value, Shape]]:
    for part, shape in person_shapes().items():
        # One printed function may be several roles, so a role may become a list.
        wanted = Shape("texts", shape.required, shape.words) if part == "role" else shape
        yield from _nested((*place, part), person.from_, getattr(person, part), wanted)


def _nested(
    place: Place, join: str | None, spec: Spec | None, shape: Shape
) -> Iterator[tuple[Place, str | None, Value, Shape]]:
    if spec is None:
        return
    value = as_value(spec)
    yield place, join, value, shape
    for index, one in enumerate(value.first_of or ()):
        yield from _nested((*place, "first_of", index), join, one, shape)


def conditions_of(mapping: Mapping) -> Iterator[tuple[Place, str | None, Condition]]:
    """Every condition of a mapping with its place and the join whose rows it tests."""
    for name, join in mapping.joins.items():
        for number, condition in enumerate(join.when):
            yield ("joins", name, "when", number), name, condition
    for place, of, value, _ in _values(mapping):
        for number, condition in enumerate(value.when):
            yield (*place, "when", number), of, condition
    for index, out in enumerate(mapping.leave_out):
        for number, condition in enumerate(out.when):
            yield ("leave_out", index, "when", number), None, condition
    for index, rule in enumerate(mapping.events):
        for number, condition in enumerate(rule.when):
            yield ("events", index, "when", number), None, condition
        for name, given in data_rules(rule).items():
            for at, person in enumerate(given if isinstance(given, list) else ()):
                for number, condition in enumerate(person.when):
                    yield ("events", index, "data", name, at, "when", number), person.from_, condition


def condition_columns(condition: Condition) -> Iterator[str]:
    """The columns that a condition looks at."""
    if condition.column:
        yield condition.column
    if condition.differs is not None:
        yield condition.differs
    for day in (condition.before, condition.not_before):
        if isinstance(day, Day):
            yield day.column
    for inner in condition.any or ():
        yield from condition_columns(inner)
    if condition.not_ is not None:
        yield from condition_columns(condition.not_)


def _field_faults(place: Place, rule: EventRule) -> Iterator[Fault]:
    """Fields that the type does not have, and required ones that the rule does not give."""
    shapes = shapes_of(rule.type)
    for name in rule.data:
        if name not in shapes:
            allowed = ", ".join(shapes) or "-"
            yield (*place, name), f"{rule.type} 没有此字段 / has no such field；可用 / allowed: {allowed}"
    for name, shape in shapes.items():
        if shape.required and name not in rule.data:
            yield place, f"{rule.type} 需要 `{name}`，请补上 / requires `{name}`: add it"


def _value_faults(place: Place, value: Value, shape: Shape) -> Iterator[Fault]:
    """What is wrong with one value, whatever the rows hold."""
    if value.template is not None and PLACEHOLDER.sub("", value.template).strip("{}") != PLACEHOLDER.sub(
        "", value.template
    ):
        yield place, "花括号不成对 / a brace without its pair: write {column}"
    if any(not column.strip() for column in value_columns(value)):
        yield place, "`{}` 中缺少列名 / a column's name is missing in {}"
    if value.extract is not None and re.compile(value.extract).groups != 1:
        yield place, "`extract` 须恰有一组括号 / needs exactly one group in brackets"
    if value.zone is not None:
        yield from zone_faults((*place, "zone"), value.zone)
    if value.split is not None and shape.kind != "texts":
        yield place, "`split` 只用于可有多个值的字段 / is for fields of several values alone"
    if value.find is not None and shape.kind != "texts":
        yield place, "`find` 只用于可有多个值的字段 / is for fields of several values alone"
    if value.find is not None and value.split is not None:
        yield place, "`find` 与 `split` 只能写一个 / write one of `find` and `split`"
    if value.multiply != 1 and shape.kind not in ("number", "whole"):
        yield place, "`multiply` 只用于数字 / is for numbers alone"
    results = [*value.map.values(), *(pattern.to for pattern in value.patterns)]
    if any(isinstance(result, list) for result in results) and shape.kind != "texts":
        yield place, "此字段只能有一个值 / this field has one value, not a list"
    words = [word for result in results for word in (result if isinstance(result, list) else [result])]
    words.append(value.default)
    words.append(value.otherwise.use if isinstance(value.otherwise, Instead) else None)
    if value.template is not None and not value_columns(value) and not results:
        words.append(value.template)
    for word in words:
        if word is not None and shape.words and word not in shape.words:
            allowed = ", ".join(sorted(shape.words))
            yield place, f"`{word}` 不在词表中 / is not in the closed list；可用 / allowed: {allowed}"


def zone_faults(place: Place, zone: str) -> Iterator[Fault]:
    """Whether a time zone is one."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        yield (
            place,
            f"未知的时区 `{zone}`，例如 Asia/Shanghai / unknown time zone, write one such as Asia/Shanghai",
        )
