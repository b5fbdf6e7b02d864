"""Whether the anomaly model keeps its word: uniform p-values where nothing is odd, and few false discoveries.

The rows may be real: nothing of them is true or false, but enterprises of the reference that the model did not learn
from are like those that it did, and what is planted into some of them is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.stats import kstwobign

from models.anomaly.findings import Limits, score_all
from models.anomaly.model import AnomalyModel
from models.anomaly.storing import fitted, sides
from models.arrays import Floats, Ints, Mask, Singles
from models.calibration.conformal import Calibration
from models.calibration.drift import distance_from_uniform
from models.evaluation import stories
from models.features.computing import Matrix, compute
from models.features.facts import Facts
from models.features.peers import label_of

PLANTED_SHARE: Final = 0.01
PLANTED_FEATURES: Final = 5
_EXTREME: Final = 0.999
_RARE: Final = 0.002
_FEW: Final = 3
_LEAST_GROUP: Final = 100

Planted = tuple[Singles, list[str]]
"""The values of the judged rows, some of which are planted, and the story of each of these; none for bare values."""

Planting = Callable[[Matrix, Ints, Ints, np.random.Generator], Planted]
"""Plants into the judged rows of a matrix (their places) at some places among them."""


class Uniformity(msgspec.Struct, frozen=True):
    """p-values of one peer group against a uniform distribution (Kolmogorov and Smirnov). They rest on a sample
    themselves: with `behind` scores of the reference and `rows` p-values, the test is that of two such samples.
    """

    peers: str
    rows: int
    behind: int
    distance: float
    p: float


class Trial(msgspec.Struct, frozen=True):
    """Anomalies planted into rows of the reference: how many were found, and how many others. `stories`: of those that
    are events, how many of each story were planted and found.
    """

    seed: int
    planted: int
    found: int
    true: int
    stories: dict[str, tuple[int, int]] = {}

    @property
    def false_discovery_rate(self) -> float:
        """Of what was found; 0 where nothing was."""
        return 1.0 - self.true / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Of what was planted."""
        return self.true / self.planted if self.planted else 0.0


class Trials(msgspec.Struct, frozen=True):
    """The means over all trials, beside the rate that was asked for."""

    budget: float
    false_discovery_rate: float
    recall: float
    found: float
    trials: list[Trial]


def uniformity(p: Floats, peers: Ints, calibration: Calibration) -> list[Uniformity]:
    """The p-values of rows of the reference, for each peer group of at least a hundred, the least uniform first."""
    found = []
    for group, count in zip(*np.unique(peers, return_counts=True), strict=True):
        if count >= _LEAST_GROUP:
            distance, behind = distance_from_uniform(p[peers == group]), calibration.behind(int(group))
            tested = float(kstwobign.sf(distance * np.sqrt(count * behind / (count + behind))))
            found.append(Uniformity(label_of(int(group)), int(count), behind, round(distance, 4), tested))
    return sorted(found, key=lambda one: (one.p, one.peers))


def rejected(groups: Iterable[Uniformity], level: float = 0.05) -> float:
    """The share of the groups whose p-values are not uniform, at a level that holds for all of them together (Holm)."""
    ordered = sorted(one.p for one in groups)
    count = len(ordered)
    for place, p in enumerate(ordered):
        if p > level / (count - place):
            return place / count
    return 1.0 if count else 0.0


def planted_trials(
    matrix: Matrix,
    marks: Ints,
    reference: Mask,
    limits_of: Callable[[int], Limits],
    seeds: Sequence[int],
    planting: Planting | None = None,
) -> Trials:
    """A trial for each seed: half of the reference teaches and calibrates, the other half is judged, with anomalies
    planted into a hundredth of it: extreme values (`planted`), or what is named. Raises ValueError where the reference
    is too small.
    """
    how = _values_made_extreme if planting is None else planting
    trials = [_trial(matrix, marks, np.flatnonzero(reference), limits_of, how, seed) for seed in seeds]
    return Trials(
        limits_of(0).false_discovery_rate,
        round(float(np.mean([one.false_discovery_rate for one in trials])), 4),
        round(float(np.mean([one.recall for one in trials])), 4),
        round(float(np.mean([one.found for one in trials])), 1),
        trials,
    )


