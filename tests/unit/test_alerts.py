"""The lifecycle of alerts: what a cut makes of signals, and what officers may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.moments import DAY, HOUR
from config.supervision import AlertPolicy
from monitor.supervision import alerts as life
from monitor.supervision.alerts import MOST_HISTORY, Alert, Refused, Signal

NOW = 1_800_000_000_000_000
POLICY = AlertPolicy()


def signal(level: int = 2, since: int = NOW - DAY, **more: Any) -> Signal:
    given: dict[str, Any] = {
        "detector": "linked-risk",
        "version": 1,
        "kind": "enterprise",
        "key": "91330100716105852F",
        "label": "甲",
        "value": 2.0,
        "lowest": 2.0,
        "region": "330106",
        **more,
    }
    return Signal(level=level, since=since, **given)


def alert(level: int = 2, **more: Any) -> Alert:
    return life.opened(signal(level, **more), NOW, "hash")


def steps(one: Alert) -> list[str]:
    return [step.what for step in one.history]


def test_the_id_rests_on_detector_subject_and_since_alone() -> None:
    assert signal(1).alert_id == signal(4, version=7, region=None, value=9.0, label="乙").alert_id
    others = [signal(since=NOW), signal(detector="phoenix"), signal(key="91330100799655058B"), signal(kind="person")]
    assert len({one.alert_id for one in (*others, signal())}) == 5


def test_a_signal_that_goes_on_keeps_its_alert_whatever_its_since() -> None:
    one = alert()
    before = one.id
    for level, since in ((2, NOW), (1, NOW + DAY)):
        one = life.found(one, signal(level, since), NOW + DAY, "other")
    assert (one.id, one.status, one.level, one.config_hash) == (before, "open", 1, "other")
    assert steps(one) == ["opened", "lowered"]


def test_a_higher_level_wakes_an_acknowledged_and_a_snoozed_alert() -> None:
    one = life.acknowledged(alert(2), NOW, "甲")
    one = life.found(one, signal(3), NOW + 1, "hash")
    assert (one.status, one.peak) == ("open", 3)
    one = life.snoozed(life.acknowledged(one, NOW + 2, "甲"), NOW + 2, "甲", "等材料", NOW + DAY)
    one = life.found(one, signal(3), NOW + 3, "hash")
    assert one.snoozed_until is not None, "the same level does not"
    one = life.found(one, signal(4), NOW + 4, "hash")
    assert (one.snoozed_until, one.status, one.asks) == (None, "open", True)


def test_a_level_that_comes_back_is_no_news() -> None:
    one = life.acknowledged(alert(3), NOW, "甲")
    one = life.found(one, signal(2), NOW + 1, "hash")
    one = life.found(one, signal(3), NOW + 2, "hash")
    assert one.status == "acknowledged"


def test_it_clears_only_when_the_signal_stays_away() -> None:
    one = life.fell_away(alert(), NOW)
    assert not one.asks
    assert life.passed(one, NOW + 23 * HOUR, POLICY).status == "open"
    one = life.found(one, signal(2, NOW), NOW + 23 * HOUR, "hash")
    assert (one.gone_at, one.status) == (None, "open")
    one = life.fell_away(one, NOW + DAY)
    assert one.due(POLICY) == NOW + 2 * DAY
    one = life.passed(one, NOW + 2 * DAY, POLICY)
    assert (one.status, one.due(POLICY), life.is_over(one)) == ("cleared", None, True)
    assert steps(one) == ["opened", "fell_away", "came_back", "fell_away", "cleared"]


def test_what_comes_again_with_the_same_since_is_the_same_alert() -> None:
    one = life.passed(life.fell_away(alert(), NOW), NOW + DAY, POLICY)
    again = life.found(one, signal(3), NOW + 3 * DAY, "hash")
    assert (again.id, again.status, again.peak) == (one.id, "open", 3)
    assert steps(again)[-1] == "returned"


def test_a_resolved_alert_rests_until_the_level_rises_or_the_signal_comes_anew() -> None:
    one = life.resolved(alert(2), NOW, "甲", "none_found")
    assert life.found(one, signal(2), NOW + 1, "hash").status == "resolved"
    one = life.found(one, signal(3), NOW + 2, "hash")
    assert (one.status, steps(one)[-1]) == ("open", "raised")
    one = life.fell_away(life.resolved(one, NOW + 3, "甲", "corrected"), NOW + 4)
    assert life.passed(one, NOW + 9 * DAY, POLICY).status == "resolved"
    assert life.found(one, signal(3), NOW + 10 * DAY, "hash").status == "open"


def test_a_snooze_ends_by_itself_and_says_so() -> None:
    one = life.snoozed(alert(), NOW, "甲", "等材料", NOW + DAY)
    assert not one.asks
    assert one.due(POLICY) == NOW + DAY
    assert life.passed(one, NOW + DAY - 1, POLICY).snoozed_until is not None
    one = life.passed(one, NOW + DAY, POLICY)
    assert (one.asks, steps(one)[-1]) == (True, "snooze_ended")


def test_what_cannot_be_is_refused_with_a_reason() -> None:
    done = life.resolved(alert(), NOW, "甲", "none_found")
    gone = life.fell_away(life.acknowledged(alert(), NOW, "甲"), NOW)
    tries: list[Callable[[], Alert]] = [
        lambda: life.acknowledged(done, NOW, "甲"),
        lambda: life.snoozed(alert(), NOW, "甲", "x", NOW),
        lambda: life.dispatched(life.dispute(alert(), True, NOW), NOW, "甲", "t-1"),
        lambda: life.reopened(alert(), NOW, "甲", "x"),
        lambda: life.reopened(gone, NOW, "甲", "x"),
    ]
    for act in tries:
        with pytest.raises(Refused, match=" / "):
            act()


def test_a_dispute_and_an_inhibition_quiet_and_let_go() -> None:
    one = life.dispute(alert(), True, NOW)
    assert not one.asks
    one = life.inhibit(life.dispute(one, False, NOW), "a-other", NOW)
    assert not one.asks
    assert life.inhibit(one, "", NOW).asks
    assert steps(one) == ["opened", "disputed", "undisputed", "inhibited", "uninhibited"]


def test_a_history_keeps_its_beginning_and_its_end() -> None:
    one = alert(1)
    for number in range(MOST_HISTORY):
        one = life.fell_away(one, NOW + 2 * number)
        one = life.found(one, signal(1), NOW + 2 * number + 1, "hash")
    assert len(one.history) == MOST_HISTORY
    assert (steps(one)[0], steps(one)[-1]) == ("opened", "came_back")


ACTS = st.sampled_from(["found", "gone", "pass", "ack", "snooze", "dispatch", "withdraw", "resolve", "reopen"])


@settings(max_examples=300)
@given(st.lists(st.tuples(ACTS, st.integers(1, 4), st.integers(0, 3 * DAY)), max_size=30))
def test_no_way_leads_to_a_state_that_the_contract_does_not_name(walk: list[tuple[str, int, int]]) -> None:
    one, now = alert(), NOW
    for what, level, later in walk:
        now += later
        before = one.seen
        marked = len(one.history)
        try:
            if what == "found":
                other = life.is_over(one)
                one = life.found(one, signal(level), now, "hash")
                assert not (other and not one.live)
            elif what == "gone":
                one = life.fell_away(one, now)
            elif what == "pass":
                one = life.passed(one, now, POLICY)
            elif what == "ack":
                one = life.acknowledged(one, now, "甲")
            elif what == "snooze":
                one = life.snoozed(one, now, "甲", "等", now + level * DAY)
            elif what == "dispatch":
                one = life.dispatched(one, now, "甲", "t-1")
            elif what == "withdraw":
                one = life.withdrawn(one, now, "甲")
            elif what == "resolve":
                one = life.resolved(one, now, "甲", "none_found")
            else:
                one = life.reopened(one, now, "甲", "再看")
        except Refused:
            assert (one.seen, len(one.history)) == (before, marked), "a refused act changes nothing"
        assert one.status in {"open", "acknowledged", "dispatched", "resolved", "cleared"}
        assert (one.status == "dispatched") <= bool(one.task)
        assert one.live or one.snoozed_until is None
        assert one.status != "cleared" or one.gone_at is not None
        assert one.due(POLICY) is None or one.live
        if len(one.history) > marked:
            assert one.seen > before, "whoever saw it before is told that it has changed"
