"""A forecast judged on what came later: trained on what was known by a cutoff alone, beside the plain baselines.

Hits at the top 1, 2, 5 and 10 %; the ratio to each baseline with an interval from a paired bootstrap over enterprises
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993): each sample judges both orders on the same enterprises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from config.modelling import Adverse
from models.arrays import Floats, Mask
from models.features.facts import Facts
from models.features.present import Present
from models.forecast.baselines import FRACTIONS, hits_at, top_of
from models.forecast.checking import baseline_scores, calibration, days_between
from models.forecast.labels import befallen
from models.forecast.training import Trained, trained

SAMPLES: Final = 400
OURS: Final = "forecast"
LEAST_YEAR: Final = 330
MOST_YEAR: Final = 400
"""Days judged that are about the year of which a chance is."""

_INSIDE: Final = (2.5, 97.5)


class At(msgspec.Struct, frozen=True):
    """How an order does at one share of the top: `count` enterprises of whom something befell `hits`; lift is the
    precision over the rate of all.
    """

    count: int
    hits: float
    precision: float
    recall: float
    lift: float


class Ratio(msgspec.Struct, frozen=True):
    """Our hits over a baseline's, and the 95 % interval of the ratio."""

    ratio: float
    low: float
    high: float


class Evaluation(msgspec.Struct, frozen=True):
    """`orders`: by name of the order, then by share; `ratios`: by baseline, then by share; `calibration`: only where
    the span judged is about a year, which is what a chance is of; `card`: figures from before the cutoff.
    """

    enterprises: int
    befallen: int
    days: int
    seed: int
    orders: dict[str, dict[str, At]]
    ratios: dict[str, dict[str, Ratio]]
    ahead_of_all: dict[str, bool]
    calibration: list[dict[str, float]]
    card: dict[str, object]


class Judged(msgspec.Struct, frozen=True):
    """An evaluation with what it rests on: scores by the name of each order, chances, and what came true, by row."""

    found: Evaluation
    orders: dict[str, Floats]
    chances: Floats
    truth: Mask


def evaluate(facts: Facts, adverse: Sequence[Adverse], cutoff: int, until: int, seed: int) -> Judged:
    """Trains on what was known at `cutoff`, ranks all that were live then, and judges by what took effect later, up to
    `until`. Raises ValueError where the log is too short or nothing followed.
    """
    learned = trained(facts, adverse, cutoff, seed)
    truth = truth_of(facts, learned, adverse, cutoff, until)
    if not truth.any():
        raise ValueError(
            "两日之间没有不良事件，无从检验 / nothing adverse happened between the two dates: choose others"
        )
    inputs, order = learned.inputs, learned.model.order(learned.inputs.values)
    scores = baseline_scores(inputs, Present(facts, cutoff), learned.stack)
    orders = {OURS: order, **scores}
    days = days_between(cutoff, until)
    chances = learned.model.chance(order)
    ratios = {name: compare(order, theirs, truth, seed) for name, theirs in scores.items()}
    found = Evaluation(
        enterprises=len(truth),
        befallen=int(truth.sum()),
        days=days,
        seed=seed,
        orders={name: table(one, truth) for name, one in orders.items()},
        ratios=ratios,
        ahead_of_all={
            share: all(one[share].ratio > 1 for one in ratios.values()) for share in map(_percent, FRACTIONS)
        },
        calibration=calibration(chances, truth) if LEAST_YEAR <= days <= MOST_YEAR else [],
        card=learned.figures,
    )
    return Judged(found, orders, chances, truth)


def truth_of(facts: Facts, learned: Trained, adverse: Sequence[Adverse], cutoff: int, until: int) -> Mask:
    """By row of what was ranked: whether something adverse took effect after the cutoff, up to `until`."""
    found: Mask = befallen(Present(facts, until), adverse, cutoff)[learned.inputs.places]
    return found


