"""From an alert to a message, and to its acknowledgement: one process, real outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.moments import DAY, HOUR, SECOND, as_text
from config.ruleset import Rules
from monitor.events import acts
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.outgoing.outbox_schema import PUSH_MESSAGES
from monitor.store.work import alertreader, taskreader
from tests.engine import CLOCK, KEY, event, line, opened, read_home, shipped_rules

CODE = "330106:0001"
RULES = Rules(shipped_rules().text.replace("each_day: 1", "each_day: 0"))
"""Without a control sample: the one enterprise would be it."""


class Place:
    """A live home with one enterprise, and a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = CLOCK
        self.path, self.home = folder / "events.jsonl", folder / "home"
        self.path.write_bytes(line(opened(CODE, address={"text": "杭州市西湖区文三路1号", "region": "330106"})) + b"\n")
        self.runner = EmbeddedRunner(Home(self.home), RULES, Pseudonymiser([KEY]), clock=lambda: self.now)
        self.drain()
        self.runner.go_live()

    def drain(self) -> None:
        assert self.runner.drain(open_source(str(self.path), None)) == []

    def complaints(self, count: int, day: int = 1) -> None:
        with self.path.open("ab") as file:
            for number in range(count):
                name = f"{day}-{number}"
                raw = event(CODE, "complaint.received", as_text(CLOCK - day * DAY), id=name, number=name)
                file.write(line(raw) + b"\n")
        self.drain()
        self.tick(0)

    def tick(self, later: int) -> None:
        self.now += later
        self.runner.tick()

    def messages(self) -> list[Any]:
        query = select(PUSH_MESSAGES).order_by(PUSH_MESSAGES.c.enqueued_at, PUSH_MESSAGES.c.key)
        return read_home(self.home, lambda reader: list(reader.connection.execute(query).all()))

    def alert(self) -> dict[str, Any]:
        (found,) = read_home(self.home, lambda reader: list(alertreader.read(reader.connection)))
        return found

    def task(self) -> dict[str, Any]:
        (found,) = read_home(self.home, lambda reader: list(taskreader.read(reader.connection)))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.runner.close()


def test_an_alert_is_told_after_a_wait_and_again_until_somebody_acknowledges(place: Place) -> None:
    place.complaints(5)
    assert place.messages() == [], "the group waits for more"
    place.tick(31 * SECOND)
    (first,) = place.messages()
    assert (first.kind, first.number, first.level, first.region) == ("alert", place.alert()["id"], 2, "330106")
    assert "投诉激增 甲＊：新预警" in first.body_zh
    assert CODE not in first.body_zh + first.title_zh
    place.complaints(10, day=2)
    assert len(place.messages()) == 1, "the interval holds"
    place.tick(10 * 60 * SECOND)
    _, second = place.messages()
    assert (second.level, "等级上升" in second.body_zh) == (3, True)
    place.tick(25 * HOUR)
    assert [one.title_zh for one in place.messages()][2:] == ["橙色预警 1 条（再次提醒）"]
    alert = place.alert()
    place.runner.act(acts.AlertAcknowledged, alert["id"], acts.Act(officer="甲", seen=alert["seen"]))
    assert all(one.acknowledged_at for one in place.messages())
    place.tick(3 * DAY)
    assert len(place.messages()) == 3, "nothing more once somebody looks after it"


def test_a_dispatched_task_is_told_to_its_two_officers_until_one_accepts(place: Place) -> None:
    place.complaints(5)
    task = place.task()
    assert (task["status"], task["target"]) == ("proposed", CODE)
    two = acts.AssignmentData(officer="丙", seen=task["seen"], assignees=["3301-017", "3301-023"])
    place.runner.act(acts.TaskAssigned, task["id"], two)
    place.runner.act(acts.TaskDispatched, task["id"], acts.Act(officer="丙", seen=place.task()["seen"]))
    (told,) = [one for one in place.messages() if one.kind == "task"]
    assert (told.number, told.recipients) == (task["id"], '["3301-017","3301-023"]')
    assert told.acknowledged_at is None
    place.runner.act(acts.TaskAccepted, task["id"], acts.Act(officer="3301-017", seen=place.task()["seen"]))
    (told,) = [one for one in place.messages() if one.kind == "task"]
    assert told.acknowledged_at


def test_an_overdue_task_is_told_in_steps(place: Place) -> None:
    place.complaints(5)
    due = place.task()["due"]
    told = []
    for _ in range(45):
        place.tick(DAY)
        told = [one for one in place.messages() if one.kind == "task"]
        if len(told) == 3:
            break
    assert [one.key.split(" ", 1)[1] for one in told] == ["overdue 1", "overdue 2", "overdue 3"]
    assert due in told[0].title_zh
    assert [one.level for one in told] == [2, 3, 4]
    assert place.task()["escalation"] == 3
