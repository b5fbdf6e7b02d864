"""The graph step a subject, with a hub of 20,000 nearby, against networkx on the whole graph.

`python -m benchmarks.graph [SUBJECTS]` (default 300): made-up enterprises, each with a room and a person, shells among
them; a room and a person of 20,000 enterprises each, with which every tenth subject is tied; rooms of up to 200, the
most that still tie. For each subject its neighbourhood, and the step: its figures, and the groups there with all
that is needed for them. The bar is 20 ms at p99. The baseline is networkx alone on the connected part of the whole
graph without hubs, for as many subjects as fit into its time.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter, process_time
from typing import Any

import networkx as nx

from benchmarks.machine import described, say
from config.moments import DAY
from config.ruleset import load
from detectors.graph.groups import find_groups
from detectors.graph.measures import measured
from detectors.graph.neighbourhood import around
from detectors.graph.neighbours import Link, Traits

_NOW = 20_000 * DAY
_HUB = 20_000
_ENTERPRISES = 60_000
_BAR = 20.0
_BASELINE_SECONDS = 5.0


class Province:
    """`Neighbours` in memory."""

    def __init__(self, chance: random.Random) -> None:
        """Everybody of it."""
        self.members: dict[Link, dict[int, int]] = {}
        self.of: dict[int, list[Link]] = {one: [] for one in range(_ENTERPRISES)}
        self.traits: dict[int, Traits] = {}
        self.codes = [f"E{one:06d}" for one in range(_ENTERPRISES)]
        self._rooms(chance)
        self._persons(chance)
        for number in range(100):
            self._shells(chance, number)
        self.hubs = [Link("room", 1_000_000), Link("person", 1_000_000)]
        for hub in self.hubs:
            self._tie(hub, chance.sample(range(_ENTERPRISES), _HUB))
        for one in range(_ENTERPRISES):
            opened = _NOW - chance.randrange(3000) * DAY
            self.traits.setdefault(one, Traits(established=(opened, 1, f"e{one}", one), live=True, county="330106"))

    def _tie(self, link: Link, members: Iterable[int]) -> None:
        there = self.members.setdefault(link, {})
        for one in members:
            there[one] = _NOW - 900 * DAY
            self.of[one].append(link)

    def _rooms(self, chance: random.Random) -> None:
        first = room = 0
        while first < _ENTERPRISES:
            size = min(200, int(chance.paretovariate(0.9)))
            self._tie(Link("room", room), range(first, min(first + size, _ENTERPRISES)))
            first, room = first + size, room + 1

    def _persons(self, chance: random.Random) -> None:
        order = list(range(_ENTERPRISES))
        chance.shuffle(order)
        first = person = 0
        while first < _ENTERPRISES:
            size = min(200, int(chance.paretovariate(1.6)))
            self._tie(Link("person", person), order[first : first + size])
            first, person = first + size, person + 1

    def _shells(self, chance: random.Random, number: int) -> None:
        members = chance.sample(range(_ENTERPRISES), 12)
        for turn in range(3):
            self._tie(Link("room", 2_000_000 + 3 * number + turn), members[turn::3])
        for turn in range(2):
            self._tie(Link("person", 2_000_000 + 2 * number + turn), members[turn::2])
        for one in members:
            opened = (_NOW - 50 * DAY, 1, f"e{one}", one)
            self.traits[one] = Traits(
                established=opened, live=True, agent=number + 1, phone=number + 1, capital=1000.0, county="330106"
            )

    def links_of(self, enterprise: int) -> Sequence[Link]:
        """See `Neighbours`."""
        return self.of[enterprise]

    def members_of(self, link: Link) -> Mapping[int, int]:
        """See `Neighbours`."""
        members = self.members[link]
        return members if len(members) <= 200 else {}

    def codes_of(self, enterprises: Iterable[int]) -> Mapping[int, str]:
        """See `Neighbours`."""
        return {one: self.codes[one] for one in enterprises}

    def traits_of(self, enterprise: int) -> Traits:
        """See `Neighbours`."""
        return self.traits[enterprise]

    def names_of(self, links: Iterable[Link]) -> Mapping[Link, str]:
        """See `Neighbours`."""
        return dict.fromkeys(links, "")


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    count = int(arguments[0]) if arguments else 300
    chance = random.Random(1)
    say(described())
    province = Province(chance)
    hub = sorted(province.members[province.hubs[0]])
    subjects = [chance.choice(hub) if turn % 10 == 0 else chance.randrange(_ENTERPRISES) for turn in range(count)]
    rules = load()
    gc.collect()
    gc.freeze()

    def parameters(region: str | None) -> dict[str, Any]:
        return rules.parameters("shell-cluster", region)

    sizes: list[int] = []
    took: dict[str, list[float]] = {"neighbourhood": [], "figures": [], "groups": [], "step": [], "processor": []}
    found = 0
    for subject in subjects:
        began = perf_counter()
        here = around(province, [subject])
        known, worked = perf_counter(), process_time()
        measured(province, here, subject, _NOW)
        figured = perf_counter()
        found += len(find_groups(province, [[subject]], {}, parameters, _NOW))
        done = perf_counter()
        sizes.append(len(here.enterprises))
        for name, part in (
            ("neighbourhood", known - began),
            ("figures", figured - known),
            ("groups", done - figured),
            ("step", done - known),
            ("processor", process_time() - worked),
        ):
            took[name].append(part * 1e3)
    say(f"{count} subjects, neighbourhoods of {statistics.median(sizes):.0f} (median) to {max(sizes)}, {found} groups")
    for name, times in took.items():
        say(f"{name:>14}: p50 {statistics.median(times):7.2f} ms  p99 {percentile(times):7.2f} ms")
    whole = baseline(province, subjects)
    say(
        f"networkx on the whole part: p50 {statistics.median(whole):.0f} ms, p99 {percentile(whole):.0f} ms over "
        f"{len(whole)} subjects; ours {percentile(whole) / percentile(took['step']):.0f} times as fast at p99; "
        f"bar {_BAR:.0f} ms a subject at p99"
    )


def percentile(times: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def baseline(province: Province, subjects: Sequence[int]) -> list[float]:
    """Milliseconds a subject: its connected part as networkx builds it, core numbers and communities of that."""
    took = []
    until = perf_counter() + _BASELINE_SECONDS
    for subject in subjects:
        began = perf_counter()
        graph: nx.Graph[Any] = nx.Graph()
        waiting, seen = [subject], {subject}
        while waiting:
            one = waiting.pop()
            for link in province.links_of(one):
                for other in province.members_of(link):
                    graph.add_edge(("link", link), other)
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
        nx.core_number(graph)
        list(nx.community.label_propagation_communities(graph))
        took.append((perf_counter() - began) * 1e3)
        if perf_counter() > until:
            break
    return took


if __name__ == "__main__":
    main(sys.argv[1:])
