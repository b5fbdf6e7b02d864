"""When what came is judged: within a share of the time, and not between the batches of senders that wait."""

from __future__ import annotations

import pytest

from monitor.runners import pace
from monitor.runners.pace import Pace


class Clock:
    """Stands still but where it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_what_comes_first_is_judged_at_once(clock: Clock) -> None:
    fresh = Pace()
    assert fresh.is_due(2.0)
    assert fresh.rest == 0


def test_judging_takes_a_fifth_of_the_time(clock: Clock) -> None:
    busy = Pace()
    clock.now += 2
    busy.judged(100.0)
    clock.now += 9.9
    assert not busy.is_due(0.0)
    clock.now += 0.2
    assert busy.is_due(0.0)
    assert not busy.is_due(11.0), "and no more often than asked for"


@pytest.mark.parametrize(("took", "rest"), [(0.001, 0.005), (1.0, 0.03)])
def test_where_nothing_comes_the_rest_is_short(clock: Clock, took: float, rest: float) -> None:
    busy = Pace()
    clock.now += took
    busy.judged(100.0)
    assert busy.rest == pytest.approx(rest)
    clock.now += rest / 2
    assert busy.rest == pytest.approx(rest / 2)
    clock.now += rest
    assert busy.rest == 0
