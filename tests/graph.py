"""A graph of enterprises in memory, by codes and names of rooms and persons: what tests of groups are made on.

Numbers are given out in an order of the test's choosing, as a running process gives them in the order of arrival.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from config.moments import DAY
from detectors.graph.groups import find_groups
from detectors.graph.neighbours import Link, Traits
from detectors.graph.view import Group
from tests.engine import shipped_rules

NOW = 20_000 * DAY

Ties = Mapping[str, Collection[str]]
"""The codes of the enterprises of each room (`r…`), person (`p…`) or bare name (`n…`)."""


class Graph:
    """`Neighbours` over ties by name. `order`: in which enterprises get their numbers; `since`: of single ties."""

    def __init__(
        self,
        ties: Ties,
        traits: Mapping[str, Traits] | None = None,
        order: Sequence[str] | None = None,
        since: Mapping[tuple[str, str], int] | None = None,
        hub: int = 200,
    ) -> None:
        codes = sorted({code for members in ties.values() for code in members} | set(traits or ()))
        self.number = {code: place + 1 for place, code in enumerate(order or codes)}
        self.code = {number: code for code, number in self.number.items()}
        self.traits = traits or {}
        self.asked = 0
        kinds: dict[str, Any] = {"r": ("room", False), "p": ("person", False), "n": ("person", True)}
        self.links: dict[Link, str] = {}
        self.members: dict[Link, dict[int, int]] = {}
        self.of: dict[int, list[Link]] = {number: [] for number in self.code}
        for place, name in enumerate(ties):
            kind, weak = kinds[name[0]]
            link = Link(kind, place + 1, weak)
            self.links[link] = name
            there = {self.number[code]: (since or {}).get((name, code), NOW - 100 * DAY) for code in ties[name]}
            self.members[link] = {} if len(there) > hub else there
            for one in there:
                self.of[one].append(link)

    def links_of(self, enterprise: int) -> Sequence[Link]:
        return self.of[enterprise]

    def members_of(self, link: Link) -> Mapping[int, int]:
        self.asked += len(self.members[link])
        return self.members[link]

    def codes_of(self, enterprises: Iterable[int]) -> Mapping[int, str]:
        return {one: self.code[one] for one in enterprises}

    def traits_of(self, enterprise: int) -> Traits:
        found = self.traits.get(self.code[enterprise], Traits())
        if found.established is None:
            return found
        return msgspec.structs.replace(found, established=(*found.established[:3], enterprise))

    def names_of(self, links: Iterable[Link]) -> Mapping[Link, str]:
        return {link: self.links[link] for link in links}


def shell(opened: int = NOW - 100 * DAY, **more: Any) -> Traits:
    """An enterprise with traits of a shell: one agent and telephone, and a thousand yuan."""
    values: dict[str, Any] = {"live": True, "agent": 7, "phone": 8, "capital": 1000.0, "county": "330106", **more}
    return Traits(established=(opened, 1, "opening", 0), **values)


def groups(
    graph: Graph, *flagged: Collection[str], previous: Mapping[str, Collection[str]] | None = None, **parameters: Any
) -> list[Group]:
    """The groups around flagged subjects, by the shipped rules with some of their parameters changed."""
    rules = {**shipped_rules().parameters("shell-cluster"), **parameters}
    starts = [[graph.number[code] for code in codes] for codes in flagged]
    return find_groups(graph, starts, previous or {}, lambda region: rules, NOW)


def plain(group: Group) -> tuple[Any, ...]:
    """What of a group must be the same in every process."""
    finding = group.finding
    return (
        *(group.key, group.label, group.codes, group.region, group.predecessors),
        *(finding.level, finding.value, finding.since, finding.weak),
        finding.facts["traits"],
        finding.facts["density"],
        {(tie["by"], tuple(tie["nodes"]), tie["weak"]) for tie in finding.facts["subgraph"]["ties"]},
    )
