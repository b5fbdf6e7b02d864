"""How rare a part of the score is beyond the highest hundredth: parts of any scale become comparable there."""

from __future__ import annotations

from typing import Final, Self

import msgspec
import numpy as np

from models.arrays import Floats

_OUTERMOST: Final = 0.01


class Rarity(msgspec.Struct, frozen=True):
    """Beyond `end` a part is by `least`, and by one more for each `spread`, rarer than one in a hundred."""

    end: float
    least: float
    spread: float

    @classmethod
    def of(cls, part: Floats) -> Self:
        """The rarity by the values of a part in training rows: exponential beyond their highest hundredth."""
        end = float(np.quantile(part, 1.0 - _OUTERMOST, method="higher"))
        outside = part[part > end] - end
        least = float(np.log(len(part) * _OUTERMOST / max(len(outside), 1)))
        return cls(end, max(least, 0.0), float(outside.mean()) if len(outside) else 1.0)

    def beyond(self, part: Floats) -> Floats:
        """How much rarer than one in a hundred, as a negative logarithm; 0 for all others."""
        return np.where(part > self.end, self.least + (part - self.end) / self.spread, 0.0)
