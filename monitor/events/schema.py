"""JSON Schema (2020-12) of every type of event, made from the types that intake decodes with.

What a schema cannot say is in its description: the size, the depth, the clock, and repeats.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from monitor.events import types

_MOMENT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-5][0-9])$(?!\n)",
}
_DATE_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)"
_NOTE: Final = (
    "Beyond this schema: at most 256 KiB, nested at most 64 deep, text in Unicode, `time` at most 24 hours ahead "
    "of the receiver's clock, and a second arrival of the same (subject, source, id) has the same contents."
)


def schema_of(kind: str) -> str:
    """The schema of one type of event, as JSON text. Raises KeyError."""
    return schema_texts()[kind]


def schema_texts() -> dict[str, str]:
    """The schemas of all types of event by name, as JSON text; the monitor's own types among them."""
    return {
        name: json.dumps(_schema(name, kind), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for name, kind in {**types.PUBLIC_TYPES, **types.OWN_TYPES}.items()
    }


def _schema(name: str, kind: type[types.Event]) -> dict[str, Any]:
    _, definitions = msgspec.json.schema_components([kind])
    schema: dict[str, Any] = definitions.pop(kind.__name__)
    properties = schema["properties"]
    properties["time"] = dict(_MOMENT)
    properties["recordedtime"] = dict(_MOMENT)
    schema["required"] = sorted(schema["required"])
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            if field.get("format") == "date":
                field["pattern"] = _DATE_PATTERN
    person_rules = [{"required": ["id"]}, {"required": ["id_number", "id_type"]}, {"required": ["name"]}]
    for person in ("Person", "Identity"):
        if person in definitions:
            definitions[person]["anyOf"] = person_rules
            some_id = {"required": ["id"], "properties": {"id": {"minLength": 1}}}
            definitions[person]["if"] = {"required": ["id_number"], "not": some_id}
            definitions[person]["then"] = {"required": ["id_type"]}
    for decision in ("ObjectionData", "DecisionData"):
        if decision in definitions:
            definitions[decision]["anyOf"] = [{"required": ["document"]}, {"required": ["alert"]}]
    if name == "clock.ticked":
        properties["subject"] = {"const": "clock"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:credit-monitor:event:{name}",
        "title": name,
        "description": f"{(kind.__doc__ or '').strip()} {_NOTE}",
        **{key: value for key, value in schema.items() if key not in {"title", "description"}},
        "$defs": definitions,
    }
