"""How far out each value of an enterprise lies among its peers: the part of the anomaly model that can be read off.

For each feature the share of the training rows that lie at least as far out, as its negative logarithm, as in ECOD
(Li et al. 2022) and COPOD (Li et al. 2020): the harmful side where the registry names one, else the longer tail by
skewness. Beyond the outermost hundredth of the training rows the tail goes on as an exponential one.

Two sums of it are used: over all features, and over the three most unusual ones, since what is odd about an enterprise
shows in few features and is drowned in a sum over sixty. Features that go together are a bundle, of which only the most
unusual one counts there: one penalty must not count ten times. Each summand is that feature's contribution.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from models.anomaly.scaling import MOST, within
from models.arrays import Floats, Ints, Singles

STRONGEST: Final = 3
"""How many bundles the second sum is over."""

_STEPS: Final = 64
"""Steps of the tables for each unit of scale."""

_BINS: Final = int(2 * MOST * _STEPS) + 1
_OUTERMOST: Final = 0.01
_MOST: Final = 25.0
_LEAST_SPREAD: Final = 0.2
"""A tail is at least a fifth as wide as it is far out: where all of it is of one day, the next day is nothing new."""
_TOGETHER: Final = 0.3
"""Features are of one bundle where the contributions of both correlate by so much on average."""


class Tails(msgspec.Struct, frozen=True):
    """`table`: by feature and step of scale from -8 to 8, the negative logarithm of the share at least as far out.

    `sides`: +1 where the right tail of a feature counts, -1 where the left one does. `ends`, `bases`, `spreads`: by
    feature, from where on the tail is exponential, what it begins with there, and its scale. `bundled`: features in the
    order of their bundles, `begins`: where each bundle begins in it.
    """

    table: Singles
    sides: Ints
    ends: Singles
    bases: Singles
    spreads: Singles
    bundled: Ints
    begins: Ints

    def contributions(self, scaled: Singles) -> Singles:
        """What each value adds (n × m, 0 to 25): 0 is nothing unusual, 4.6 is one row in a hundred."""
        step = ((within(scaled) + np.float32(MOST)) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int64)
        step += np.arange(scaled.shape[1]) * _BINS
        found = self.table.reshape(-1)[step]
        beyond = scaled * self.sides.astype(np.float32) - self.ends
        rows, features = np.nonzero(beyond > 0)
        outside = self.bases[features] + beyond[rows, features] / self.spreads[features]
        found[rows, features] = np.minimum(outside, np.float32(_MOST))
        return found

    def strongest_sum(self, contributions: Singles) -> Floats:
        """The sum of the three greatest contributions of each row, of each bundle its greatest."""
        found = np.maximum.reduceat(contributions[:, self.bundled], self.begins, axis=1)
        bundles = found.shape[1]
        if bundles > STRONGEST:
            found = np.partition(found, bundles - STRONGEST, axis=1)[:, -STRONGEST:]
        return np.asarray(found.sum(axis=1, dtype=np.float64), np.float64)

    def strongest(self, contributions: Singles) -> Floats:
        """The contributions of each row with all but those three set to 0; of equals the first are kept."""
        bundles = np.split(self.bundled, self.begins[1:])
        greatest = [bundle[np.argmax(contributions[:, bundle], axis=1)] for bundle in bundles]
        features = np.stack(greatest, axis=1)
        values = np.take_along_axis(contributions, features, axis=1).astype(np.float64)
        order = np.argsort(-values, axis=1, kind="stable")[:, :STRONGEST]
        found = np.zeros(contributions.shape)
        kept = np.take_along_axis(features, order, axis=1)
        np.put_along_axis(found, kept, np.take_along_axis(values, order, axis=1), axis=1)
        return found


def fit_tails(scaled: Singles, sides: Ints) -> Tails:
    """Learns the tails from scaled rows. `sides` as in `Scaling`; 0: the longer tail is taken."""
    rows, features = scaled.shape
    near = within(scaled)
    moments = near.astype(np.float64) - near.mean(axis=0, dtype=np.float64)
    skew = (moments**3).mean(axis=0)
    chosen = np.where(np.abs(sides) == 1, sides, np.where(skew < 0, -1, 1)).astype(np.int64)
    table = np.empty((features, _BINS), np.float32)
    ends, bases, spreads = (np.empty(features, np.float32) for _ in range(3))
    steps = ((near + np.float32(MOST)) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int64)
    for feature, side in enumerate(chosen):
        counts = np.bincount(steps[:, feature], minlength=_BINS).astype(np.float64)
        far = np.cumsum(counts[::-1])[::-1] if side > 0 else np.cumsum(counts)
        table[feature] = -np.log(np.maximum(far, 1.0) / rows)
        outward = scaled[:, feature] * side
        ends[feature] = end = np.quantile(outward, 1.0 - _OUTERMOST, method="higher")
        outside = outward[outward > end] - end
        bases[feature] = -np.log(max(len(outside), 1) / rows)
        spreads[feature] = max(outside.mean() if len(outside) else 1.0, _LEAST_SPREAD * abs(float(end)), 1e-6)
    alone = Tails(table, chosen, ends, bases, spreads, np.arange(features), np.arange(features))
    bundled, begins = _bundles(alone.contributions(scaled))
    return msgspec.structs.replace(alone, bundled=bundled, begins=begins)


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
