"""Dense groups in a neighbourhood: connected parts, peeled to their core, and cut where they are loose.

A part that is dense enough is a group as it is. In a loose one, ties that few others confirm are left out first: a tie
is confirmed by whoever is tied to both of its ends, which is what makes a k-truss (Cohen 2008), here without repeating.
What makes no group is looked at again without its largest rooms and persons, which say least. Only whole numbers
decide: equal facts give equal groups, on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.graph.neighbourhood import Neighbourhood
from detectors.graph.view import sharing_both

Mask = NDArray[np.bool_]
Bits = NDArray[np.uint64]

LINK_SIZES: Final = (40, 15)
"""After a first look with all of them, rooms and persons with more enterprises of the neighbourhood tie nobody."""

CONFIRMATIONS: Final = (1, 2, 4, 8, 16, 32)
"""A loose part is cut by leaving out ties that fewer others confirm, one after another while it stays loose."""


def dense_groups(here: Neighbourhood, parameters: Mapping[str, Any]) -> list[Neighbourhood]:
    """The dense groups of a neighbourhood, by their smallest codes; none shares an enterprise with another.

    Each has as many enterprises as the lowest level needs, each of them tied to `minimum_core` others, a share
    `minimum_density` of all pairs tied, a room and a person that tie two of them, and a share `minimum_both` of
    enterprises that share both.
    """
    from networkx import connected_components

    found: list[Neighbourhood] = []
    both = np.zeros(len(here.enterprises), np.bool_)
    both[list(sharing_both([(link, here.members[link]) for link in here.links]))] = True
    for nodes in connected_components(here.graph):
        left = np.zeros(len(here.enterprises), np.bool_)
        left[[node for node in nodes if node >= 0]] = True
        largest = max((len(here.members[here.links[-1 - node]]) for node in nodes if node < 0), default=0)
        for size in (largest, *(size for size in LINK_SIZES if size < largest)):
            look = _Look(here, here.tied if size == largest else here.tied_by(size), both, parameters)
            for places in look.dense(left):
                if look.shares_both(places):
                    found.append(here.within(np.flatnonzero(places).tolist()))
                    left &= ~places
    return sorted(found, key=lambda group: group.codes[group.enterprises[0]])


class _Look:
    """One look for dense parts by some of the ties. Who is tied to whom is kept as bits, a row an enterprise: to count
    within a part is to count bits.
    """

    def __init__(self, here: Neighbourhood, tied: Mask, both: Mask, parameters: Mapping[str, Any]) -> None:
        """`tied`: the ties that cut; `both`: who shares a room and a person with somebody."""
        self._here = here
        self._tied = tied
        self._whole = _bits(here.tied)
        self._levels = [_bits(tied)]
        self._both = both
        self._confirmed: NDArray[np.int64] | None = None
        self._least = int(parameters["levels"][0][1])
        self._core_of = int(parameters["minimum_core"])
        self._density = float(parameters["minimum_density"])
        self._share = float(parameters["minimum_both"])

    def dense(self, places: Mask) -> Iterator[Mask]:
        """The dense parts of some places."""
        waiting = [(places, 0)]
        while waiting:
            some, cut = waiting.pop()
            ties = self._level(cut)
            for part in _parts(ties, _core(ties, some, self._core_of)):
                count = int(part.sum())
                if count < self._least or int((part & self._both).sum()) < self._share * self._least:
                    continue
                if int(_counts(self._whole, part)[part].sum()) >= self._density * count * (count - 1):
                    yield part
                elif cut < len(CONFIRMATIONS):
                    waiting.append((part, cut + 1))

    def shares_both(self, places: Mask) -> bool:
        """Whether enough of them share both a room and a person among themselves."""
        inside = set(np.flatnonzero(places & self._both).tolist())
        least = max(1.0, self._share * int(places.sum()))
        if len(inside) < least:
            return False
        everybody = set(np.flatnonzero(places).tolist())
        links = [(link, tuple(everybody.intersection(members))) for link, members in self._here.members.items()]
        return len(sharing_both([one for one in links if len(one[1]) > 1])) >= least

    def _level(self, cut: int) -> Bits:
        """The ties that enough others confirm for a cut."""
        while len(self._levels) <= cut:
            if self._confirmed is None:
                self._confirmed = _confirmed(self._tied, self._levels[0])
            self._levels.append(_bits(self._confirmed >= CONFIRMATIONS[len(self._levels) - 1]))
        return self._levels[cut]


def _bits(tied: Mask) -> Bits:
    """Rows of truths as rows of 64-bit words."""
    wide = np.zeros((*tied.shape[:-1], -(-tied.shape[-1] // 64) * 64), np.bool_)
    wide[..., : tied.shape[-1]] = tied
    return np.packbits(wide, axis=-1).view(np.uint64)


def _counts(ties: Bits, places: Mask) -> NDArray[np.int64]:
    """To how many of some places each is tied."""
    found: NDArray[np.int64] = np.bitwise_count(ties & _bits(places)).sum(axis=1, dtype=np.int64)
    return found


def _core(ties: Bits, places: Mask, least: int) -> Mask:
    """Those of some places who are tied to so many others among them: the k-core for one k."""
    while True:
        kept = places & (_counts(ties, places) >= least)
        if np.array_equal(kept, places):
            return kept
        places = kept


def _parts(ties: Bits, places: Mask) -> Iterator[Mask]:
    """The connected parts of some places."""
    left = places.copy()
    inside = _bits(places)
    while left.any():
        reached = np.zeros_like(inside)
        ring = np.array([int(left.argmax())])
        part = np.zeros_like(left)
        while len(ring):
            part[ring] = True
            reached |= _bits(part)
            following = np.bitwise_or.reduce(ties[ring], axis=0) & inside & ~reached
            ring = np.flatnonzero(np.unpackbits(following.view(np.uint8)))
        yield part
        left &= ~part


def _confirmed(tied: Mask, ties: Bits) -> NDArray[np.int64]:
    """For each tie, n × n, how many others its two ends are both tied to; -1 where there is no tie."""
    one, other = np.nonzero(np.triu(tied))
    found = np.full(tied.shape, -1, np.int64)
    found[one, other] = np.bitwise_count(ties[one] & ties[other]).sum(axis=1, dtype=np.int64)
    return np.maximum(found, found.T)
