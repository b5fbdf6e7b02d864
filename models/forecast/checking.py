"""A forecast held against what came of a later date: hits beside the plain baselines, calibration, bias, rates."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from config.moments import DAY
from models.arrays import Floats, Mask
from models.features.facts import What
from models.features.present import Present
from models.forecast.baselines import FRACTIONS, baselines_of, hits_at
from models.forecast.inputs import Inputs
from models.forecast.labels import drawn
from models.forecast.lots import estimated
from models.forecast.model import plain_logistic
from models.forecast.outcomes import NO_OUTCOMES, Outcomes
from models.forecast.stacking import Stack

EDGES: Final = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
"""Chances at which the rows of a calibration table begin."""

LOGISTIC: Final = "logistic"
KINDS: Final = ("enterprise", "individual", "cooperative", "branch")
_SIZES: Final = (0, 25, 33, 41, 49)
"""Bands of capital at which sizes begin: below a million yuan, to ten, to a hundred, to a thousand million, above."""


def baseline_scores(inputs: Inputs, present: Present, stack: Stack) -> dict[str, Floats]:
    """The scores of the plain baselines for the rows of `inputs`: counts, and a logistic of counts learned on the
    same rows as the model.
    """
    found = {name: scores[inputs.places] for name, scores in baselines_of(present).items()}
    return found | {LOGISTIC: plain_logistic(stack.values, stack.truth, stack.weights, inputs.values)}


def compared(order: Floats, baselines: dict[str, Floats], truth: Mask) -> dict[str, Any]:
    """Hits at each share of the top, ours and the baselines', and whether ours are more. Ours must, over the shares
    together, find a greater part of the true ones than each baseline finds, and at none less than 95 % of it.
    """
    ours = hits_at(order, truth)
    theirs = {name: hits_at(scores, truth) for name, scores in baselines.items()}
    beats = {
        name: bool(ours.sum() > hits.sum() and (ours >= 0.95 * hits).all()) if truth.any() else False
        for name, hits in theirs.items()
    }
    return {
        "rows": len(truth),
        "befallen": int(truth.sum()),
        "top": [f"{share:g}" for share in FRACTIONS],
        "hits": {"forecast": _rounded(ours)} | {name: _rounded(hits) for name, hits in theirs.items()},
        "beats": beats,
        "beats_baselines": all(beats.values()),
    }


def calibration(chances: Floats, truth: Mask) -> list[dict[str, float]]:
    """For each span of chances: how many rows, their mean chance, and the share that it befell."""
    places = np.clip(np.searchsorted(EDGES, chances, "right") - 1, 0, len(EDGES) - 2)
    return [
        {
            "from": EDGES[place],
            "rows": int(here.sum()),
            "chance": round(float(chances[here].mean()), 5),
            "befallen": round(float(truth[here].mean()), 5),
        }
        for place in range(len(EDGES) - 1)
        if (here := places == place).any()
    ]


def selection(present: Present, inputs: Inputs, truth: Mask, outcomes: Outcomes = NO_OUTCOMES) -> dict[str, Any]:
    """How far what was found depends on who was looked at. `present`: at the end of the span after `inputs.now`.

    `befallen_among_drawn` is the share among those inspected by lot, by a plan or as the control sample: what a fair
    sample shows. Weighted by what it stands for (`lots`), it is `if_all_were_inspected`; `found_among_others` is the
    share found where nobody drew, and `found_of_it` that part of it: the lower, the stronger the bias. Without any draw
    only signs are left: how many of the befallen had a record before, and how far counties differ.
    """
    table = present.facts.happenings
    rows = present.of(What.INSPECTED, What.VISITED)
    seen = np.zeros(present.size, bool)
    seen[table.owner[rows[table.at[rows] > inputs.now]]] = True
    looked, lot = seen[inputs.places], drawn(present, inputs.now, outcomes)[inputs.places]
    before = inputs.column("records") > 0
    fair = estimated(inputs.counties, before, lot, truth)
    closed = outcomes.holding(inputs.now, present.now)
    counties = [
        float(truth[inputs.counties == county].mean())
        for county, count in zip(*np.unique(inputs.counties, return_counts=True), strict=True)
        if count >= 200
    ]
    return {
        "inspected_or_visited": int(looked.sum()),
        "drawn_by_lot": int(lot.sum()),
        "befallen_among_drawn": _mean(truth[lot]),
        "befallen_among_others": _mean(truth[~lot]),
        "outcomes_of_tasks": len(closed.refs),
        "outcomes_of_control_sample": int(closed.drawn.sum()),
        "if_all_were_inspected": None if fair is None else round(fair[0], 5),
        "found_among_others": None if fair is None else round(fair[1], 5),
        "found_of_it": None if fair is None or not fair[0] else round(fair[1] / fair[0], 4),
        "befallen_with_records_before": _mean(before[truth]),
        "befallen_of_those_with_records": _mean(truth[before]),
        "befallen_of_those_without": _mean(truth[~before]),
        "counties_lowest_and_highest": [round(min(counties), 4), round(max(counties), 4)] if counties else [],
    }


def rates(inputs: Inputs, chances: Floats, truth: Mask) -> dict[str, list[dict[str, Any]]]:
    """Mean chance, and the share that it befell, by kind and by size of enterprise."""
    capital = np.nan_to_num(inputs.column("capital_band"), nan=-1.0)
    size = np.where(capital < 0, -1, np.searchsorted(_SIZES, capital, "right") - 1)
    return {
        "by_kind": [
            {"kind": KINDS[kind]} | _rate(inputs.kinds == kind, chances, truth) for kind in np.unique(inputs.kinds)
        ],
        "by_size": [
            {"from_capital_band": _SIZES[band] if band >= 0 else None} | _rate(size == band, chances, truth)
            for band in np.unique(size)
        ],
    }


def year_of(chances: Floats | float, span: int) -> Floats | float:
    """Chances within `span` days as chances within 365, at an even rate."""
    found: Floats | float = 1.0 - (1.0 - chances) ** (365.0 / span)
    return found


def days_between(first: int, last: int) -> int:
    """Whole days from one moment to another."""
    return (last - first) // DAY


def _rate(rows: Mask, chances: Floats, truth: Mask) -> dict[str, Any]:
    return {"rows": int(rows.sum()), "chance": _mean(chances[rows]), "befallen": _mean(truth[rows])}


def _mean(values: Any) -> float | None:
    return round(float(np.mean(values)), 5) if len(values) else None


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 2) for value in values]
