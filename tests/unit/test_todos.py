"""Statutory to-dos: when they wait, are open, overdue and done, and that they keep their ids."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.moments import DAY
from config.queueing import QueuePolicy
from monitor.supervision import alerts as life
from monitor.supervision.todos import DUTIES, Objection, Todo, followed, of_alert, of_objection, sent_in_time
from tests.tasks_made import NOW, XIHU, alert

LETTER = {"duty": "second_letter", "opens": "2026-11-10", "due": "2026-11-25"}
LISTING = {"duty": "listing", "due": "2026-12-04", "provisional": True}


def untraceable(*deadlines: dict[str, Any]) -> life.Alert:
    return alert(detector="untraceable", deadlines=deadlines)


@pytest.mark.parametrize(
    ("day", "status"),
    [(9, "waiting"), (10, "open"), (25, "open"), (26, "overdue")],
)
def test_the_second_letter_waits_opens_and_closes(day: int, status: str) -> None:
    (todo,) = of_alert(untraceable(LETTER))
    assert (todo.subject, todo.region, todo.provisional) == ("E001", XIHU, False)
    assert todo.status(dt.date(2026, 11, day)) == status
    assert todo.duty in DUTIES


def test_a_todo_is_done_when_its_duty_is_gone_and_keeps_its_id_while_it_runs() -> None:
    first = followed([], of_alert(untraceable(LETTER)), NOW)
    moved = followed(first, of_alert(untraceable(LETTER | {"due": "2026-11-27"})), NOW + DAY)
    assert [todo.id for todo in moved] == [todo.id for todo in first]
    assert moved[0].due == dt.date(2026, 11, 27)
    after = {todo.duty: todo for todo in followed(moved, of_alert(untraceable(LISTING)), NOW + 2 * DAY)}
    assert after["second_letter"].status(dt.date(2026, 12, 31)) == "done"
    assert after["second_letter"].done_at == NOW + 2 * DAY
    assert after["listing"].status(dt.date(2026, 12, 5)) == "overdue"
    assert after["listing"].provisional
    later = {todo.duty: todo for todo in followed(after.values(), [], NOW + 3 * DAY)}
    assert (later["second_letter"].done_at, later["listing"].done_at) == (NOW + 2 * DAY, NOW + 3 * DAY)
    back = {todo.duty: todo for todo in followed(later.values(), of_alert(untraceable(LETTER)), NOW + 4 * DAY)}
    assert back["second_letter"].done_at is None


def test_a_duty_known_to_be_met_is_done_while_its_signal_still_carries_it() -> None:
    (todo,) = of_alert(untraceable(LETTER))
    first = followed([], [todo], NOW, met={todo.id})
    again = followed(first, of_alert(untraceable(LETTER)), NOW + DAY, met={todo.id})
    assert [one.done_at for one in again] == [NOW]


@pytest.mark.parametrize(
    ("sent", "met"),
    [([], False), ([26], False), ([26, 9], False), ([26, 10], True), ([25], True), ([26, 30], False)],
)
def test_a_second_letter_in_its_window_meets_the_duty(sent: list[int], met: bool) -> None:
    (todo,) = of_alert(untraceable(LETTER))
    (listing,) = of_alert(untraceable(LISTING))
    days = [dt.date(2026, 11, day) for day in sent]
    assert sent_in_time(todo, days) is met
    assert not sent_in_time(listing, [dt.date(2026, 12, 1)])


def test_an_alert_that_fell_away_has_no_duties() -> None:
    assert of_alert(life.fell_away(untraceable(LETTER), NOW)) == []


def test_an_objection_is_decided_within_five_working_days_and_twenty_at_most() -> None:
    def both(decided_at: int | None) -> list[Todo]:
        objection = Objection(id="o-1", subject="E001", region=XIHU, filed_at=NOW, decided_at=decided_at)
        return of_objection(objection, QueuePolicy())

    assert [(todo.duty, todo.due.isoformat()) for todo in both(None)] == [
        ("objection_decision", "2026-11-13"),
        ("objection_limit", "2026-12-04"),
    ]
    assert [todo.status(dt.date(2026, 11, 14)) for todo in both(None)] == ["overdue", "open"]
    assert [todo.status(dt.date(2026, 11, 14)) for todo in both(NOW + DAY)] == ["done", "done"]
