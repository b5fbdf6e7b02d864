"""What a sample by lot stands for: everybody, also those at whom nobody looks.

The sample is weighted by the inverse of the chance of being drawn (Horvitz and Thompson, A Generalization of Sampling
Without Replacement from a Finite Universe, 1952): within a county, or a pool of those with few draws, and apart for
those with a record and without, as plans draw them at different rates.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.arrays import Floats, Ints, Mask

LEAST_DRAWN: Final = 10
"""Draws without which a county goes into the pool: few would stand for very many."""

HALF_BELIEVED: Final = 200
"""Draws at which the sample and what is known without it count alike."""


def strata_of(counties: Ints, recorded: Mask, drawn: Mask) -> Ints:
    """By row: a number of its stratum."""
    values, place = np.unique(counties, return_inverse=True)
    place = np.asarray(place, np.int64).reshape(-1)
    few = np.bincount(place[drawn], minlength=len(values)) < LEAST_DRAWN
    return np.where(few[place], 0, place + 1) * 2 + recorded


def lot_weights(counties: Ints, recorded: Mask, drawn: Mask) -> Floats:
    """What each row counts in learning. The more were drawn, the more the sample stands for the others of its stratum,
    whose faults are known only where somebody looked: its rows gain what those lose. All ones without a draw.
    """
    strata = strata_of(counties, recorded, drawn)
    many = np.bincount(strata)
    few = np.bincount(strata[drawn], minlength=len(many))
    believed = drawn.sum() / (drawn.sum() + HALF_BELIEVED)
    stands_for = np.divide(many - few, few, out=np.zeros(len(many)), where=few > 0)
    return np.where(drawn, 1.0 + believed * stands_for[strata], np.where(few[strata] > 0, 1.0 - believed, 1.0))


def estimated(counties: Ints, recorded: Mask, drawn: Mask, truth: Mask) -> tuple[float, float] | None:
    """Of the strata in which somebody was drawn: the share that would be found amiss if all were looked at, and the
    share that was found among those who were not drawn; None without a draw.
    """
    strata = strata_of(counties, recorded, drawn)
    many = np.bincount(strata)
    few = np.bincount(strata[drawn], minlength=len(many))
    here = few > 0
    if not here.any():
        return None
    amiss = np.bincount(strata[drawn], truth[drawn], len(many))[here] / few[here]
    others = here[strata] & ~drawn
    return float((amiss * many[here]).sum() / many[here].sum()), float(truth[others].mean()) if others.any() else 0.0
