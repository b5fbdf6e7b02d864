"""When the hosts of a worker work out what follows from what came: all at the same beats.

Whatever comes between two beats is judged once, and said in few, large messages; what boards have to write at the same
beat is one transaction. A longer beat saves processor time and costs delay, once at each stage that an event goes
through. So what is late already decides: beats are `LEAST` apart while everything is taken in as it arrives, and a
quarter of the delay apart, `MOST` at most, while a backlog is worked off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

LEAST: Final = 0.08
"""Seconds between two beats while nothing is late."""
MOST: Final = 5.0
_SHARE: Final = 0.25


class Pace:
    """The beats of one worker."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since 1970, as the brokers stamp messages."""
        self._clock = clock
        self._oldest: int | None = None
        self._next = asyncio.Event()
        self._is_set = False

    def took(self, moment: int) -> None:
        """A message was taken in that the brokers stamped with this moment (microseconds since 1970)."""
        if self._oldest is None or moment < self._oldest:
            self._oldest = moment

    async def beat(self) -> None:
        """Waits for the next beat, which is the same for all who wait."""
        if not self._is_set:
            self._is_set = True
            asyncio.get_running_loop().call_later(self.interval(), self._ring)
        await self._next.wait()

    def interval(self) -> float:
        """Seconds to the next beat, by what was taken in since the last one was asked for."""
        late = 0.0 if self._oldest is None else self._clock() - self._oldest / 1e6
        self._oldest = None
        return min(MOST, max(LEAST, _SHARE * late))

    def _ring(self) -> None:
        self._next.set()
        self._next, self._is_set = asyncio.Event(), False
