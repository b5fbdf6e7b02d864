"""How far out each value of an enterprise lies among its peers: the part of the anomaly model that can be read off.

For each feature the share of the training rows that lie at least as far out, as its negative logarithm, as in ECOD
(Li et al. 2022) and COPOD (Li et al. 2020): the harmful side where the registry names one, else the longer tail by
skewness. Beyond the outermost hundredth of the training rows the tail goes on as an exponential one. That says too much
where real rows have heavy tails of their own; by ranks it goes on as the training rows do, to the tenth from the end.

Two sums of it are used: over all features, and over the three most unusual ones, since what is odd about an enterprise
shows in few features and is drowned in a sum over sixty. Features that go together are a bundle, of which only the most
unusual one counts there: one penalty must not count ten times. There a feature counts by what it has beyond `USUAL`:
of some ten bundles one is as far out in any row, and three ordinary ones must not outweigh a single rare one. Each
summand is that feature's contribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, Self

import msgspec
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from models.anomaly.scaling import MOST, within
from models.arrays import Floats, Ints, Singles

STRONGEST: Final = 3
"""How many bundles the second sum is over."""

USUAL: Final = 3.0
"""What a feature contributes in one row of twenty: the strongest count by what they have beyond it."""

_STEPS: Final = 64
"""Steps of the tables for each unit of scale."""

BINS: Final = int(2 * MOST * _STEPS) + 1
"""Steps of a table."""

_OUTERMOST: Final = 0.01
_KNOTS: Final = 8
_LAST: Final = 10
"""Rows that are further out than the last knot of a tail by ranks."""
_MOST: Final = 25.0
_LEAST_SPREAD: Final = 0.2
"""A tail is at least a fifth as wide as it is far out: where all of it is of one day, the next day is nothing new."""
_TOGETHER: Final = 0.3
"""Features are of one bundle where the contributions of both correlate by so much on average."""


class Tails(msgspec.Struct, frozen=True):
    """`table`: by feature and step of scale from -8 to 8, the negative logarithm of the share at least as far out.

    `sides`: +1 where the right tail of a feature counts, -1 where the left one does. `knots`, `hazards`: by feature
    some places from the outermost hundredth on, ascending, and the logarithm there; the tail is exponential beyond the
    first with the scale `spreads`, by ranks it is straight between them and exponential beyond the last with the scale
    `last_spreads`. `bundled`: features in the order of their bundles, `begins`: where each bundle begins in it.
    """

    table: Singles
    sides: Ints
    knots: Singles
    hazards: Singles
    spreads: Singles
    last_spreads: Singles
    bundled: Ints
    begins: Ints

    def contributions(self, scaled: Singles) -> Singles:
        """What each value adds (n × m, 0 to 25): 0 is nothing unusual, 4.6 is one row in a hundred."""
        return self.both(scaled)[0]

    def ranked(self, scaled: Singles) -> Singles:
        """The same by ranks."""
        return self.both(scaled)[1]

    def both(self, scaled: Singles) -> tuple[Singles, Singles]:
        """The contributions, and those by ranks."""
        step = steps(scaled)
        step += np.arange(scaled.shape[1]) * BINS
        found = self.table.reshape(-1)[step]
        outward = scaled * self.sides.astype(np.float32)
        rows, features = np.nonzero(outward > self.knots[:, 0])
        outward = outward[rows, features]
        by_ranks = found.copy()
        by_ranks[rows, features] = np.minimum(self._ranked(outward, features), np.float32(_MOST))
        beyond = self.hazards[features, 0] + (outward - self.knots[features, 0]) / self.spreads[features]
        found[rows, features] = np.minimum(beyond, np.float32(_MOST))
        return found, by_ranks

    def _ranked(self, outward: Singles, features: Ints) -> Singles:
        """By ranks, of values of the outermost hundredth of their features."""
        last = self.knots.shape[1] - 1
        place = (outward[:, None] > self.knots[features]).sum(axis=1) - 1
        further = np.minimum(place + 1, last)
        low, high = self.knots[features, place], self.knots[features, further]
        begin, end = self.hazards[features, place], self.hazards[features, further]
        inside = place < last
        slope = np.where(inside, (end - begin) / np.where(inside, high - low, 1.0), 1.0 / self.last_spreads[features])
        return np.asarray(begin + (outward - low) * slope, np.float32)

    def strongest_sum(self, contributions: Singles) -> Floats:
        """The sum of what the three greatest contributions of each row have beyond `USUAL`, of each bundle its greatest
        one.
        """
        columns = contributions.T[self.bundled]
        first = second = third = np.full(len(contributions), USUAL, np.float32)
        for begin, end in pairwise([*self.begins.tolist(), len(columns)]):
            one = columns[begin] if end - begin == 1 else columns[begin:end].max(axis=0)
            first, one = np.maximum(first, one), np.minimum(first, one)
            second, one = np.maximum(second, one), np.minimum(second, one)
            third = np.maximum(third, one)
        found: Floats = np.stack([first, second, third]).sum(axis=0, dtype=np.float64)
        return found - STRONGEST * USUAL

    def strongest(self, contributions: Singles) -> Floats:
        """What those three have beyond `USUAL`, by feature (n × m), and 0 for all others; of equals the first count."""
        bundles = np.split(self.bundled, self.begins[1:])
        greatest = [bundle[np.argmax(contributions[:, bundle], axis=1)] for bundle in bundles]
        features = np.stack(greatest, axis=1)
        values = np.take_along_axis(contributions, features, axis=1).astype(np.float64)
        order = np.argsort(-values, axis=1, kind="stable")[:, :STRONGEST]
        found = np.zeros(contributions.shape)
        kept = np.take_along_axis(features, order, axis=1)
        beyond = np.maximum(np.take_along_axis(values, order, axis=1) - USUAL, 0.0)
        np.put_along_axis(found, kept, beyond, axis=1)
        return found

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """As plain arrays."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Of such parts. Raises KeyError where one is missing."""
        return cls(**{name: parts[name] for name in cls.__struct_fields__})


