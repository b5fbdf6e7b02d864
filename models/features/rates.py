"""Sums and shares within groups of enterprises, a value a row."""

from __future__ import annotations

import numpy as np

from models.features.facts import Floats, Ints


def group_sums(keys: Ints, values: Floats) -> Floats:
    """By row: the sum of the values of all rows with its key."""
    _, group = np.unique(keys, return_inverse=True)
    group = np.asarray(group, np.int64).reshape(-1)
    return np.asarray(np.bincount(group, values)[group], np.float64)


def rate_without_oneself(keys: Ints, numerator: Floats, denominator: Floats, wider: Floats, belief: float) -> Floats:
    """By row: the share of its group without itself, drawn to the `wider` group's as if `belief` more had been seen."""
    part, whole = group_sums(keys, numerator) - numerator, group_sums(keys, denominator) - denominator
    return np.maximum(part + belief * wider, 0.0) / (whole + belief)
