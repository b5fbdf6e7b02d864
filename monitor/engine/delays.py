"""How long events wait between their receipt and the commit of what follows from them, for Prometheus."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the buckets in seconds; one more takes the rest."""


class Delays:
    """A histogram of seconds, one count an event. It begins when the monitor goes live: a backlog says nothing of it.

    The writer's thread fills it; any thread may ask for its state.
    """

    def __init__(self) -> None:
        """Nothing has been counted."""
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._waiting: list[tuple[float, int]] = []
        self._counting = False
        self._received = 0.0

    def begin(self) -> None:
        """From here on events are counted."""
        self._counting = True

    def receive(self) -> None:
        """A micro-batch is received now."""
        self._received = time.monotonic()

    def came(self, count: int) -> None:
        """So many events of the micro-batch were new."""
        if self._counting and count:
            self._waiting.append((self._received, count))

    def judged(self) -> None:
        """What follows from all events so far has been committed."""
        if not self._waiting:
            return
        now = time.monotonic()
        with self._lock:
            for at, count in self._waiting:
                self._counts[bisect_left(BOUNDS, now - at)] += count
                self._sum += (now - at) * count
        self._waiting.clear()

    def state(self) -> tuple[list[int], float]:
        """Counts by bucket, not added up, and the sum of all delays in seconds."""
        with self._lock:
            return list(self._counts), self._sum
