"""Which p-values are discoveries: Benjamini and Hochberg (1995), for each county by itself."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats, Ints


def q_values(p: Floats) -> Floats:
    """For each p-value the least false-discovery rate at which it would be a discovery."""
    order = np.argsort(p, kind="stable")
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return found


def q_values_by(counties: Ints, p: Floats) -> Floats:
    """The same within each county: the live enterprises of a county are its hypotheses."""
    found = np.empty(len(p))
    order = np.argsort(counties, kind="stable")
    _, begins = np.unique(counties[order], return_index=True)
    for rows in np.split(order, begins[1:]):
        found[rows] = q_values(p[rows])
    return found
