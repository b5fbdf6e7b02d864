"""The JSON Schema of every type of event: kept in the documents, and of one mind with intake."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from monitor.events import types
from monitor.events.intake import Intake
from monitor.events.refusal import Refusal
from monitor.events.schema import schema_of, schema_texts
from monitor.identifiers.pseudonyms import Pseudonymiser
from tests.engine import CLOCK, KEY, Raw, event, line
from tests.reference.vocabulary import FIELDS

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "schema"

PERSON = {"id_number": "11010519491231002X", "id_type": "resident_id", "name": "张三"}
FULL: dict[str, Any] = {
    "name": "甲商行",
    "kind": "individual",
    "address": {"text": "浙江省杭州市西湖区文三路90号", "region": "330106", "kind": "office"},
    "persons": [{"role": "operator", **PERSON}, {"role": "manager", "id": "p1:x"}],
    "person": PERSON,
    "industry": "F5191",
    "capital": 5_000_000,
    "amount": 99.5,
    "mode": "simple",
    "until": "2025-06-30",
    "year": 2024,
    "results": ["none_found", "pending"],
    "random": True,
    "found": False,
    "ground": "report",
    "verified": True,
    "reachable": False,
    "documents": ["D1", "D2"],
    "upheld": True,
}
"""A value for every field of contract §2; of the others, texts."""

PUBLIC = sorted(types.PUBLIC_TYPES)


def example_of(kind: str) -> Raw:
    """An event of a type with every field that the contract knows."""
    data = {name: copy.deepcopy(FULL.get(name, "文")) for name in FIELDS[kind]}
    subject = "clock" if kind == "clock.ticked" else "91330106MA2H8Y6W27"
    return event(subject, kind, "2025-03-01T09:00:00+08:00", recordedtime="2025-03-02T00:00:00Z", **data)


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_of(kind)), format_checker=FormatChecker(["date"]))


def is_valid(kind: str, raw: Raw) -> bool:
    return bool(validator(kind).is_valid(json.loads(line(raw))))


def is_accepted(raw: Raw) -> bool:
    try:
        return Intake(Pseudonymiser([KEY])).read(line(raw), CLOCK) is not None
    except Refusal:
        return False


def test_the_documents_hold_the_schemas_as_they_are() -> None:
    kept = {path.name.removesuffix(".schema.json"): path.read_text(encoding="utf-8") for path in DOCUMENTS.iterdir()}
    stale = sorted(name for name in kept.keys() | schema_texts().keys() if kept.get(name) != schema_texts().get(name))
    assert not stale, f"run `credit-monitor schema --output docs/schema`: {', '.join(stale)}"


def test_every_type_of_the_contract_has_a_schema() -> None:
    assert set(FIELDS) == set(types.PUBLIC_TYPES) <= set(schema_texts())
    assert {"config.activated", "monitor.live"} <= set(schema_texts())


@pytest.mark.parametrize("kind", sorted(schema_texts()))
def test_every_schema_is_a_schema(kind: str) -> None:
    Draft202012Validator.check_schema(json.loads(schema_of(kind)))


@pytest.mark.parametrize("kind", PUBLIC)
def test_a_schema_knows_the_fields_of_the_contract_and_no_other(kind: str) -> None:
    schema = json.loads(schema_of(kind))
    data = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert set(data["properties"]) == set(FIELDS[kind])
    assert set(data["required"]) == {name for name, required in FIELDS[kind].items() if required}


@pytest.mark.parametrize("kind", PUBLIC)
def test_an_event_with_every_field_is_valid_and_accepted(kind: str) -> None:
    assert is_valid(kind, example_of(kind))
    assert is_accepted(example_of(kind))


# --- events that differ by one thing

OTHERS: tuple[Any, ...] = (
    *(None, "", "x", " ", "浙江", "no.such", 5, -1.5, True, [], {}, [None], ["x"], {"x": None}),
    *("clock", "branch", "2025-02-30", "2025-03-01", "2025-03-01T00:00:00", "2025-03-01T09:00:00.5Z", "abcd\n"),
    *({"id": ""}, {"id": "", "id_number": "G1"}, {"id_number": "G1"}, {"name": "张三"}, {"text": ""}, "unreachable"),
    [{"role": "operator"}],
    [{"role": "operator", "name": ""}],
    [{"role": "operator", "id": "x", "id_number": ""}],
    [{"role": "operator", "id_number": "x", "name": "x"}],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a JSON value."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def mutated(raw: Raw, chance: random.Random) -> Raw:
    """The event with one thing taken away, put in another's place, or added."""
    found = copy.deepcopy(raw)
    path = chance.choice(list(places(found)))
    around: Any = found
    for step in path[:-1]:
        around = around[step]
    change = chance.randrange(4)
    if change == 0:
        del around[path[-1]]
    elif change == 1 and isinstance(around, dict):
        around[f"un{chance.randrange(3)}known"] = chance.choice(OTHERS)
    else:
        around[path[-1]] = chance.choice(OTHERS)
    return found


