"""Beats: one for all who wait, and how far apart they are."""

from __future__ import annotations

import asyncio

import pytest

from monitor.cluster.pace import LEAST, MOST, Pace


@pytest.mark.parametrize(
    ("late", "seconds"), [(-3.0, LEAST), (0.0, LEAST), (4 * LEAST, LEAST), (8.0, 2.0), (3600.0, MOST)]
)
def test_beats_are_a_quarter_of_the_delay_apart(late: float, seconds: float) -> None:
    pace = Pace(clock=lambda: 1000.0)
    pace.took(int((1000.0 - late) * 1e6))
    assert pace.interval() == pytest.approx(seconds)


def test_the_message_that_is_latest_decides_and_is_forgotten_at_the_next_beat() -> None:
    pace = Pace(clock=lambda: 1000.0)
    assert pace.interval() == LEAST
    for moment in (999, 992, 998):
        pace.took(moment * 1_000_000)
    assert pace.interval() == 2.0
    assert pace.interval() == LEAST


def test_all_wait_for_the_same_beat_and_for_the_next_one_anew() -> None:
    heard: list[str] = []

    async def listen(pace: Pace, name: str, beats: int) -> None:
        for _ in range(beats):
            await pace.beat()
            heard.append(name)

    async def run() -> None:
        pace = Pace()
        await asyncio.gather(listen(pace, "a", 3), listen(pace, "b", 3), listen(pace, "c", 1))

    asyncio.run(run())
    assert [sorted(heard[:3]), sorted(heard[3:5]), sorted(heard[5:])] == [["a", "b", "c"], ["a", "b"], ["a", "b"]]
