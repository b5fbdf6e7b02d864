"""What officers found when they closed tasks, as labels: with corrections, and which tasks were drawn by lot.

Whoever is looked at because of an alert says nothing of those nobody looks at; the control sample, drawn by lot among
enterprises without alerts, does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np

from models.arrays import Ints, Mask

HOLDS: Final = (1 << 63) - 1
"""Until when an outcome holds that was not corrected."""


class Found(NamedTuple):
    """One outcome: the enterprise's number, when its task was closed, from when to when this outcome was the one that
    held (later ones are corrections), its results as bits (see `Happenings`), and whether the task was drawn by lot.
    """

    ref: int
    closed: int
    known: int
    until: int
    results: int
    drawn: bool


class Outcomes(msgspec.Struct, frozen=True):
    """Columns of `Found`, ordered by `refs`."""

    refs: Ints
    closed: Ints
    known: Ints
    until: Ints
    results: Ints
    drawn: Mask

    @classmethod
    def of(cls, found: Iterable[Found]) -> Self:
        """Some outcomes."""
        rows = np.array(sorted(found), np.int64).reshape(-1, len(Found._fields))
        return cls(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 5].astype(bool))

    def holding(self, after: int, now: int) -> Outcomes:
        """Those of tasks that were closed later than `after`, as they were known at `now`."""
        rows = (self.closed > after) & (self.closed <= now) & (self.known <= now) & (now < self.until)
        return Outcomes(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def mask(self, refs: Ints, which: Mask) -> Mask:
        """By place in some numbers of enterprises, whether one of these outcomes of theirs is among `which`."""
        found: Mask = np.isin(refs, self.refs[which])
        return found


NO_OUTCOMES: Final = Outcomes.of(())