def steps(scaled: Singles) -> Ints:
    """For each value its step of scale, from 0 to `BINS` - 1."""
    return ((within(scaled) + np.float32(MOST)) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int64)


def fit_tails(scaled: Singles, sides: Ints) -> Tails:
    """Learns the tails from scaled rows. `sides` as in `Scaling`; 0: the longer tail is taken."""
    rows, features = scaled.shape
    near = within(scaled)
    moments = near.astype(np.float64) - near.mean(axis=0, dtype=np.float64)
    skew = (moments**3).mean(axis=0)
    chosen = np.where(np.abs(sides) == 1, sides, np.where(skew < 0, -1, 1)).astype(np.int64)
    shares = np.geomspace(_OUTERMOST, min(_LAST / rows, _OUTERMOST), _KNOTS)
    table = np.empty((features, BINS), np.float32)
    knots, hazards = (np.empty((features, _KNOTS), np.float32) for _ in range(2))
    spreads, last_spreads = (np.empty(features, np.float32) for _ in range(2))
    step = steps(scaled)
    for feature, side in enumerate(chosen):
        counts = np.bincount(step[:, feature], minlength=BINS).astype(np.float64)
        far = np.cumsum(counts[::-1])[::-1] if side > 0 else np.cumsum(counts)
        table[feature] = -np.log(np.maximum(far, 1.0) / rows)
        outward = np.sort(scaled[:, feature] * side)
        knots[feature] = np.quantile(outward, 1.0 - shares, method="higher")
        beyond = rows - np.searchsorted(outward, knots[feature], "right")
        hazards[feature] = -np.log(np.maximum(beyond, 1) / rows)
        spreads[feature] = _spread(outward[rows - beyond[0] :], float(knots[feature, 0]))
        last_spreads[feature] = _spread(outward[rows - beyond[-1] :], float(knots[feature, -1]))
    everything = np.arange(features)
    alone = Tails(table, chosen, knots, hazards, spreads, last_spreads, everything, everything)
    bundled, begins = _bundles(alone.contributions(scaled))
    return msgspec.structs.replace(alone, bundled=bundled, begins=begins)


def _spread(outside: Singles, end: float) -> float:
    """The scale of an exponential tail, from what is beyond its beginning."""
    mean = float(outside.mean()) - end if len(outside) else 1.0
    return max(mean, _LEAST_SPREAD * abs(end), 1e-6)


def _bundles(contributions: Singles) -> tuple[Ints, Ints]:
    """Bundles of features by the correlation of what they add (average linkage), in the order of their firsts."""
    features = contributions.shape[1]
    centred = contributions.astype(np.float64) - contributions.mean(axis=0, dtype=np.float64)
    spread = np.sqrt((centred**2).mean(axis=0))
    centred /= np.where(spread > 0, spread, 1.0)
    together = np.clip(centred.T @ centred / len(centred), 0.0, 1.0)
    np.fill_diagonal(together, 1.0)
    if features == 1:
        return np.zeros(1, np.int64), np.zeros(1, np.int64)
    tree = linkage(squareform(1.0 - together, checks=False), "average")
    labels = fcluster(tree, 1.0 - _TOGETHER, "distance")
    _, firsts, names = np.unique(labels, return_index=True, return_inverse=True)
    bundled = np.lexsort((np.arange(features), firsts[names]))
    begins = np.flatnonzero(np.diff(firsts[names][bundled], prepend=-1))
    return bundled.astype(np.int64), begins.astype(np.int64)
