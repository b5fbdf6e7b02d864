"""Groups and parents of peers as a tree: what is learned of groups is kept for those that are large enough.

The numbers of groups are those of `models.features.peers`. An enterprise of a group too small gets what the nearest
parent has.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.arrays import Ints
from models.features.peers import EVERYBODY

_AGES: Final = 10
_SECTIONS: Final = 1_000


def parents(groups: Ints) -> tuple[Ints, ...]:
    """The groups themselves, then all ages, all industries, everybody: as `models.features.peers.parent_of`."""
    return (groups, groups // _AGES * _AGES, groups // _SECTIONS * _SECTIONS, np.full_like(groups, EVERYBODY))


def nodes(groups: Ints, least: int) -> Ints:
    """The groups and parents that have at least so many of the rows, ascending; everybody always stands first."""
    found = [np.array([EVERYBODY], np.int64)]
    for level in parents(groups)[:-1]:
        values, counts = np.unique(level, return_counts=True)
        found.append(values[counts >= least])
    return np.unique(np.concatenate(found))


def nearest(groups: Ints, known: Ints) -> Ints:
    """For each row the place in `known` (as `nodes` gives them) of its group, or of its nearest parent there."""
    found = np.zeros(len(groups), np.int64)
    for level in reversed(parents(groups)[:-1]):
        place = np.minimum(np.searchsorted(known, level), len(known) - 1)
        found = np.where(known[place] == level, place, found)
    return found


def members(groups: Ints, node: int) -> Ints:
    """The rows that belong to a group or parent, ascending."""
    if node == EVERYBODY:
        return np.arange(len(groups))
    level = 0 if node % _AGES else 1 if node % _SECTIONS else 2
    return np.flatnonzero(parents(groups)[level] == node)
