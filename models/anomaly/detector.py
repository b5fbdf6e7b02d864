"""The detector of anomalies: an isolation forest, the model of record, with the tails beside it.

One forest on features scaled within peer groups (a forest a group would cost several times as much and learn from
less). The parts are put on one scale by quantiles of the training rows and added, so that contributions of the forest
(by SHAP) and of the tails add up to the score. Source: Liu, Ting, Zhou, Isolation Forest, 2008.

What is rare counts in three ways, of which the one that says most is taken, since each finds what the others drown in
their own ordinary rows: the forest with the single rarest value, where a register has few features that go together;
the three strongest bundles of values, where it has many; and the three strongest departures of values from what the
other facts of the enterprise let expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

import msgspec
import numpy as np
from sklearn.ensemble import IsolationForest

from models.anomaly.departures import Departures, fit_departures
from models.anomaly.isolation import Isolation
from models.anomaly.rarity import Rarity
from models.anomaly.scaling import Scaling, fit_scaling, within
from models.anomaly.tails import Tails, fit_tails
from models.arrays import Floats, Ints, Singles
from models.peers import nearest

BATCH: Final = 2_048
"""Rows that are scored at once; one at a time costs a thousand times as much each."""

TRUSTED: Final = frozenset({"sklearn.tree._tree.Tree"})
"""Beside what skops trusts by itself, the only type that a stored detector holds."""

TREES: Final = 100
SUBSAMPLE: Final = 1_024
TAILS_WEIGHT: Final = 0.2
RARE_WEIGHT: Final = 4.0
"""The first was chosen on benchmark sets (docs/models.md). By the second, one in 270 (e times as rare as one in a
hundred) is told apart from ordinary rows by as much as four interquartile ranges of the forest.
"""

_LEAST_PEERS: Final = 200
_MOST_ROWS: Final = 200_000


class Added(msgspec.Struct, frozen=True):
    """What is added to the scores of some rows, beside `forest_weight` × forest: for what the `forest` finds rare, by
    the values themselves and by departures from what the others let expect (both n × m).
    """

    forest: Floats
    values: Floats
    departures: Floats

    @property
    def by_feature(self) -> Floats:
        """All that has a feature (n × m)."""
        return self.values + self.departures


class _Read(NamedTuple):
    """Contributions of values, of values by ranks and of departures (n × m), and what is rare in the four ways: the
    forest's score, the rarest value, the strongest values, the strongest departures (n × 4).
    """

    tails: Singles
    ranked: Singles
    departing: Singles
    ways: Floats


class Detector(msgspec.Struct, frozen=True):
    """A fitted detector. The score is `forest_weight` × forest + `tails_weight` × tails + `RARE_WEIGHT` × rarity, less
    `offset`; 0 is an ordinary row. `rarities`: of the forest and the rarest value, which are added, of the strongest
    values, and of the strongest departures; the greatest of the three counts.
    """

    scaling: Scaling
    tails: Tails
    departures: Departures
    isolation: Isolation
    rarities: tuple[Rarity, ...]
    forest_weight: float
    tails_weight: float
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
        near = within(scaled)
        forest = IsolationForest(
            n_estimators=trees, max_samples=min(SUBSAMPLE, len(near)), random_state=int(rng.integers(2**31))
        ).fit(near)
        tails, departures = fit_tails(scaled, sides), fit_departures(scaled, sides)
        known = cls(scaling, tails, departures, Isolation.of(forest), (), 1.0, 1.0, 0.0)
        read = known._read(scaled[np.sort(rng.choice(len(scaled), min(len(scaled), 20_000), replace=False))])
        forest_middle, forest_spread = _middle_and_spread(read.ways[:, 0])
        tails_middle, tails_spread = _middle_and_spread(read.tails.sum(axis=1, dtype=np.float64))
        return msgspec.structs.replace(
            known,
            rarities=tuple(Rarity.of(way) for way in read.ways.T),
            forest_weight=1.0 / forest_spread,
            tails_weight=TAILS_WEIGHT / tails_spread,
            offset=forest_middle / forest_spread + TAILS_WEIGHT * tails_middle / tails_spread,
        )

    def score(self, values: Singles, peers: Ints) -> Floats:
        """How unusual each row is among its peers; the more, the more unusual."""
        found = np.empty(len(values))
        for first in range(0, len(values), BATCH):
            rows = slice(first, first + BATCH)
            read = self._read(self.scaling.apply(values[rows], peers[rows]))
            found[rows] = (
                self.forest_weight * read.ways[:, 0]
                + self.tails_weight * read.tails.sum(axis=1, dtype=np.float64)
                + RARE_WEIGHT * self._rarity(read).max(axis=1)
                - self.offset
            )
        return found

    def added(self, values: Singles, peers: Ints) -> Added:
        """What adds to the scores of some rows, for reasons, together with the contributions of the forest."""
        read = self._read(self.scaling.apply(values, peers))
        rarity = self._rarity(read) * RARE_WEIGHT
        rarity[np.arange(3) != rarity.argmax(axis=1)[:, None]] = 0.0
        lone = np.zeros(read.ranked.shape)
        rarest = read.ranked.argmax(axis=1)
        lone[np.arange(len(lone)), rarest] = RARE_WEIGHT * self.rarities[1].beyond(read.ways[:, 1])
        lone[rarity[:, 0] == 0.0] = 0.0
        return Added(
            rarity[:, 0] - lone.sum(axis=1),
            read.tails * self.tails_weight + lone + _shared(rarity[:, 1], self.tails.strongest(read.tails)),
            _shared(rarity[:, 2], self.departures.tails.strongest(read.departing)),
        )

    def expected(self, values: Singles, peers: Ints) -> Singles:
        """The values of some rows that the others of the same row let expect (n × m)."""
        place = nearest(peers, self.scaling.groups)
        scaled = self.departures.expected(self.scaling.apply(values, peers))
        return self.scaling.centre[place] + self.scaling.spread[place] * scaled

    def _read(self, scaled: Singles) -> _Read:
        tails, ranked = self.tails.both(scaled)
        departing = self.departures.contributions(scaled)
        ways = np.column_stack(
            [
                self.isolation.score(within(scaled)),
                ranked.max(axis=1),
                self.tails.strongest_sum(tails),
                self.departures.tails.strongest_sum(departing),
            ]
        )
        return _Read(tails, ranked, departing, ways)

    def _rarity(self, read: _Read) -> Floats:
        """How rare rows are: the forest with the rarest value, the strongest values, the strongest departures."""
        forest, lone, strong, departing = (one.beyond(way) for one, way in zip(self.rarities, read.ways.T, strict=True))
        return np.column_stack([forest + lone, strong, departing])

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The detector as plain arrays, numbers and the forest, for a file."""
        return {
            "forest": self.isolation.forest,
            "groups": self.scaling.groups,
            "centre": self.scaling.centre,
            "spread": self.scaling.spread,
            "sides": self.scaling.sides,
            "tails": self.tails.parts(),
            "departures": self.departures.parts(),
            "rarities": [[one.end, one.least, one.spread] for one in self.rarities],
            "weights": [self.forest_weight, self.tails_weight, self.offset],
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """The detector of such parts. Raises KeyError where one is missing."""
        return cls(
            Scaling(parts["groups"], parts["centre"], parts["spread"], parts["sides"]),
            Tails.from_parts(parts["tails"]),
            Departures.from_parts(parts["departures"]),
            Isolation.of(parts["forest"]),
            tuple(Rarity(*one) for one in parts["rarities"]),
            *parts["weights"],
        )


def _shared(rarity: Floats, strongest: Floats) -> Floats:
    """A rarity of each row, divided among features as they contribute."""
    total = strongest.sum(axis=1)
    return strongest * (rarity / np.where(total > 0.0, total, 1.0))[:, None]


def _middle_and_spread(scores: Floats) -> tuple[float, float]:
    low, middle, high = (float(one) for one in np.percentile(scores, [25, 50, 75]))
    return middle, (high - low) or float(scores.std()) or 1.0
