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

    def __init__(self, spent: Callable[[], float] = time.thread_time) -> None:
        """`spent`: seconds of processor time of this thread, whatever else the machine does."""
        self._spent = spent
        self._next = asyncio.Event()
        self._is_set = False
        self._busy = 0.0

    async def beat(self) -> None:
        """Waits for the next beat, which is the same for all who wait."""
        if not self._is_set:
            self._is_set = True
            asyncio.get_running_loop().call_later(min(MOST, max(LEAST, _SHARE * self._busy)), self._ring)
            self._busy = 0.0
        await self._next.wait()

    def _ring(self) -> None:
        self._next.set()
        self._next, self._is_set = asyncio.Event(), False

    @contextmanager
    def work(self) -> Iterator[None]:
        """What is done inside counts as the work of a beat."""
        began = self._spent()
        try:
            yield
        finally:
            self._busy += self._spent() - began
