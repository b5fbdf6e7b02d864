"""What a check of a mapping shows of events: their fields, and examples without a person's number.

Beside ``check.py``, which counts. Examples are taken after intake, so identities are pseudonyms and names masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from monitor.events.types import Event
from monitor.sources.checks import value_columns
from monitor.sources.definition import AddressRule, EventRule, Mapping, PersonRule, as_value, data_rules

HIDDEN: Final = "〔不显示 hidden〕"
"""Stands for a value that comes from a column of identity numbers, pseudonyms or telephones."""

_NUMBERS: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"  # resident identity, GB 11643
    r"|\d{8}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"  # the same in 15 digits, before 1999
    r"|(?:\+?86-?)?1[3-9]\d{9}"  # mobile
    r"|0\d{2,3}-?\d{7,8}"  # landline with its area code
    r")(?![0-9A-Za-z])"
)
_PERSONAL: Final = frozenset({"id", "id_number"})
_ENVELOPE: Final = ("id", "subject", "time", "recordedtime")


def without_numbers(text: str) -> str:
    """A text in which whatever looks like an identity or telephone number is hidden."""
    return _NUMBERS.sub(HIDDEN, text)


def fields_of(rule: EventRule) -> dict[str, tuple[str, ...]]:
    """The fields that a rule gives, each with the columns that it comes from; of joined tables with their name."""
    found: dict[str, list[str]] = {}

    def add(field: str, spec: Any, join: str | None = None) -> None:
        if spec is not None:
            columns = value_columns(as_value(spec))
            found.setdefault(field, []).extend(f"{join}.{column}" if join else column for column in columns)

    for name in _ENVELOPE:
        add(name, getattr(rule, name))
    for name, given in data_rules(rule).items():
        if isinstance(given, AddressRule):
            for part in ("text", "region", "kind"):
                add(f"data.{name}.{part}", getattr(given, part))
        elif isinstance(given, PersonRule | list):
            for person in given if isinstance(given, list) else [given]:
                for part in ("role", "id", "id_number", "name"):
                    shown = "id" if part in _PERSONAL else part
                    add(f"data.{name}.{shown}", getattr(person, part), person.from_)
            # A name alone becomes an identity as well.
            found.setdefault(f"data.{name}.id", [])
        else:
            add(f"data.{name}", given)
    return {field: tuple(dict.fromkeys(columns)) for field, columns in found.items()}


def personal_columns(mapping: Mapping, *, names: bool) -> frozenset[str]:
    """The columns of identities and telephones, whose values are never shown; `names`: those of persons' names too."""
    parts = ("id", "id_number", "name") if names else ("id", "id_number")
    columns: set[str] = set()
    for rule in mapping.events:
        for name, given in data_rules(rule).items():
            if name == "phone" and not isinstance(given, AddressRule | PersonRule | list):
                columns.update(value_columns(as_value(given)))
            for person in given if isinstance(given, list) else [given] if isinstance(given, PersonRule) else []:
                specs = [spec for part in parts if (spec := getattr(person, part)) is not None]
                prefix = f"{person.from_}." if person.from_ else ""
                columns.update(f"{prefix}{column}" for spec in specs for column in value_columns(as_value(spec)))
    return frozenset(columns)


def values_of(event: Event, line: bytes) -> Iterator[tuple[str, str]]:
    """The fields of an accepted event with their values as texts; times as the row gave them."""
    given = msgspec.json.decode(line)
    for name in _ENVELOPE:
        if name in given:
            yield name, str(given[name])
    yield from _flat("data", msgspec.to_builtins(event.data))


def _flat(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{field}.{key}", inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for one in value:
            yield from _flat(field, one)
    elif isinstance(value, list):
        yield field, "、".join(map(str, value))
    elif field == "data.phone" or field in ("data.persons.id", "data.person.id"):
        # The kind of a pseudonym tells whether it rests on a number or on a name alone.
        yield field, f"{str(value).partition(':')[0]}:…" if value else ""
    elif isinstance(value, bool):
        yield field, str(value).lower()
    else:
        yield field, str(int(value) if isinstance(value, float) and value.is_integer() else value)
