"""What holds of each enterprise by itself as of a moment: present values, life, listings, repairs.

The rules are those of the signals (contract §3 and §4): the value with the greatest `(time, source, id)` holds, a later
establishment undoes an end, what is repaired counts nowhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from config.moments import DAY, HOUR
from models.features.facts import NEVER, NOT_GIVEN, Facts, Floats, Ints, Mask, What

UNREACHABLE: Final = 3
"""The ground of an abnormal listing."""

GROUNDS: Final = 4
UNKNOWN_DATE: Final = -2_177_452_800_000_000
"""1901-01-01: establishments before stand for an unknown date, which the contract writes as 1900-01-01."""

MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def pairs(one: Ints, other: Ints) -> Ints:
    """A number for each pair of numbers, the same for the same pair; two pairs meet with odds of 1 in 2^64."""
    mixed = (one.astype(np.uint64) * MIX) ^ (one.astype(np.uint64) >> np.uint64(29))
    return np.asarray(mixed + other.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)).astype(np.int64)


def day_of(at: Ints) -> Ints:
    """Days since 1970 at UTC+8, whole."""
    return np.asarray((at + 8 * HOUR) // DAY, np.int64)


class Present:
    """Facts as of `now`, and what holds by them. Arrays without `of` are by enterprise, in the order of the facts."""

    def __init__(self, facts: Facts, now: int) -> None:
        """`facts`: of any date; what was known later than `now` is left out."""
        self.facts = facts = facts.as_of(now)
        self.now = now
        self.size = len(facts)
        self._values()
        self._life()
        self._listings()

    # -- asking ---------------------------------------------------------------------------------------------------

    def of(self, *kinds: What) -> Ints:
        """The rows of happenings of some kinds."""
        what = self.facts.happenings.what
        mask = what == int(kinds[0])
        for kind in kinds[1:]:
            mask |= what == int(kind)
        return np.flatnonzero(mask)

    def kept(self, rows: Ints) -> Ints:
        """Those of some rows whose document, their mark, is not repaired."""
        return rows[~self.repaired(rows, self.facts.happenings.mark)] if len(self._gone) else rows

    def repaired(self, rows: Ints, documents: Ints) -> Mask:
        """Whether each of some rows has a document, by a column of all rows, that is repaired."""
        table = self.facts.happenings
        found: Mask = (documents[rows] != 0) & np.isin(pairs(table.owner[rows], documents[rows]), self._gone)
        return found

    def within(self, rows: Ints, days: int, before: int = 0) -> Ints:
        """Those of some rows that took effect in the last so many days, or so many days before those."""
        at = self.facts.happenings.at[rows]
        here: Mask = (at > self.now - (days + before) * DAY) & (at <= self.now - before * DAY)
        return rows[here]

    def count(self, rows: Ints) -> Floats:
        """How many of some rows each enterprise has."""
        return np.bincount(self.facts.happenings.owner[rows], minlength=self.size).astype(float)

    def summed(self, rows: Ints, weights: Floats) -> Floats:
        """The sum of weights over some rows, in their order."""
        return np.bincount(self.facts.happenings.owner[rows], weights, minlength=self.size).astype(float)

    def last(self, rows: Ints) -> Ints:
        """The moment of the last of some rows; NEVER where there is none."""
        found = np.full(self.size, NEVER)
        found[self.facts.happenings.owner[rows]] = self.facts.happenings.at[rows]
        return found

    def days_since(self, at: Ints) -> Floats:
        """Whole days from moments to now; not known where never."""
        return np.where(at == NEVER, np.nan, ((self.now - at) // DAY).astype(float))

    def first_of_each(self, rows: Ints) -> Ints:
        """Of rows with the same mark of one enterprise, the first; rows without a mark stand for themselves."""
        found: Ints = rows[_firsts(self._named(rows))]
        return found

    def last_of_each(self, rows: Ints) -> Ints:
        """Of rows with the same mark of one enterprise, the last."""
        found = _firsts(self._named(rows)[::-1])
        return rows[np.sort(len(rows) - 1 - found)]

    def _named(self, rows: Ints) -> Ints:
        table = self.facts.happenings
        return pairs(table.owner[rows], np.where(table.mark[rows] == 0, -1 - rows, table.mark[rows]))

    # -- what holds -----------------------------------------------------------------------------------------------

    def _latest(self, column: Ints) -> Ints:
        """The last given value of a column of registrations by enterprise; 0 where none was given."""
        given = np.flatnonzero(column != NOT_GIVEN)
        found = np.zeros(self.size, np.int64)
        found[self.facts.registrations.owner[given]] = column[given]
        return found

    def _values(self) -> None:
        table = self.facts.registrations
        self.room = self._latest(table.room)
        self.county = self._latest(table.county)
        self.town = self._latest(table.town)
        self.shown = self._latest(table.shown)
        self.industry = self._latest(table.industry)
        self.capital = self._latest(table.capital)
        self.name = self._latest(table.name)
        self.agent = self._latest(table.agent)
        self.phone = self._latest(table.phone)
        self.kind = self._latest(table.kind)
        led = np.flatnonzero(table.lead_set != NOT_GIVEN)
        row = np.full(self.size, -1)
        row[table.owner[led]] = led
        self.lead_row = row
        """The row of registrations that gave the present lead persons; -1 where none did."""
        moved = self._changes(table.room)
        manned = self._changes(table.lead_set)
        self.moves = table.at[moved]
        self.moves_of = table.owner[moved]
        both = np.union1d(moved, manned)
        self.changes = table.at[both]
        self.changes_of = table.owner[both]

    def _changes(self, column: Ints) -> Ints:
        """The rows of registrations, but for establishments, that give another value than the one held before."""
        table = self.facts.registrations
        given = np.flatnonzero(column != NOT_GIVEN)
        values, owners = column[given], table.owner[given]
        differs: Mask = (owners[1:] == owners[:-1]) & (values[1:] != values[:-1]) & (table.opening[given[1:]] == 0)
        return given[1:][differs]

    def _life(self) -> None:
        table, happened = self.facts.registrations, self.facts.happenings
        openings = np.flatnonzero(table.opening)
        self.opened = np.full(self.size, NEVER)
        self.opened[table.owner[openings]] = table.at[openings]
        turn = np.full(self.size, -1)
        turn[table.owner[openings]] = table.turn[openings]
        ends = self.of(What.DEREGISTERED, What.REVOKED, What.CANCELLED)
        ends = ends[happened.turn[ends] > turn[happened.owner[ends]]]
        self.live = turn >= 0
        self.live[happened.owner[ends]] = False
        revoked = ends[happened.what[ends] == int(What.REVOKED)]
        self.revoked = np.zeros(self.size, bool)
        self.revoked[happened.owner[revoked]] = True
        cancelled = ends[happened.what[ends] == int(What.CANCELLED)]
        self.cancelled = np.zeros(self.size, bool)
        self.cancelled[happened.owner[cancelled]] = True
        self.dated = (self.opened != NEVER) & (self.opened >= UNKNOWN_DATE)
        """Whether the moment of the establishment is known."""
        rows = self.of(What.SUSPENDED, What.RESUMED)
        until = np.zeros(self.size, np.int64)
        until[happened.owner[rows]] = np.where(
            happened.what[rows] == int(What.RESUMED),
            0,
            np.where(happened.mark[rows] == 0, np.iinfo(np.int64).max, happened.mark[rows]),
        )
        self.suspended = until > self.now

    def _listings(self) -> None:
        table = self.facts.happenings
        repairs = self.of(What.REPAIRED)
        decisions = self.of(What.DECIDED)
        if len(decisions):
            decisions = self.last_of_each(decisions)
            decisions = decisions[table.detail[decisions] == 1]
        gone = np.concatenate([repairs, decisions])
        self._gone = np.unique(pairs(table.owner[gone], table.mark[gone]))
        rows = self.of(What.ABNORMAL_LISTED, What.ABNORMAL_REMOVED)
        listed = self._standing(rows, table.owner[rows] * GROUNDS + table.detail[rows], GROUNDS * self.size)
        self.abnormal = listed.reshape(self.size, GROUNDS)
        """By ground: since when the enterprise is listed abnormal; NEVER where it is not."""
        rows = self.of(What.DISHONEST_LISTED, What.DISHONEST_REMOVED)
        self.dishonest = self._standing(rows, table.owner[rows], self.size)
        rows = self.of(What.DEFAULTER_LISTED, What.DEFAULTER_REMOVED)
        self.defaulter = self._standing(rows, table.owner[rows], self.size)
        self.listed_abnormal = (self.abnormal != NEVER).any(axis=1)
        self.bad = self.revoked | self.listed_abnormal
        self.at_risk = self.bad | (self.dishonest != NEVER)

    def _standing(self, rows: Ints, keys: Ints, size: int) -> Ints:
        """By key: when the latest listing took effect, if no removal followed and it is not repaired."""
        table = self.facts.happenings
        last = np.full(size, -1)
        last[keys] = rows
        rows = last[last >= 0]
        rows = self.kept(rows[_is_listing(table.what[rows])])
        found = np.full(size, NEVER)
        held = np.flatnonzero(last >= 0)
        held = held[np.isin(last[held], rows)]
        found[held] = table.at[last[held]]
        return found


def _is_listing(what: Ints) -> Mask:
    return np.isin(what, [int(What.ABNORMAL_LISTED), int(What.DISHONEST_LISTED), int(What.DEFAULTER_LISTED)])


def _firsts(keys: Ints) -> Ints:
    """The places at which each value is first met, ascending."""
    return np.sort(np.unique(keys, return_index=True)[1])
