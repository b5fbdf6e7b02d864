"""How many on-site visits an enterprise still has this year: those that were made, and those that are planned.

涉企行政检查: one agency comes at most twice a year, in principle (嘉善 2025, second-hand). The figures are policy.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable

from config.queueing import QueuePolicy
from monitor.supervision.tasks import Task

VisitsOf = Callable[[str], Iterable[dt.date]]
"""The dates, in Asia/Shanghai, on which this agency was on site at an enterprise, by its code; at least those within
the window.
"""


class Visits:
    """The visits that are left by a day. `tasks` are those whose plans count: all open ones, whatever their county."""

    def __init__(self, visits_of: VisitsOf, tasks: Iterable[Task], today: dt.date, policy: QueuePolicy) -> None:
        """Reads the plans; dates are asked for when an enterprise is."""
        self._visits_of = visits_of
        self._most = policy.visits_a_year
        self._after = today - dt.timedelta(days=policy.visit_window_days)
        self._planned: Counter[str] = Counter()
        for task in tasks:
            self._planned.update(task.visits)

    def used_up(self, codes: Iterable[str]) -> list[str]:
        """Those of some enterprises that have no visit left."""
        return [code for code in codes if self._taken(code) >= self._most]

    def plan(self, task: Task) -> None:
        """Counts the visits of one more task."""
        self.take(task.visits)

    def take(self, codes: Iterable[str]) -> None:
        """Counts one more planned visit to each of some enterprises."""
        self._planned.update(codes)

    def unplan(self, task: Task) -> None:
        """Counts those of a task no more, which has still to be open."""
        self._planned.subtract(task.visits)

    def _taken(self, code: str) -> int:
        return self._planned[code] + sum(1 for day in self._visits_of(code) if day > self._after)
