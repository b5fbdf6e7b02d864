"""The bounded neighbourhood of some enterprises: breadth first, most ties first, of equals the smallest code.

At most LIMIT enterprises, so that every step on it costs milliseconds however large what lies beyond (measured by
`benchmarks/graph.py`). A room or person stays one node: as a clique a room of 200 would be 19,900 edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detectors.graph.neighbours import Link, Neighbours

if TYPE_CHECKING:
    import networkx as nx

LIMIT: Final = 200


class Neighbourhood:
    """Some enterprises in the order of their codes, and the links by which at least two of them are tied."""

    def __init__(self, codes: Mapping[int, str], ties: Mapping[Link, Mapping[int, int]], *, whole: bool = True) -> None:
        """`codes`: of the enterprises; `ties`: members of each link among them, with the moment since when; `whole`:
        nobody else is tied to any of them.
        """
        self.codes = codes
        self.whole = whole
        self.enterprises: tuple[int, ...] = tuple(sorted(codes, key=codes.__getitem__))
        self.place = {ref: place for place, ref in enumerate(self.enterprises)}
        named = {link: tuple(sorted(map(self.place.__getitem__, members))) for link, members in ties.items()}
        # Links have no code of their own: whom they tie, and how, tells them apart.
        self.links: tuple[Link, ...] = tuple(sorted(ties, key=lambda link: (named[link], link.kind, link.ref)))
        self.members = {link: named[link] for link in self.links}
        self.since = ties

    @cached_property
    def tied(self) -> NDArray[np.bool_]:
        """Who is tied to whom, n × n by place; nobody to itself."""
        return self.tied_by(len(self.enterprises))

    def tied_by(self, largest: int) -> NDArray[np.bool_]:
        """The same by links alone that tie so many at most."""
        count = len(self.enterprises)
        found = np.zeros((count, count), np.bool_)
        for members in self.members.values():
            if len(members) <= largest:
                found[np.ix_(members, members)] = True
        np.fill_diagonal(found, val=False)
        return found

    @cached_property
    def graph(self) -> nx.Graph[int]:
        """Two kinds of nodes: places of enterprises from 0 up, and links from -1 down."""
        import networkx as nx  # a third of a second of loading: only where groups are looked for

        graph: nx.Graph[int] = nx.Graph()
        graph.add_nodes_from(range(len(self.enterprises)))
        for number, link in enumerate(self.links):
            graph.add_edges_from((-1 - number, place) for place in self.members[link])
        return graph

    def within(self, places: Collection[int]) -> Neighbourhood:
        """The part that some places make."""
        kept = {self.enterprises[place] for place in places}
        ties = {}
        for link, members in self.since.items():
            inside = {ref: at for ref, at in members.items() if ref in kept}
            if len(inside) > 1:
                ties[link] = inside
        return Neighbourhood({ref: self.codes[ref] for ref in kept}, ties, whole=False)

    def without_weak(self) -> Neighbourhood:
        """The same enterprises without ties that rest on bare names."""
        ties = {link: members for link, members in self.since.items() if not link.weak}
        return Neighbourhood(self.codes, ties, whole=self.whole)


def around(neighbours: Neighbours, start: Iterable[int], limit: int = LIMIT) -> Neighbourhood:
    """The neighbourhood of some enterprises, themselves included: ring by ring, in each ring those with most ties to
    what is there already first, of equals the smallest code, until there are `limit`.
    """
    inside: dict[int, str] = dict(neighbours.codes_of(start))
    if len(inside) > limit:
        inside = dict(sorted(inside.items(), key=lambda one: one[1])[:limit])
    members: dict[Link, Mapping[int, int]] = {}
    ring = list(inside)
    whole = len(inside) < limit
    while ring and len(inside) < limit:
        counts: Counter[int] = Counter()
        for link in {link for one in ring for link in neighbours.links_of(one)} - members.keys():
            members[link] = neighbours.members_of(link)
            counts.update(members[link].keys() - inside.keys())
        whole = len(counts) <= limit - len(inside)
        ring = _first(neighbours, counts, limit - len(inside))
        inside.update(neighbours.codes_of(ring))
    links = {link for one in inside for link in neighbours.links_of(one)}
    ties = {}
    for link in links:
        known = members[link] if link in members else neighbours.members_of(link)
        those = {ref: known[ref] for ref in known.keys() & inside.keys()}
        if len(those) > 1:
            ties[link] = those
    return Neighbourhood(inside, ties, whole=whole and len(inside) < limit)


def _first(neighbours: Neighbours, counts: Counter[int], room: int) -> list[int]:
    """As many as there is room for: codes are asked for only where equals meet at the end of the room."""
    if len(counts) <= room:
        return list(counts)
    by_count: dict[int, list[int]] = {}
    for ref, count in counts.items():
        by_count.setdefault(count, []).append(ref)
    found: list[int] = []
    for count in sorted(by_count, reverse=True):
        equals: Sequence[int] = by_count[count]
        if len(equals) > room - len(found):
            codes = neighbours.codes_of(equals)
            equals = nsmallest(room - len(found), equals, key=codes.__getitem__)
        found += equals
    return found
