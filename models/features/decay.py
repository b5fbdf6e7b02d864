"""Weights that halve with time, by whole days, so that a weight is the same number wherever it is looked up."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from config.moments import DAY
from models.features.facts import Floats, Ints
from models.features.present import Present

_LONGEST: Final = 20_000
"""Days after which a weight changes no more."""


@cache
def halving(half_life: int) -> Floats:
    """Weights by age in days; `half_life` in days."""
    return np.array([0.5 ** (day / half_life) for day in range(_LONGEST)])


def decayed(present: Present, rows: Ints, half_life: int, weights: Floats | None = None) -> Floats:
    """By enterprise: the sum of some rows, each with its weight (1), halved every so many days."""
    days = (present.now - present.facts.happenings.at[rows]) // DAY
    found = halving(half_life)[np.clip(days, 0, _LONGEST - 1)]
    return present.summed(rows, found if weights is None else found * weights)
