"""How rare scores are beyond those that ranks can tell: one tail of all groups together.

The score of a detector bends where what is rare begins to count (`models.anomaly.detector`), near the highest
hundredth: a tail fitted from further below takes the bend for heaviness, and everything beyond for ordinary. So the
tail is of the highest hundredth alone. It is a generalised Pareto one (Pickands 1975), drawn towards the exponential
that sums of negative logarithms of shares have; small groups, which have no hundredth, take the bend from everybody's.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec
import numpy as np

from models.arrays import Floats

_SHARE: Final = 0.01
_LEAST: Final = 20
_MOST: Final = 50
"""More would leave to the tail what ranks tell without it, where the reference is large."""
_EXPONENTIAL: Final = 300.0
"""How many excesses the belief in an exponential tail weighs as."""
_HEAVIEST: Final = 0.5
_NONE: Final = 1e-6


class Tail(msgspec.Struct, frozen=True):
    """`known`: the scores of all, ascending; beyond the highest `reach` of them goes the tail, of `scale` and `shape`
    (0: exponential). A hazard is the negative logarithm of the share of scores above; `ranks`: those of the others.
    """

    known: Floats
    ranks: Floats
    scale: float
    shape: float

    @classmethod
    def of(cls, known: Floats, scale: float, shape: float) -> Self:
        """Such a tail of such scores."""
        size = len(known)
        above = np.arange(size - 1, reach(size) - 1, -1).clip(1)
        return cls(known, np.asarray(np.log((size + 1) / above), np.float64), scale, shape)

    @property
    def reach(self) -> int:
        """How many scores the tail was fitted to."""
        return len(self.known) - len(self.ranks)

    def hazards(self, scores: Floats) -> Floats:
        """The hazard at each score."""
        begin = self._ranked[-1]
        beyond = np.maximum(scores - begin, 0.0) / self.scale
        more = beyond if self.shape < _NONE else np.log1p(self.shape * beyond) / self.shape
        return np.where(scores > begin, self.ranks[-1] + more, np.interp(scores, self._ranked, self.ranks))

    def score_at(self, hazard: float) -> float:
        """The score that has a hazard."""
        more = hazard - float(self.ranks[-1])
        if more <= 0.0:
            return float(np.interp(hazard, self.ranks, self._ranked))
        times = more if self.shape < _NONE else float(np.expm1(self.shape * more)) / self.shape
        return float(self._ranked[-1]) + self.scale * times

    @property
    def _ranked(self) -> Floats:
        return self.known[: len(self.ranks)]


def reach(size: int) -> int:
    """How many of the highest of so many scores the tail is fitted to; 0 for a single one."""
    return min(size - 1, max(_LEAST, min(int(size * _SHARE), _MOST)))


def fit_tail(known: Floats) -> Tail:
    """The tail of scores, ascending."""
    size = reach(len(known))
    if not size:
        return Tail.of(known, 1.0, 0.0)
    excess = known[-size:] - known[-size - 1]
    shape = max(_shape(excess), 0.0) * size / (size + _EXPONENTIAL)
    return Tail.of(known, max(float(excess.mean()) * (1.0 - shape), 1e-9), shape)


def _shape(excess: Floats) -> float:
    """The shape by probability-weighted moments (Hosking and Wallis 1987) of how far scores are beyond the threshold,
    ascending.
    """
    size = len(excess)
    mean = float(excess.mean())
    weighted = float((excess * (size - np.arange(1, size + 1) + 0.35)).sum() / size**2)
    if mean - 2.0 * weighted <= 0.0:
        return _HEAVIEST
    return min(2.0 - mean / (mean - 2.0 * weighted), _HEAVIEST)
