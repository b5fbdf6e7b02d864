"""The policy of alerts and queue in a rules file: what stands there, what is left out, what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import yaml

from config import ruleset
from config.queueing import QueuePolicy
from config.ruleset import Rules, RulesError, load
from config.supervision import AlertPolicy, Inhibition

TEXT = load().text


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    document = yaml.safe_load(TEXT)
    change(document)
    return yaml.safe_dump(document, allow_unicode=True)


def test_the_shipped_file_writes_out_what_holds_without_it() -> None:
    written = yaml.safe_load(TEXT)
    assert msgspec.to_builtins(AlertPolicy()) == msgspec.to_builtins(load().document.alerts)
    assert load().document.queue == QueuePolicy()
    assert set(written["queue"]) == set(msgspec.structs.asdict(QueuePolicy()))
    assert set(written["alerts"]) == set(msgspec.structs.asdict(AlertPolicy()))
    assert Rules(changed(lambda document: document.pop("queue"))).document.queue == QueuePolicy()
    assert Rules(changed(lambda document: document.pop("alerts"))).document.alerts == AlertPolicy()


def undescribed(of: type, schema: dict[str, Any], place: str) -> list[str]:
    """Fields of a struct that the schema of rules files lacks, or the other way round."""
    schema = ruleset.schema()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(of)}
    wrong = [f"{place}/{name}" for name in set(fields) ^ set(schema["properties"])]
    for name, kind in fields.items():
        inner = [kind, *getattr(kind, "__args__", ())]
        for one in inner:
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                below = schema["properties"][name]
                wrong += undescribed(one, below.get("items", below), f"{place}/{name}")
    return wrong


@pytest.mark.parametrize(("section", "of"), [("alerts", AlertPolicy), ("queue", QueuePolicy)])
def test_the_schema_describes_every_field_and_no_other(section: str, of: type) -> None:
    assert undescribed(of, ruleset.schema()["properties"][section], section) == []


def test_an_owner_changes_single_numbers() -> None:
    def change(document: dict[str, Any]) -> None:
        document["queue"] = {"new_tasks_a_day": 5, "weights": {"class": {"D": 99}}}
        document["alerts"] = {"inhibitions": [{"by": ["phoenix"], "quiets": ["linked-risk"]}]}

    document = Rules(changed(change)).document
    assert document.queue.new_tasks_a_day == 5
    assert (document.queue.weights.cls.D, document.queue.weights.cls.C) == (99, 15)
    assert document.queue.visits_a_year == 2
    assert document.alerts.inhibitions == (Inhibition(("phoenix",), ("linked-risk",)),)


@pytest.mark.parametrize(
    ("section", "value", "place"),
    [
        ("queue", {"new_task_a_day": 5}, "queue"),
        ("queue", {"new_tasks_a_day": -1}, "queue/new_tasks_a_day"),
        ("queue", {"unknown_class": "E"}, "queue/unknown_class"),
        ("queue", {"weights": {"level": {"red": -1}}}, "queue/weights/level/red"),
        ("queue", {"escalation": [{"after": 3, "tell": ["assignees"]}, {"after": 0, "tell": ["city"]}]}, "escalation"),
        ("queue", {"escalation": [{"after": 0, "tell": ["minister"]}]}, "queue/escalation/0/tell"),
        ("queue", {"new_tasks_a_day": 2, "control": {"each_day": 3}}, "control.each_day"),
        ("queue", {"objection_working_days": 21}, "objection_most_working_days"),
        ("queue", {"tuning": {"confidence": 1}}, "queue/tuning/confidence"),
        ("alerts", {"least_level_pushed": 5}, "alerts/least_level_pushed"),
    ],
)
def test_a_wrong_policy_is_told_where(section: str, value: dict[str, Any], place: str) -> None:
    with pytest.raises(RulesError, match=place):
        Rules(changed(lambda document: document.update({section: value})))


def test_a_task_is_due_by_its_level_on_working_days() -> None:
    policy = QueuePolicy()
    friday = dt.date(2026, 11, 6)
    assert [policy.due(level, friday).day.isoformat() for level in (0, 1, 2, 3, 4)] == [
        "2026-12-18",
        "2026-12-18",
        "2026-11-27",
        "2026-11-17",
        "2026-11-11",
    ]
    assert policy.due(4, dt.date(2031, 11, 6)).provisional
