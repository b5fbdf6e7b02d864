"""The graph as the stages hold it: `detectors.graph.neighbours.Neighbours` over a flow and what its numbers stand for.

Between the stages and the search for groups; it decides nothing itself. It answers as of the flow's Now, so it is made
anew for each cut: what it was asked it remembers, up to some number of enterprises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from config.capital import least_of
from config.ruleset import Rules
from detectors.graph.neighbours import Link, Traits
from monitor.engine.flow import Flow
from monitor.modelling.naming import Naming
from monitor.stages.facts import leaderships
from monitor.stages.fold import Enterprise
from monitor.stages.history import Entry, Kind, entries_of
from monitor.store.schema import SIGNAL_MEMBERS

DETECTOR: Final = "shell-cluster"
_KEPT: Final = 200_000
_CODES_AT_ONCE: Final = 20_000
"""Codes that are wanted together and remembered; more, as of all starts, are not wanted again."""
_CAPITAL, _AGENT, _PHONE = 0, 2, 3
_TRAITS_AT: Final = {int(Kind.ESTABLISHED): 13, int(Kind.CHANGED): 11}
"""Where the list of traits stands in an entry."""


class _Known(NamedTuple):
    """What was asked of one enterprise."""

    links: tuple[Link, ...]
    traits: Traits


class FlowNeighbours:
    """The present ties of a flow's enterprises by some rules, which must have `shell-cluster` at work."""

    def __init__(self, flow: Flow, naming: Naming, rules: Rules) -> None:
        """`naming`: knows the codes of all enterprises of the flow."""
        self._flow = flow
        self._naming = naming
        self._hub_limit = rules.hub_limit
        self._exempt = frozenset(rules.parameters(DETECTOR)["exempt_kinds"])
        self._known: dict[int, _Known] = {}
        self._codes: dict[int, str] = {}

    def links_of(self, enterprise: int) -> Sequence[Link]:
        """See `Neighbours`."""
        return self._of(enterprise).links

    def members_of(self, link: Link) -> Mapping[int, int]:
        """See `Neighbours`. A hub is known by its counter: its members are not walked through."""
        if link.kind == "room":
            rooms = self._flow.rooms
            room = rooms.view(link.ref)
            if room is None or room.present > self._hub_limit:
                return {}
            if rooms.kind_of(link.ref, room, self._flow.now) in self._exempt:
                return {}
            return {one.ref: one.entry for one in room.occupants.values() if one.present and not one.branch}
        person = self._flow.persons.view(link.ref)
        if person is None or person.present > self._hub_limit:
            return {}
        return {
            one.ref: one.entry
            for one in person.enterprises.values()
            if one.leads and not one.branch and not one.cancelled
        }

    def codes_of(self, enterprises: Iterable[int]) -> Mapping[int, str]:
        """See `Neighbours`."""
        wanted = set(enterprises)
        if len(wanted) > _CODES_AT_ONCE:
            return self._naming.codes(wanted)
        if len(self._codes) > _KEPT:
            self._codes.clear()
        # `wanted - keys()` would walk through all that is known, not through what is wanted.
        self._codes.update(self._naming.codes(wanted.difference(self._codes)))
        return {ref: self._codes[ref] for ref in wanted}

    def traits_of(self, enterprise: int) -> Traits:
        """See `Neighbours`."""
        return self._of(enterprise).traits

    def names_of(self, links: Iterable[Link]) -> Mapping[Link, str]:
        """See `Neighbours`."""
        kinds = {link: ("address" if link.kind == "room" else "person", link.ref) for link in links}
        found = self._naming.labels(kinds.values())
        return {link: found[place] for link, place in kinds.items()}

    def _of(self, enterprise: int) -> _Known:
        known = self._known.get(enterprise)
        if known is None:
            if len(self._known) > _KEPT:
                self._known.clear()
            stage = self._flow.enterprises
            entries = entries_of(stage.record(enterprise))
            state = stage.folded(enterprise, entries, self._flow.now)
            known = self._known[enterprise] = _Known(self._links(state), _traits(state, entries))
        return known

    def _links(self, state: Enterprise) -> tuple[Link, ...]:
        if state.branch:
            return ()
        found = [Link("room", state.room)] if state.room else []
        if not state.cancelled:
            weak = self._flow.weak_persons.__contains__
            for person, fact in leaderships(state, weak, self._flow.weak_in).items():
                if fact.leads:
                    found.append(Link("person", person, weak(person)))
        return tuple(found)


def flagged_subjects(connection: Connection, rules: Rules, naming: Naming) -> list[tuple[int, ...]]:
    """The enterprises of each signal in force around which the rules have groups looked for; hubs are left out: they
    are judged as rooms and persons. `connection`: to the store of these signals.
    """
    table = SIGNAL_MEMBERS.c
    around = rules.parameters(DETECTOR)["around"]
    query = select(table.detector, table.ref, table.enterprise).where(table.detector.in_(around))
    found: dict[tuple[str, int], list[int]] = {}
    for detector, ref, enterprise in connection.execute(query, execution_options={"yield_per": 10_000}):
        found.setdefault((detector, ref), []).append(enterprise)
    starts = [members for members in found.values() if len(members) <= rules.hub_limit]
    numbers = naming.numbers({ref for members in starts for ref in members})
    return [tuple(sorted(numbers[ref] for ref in members if ref in numbers)) for members in starts]


def _traits(state: Enterprise, entries: Sequence[Entry]) -> Traits:
    """What shells show by. `entries`: of the history, in the order in which `fold` left them."""
    filed: set[int] = set()
    missed: set[int] = set()
    values: list[Any] = [None, None, None, None]
    moves, room = 0, None
    for entry in entries:
        kind = entry[3]
        if kind in _TRAITS_AT:
            place = _TRAITS_AT[kind]
            for number, value in enumerate(entry[place][:4] if place < len(entry) else ()):
                if value is not None:
                    values[number] = value
            if entry[5] is not None:
                moves += room is not None and entry[5] != room and kind == Kind.CHANGED
                room = entry[5]
        elif kind == Kind.FILED:
            filed.add(entry[5])
        elif kind == Kind.MISSED:
            missed.add(entry[5])
    opened = state.opened
    return Traits(
        established=(opened[2], opened[0], opened[1], state.ref) if opened is not None else None,
        live=state.live,
        ended=max((end.at for end, _ in state.ends), default=None),
        bad=any((state.revoked, state.abnormal, state.dishonest, state.flagged)),
        filed=len(filed),
        missed=len(missed - filed),
        moves=moves,
        capital=least_of(values[_CAPITAL]) if values[_CAPITAL] else None,
        phone=values[_PHONE] or 0,
        agent=values[_AGENT] or 0,
        county=state.view.county,
    )
