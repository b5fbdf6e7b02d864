"""The clock by which intake stamps what it receives: the machine's, but not shaken by its jumps.

A clock that is set ahead by mistake would move Now for ever (contract §3), one that is set back would have sound
events refused as of the future. So after a jump the monitor goes on by its own reckoning and says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from config.moments import SECOND

log = logging.getLogger(__name__)

TOLERANCE: Final = 60 * SECOND
"""A difference up to which the machine's clock is followed: it is being put right gently, or drifts."""


def _wall() -> int:
    return time.time_ns() // 1000


def _elapsed() -> int:
    """Microseconds since some moment, never set by anybody; goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class SteadyClock:
    """Microseconds since 1970; never goes back."""

    def __init__(self, wall: Callable[[], int] = _wall, elapsed: Callable[[], int] = _elapsed) -> None:
        """`wall`: the clock that may jump; `elapsed`: one that cannot. Both in microseconds."""
        self._wall, self._elapsed = wall, elapsed
        self._at, self._elapsed_at = wall(), elapsed()
        self._jumped = False

    def __call__(self) -> int:
        """The present moment."""
        elapsed = self._elapsed()
        reckoned = self._at + elapsed - self._elapsed_at
        shown = self._wall()
        if abs(shown - reckoned) <= TOLERANCE:
            if self._jumped:
                self._jumped = False
                log.warning("系统时钟已恢复 / the machine's clock is right again")
            reckoned = max(self._at, shown)
        elif not self._jumped:
            self._jumped = True
            seconds = (shown - reckoned) // SECOND
            log.warning(
                "系统时钟跳动 %+d 秒，监测按自身计时继续；请校准时钟（NTP），若新时间才是对的，请重启 / "
                "the machine's clock jumped by %+d s: the monitor goes on by its own reckoning; put the clock right "
                "(NTP), or restart if the new time is the right one",
                seconds,
                seconds,
            )
        self._at, self._elapsed_at = reckoned, elapsed
        return reckoned
