"""Those around each enterprise as of a moment: who shares its room, its lead persons, its agent, its telephone.

Everything is counted in rooms and persons and looked up, so that a hub costs as much as any other member: no list of
pairs is ever made. A tie is counted once for each way: two enterprises with one room and one lead person are tied
twice. Rooms and persons with more than 200 enterprises tie nobody (contract §4, hubs), nor do rooms of
hosts and markets.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from config.moments import DAY
from models.features.facts import FOREIGN_COUNTY, NEVER, Facts, Floats, Ints, Mask, What
from models.features.present import Present, day_of, pairs
from models.pieces import Work, finished

HUB: Final = 200
LARGEST_CORE: Final = 20
_BRANCH: Final = 3
_EXEMPT: Final = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8
"""Shown kinds of address: market, cluster, incubator, platform."""

_RECENT: Final = 1_095
_BELIEF: Final = 20.0
"""A rate among peers is drawn to that of the wider group as if so many more had been seen."""


class Around(msgspec.Struct, frozen=True):
    """By enterprise, as of one moment. Counts leave the enterprise itself out; see `models.features.links`."""

    room_others: Floats
    room_live: Floats
    room_ever: Floats
    room_bad: Floats
    room_same_capital: Floats
    same_day: Floats
    lead_load: Floats
    lead_bad: Floats
    lead_defaulters: Floats
    ties: Floats
    ties_at_risk: Floats
    ties_before: Floats
    core: Floats
    agent_clients: Floats
    phone_others: Floats
    county_rate: Floats
    industry_rate: Floats
    peer_rate: Floats

    def take(self, first: int, last: int) -> Around:
        """The enterprises from a place up to, not including, another."""
        return Around(*(getattr(self, name)[first:last] for name in self.__struct_fields__))


class Ways(NamedTuple):
    """By what enterprises are tied: pairs of an enterprise and a way, ways numbered from 0."""

    owners: Ints
    ways: Ints
    number: int

    def sizes(self, of: Mask | None = None) -> Ints:
        """How many members each way has, or how many of those marked, by enterprise."""
        ways = self.ways if of is None else self.ways[of[self.owners]]
        return np.bincount(ways, minlength=self.number)

    def others(self, of: Mask) -> Ints:
        """For each pair: how many other marked enterprises are members of the way."""
        return np.asarray(self.sizes(of)[self.ways] - of[self.owners], np.int64)


def surroundings(facts: Facts, now: int) -> Around:
    """What is around every enterprise of the facts, which must be all there are, as of a moment."""
    return finished(look_around(Present(facts, now)))


def look_around(present: Present) -> Work[Around]:
    """The same in pieces, of what holds of everybody at a moment."""
    now, size = present.now, present.size
    counted = present.kind != _BRANCH
    everybody = np.ones(size, bool)
    rooms = _grouped(np.flatnonzero((present.room > 0) & counted), present.room)
    yield
    led = _led(present, counted & ~present.cancelled)
    yield
    found: dict[str, Floats] = {
        "room_others": _spread(rooms, rooms.others(everybody), size),
        "room_live": _spread(rooms, rooms.others(present.live), size),
        "room_bad": _spread(rooms, rooms.others(present.bad), size),
    }
    yield
    capital = np.flatnonzero((present.room > 0) & counted & (present.capital > 0))
    found["room_same_capital"] = _same(capital, pairs(present.room, present.capital), size)
    yield
    found["room_ever"] = _ever(present, counted)
    yield
    found["same_day"] = np.maximum(_same_day(present, rooms), _same_day(present, led))
    yield
    found["lead_load"] = _most(led, led.others(present.live), size)
    found["lead_bad"] = _spread(led, led.others(present.at_risk), size)
    found["lead_defaulters"] = _defaulters(present)
    yield
    ties = _ties(present, rooms, led)
    found["ties"] = _spread(ties, ties.others(everybody), size)
    found["ties_at_risk"] = _spread(ties, ties.others(present.at_risk), size)
    yield
    before = Present(present.facts.only(What.DEREGISTERED, What.REVOKED, What.CANCELLED), now - 365 * DAY)
    then = before.kind != _BRANCH
    yield
    earlier = _ties(
        before,
        _grouped(np.flatnonzero((before.room > 0) & then), before.room),
        _led(before, then & ~before.cancelled),
    )
    found["ties_before"] = _spread(earlier, earlier.others(everybody), size)
    yield
    found["core"] = cores(ties, size)
    yield
    agents = _grouped(np.flatnonzero(present.agent > 0), present.agent)
    found["agent_clients"] = _spread(agents, agents.others(everybody), size)
    phones = _grouped(np.flatnonzero(present.phone > 0), present.phone)
    found["phone_others"] = _spread(phones, phones.others(everybody), size)
    yield
    return Around(**found, **_rates(present))


def cores(ties: Ways, size: int) -> Floats:
    """The core number of each enterprise in the graph of ties: the largest k such that it belongs to enterprises each
    of which has k ties among them, `LARGEST_CORE` at most. Seidman, Network structure and minimum degree (1983).
    """
    found = np.zeros(size)
    for k in range(1, LARGEST_CORE + 1):
        while len(ties.owners):
            others = ties.sizes()[ties.ways] - 1
            degree = np.bincount(ties.owners, others, minlength=size)
            stays = degree[ties.owners] >= k
            if stays.all():
                break
            ties = Ways(ties.owners[stays], ties.ways[stays], ties.number)
        if not len(ties.owners):
            break
        found[ties.owners] = k
    return found


def _grouped(owners: Ints, column: Ints) -> Ways:
    """Some enterprises by their value in a column."""
    values, ways = np.unique(column[owners], return_inverse=True)
    return Ways(owners, np.asarray(ways, np.int64).reshape(-1), len(values))


def leads_of(present: Present) -> tuple[Ints, Ints]:
    """Pairs of an enterprise and a present lead person. A bare name is a person within one county only."""
    facts = present.facts
    owners = np.flatnonzero(present.lead_row >= 0)
    table, rows = facts.registrations, present.lead_row[owners]
    first, count = table.leads_from[rows], table.leads_to[rows] - table.leads_from[rows]
    places = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    owners, persons = np.repeat(owners, count), facts.leads[places]
    known, keys = _as_persons(present, owners, persons)
    return owners[known], keys[known]


def _as_persons(present: Present, owners: Ints, persons: Ints) -> tuple[Mask, Ints]:
    """Whether each number, said by an enterprise, identifies somebody, and whom."""
    weak = np.isin(persons, present.facts.weak)
    county = present.county[owners]
    known: Mask = ~weak | ((county > 0) & (county < FOREIGN_COUNTY))
    return known, np.where(weak, pairs(persons, county), persons)


def _led(present: Present, counted: Mask) -> Ways:
    owners, persons = leads_of(present)
    stays = counted[owners]
    values, ways = np.unique(persons[stays], return_inverse=True)
    return Ways(owners[stays], np.asarray(ways, np.int64).reshape(-1), len(values))


def _ties(present: Present, rooms: Ways, led: Ways) -> Ways:
    """Rooms and persons that tie: no hubs, no rooms of hosts and markets."""
    exempt = rooms.sizes((present.shown & _EXEMPT) != 0) > 0
    joins = np.concatenate([(rooms.sizes() <= HUB) & ~exempt, led.sizes() <= HUB])
    owners, ways = np.concatenate([rooms.owners, led.owners]), np.concatenate([rooms.ways, led.ways + rooms.number])
    stays = joins[ways]
    return Ways(owners[stays], ways[stays], len(joins))


def _spread(group: Ways, values: Ints, size: int) -> Floats:
    """The sum over the ways of each enterprise."""
    return np.bincount(group.owners, values, minlength=size).astype(float)


def _most(group: Ways, values: Ints, size: int) -> Floats:
    """The greatest over the ways of each enterprise, 0 for one of none."""
    found = np.zeros(size)
    np.maximum.at(found, group.owners, values.astype(float))
    return found


def _same(owners: Ints, keys: Ints, size: int) -> Floats:
    """How many others have the same key."""
    group = _grouped(owners, keys)
    return _spread(group, group.sizes()[group.ways] - 1, size)


def _same_day(present: Present, group: Ways) -> Floats:
    """How many others of a way were established on the same day (Asia/Shanghai); of several ways the most."""
    dated = present.dated[group.owners]
    owners, ways = group.owners[dated], group.ways[dated]
    _, days = np.unique(pairs(ways, day_of(present.opened[owners])), return_inverse=True)
    days = np.asarray(days, np.int64).reshape(-1)
    return _most(Ways(owners, days, 0), np.bincount(days)[days] - 1 if len(days) else days, present.size)


def _ever(present: Present, counted: Mask) -> Floats:
    """How many others were ever registered at the present room."""
    table = present.facts.registrations
    rows = np.flatnonzero((table.room > 0) & counted[table.owner])
    once = np.unique(pairs(table.owner[rows], table.room[rows]), return_index=True)[1]
    rooms, sizes = np.unique(table.room[rows[once]], return_counts=True)
    found = np.zeros(present.size)
    here = np.flatnonzero((present.room > 0) & counted)
    found[here] = sizes[np.searchsorted(rooms, present.room[here])] - 1
    return found


def _defaulters(present: Present) -> Floats:
    """How many of the lead persons are at present listed by a court, whichever enterprise the events were about. At
    equal times a removal is the later.
    """
    table = present.facts.happenings
    rows = present.of(What.COURT_LISTED, What.COURT_REMOVED)
    known, keys = _as_persons(present, table.owner[rows], table.mark[rows])
    rows, keys = rows[known], keys[known]
    persons, place = np.unique(keys, return_inverse=True)
    place = np.asarray(place, np.int64).reshape(-1)
    latest = np.full(len(persons), NEVER)
    np.maximum.at(latest, place, table.at[rows])
    last = table.at[rows] == latest[place]
    removed = keys[last & (table.what[rows] == int(What.COURT_REMOVED))]
    listed = keys[last & ~present.repaired(rows, table.detail)]
    owners, led = leads_of(present)
    found = np.isin(led, listed) & ~np.isin(led, removed)
    return np.bincount(owners[found], minlength=present.size).astype(float)


def _rates(present: Present) -> dict[str, Floats]:
    """Shares of live peers of whom something adverse was found within three years, the enterprise itself left out,
    each drawn to that of the wider group: all, then the county or the industry, then both together.
    """
    rows = present.kept(present.of(What.PENALISED, What.ABNORMAL_LISTED, What.DISHONEST_LISTED, What.REVOKED))
    found = present.count(present.within(rows, _RECENT)) > 0
    live = present.live
    division = present.industry // 100
    everywhere = _rate(np.zeros(present.size, np.int64), live, found, np.zeros(present.size))
    county = _rate(present.county, live, found, everywhere)
    industry = _rate(division, live, found, everywhere)
    both = _rate(pairs(present.county, division), live, found, (county + industry) / 2)
    return {
        "county_rate": np.where(present.county > 0, county, np.nan),
        "industry_rate": np.where(division > 0, industry, np.nan),
        "peer_rate": both,
    }


def _rate(groups: Ints, live: Mask, found: Mask, wider: Floats) -> Floats:
    values, group = np.unique(groups, return_inverse=True)
    group = np.asarray(group, np.int64).reshape(-1)
    members = np.bincount(group[live], minlength=len(values))[group] - live
    bad = np.bincount(group[live & found], minlength=len(values))[group] - (live & found)
    return (bad + _BELIEF * wider) / (members + _BELIEF)