@given(st.sampled_from(PUBLIC), st.integers(0, 2**32), st.integers(1, 3))
@example("registration.changed", 0, 1)
def test_what_the_schema_allows_is_accepted_and_nothing_else(kind: str, seed: int, steps: int) -> None:
    chance = random.Random(seed)
    raw = example_of(kind)
    for _ in range(steps):
        raw = mutated(raw, chance)
    assert is_valid(kind, raw) is is_accepted(raw), raw


@pytest.mark.parametrize("kind", PUBLIC)
def test_every_place_of_an_event_is_tried_with_everything(kind: str) -> None:
    raw = example_of(kind)
    apart = []
    for path in places(raw):
        for other in OTHERS:
            changed: Any = copy.deepcopy(raw)
            around: Any = changed
            for step in path[:-1]:
                around = around[step]
            around[path[-1]] = other
            if is_valid(kind, changed) is not is_accepted(changed):
                apart.append((path, other))
    assert apart == []


def test_the_monitor_s_own_events_fit_their_schemas() -> None:
    act = {"officer": "甲", "seen": 3}
    reasoned = {**act, "reason": "已核实"}
    own: dict[str, dict[str, Any]] = {
        "config.activated": {"content_hash": "x", "officer": "甲", "content": "version: 1"},
        "model.promoted": {"kind": "anomaly", "model": "0" * 64, "seed": 1, "officer": "甲", "reason": "优于现用模型"},
        "host.listed": {
            "officer": "甲",
            "reason": "集群备案",
            "content_hash": "x",
            "text": "杭州市西湖区文三路90号1幢101室",
            "kind": "cluster",
            "until": "2027-12-31",
        },
        "host.delisted": {"officer": "甲", "reason": "备案已注销", "content_hash": "x"},
        "retention.applied": {"content_hash": "x", "officer": "甲", "before": "2020-01-01", "counts": {"alerts": 1}},
        "monitor.live": {"officer": "甲"},
        "monitor.cut": {"number": 1},
        "supervision.alert_acknowledged": act,
        "supervision.alert_snoozed": {**reasoned, "until": "2025-04-01"},
        "supervision.alert_dispatched": act,
        "supervision.alert_merged": {**act, "into": "t-1234"},
        "supervision.alert_reopened": reasoned,
        "supervision.task_created": {
            "officer": "甲",
            "reason": "举报线索",
            "region": "330106",
            "enterprises": ["91330100716105852F"],
            "mode": "on_site",
            "due": "2025-04-01",
        },
        "supervision.task_assigned": {**act, "assignees": ["甲", "乙"]},
        "supervision.task_dispatched": act,
        "supervision.task_accepted": act,
        "supervision.task_visited": act,
        "supervision.task_reviewed": act,
        "supervision.task_returned": reasoned,
        "supervision.task_merged": {**act, "into": "t-1234"},
        "supervision.task_exempted": reasoned,
        "supervision.task_transferred": {**reasoned, "region": "330106"},
        "supervision.task_closed": {**act, "outcome": "none_found"},
    }
    assert set(own) == set(types.OWN_TYPES)
    for kind, data in own.items():
        raw = event("monitor", kind, "2025-03-01T00:00:00Z", **data)
        assert is_valid(kind, raw)
        assert not is_accepted(raw)
