"""Windows over dated happenings: the bursts and surges of contract §4, "Exact meanings"."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from config.moments import DAY
from detectors.base import Evidence, Levels, level_of


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
    happenings: Sequence[Evidence], levels: Levels, window_days: int, hold_days: int, now: int
) -> Burst | None:
    """The burst in force among dated happenings in ascending order, or None.

    A window ends at a happening and holds all happenings of the `window_days` × 24 h up to and including it; it is in
    force up to and including `hold_days` × 24 h after that happening. The qualifying window is the latest in force
    with the lowest threshold or more; the level comes from the fullest in force. Only happenings that are in a window
    in force are looked at, so an old hub costs nothing.
    """
    threshold = int(levels[0][1])
    last = len(happenings)
    window, hold = window_days * DAY, hold_days * DAY
    if last < threshold or happenings[-1][0] + hold < now:
        return None
    qualifying: tuple[int, int] | None = None
    fullest = fullest_ends = 0
    oldest_in_force = bisect_left(happenings, _at(now - hold))
    while last > oldest_in_force:
        ends = happenings[last - 1][0]
        first = bisect_left(happenings, _at(ends - window), 0, last)
        size = last - first
        if size >= threshold:
            qualifying = qualifying or (first, last)
            if size > fullest:
                fullest, fullest_ends = size, ends
        last = bisect_left(happenings, _at(ends), 0, last)
    if qualifying is None:
        return None
    reached = happenings[qualifying[0] + threshold - 1][0]
    level = level_of(fullest, levels)
    return Burst(*qualifying, fullest, level, reached, fullest_ends + hold + 1)


def _at(moment: int) -> Evidence:
    """Stands before everything that happened at a moment."""
    return moment, -1, "", -1
