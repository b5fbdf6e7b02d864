"""Features on the scale of an enterprise's peers: 0 is their median, 1 about a standard deviation of theirs.

Medians and quartiles, as a few wild values must not move the scale (Rousseeuw and Croux 1993: the interquartile range
over 1.349 estimates a standard deviation). What is not known becomes 0: it says nothing for or against.
"""

from __future__ import annotations

import warnings
from typing import Final

import msgspec
import numpy as np

from models.arrays import Ints, Mask, Singles
from models.peers import members, nearest, nodes

MOST: Final = 8.0
"""For the forest values further out count as that far: a few wild ones must not decide where its cuts fall."""

UNUSED: Final = 2
"""In place of a harmful side: the feature is 0 for everybody."""

_FAR: Final = 1e6
_LEAST_SPREAD: Final = 0.1

_QUARTILES: Final = 1.349


class Scaling(msgspec.Struct, frozen=True):
    """Medians and spreads, a row for each group in `groups` (see `models.peers.nodes`), a column for each feature.

    `sides`: +1 where only more than usual is odd, -1 where only less is, 0 where both are, `UNUSED` where neither is.
    """

    groups: Ints
    centre: Singles
    spread: Singles
    sides: Ints

    def apply(self, values: Singles, peers: Ints) -> Singles:
        """Values (n × m, NaN: not known) on the scale of each row's peers, without NaN; harmless sides are 0."""
        place = nearest(peers, self.groups)
        found = (values - self.centre[place]) / self.spread[place]
        np.nan_to_num(found, copy=False, nan=0.0)
        low = np.where(self.sides > 0, 0.0, -_FAR).astype(np.float32)
        high = np.where((self.sides < 0) | (self.sides == UNUSED), 0.0, _FAR).astype(np.float32)
        return np.clip(found, low, high, out=found)


def within(scaled: Singles) -> Singles:
    """Scaled values, those further out than `MOST` as far as that."""
    return np.clip(scaled, -MOST, MOST)


def fit_scaling(values: Singles, peers: Ints, sides: Ints, least: int) -> Scaling:
    """Learns the scales from rows; groups of fewer than `least` rows take those of their parents.

    A feature that does not spread within a group has the spread of the parent, and each at least a tenth of that of
    everybody; where it spreads nowhere by quartiles, its standard deviation; a constant one has 1.
    """
    known = nodes(peers, least)
    centre = np.zeros((len(known), values.shape[1]), np.float32)
    spread = np.ones_like(centre)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy tells of columns in which nothing is known
        for place, group in enumerate(known):
            rows = values[members(peers, int(group))]
            low, middle, high = np.nanpercentile(rows, [25, 50, 75], axis=0)
            centre[place] = np.where(np.isnan(middle), 0.0, middle)
            quartiles = np.nan_to_num((high - low) / _QUARTILES)
            if place == 0:
                deviation = np.nan_to_num(np.nanstd(rows.astype(np.float64), axis=0))
                spread[0] = _positive(quartiles, _positive(deviation, np.ones_like(deviation)))
            else:
                parent = int(nearest(np.array([group]), known[known < group])[0])
                spread[place] = np.maximum(_positive(quartiles, spread[parent]), _LEAST_SPREAD * spread[0])
    return Scaling(known, centre, spread, sides)


def _positive(numbers: Singles, otherwise: Singles) -> Singles:
    usable: Mask = np.asarray(numbers, np.float32) > 0
    return np.where(usable, numbers, otherwise).astype(np.float32)
