"""On which day each enterprise was established last: two bytes each, so that those of late are found without a walk
through all histories.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.moments import DAY

_LAST: Final = (1 << 16) - 1


class Openings:
    """Days since 1970 (UTC) by the number of an enterprise; 0 for 1970 and before, and where none is known."""

    def __init__(self) -> None:
        """No establishment is known."""
        self._days = array("H")

    def add(self, ref: int, at: int) -> None:
        """An enterprise was established at a moment, perhaps once more."""
        days = self._days
        if ref >= len(days):
            days.extend([0] * (ref + 1024 - len(days)))
        day = _day_of(at)
        if day > days[ref]:
            days[ref] = day

    def since(self, at: int) -> NDArray[np.int64]:
        """The enterprises that were established on the day of a moment or later, by number."""
        return np.flatnonzero(np.frombuffer(self._days, np.uint16) >= max(1, _day_of(at)))

    def dump(self) -> bytes:
        """What a snapshot keeps."""
        return self._days.tobytes()

    def load(self, days: bytes) -> None:
        """Takes over what `dump` gave."""
        self._days = array("H", days)


def _day_of(at: int) -> int:
    return min(max(at // DAY, 0), _LAST)
