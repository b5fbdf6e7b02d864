"""What an owner signs: rules, scorecards, directories, channels, plans. YAML, read as JSON would have it, and checked
by a JSON Schema that is shipped beside it. Each module says its faults in its own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import yaml
from jsonschema import Draft202012Validator

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: a province's directory of officers is read ten times as fast."""


class Fault(NamedTuple):
    """Where a value does not fit its schema, the rule that it breaks, and both in words (which name the value)."""

    where: str
    rule: str
    told: str


def plain_of(text: str) -> Any:
    """The value of a YAML text as JSON has it, dates as texts. Raises ValueError, whose text is one line."""
    try:
        return json.loads(json.dumps(yaml.load(text, Loader=_LOADER), default=str))  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise ValueError(" ".join(str(error).split())) from error


def first_fault(plain: Any, schema: Mapping[str, Any]) -> Fault | None:
    """The first place at which a value does not fit a schema; None where it fits."""
    faults = sorted(Draft202012Validator(schema).iter_errors(plain), key=lambda one: list(map(str, one.path)))
    if not faults:
        return None
    fault = faults[0]
    where = "/".join(str(step) for step in fault.absolute_path) or "the top"
    return Fault(where, fault.validator or "what its kind allows", fault.message)


@cache
def schema_of(name: str) -> dict[str, Any]:
    """A JSON Schema that is shipped, by its file below `config/`."""
    found: dict[str, Any] = json.loads(files("config").joinpath(name).read_text(encoding="utf-8"))
    return found
