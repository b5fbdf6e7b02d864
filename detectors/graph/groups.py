"""Finds the groups of `shell-cluster`: around flagged enterprises, at a cut of their own once a day.

In: the present ties, the flagged enterprises, the groups of the last such cut. Out: the groups now, each with its
finding, the key that it keeps while it lasts, and the part of the graph that it is. A pure function of these: the order
in which facts or flags came changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from detectors.base import Finding
from detectors.graph.communities import dense_groups
from detectors.graph.lineage import origins
from detectors.graph.measures import core_numbers, density
from detectors.graph.neighbourhood import Neighbourhood, around
from detectors.graph.neighbours import Link, Neighbours
from detectors.graph.view import Group, GroupView
from detectors.shell_cluster import find
from detectors.views import FOREVER

Parameters = Callable[[str | None], Mapping[str, Any]]
"""The parameters of `shell-cluster` for a county, or the general ones for None: `Rules.parameters`."""


def find_groups(
    neighbours: Neighbours,
    flagged: Iterable[Collection[int]],
    previous: Mapping[str, Collection[str]],
    parameters: Parameters,
    now: int,
) -> list[Group]:
    """The groups around flagged subjects at Now, by key. `flagged`: the enterprises of each such subject (of a room or
    person those that its signal counts, of an enterprise itself); `previous`: the codes of the groups of the last cut
    by key.

    Rooms and strong identities are judged first. Where they make no group, bare names count as well, and what they
    help to make is weak.
    """
    search = _Search(neighbours, parameters, now)
    starts = search.ordered(flagged)
    weak = [start for start in starts if search.strong(start)]
    for start in weak:
        search.weak(start)
    return _named(neighbours, search.found, previous)


class _Search:
    """One search through the neighbourhoods of flagged subjects, in the order of codes."""

    def __init__(self, neighbours: Neighbours, parameters: Parameters, now: int) -> None:
        self.found: list[tuple[GroupView, str | None, Finding]] = []
        self._neighbours = neighbours
        self._parameters = parameters
        self._now = now
        self._seen: set[int] = set()
        self._taken: set[int] = set()

    def ordered(self, flagged: Iterable[Collection[int]]) -> list[tuple[int, ...]]:
        """The starts, each once, in the order of their codes."""
        starts = {frozenset(start) for start in flagged if start}
        codes = self._neighbours.codes_of(set().union(*starts))
        named = {tuple(sorted(start, key=codes.__getitem__)) for start in starts}
        return sorted(named, key=lambda start: [codes[one] for one in start])

    def strong(self, start: tuple[int, ...]) -> bool:
        """Looks around a start without bare names; whether they are worth a second look."""
        if self._seen.issuperset(start):
            return False
        here = around(self._neighbours, start)
        if here.whole:
            self._seen.update(here.enterprises)
        firm = here.without_weak()
        self._judge(firm, weak=False)
        return len(firm.links) < len(here.links)

    def weak(self, start: tuple[int, ...]) -> None:
        """Looks around a start, bare names included."""
        self._judge(around(self._neighbours, start), weak=True)

    def _judge(self, here: Neighbourhood, *, weak: bool) -> None:
        for group in dense_groups(here, self._parameters(None)):
            if not self._taken.isdisjoint(group.enterprises) or weak > any(link.weak for link in group.links):
                continue
            view = view_of(self._neighbours, group, weak=weak)
            region = _region(view)
            finding = find(view, self._parameters(region), self._now)
            if finding is not None:
                self._taken.update(view.members)
                self.found.append((view, region, finding))


def view_of(neighbours: Neighbours, group: Neighbourhood, *, weak: bool) -> GroupView:
    """A dense group with what is known of its enterprises."""
    entered: dict[int, int] = {}
    for members in group.since.values():
        for ref, at in members.items():
            entered[ref] = min(at, entered.get(ref, at))
    return GroupView(
        members=group.enterprises,
        codes=tuple(group.codes[ref] for ref in group.enterprises),
        traits=tuple(neighbours.traits_of(ref) for ref in group.enterprises),
        entered=tuple(entered[ref] for ref in group.enterprises),
        links=tuple((link, group.members[link]) for link in group.links),
        density=density(group.tied),
        core=int(core_numbers(group.tied).min()),
        weak=weak,
    )


def _region(view: GroupView) -> str | None:
    """The county of most of the enterprises, of equals the smallest code."""
    counties = Counter(one.county for one in view.traits if one.county)
    return min(counties, key=lambda county: (-counties[county], county), default=None)


def _named(
    neighbours: Neighbours,
    found: list[tuple[GroupView, str | None, Finding]],
    previous: Mapping[str, Collection[str]],
) -> list[Group]:
    firsts = [_oldest(view) for view, _, _ in found]
    groups = []
    for origin, first, (view, region, finding) in zip(
        origins([view.codes for view, _, _ in found], firsts, previous), firsts, found, strict=True
    ):
        facts = {**finding.facts, "predecessors": list(origin.predecessors), "subgraph": _subgraph(neighbours, view)}
        groups.append(
            Group(
                key=origin.key,
                label=f"团伙 {len(view.codes)} 户，最早 {first[1]} / group of {len(view.codes)}, oldest {first[1]}",
                members=view.members,
                codes=view.codes,
                region=region,
                finding=msgspec.structs.replace(finding, facts=facts),
                predecessors=origin.predecessors,
            )
        )
    return sorted(groups, key=lambda group: group.key)


def _oldest(view: GroupView) -> tuple[int, str]:
    """When the oldest enterprise was established, and its code; one that was never stands last."""
    return min(
        (one.established[0] if one.established is not None else FOREVER, code)
        for one, code in zip(view.traits, view.codes, strict=True)
    )


def _subgraph(neighbours: Neighbours, view: GroupView) -> dict[str, Any]:
    """What an alert shows: the codes, and each room or person with the places of the codes that it ties."""
    names: Mapping[Link, str] = neighbours.names_of(link for link, _ in view.links)
    return {
        "nodes": list(view.codes),
        "ties": [
            {"by": link.kind, "name": names.get(link, ""), "weak": link.weak, "nodes": list(places)}
            for link, places in view.links
        ],
    }
