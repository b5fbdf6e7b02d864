"""A challenger beside the model in force: it judges the same rows, its findings go nowhere, agreement is counted."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from models.anomaly.findings import AnomalyFound, Scored
from models.arrays import Floats


class Agreement(msgspec.Struct, frozen=True):
    """Enterprises found by both, by the one in force alone, by the challenger alone; `correlation`: of the ranks of all
    scores (Spearman), from -1 to 1; where a model tells nobody apart 1 if the other does neither, else 0.
    """

    both: int
    in_force_alone: int
    challenger_alone: int
    correlation: float


def agreement(in_force: Scored, challenger: Scored) -> Agreement:
    """How far two models agree on the same rows. Raises ValueError for other rows."""
    if not np.array_equal(in_force.rows, challenger.rows):
        raise ValueError("the two models judged other rows")
    mine, theirs = _refs(in_force.found), _refs(challenger.found)
    return Agreement(
        len(mine & theirs),
        len(mine - theirs),
        len(theirs - mine),
        _rank_correlation(in_force.scores, challenger.scores),
    )


def _refs(found: Iterable[AnomalyFound]) -> set[int]:
    return {one.ref for one in found}


def _rank_correlation(one: Floats, other: Floats) -> float:
    mine, theirs = _ranks(one), _ranks(other)
    if (mine == mine[:1]).all() or (theirs == theirs[:1]).all():
        return float(np.array_equal(mine, theirs))
    return float(np.corrcoef(mine, theirs)[0, 1])


def _ranks(scores: Floats) -> Floats:
    """From 1; equal scores share the mean of theirs, so that it does not matter in which order rows stand."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return found
