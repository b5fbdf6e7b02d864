"""How far each value of an enterprise is from what its other facts let expect: the part of the anomaly model that sees
what no single value shows, such as many penalties in a month of one that had none before.

Values become normal scores, ties in the middle of their ranks, so that neither heavy tails nor whole numbers matter.
There each feature is predicted from all others by ridge regression, all at once by the inverse of the correlations (the
conditional mean of a Gaussian copula). How rare what remains is, is read off tails by ranks, as for values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec
import numpy as np
from scipy.special import ndtri

from models.anomaly.scaling import MOST
from models.anomaly.tails import BINS, Tails, fit_tails, steps
from models.arrays import Floats, Ints, Singles

_RIDGE: Final = 0.2
"""Part of the correlations that is not believed: features that always went together need not do so for ever."""

_LEAST_SPREAD: Final = 1e-3
_SCORES: Final = 2.0**10
_WAYS: Final = 2.0**20
"""Normal scores and weights are multiples of one over these: sums of their products are exact, so that what remains of
a row does not depend on those beside it.
"""


class Departures(msgspec.Struct, frozen=True):
    """`normal`: by feature and step of scale the normal score. Normal scores times `ways` less `middle` is what remains
    of each feature, in standard deviations of its scores, `spread`; `tails`: how rare that is.
    """

    normal: Floats
    ways: Floats
    middle: Floats
    spread: Floats
    tails: Tails

    def remaining(self, scaled: Singles) -> Singles:
        """What remains of each value when all others are known (n × m)."""
        return _remaining(_scores(self.normal, scaled), self.ways, self.middle)

    def contributions(self, scaled: Singles) -> Singles:
        """How rare what remains of each value is, as a negative logarithm (n × m)."""
        return self.tails.ranked(self.remaining(scaled))

    def expected(self, scaled: Singles) -> Singles:
        """The values, on their scale, that all others let expect (n × m)."""
        scores = _scores(self.normal, scaled)
        scores -= _remaining(scores, self.ways, self.middle) * self.spread
        found = np.empty_like(scaled)
        for feature, known in enumerate(self.normal):
            step = np.minimum(np.searchsorted(known, scores[:, feature]), BINS - 1)
            found[:, feature] = step * (2.0 * MOST / (BINS - 1)) - MOST
        return found

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """As plain arrays."""
        return {name: getattr(self, name) for name in self.__struct_fields__} | {"tails": self.tails.parts()}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Of such parts. Raises KeyError where one is missing."""
        known = {name: parts[name] for name in cls.__struct_fields__}
        return cls(**known | {"tails": Tails.from_parts(parts["tails"])})


def fit_departures(scaled: Singles, sides: Ints) -> Departures:
    """Learns from scaled rows. `sides` as in `Scaling`; where none is harmful the longer side of what remains is."""
    normal = np.stack([_normal_scores(column) for column in steps(scaled).T])
    scores = _scores(normal, scaled)
    spread = scores.std(axis=0)
    varies = spread > _LEAST_SPREAD
    spread[~varies] = 1.0
    centred = (scores - scores.mean(axis=0)) / spread
    together = (centred.T @ centred) / len(centred) * np.outer(varies, varies)
    np.fill_diagonal(together, 1.0)
    inverse = np.linalg.inv((1.0 - _RIDGE) * together + _RIDGE * np.eye(len(spread)))
    ways = np.round(inverse / np.diag(inverse) / spread[:, None] * _WAYS) / _WAYS
    middle = scores.mean(axis=0) @ ways
    return Departures(normal, ways, middle, spread, fit_tails(_remaining(scores, ways, middle), sides))


def _normal_scores(column: Ints) -> Floats:
    """The normal score at each step, by how many values of a column are at lower steps and half of those at it."""
    counts = np.bincount(column, minlength=BINS)
    ranks = np.clip(np.cumsum(counts) - counts / 2, 0.5, len(column) - 0.5)
    return np.asarray(np.round(ndtri(ranks / len(column)) * _SCORES) / _SCORES, np.float64)


def _scores(normal: Floats, scaled: Singles) -> Floats:
    step = steps(scaled)
    step += np.arange(scaled.shape[1]) * BINS
    return np.asarray(normal.reshape(-1)[step], np.float64)


def _remaining(scores: Floats, ways: Floats, middle: Floats) -> Singles:
    return (scores @ ways - middle).astype(np.float32)
