"""The plain means that a forecast must beat before it may be promoted: they need no model and everybody understands
them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.arrays import Floats, Mask
from models.features.decay import decayed
from models.features.facts import What
from models.features.present import Present

FRACTIONS: Final = (0.01, 0.02, 0.05, 0.10)
"""The shares of all at the top of an order that are looked at."""

HALF_LIVES: Final = (180, 365, 730)


def baselines_of(present: Present) -> dict[str, Floats]:
    """By name, a score for each enterprise: penalties so far, and penalties that fade with each half-life in days."""
    rows = present.kept(present.of(What.PENALISED, What.ABNORMAL_LISTED, What.DISHONEST_LISTED))
    found = {"most_so_far": present.count(rows)}
    return found | {f"recency_weighted_{half}": decayed(present, rows, half) for half in HALF_LIVES}


def hits_at(scores: Floats, truth: Mask, shares: tuple[float, ...] = FRACTIONS) -> Floats:
    """How many of the true ones are within each share at the top. Where equal scores cross its edge, as many as can be
    expected if chance orders them.
    """
    order = np.argsort(-scores, kind="stable")
    falling, true = -scores[order], np.cumsum(truth[order].astype(float))
    found = np.zeros(len(shares))
    for place, share in enumerate(shares):
        count = top_of(len(scores), share)
        if not count:
            continue
        first = int(np.searchsorted(falling, falling[count - 1], "left"))
        last = int(np.searchsorted(falling, falling[count - 1], "right"))
        before = true[first - 1] if first else 0.0
        found[place] = before + (true[last - 1] - before) * (count - first) / (last - first)
    return found


def top_of(size: int, share: float) -> int:
    """How many a share of all is: rounded, one at least where there is any."""
    return min(size, max(1, round(size * share))) if size else 0
