"""When the hosts of a worker work out what follows from what came: all at the same beats.

Whatever comes between two beats is judged once, and said in few, large messages; whatever is said at the same beat is
written to the database together. A beat more costs every event's delay one interval a stage, a beat less costs
processor time: so beats are `LEAST` apart while there is little to do, and further apart the more there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LEAST: Final = 0.06
"""Seconds between two beats while there is little to do."""
MOST: Final = 2.0
_SHARE: Final = 4
"""What is done at beats takes about a fifth of the time at most, until they are `MOST` apart."""


class Pace:
    """The beats of one worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, spent: Callable[[], float] = time.thread_time):
        """`clock`: seconds; `spent`: seconds of processor time of this thread, whatever else the machine does."""
        self._clock = clock
        self._spent = spent
        self._at = clock()
        self._busy = 0.0

    async def beat(self) -> None:
        """Waits for the next beat, which is the same for all who wait."""
        now = self._clock()
        if now >= self._at:
            self._at = now + min(MOST, max(LEAST, _SHARE * self._busy))
            self._busy = 0.0
        await asyncio.sleep(self._at - now)

    @contextmanager
    def work(self) -> Iterator[None]:
        """What is done inside counts as the work of a beat."""
        began = self._spent()
        try:
            yield
        finally:
            self._busy += self._spent() - began
