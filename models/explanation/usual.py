"""What is usual among the peers of an enterprise: medians and the range of nine in ten, by feature.

Worked out from all live enterprises of the cut that raised the alert, so nothing depends on the order of rows.
"""

from __future__ import annotations

import warnings

import msgspec
import numpy as np

from models.arrays import Ints, Singles
from models.peers import members, nearest, nodes

LEAST_PEERS = 200
"""Groups of fewer enterprises take what is usual among their parent's."""

MOST_PEERS = 20_000
"""A sample of so many gives the percentiles of a group to a fraction of a percent."""


class Usual(msgspec.Struct, frozen=True):
    """By feature: the 5th, 50th and 95th percentile of the peers' known values; NaN where none is known. `peers`: how
    many they are.
    """

    low: Singles
    middle: Singles
    high: Singles
    peers: int


class Usuals:
    """What is usual in each peer group of some rows; worked out when it is asked for."""

    def __init__(self, values: Singles, peers: Ints, marks: Ints) -> None:
        """`values`: n × m, NaN where not known; `peers`: see `models.features.peers`; `marks`: a number of each row
        that stands for its enterprise, as for `AnomalyModel.judge`: of groups of more than MOST_PEERS those with the
        least marks are looked at.
        """
        self._values, self._peers, self._marks = values, peers, marks
        self._nodes = nodes(peers, LEAST_PEERS)
        self._known: dict[int, Usual] = {}

    def of(self, group: int) -> Usual:
        """What is usual for a row of a group."""
        node = int(self._nodes[nearest(np.array([group], np.int64), self._nodes)[0]])
        found = self._known.get(node)
        if found is None:
            inside = members(self._peers, node)
            count = len(inside)
            if count > MOST_PEERS:
                inside = np.sort(inside[np.argsort(self._marks[inside], kind="stable")[:MOST_PEERS]])
            rows = self._values[inside]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # numpy tells of columns in which nothing is known
                low, middle, high = np.nanpercentile(rows, [5, 50, 95], axis=0).astype(np.float32)
            found = self._known[node] = Usual(low, middle, high, count)
        return found
