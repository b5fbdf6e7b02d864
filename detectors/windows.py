"""Windows over dated happenings: the bursts and surges of contract §4, "Exact meanings"."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from config.moments import DAY
from detectors.base import Levels, level_of


class Burst(NamedTuple):
    """`first` and `last` delimit the qualifying window in the happenings (last excluded), `fullest` is the size of
    the fullest window in force, `reached` the moment at which the qualifying window reached the threshold.
    """

    first: int
    last: int
    fullest: int
    level: int
    reached: int
    until: int


def find_burst(
    times: Sequence[int], levels: Levels, window_days: int, hold_days: int, now: int
) -> Burst | None:
    """The burst in force among ascending moments, or None.

    A window ends at a happening and holds all happenings of the `window_days` × 24 h up to and including it; it is
    in force up to and including `hold_days` × 24 h after that happening. The qualifying window is the latest in
    force with the lowest threshold or more; the level comes from the fullest in force.
    """
    threshold = int(levels[0][1])
    count = len(times)
    if count < threshold or times[-1] + hold_days * DAY < now:
        return None
    window, hold = window_days * DAY, hold_days * DAY
    qualifying: tuple[int, int] | None = None
    fullest = 0
    fullest_ends = 0
    last = count
    oldest_in_force = bisect_left(times, now - hold)
    while last > oldest_in_force:
        ends = times[last - 1]
        first = bisect_left(times, ends - window, 0, last)
        size = last - first
        if size >= threshold:
            if qualifying is None:
                qualifying = (first, last)
            if size > fullest:
                fullest, fullest_ends = size, ends
        last = bisect_left(times, ends, 0, last)
    if qualifying is None:
        return None
    start, end = qualifying
    return Burst(
        start,
        end,
        fullest,
        level_of(fullest, levels),
        times[start + threshold - 1],
        fullest_ends + hold + 1,
    )
