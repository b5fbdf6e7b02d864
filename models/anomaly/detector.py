"""The detector of anomalies: an isolation forest, the model of record, with the tails beside it.

One forest on features scaled within peer groups (a forest a group would cost several times as much and learn from
less). The parts are put on one scale by quantiles of the training rows and added, so that contributions of the forest
(by SHAP) and of the tails add up to the score. Source: Liu, Ting, Zhou, Isolation Forest, 2008.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec
import numpy as np
from sklearn.ensemble import IsolationForest

from models.anomaly.isolation import Isolation
from models.anomaly.scaling import Scaling, fit_scaling, within
from models.anomaly.tails import Tails, fit_tails
from models.arrays import Floats, Ints, Singles

BATCH: Final = 2_048
"""Rows that are scored at once; one at a time costs a thousand times as much each."""

TRUSTED: Final = frozenset({"sklearn.tree._tree.Tree"})
"""Beside what skops trusts by itself, the only type that a stored detector holds."""

TREES: Final = 100
SUBSAMPLE: Final = 1_024
TAILS_WEIGHT: Final = 0.2
STRONG_WEIGHT: Final = 10.0
"""Both chosen by measurement, see docs/models.md: the first on benchmark sets, the second on made-up provinces."""

_LEAST_PEERS: Final = 200
_MOST_ROWS: Final = 200_000


class Detector(msgspec.Struct, frozen=True):
    """A fitted detector. The score is `forest_weight` × forest + `tails_weight` × tails + `strong_weight` × what the
    three strongest tails together exceed `strong_from` by, less `offset`; 0 is an ordinary row.
    """

    scaling: Scaling
    tails: Tails
    isolation: Isolation
    forest_weight: float
    tails_weight: float
    strong_weight: float
    strong_from: float
    offset: float

    @classmethod
    def fit(cls, values: Singles, peers: Ints, seed: int, *, sides: Ints | None = None, trees: int = TREES) -> Self:
        """Learns what is usual. `values`: n × m, NaN where not known; `peers`: groups, see `models.peers`; `sides`: the
        harmful side of each feature (+1, -1, 0 for both, which is the default). The same input gives the same detector.
        Raises ValueError for fewer than two rows.
        """
        if len(values) < 2:
            raise ValueError("学习至少需要两行 / at least two rows are needed to learn from")
        sides = np.zeros(values.shape[1], np.int64) if sides is None else sides
        rng = np.random.default_rng(seed)
        if len(values) > _MOST_ROWS:
            rows = np.sort(rng.choice(len(values), _MOST_ROWS, replace=False))
            values, peers = values[rows], peers[rows]
        scaling = fit_scaling(values, peers, sides, _LEAST_PEERS)
        scaled = scaling.apply(values, peers)
        tails = fit_tails(scaled, sides)
        near = within(scaled)
        forest = IsolationForest(
            n_estimators=trees, max_samples=min(SUBSAMPLE, len(near)), random_state=int(rng.integers(2**31))
        ).fit(near)
        isolation = Isolation.of(forest)
        seen = np.sort(rng.choice(len(scaled), min(len(scaled), 20_000), replace=False))
        forest_middle, forest_spread = _middle_and_spread(isolation.score(near[seen]))
        added = tails.contributions(scaled[seen])
        tails_middle, tails_spread = _middle_and_spread(added.sum(axis=1, dtype=np.float64))
        usual, rare = (float(one) for one in np.percentile(tails.strongest_sum(added), [90, 99]))
        forest_weight, tails_weight = 1.0 / forest_spread, TAILS_WEIGHT / tails_spread
        strong_weight = STRONG_WEIGHT / ((rare - usual) or 1.0)
        offset = forest_weight * forest_middle + tails_weight * tails_middle
        return cls(scaling, tails, isolation, forest_weight, tails_weight, strong_weight, rare, offset)

    def score(self, values: Singles, peers: Ints) -> Floats:
        """How unusual each row is among its peers; the more, the more unusual."""
        found = np.empty(len(values))
        for first in range(0, len(values), BATCH):
            rows = slice(first, first + BATCH)
            scaled = self.scaling.apply(values[rows], peers[rows])
            added = self.tails.contributions(scaled)
            strong = np.maximum(self.tails.strongest_sum(added) - self.strong_from, 0.0)
            found[rows] = (
                self.forest_weight * self.isolation.score(within(scaled))
                + self.tails_weight * added.sum(axis=1, dtype=np.float64)
                + self.strong_weight * strong
                - self.offset
            )
        return found

    def tail_contributions(self, values: Singles, peers: Ints) -> Floats:
        """What the tails of single values add to the scores (n × m); for reasons, together with the forest's."""
        added = self.tails.contributions(self.scaling.apply(values, peers))
        three = self.tails.strongest(added)
        total = three.sum(axis=1, keepdims=True)
        share = three * (np.maximum(total - self.strong_from, 0.0) / np.maximum(total, 1e-9))
        return np.asarray(added * self.tails_weight + share * self.strong_weight, np.float64)

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The detector as plain arrays, numbers and the forest, for a file."""
        return {
            "forest": self.isolation.forest,
            "groups": self.scaling.groups,
            "centre": self.scaling.centre,
            "spread": self.scaling.spread,
            "sides": self.scaling.sides,
            "tails": self.tails.table,
            "tail_sides": self.tails.sides,
            "tail_ends": self.tails.ends,
            "tail_bases": self.tails.bases,
            "tail_spreads": self.tails.spreads,
            "tail_bundled": self.tails.bundled,
            "tail_begins": self.tails.begins,
            "weights": [self.forest_weight, self.tails_weight, self.strong_weight, self.strong_from, self.offset],
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """The detector of such parts. Raises KeyError where one is missing."""
        scaling = Scaling(parts["groups"], parts["centre"], parts["spread"], parts["sides"])
        tails = Tails(
            *(parts[name] for name in ("tails", "tail_sides", "tail_ends", "tail_bases", "tail_spreads")),
            *(parts[name] for name in ("tail_bundled", "tail_begins")),
        )
        return cls(scaling, tails, Isolation.of(parts["forest"]), *parts["weights"])


def _middle_and_spread(scores: Floats) -> tuple[float, float]:
    low, middle, high = (float(one) for one in np.percentile(scores, [25, 50, 75]))
    return middle, (high - low) or float(scores.std()) or 1.0