def table(scores: Floats, truth: Mask) -> dict[str, At]:
    """How an order does at each share."""
    rate = float(truth.mean())
    found: dict[str, At] = {}
    for share, hits in zip(FRACTIONS, hits_at(scores, truth).tolist(), strict=True):
        count = top_of(len(truth), share)
        precision = hits / count
        found[_percent(share)] = At(
            count,
            round(hits, 2),
            round(precision, 4),
            round(hits / max(int(truth.sum()), 1), 4),
            round(precision / rate, 3) if rate else 0.0,
        )
    return found


def compare(ours: Floats, theirs: Floats, truth: Mask, seed: int) -> dict[str, Ratio]:
    """Hits of one order over those of another at each share, with intervals."""
    point = _over(hits_at(ours, truth), hits_at(theirs, truth))
    rng = np.random.default_rng(seed)
    sorted_ours, sorted_theirs = _Sorted(ours, truth), _Sorted(theirs, truth)
    samples = np.empty((SAMPLES, len(FRACTIONS)))
    for place in range(SAMPLES):
        counts = np.bincount(rng.integers(0, len(truth), len(truth)), minlength=len(truth)).astype(np.float64)
        samples[place] = _over(sorted_ours.hits(counts), sorted_theirs.hits(counts))
    low, high = np.percentile(samples, _INSIDE, axis=0)
    return {
        _percent(share): Ratio(round(float(point[at]), 4), round(float(low[at]), 4), round(float(high[at]), 4))
        for at, share in enumerate(FRACTIONS)
    }


class _Sorted:
    """An order, ready to be asked for hits where each enterprise counts several times or never. Of equal scores each
    is given the share of true ones among them.
    """

    def __init__(self, scores: Floats, truth: Mask) -> None:
        self.order = np.argsort(-scores, kind="stable")
        _, group, sizes = np.unique(-scores[self.order], return_inverse=True, return_counts=True)
        group = np.asarray(group, np.int64).reshape(-1)
        self.true = (np.bincount(group, truth[self.order]) / sizes)[group]

    def hits(self, counts: Floats) -> Floats:
        taken = counts[self.order]
        reached = np.cumsum(taken)
        hits = np.cumsum(taken * self.true)
        ends = np.array([top_of(len(counts), share) for share in FRACTIONS])
        return np.asarray(hits[np.minimum(np.searchsorted(reached, ends), len(hits) - 1)], np.float64)


def _over(ours: Floats, theirs: Floats) -> Floats:
    """A ratio; below one hit of the other, our hits and one: so the figure stays a number, and equals 1 for equals."""
    few = theirs < 1
    found: Floats = np.where(few, ours - theirs + 1.0, ours / np.where(few, 1.0, theirs))
    return found


def lines_of(found: Evaluation) -> list[str]:
    """The evaluation in words, zh and en, a line each."""
    told = [
        f"{found.enterprises:,} 户，此后 {found.days} 天内 {found.befallen:,} 户有不良事件 / enterprises, of whom "
        f"something adverse befell {found.befallen:,} within {found.days} days",
    ]
    for name, rows in found.orders.items():
        cells = "  ".join(f"{share} {at.hits:,.0f} ({at.lift:.1f}×)" for share, at in rows.items())
        told.append(f"  {name:<24}{cells}")
    for name, ratios in found.ratios.items():
        cells = "  ".join(f"{share} {one.ratio:.3f} [{one.low:.3f}, {one.high:.3f}]" for share, one in ratios.items())
        told.append(f"  ÷ {name:<22}{cells}")
    ahead = [share for share, yes in found.ahead_of_all.items() if yes]
    told.append(f"胜过全部基线 / ahead of every baseline at: {', '.join(ahead) or '无 none'}")
    return told


def curve(scores: Floats, truth: Mask, points: int = 200) -> tuple[Floats, Floats]:
    """Shares of all from the top, and the share of the true ones found by then: for a plot."""
    shares = np.linspace(0, 1, points + 1)[1:]
    return shares, hits_at(scores, truth, tuple(shares.tolist())) / max(int(truth.sum()), 1)


def _percent(share: float) -> str:
    return f"{share:.0%}"
