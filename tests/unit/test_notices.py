"""Telling people of alerts: grouped by subject, with wait, interval and repeat, by Now alone."""

from __future__ import annotations

from config.moments import HOUR, SECOND
from config.supervision import AlertPolicy
from monitor.supervision import alerts as life
from monitor.supervision.alerts import Alert
from monitor.supervision.notices import Group, Notice, heard, news_of, spoken
from tests.unit.test_alerts import NOW, signal

POLICY = AlertPolicy()


def opened(level: int = 2, detector: str = "linked-risk", at: int = NOW) -> Alert:
    return life.opened(signal(level, detector=detector), at, "hash")


def say(group: Group, now: int, *alerts: Alert) -> Notice | None:
    return spoken(group, {one.id: one for one in alerts}, now, POLICY)


def test_only_what_is_new_and_asks_is_news() -> None:
    one = opened()
    assert news_of(one, NOW, POLICY) == "opened"
    assert news_of(one, NOW + 1, POLICY) == "", "told at its own cut alone"
    assert news_of(opened(1), NOW, POLICY) == "", "notices are shown, not pushed"
    assert news_of(life.inhibit(opened(), "a-other", NOW), NOW, POLICY) == ""
    assert news_of(life.dispute(opened(), True, NOW), NOW, POLICY) == ""
    assert news_of(life.opened(signal(4), NOW, "hash", stock=True), NOW, POLICY) == ""
    stock = life.found(life.opened(signal(2), NOW, "hash", stock=True), signal(3), NOW + 1, "hash")
    assert news_of(stock, NOW + 1, POLICY) == "raised", "what gets worse is told of opening stock too"
    asleep = life.passed(life.snoozed(opened(), NOW, "甲", "等", NOW + HOUR), NOW + HOUR, POLICY)
    assert news_of(asleep, NOW + HOUR, POLICY) == "snooze_ended"


def test_a_group_waits_and_then_tells_everything_at_once() -> None:
    first, second = opened(2), opened(3, "phoenix", NOW + 5 * SECOND)
    group = heard(None, first, "opened", NOW)
    group = heard(group, second, "opened", NOW + 5 * SECOND)
    assert group.due(POLICY) == NOW + 30 * SECOND, "from the first news"
    notice = say(group, NOW + 30 * SECOND, first, second)
    assert notice is not None
    assert [(alert.id, what) for alert, what in notice.alerts] == [(second.id, "opened"), (first.id, "opened")]
    assert (notice.level, notice.region, notice.again) == (3, "330106", False)


def test_news_after_that_keeps_the_interval() -> None:
    one = opened()
    group = heard(None, one, "opened", NOW)
    assert say(group, NOW + 30 * SECOND, one)
    one = life.found(one, signal(3), NOW + 60 * SECOND, "hash")
    group = heard(group, one, "raised", NOW + 60 * SECOND)
    assert group.due(POLICY) == NOW + 330 * SECOND
    notice = say(group, NOW + 330 * SECOND, one)
    assert notice is not None
    assert [what for _, what in notice.alerts] == ["raised"]


def test_it_repeats_until_somebody_acknowledges() -> None:
    one = opened()
    group = heard(None, one, "opened", NOW)
    first = say(group, NOW + 30 * SECOND, one)
    assert group.due(POLICY) == NOW + 30 * SECOND + 24 * HOUR
    again = say(group, group.due(POLICY), one)
    assert first is not None
    assert again is not None
    assert (again.again, again.key != first.key) == (True, True)
    one = life.acknowledged(one, NOW + 25 * HOUR, "甲")
    assert say(group, group.due(POLICY), one) is None


def test_what_fell_away_while_the_group_waited_is_not_told() -> None:
    one, other = opened(), opened(3, "phoenix")
    group = heard(heard(None, one, "opened", NOW), other, "opened", NOW)
    notice = say(group, NOW + 30 * SECOND, life.fell_away(one, NOW + SECOND), other)
    assert notice is not None
    assert [alert.id for alert, _ in notice.alerts] == [other.id]
    assert say(heard(None, one, "opened", NOW), NOW + 30 * SECOND, one) is None
