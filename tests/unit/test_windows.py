"""Windows over dated happenings, against the words of contract §4 taken one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import DAY
from detectors.windows import Burst, find_burst

LEVELS = ((2, 3), (3, 5))
WINDOW, HOLD = 30, 180


def found(times: list[int], now: int) -> Burst | None:
    happenings = [(at, 1, f"event-{number}", number) for number, at in enumerate(sorted(times))]
    return find_burst(happenings, LEVELS, WINDOW, HOLD, now)


def naively(times: list[int], now: int) -> tuple[tuple[int, ...], int, int, int] | None:
    """The qualifying window, the size of the fullest in force, its level, and when the window was enough."""
    windows = [tuple(sorted(t for t in times if last - WINDOW * DAY <= t <= last)) for last in sorted(set(times))]
    in_force = [window for window in windows if window[-1] + HOLD * DAY >= now]
    enough = [window for window in in_force if len(window) >= 3]
    if not enough:
        return None
    fullest = max(map(len, in_force))
    return enough[-1], fullest, 3 if fullest >= 5 else 2, enough[-1][2]


grid = st.integers(0, 40).map(lambda step: step * 10 * DAY) | st.integers(0, 400).map(lambda days: days * DAY + 1)


@given(st.lists(grid, max_size=14), grid)
def test_bursts_are_what_the_contract_says_of_windows(times: list[int], later: int) -> None:
    now = max([*times, later])
    burst, wanted = found(times, now), naively(times, now)
    assert (burst is None) is (wanted is None)
    if burst is None:
        return
    window = tuple(sorted(times)[burst.first : burst.last])
    assert (window, burst.fullest, burst.level, burst.reached) == wanted


@given(st.lists(grid, min_size=3, max_size=14))
def test_nothing_changes_before_the_moment_that_a_burst_names(times: list[int]) -> None:
    now = max(times)
    burst = found(times, now)
    while burst is not None:
        assert burst.until > now
        before = naively(times, burst.until - 1)
        assert before == naively(times, now)
        assert naively(times, burst.until) != before
        now = burst.until
        burst = found(times, now)
    assert naively(times, now + DAY) is None


def test_both_ends_of_a_window_are_in_it() -> None:
    assert found([0, 1, 30 * DAY], 30 * DAY) is not None
    assert found([0, 1, 30 * DAY + 1], 30 * DAY + 1) is None


def test_a_burst_is_in_force_up_to_and_including_the_last_moment() -> None:
    times = [0, DAY, 2 * DAY]
    assert found(times, 182 * DAY) is not None
    assert found(times, 182 * DAY + 1) is None


def test_the_level_comes_from_the_fullest_window_and_the_members_from_the_latest() -> None:
    full, late = [number * DAY for number in range(5)], [number * DAY for number in (100, 101, 102)]
    burst = found([*full, *late], 150 * DAY)
    assert burst is not None
    assert (burst.first, burst.last, burst.fullest, burst.level) == (5, 8, 5, 3)
    assert burst.until == 184 * DAY + 1
    after = found([*full, *late], burst.until)
    assert after is not None
    assert (after.fullest, after.level) == (3, 2)


@pytest.mark.parametrize("times", [[], [0], [0, 0]])
def test_too_few_happenings_are_no_burst(times: list[int]) -> None:
    assert found(times, 0) is None


def test_many_happenings_at_one_moment_are_one_window() -> None:
    burst = found([7] * 6, 7)
    assert burst is not None
    assert (burst.first, burst.last, burst.fullest, burst.reached) == (0, 6, 6, 7)