def story_trials(
    facts: Facts,
    matrix: Matrix,
    marks: Ints,
    reference: Mask,
    limits_of: Callable[[int], Limits],
    seeds: Sequence[int],
) -> dict[str, Trials]:
    """The same with stories told in events (`models.evaluation.stories`), by their strength; empty for a register of
    which none can be told. `facts`: those that the matrix was computed from.
    """
    if not stories.told_in(facts):
        return {}
    return {
        strength: planted_trials(matrix, marks, reference, limits_of, seeds, _told(facts, events))
        for strength, events in stories.STRENGTHS.items()
    }


def _told(facts: Facts, events: int) -> Planting:
    """Stories of so many events: the rows of their enterprises as they are with these."""

    def plant(matrix: Matrix, judged: Ints, chosen: Ints, rng: np.random.Generator) -> Planted:
        refs = matrix.refs[judged[chosen]]
        places = np.searchsorted(facts.refs, refs)
        roles = stories.cast(facts, places, rng)
        told = compute(stories.planted_events(facts, matrix.now, roles, events, rng), matrix.now)
        values = matrix.values[judged]
        values[chosen] = told.values[np.searchsorted(told.refs, refs)]
        return values, [roles[place] for place in places.tolist()]

    return plant


def _values_made_extreme(matrix: Matrix, judged: Ints, chosen: Ints, rng: np.random.Generator) -> Planted:
    return planted(matrix.values[judged], chosen, rng), []


def planted(values: Singles, rows: Ints, rng: np.random.Generator) -> Singles:
    """The values with five features of each of some rows made extreme: as one in a thousand of all rows has them, each
    on its harmful side, or on either where none is named. Features without such an extreme are left alone.
    """
    found = values.copy()
    known = np.flatnonzero(~np.isnan(values).all(axis=0))
    low, high = np.zeros(values.shape[1], np.float32), np.zeros(values.shape[1], np.float32)
    low[known], high[known] = np.nanquantile(values[:, known], [1.0 - _EXTREME, _EXTREME], axis=0)
    harmful, rare = sides()[known], max(_RARE, _FEW / len(values))
    up, down = np.zeros(values.shape[1], bool), np.zeros(values.shape[1], bool)
    up[known] = ((harmful == 0) | (harmful == 1)) & ((values >= high).mean(axis=0)[known] <= rare)
    down[known] = (harmful <= 0) & ((values <= low).mean(axis=0)[known] <= rare)
    usable = np.flatnonzero(up | down)
    for row in rows:
        for feature in rng.choice(usable, min(PLANTED_FEATURES, len(usable)), replace=False):
            upward = up[feature] and (not down[feature] or rng.random() < 0.5)
            found[row, feature] = high[feature] if upward else low[feature]
    return found


def _trial(
    matrix: Matrix, marks: Ints, reference: Ints, limits_of: Callable[[int], Limits], planting: Planting, seed: int
) -> Trial:
    rng = np.random.default_rng(seed)
    order = rng.permutation(reference)
    taught, judged = np.zeros(len(matrix.refs), bool), np.sort(order[len(order) // 2 :])
    taught[order[: len(order) // 2]] = True
    model: AnomalyModel = fitted(matrix.values, matrix.peers, taught, seed)
    chosen = np.sort(rng.choice(len(judged), max(1, int(len(judged) * PLANTED_SHARE)), replace=False))
    values, roles = planting(matrix, judged, chosen, rng)
    rows = Matrix(
        matrix.now,
        matrix.refs[judged],
        values,
        matrix.peers[judged],
        matrix.counties[judged],
        matrix.live[judged],
    )
    found = {one.row for one in score_all(rows, marks[judged], model, limits_of).found}
    hits = [int(one) in found for one in chosen]
    told = {
        name: (roles.count(name), sum(hit for hit, role in zip(hits, roles, strict=True) if role == name))
        for name in sorted(set(roles))
    }
    return Trial(seed, len(chosen), len(found), sum(hits), told)
