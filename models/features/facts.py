"""The columns from which features are computed: registrations and happenings of many enterprises, dated.

Both tables are in the order of the enterprises and, within one, in the order `(time, source, id)`; `turn` is the place
of a row in that order over both. `at` is when a fact took effect, `known` the moment from which it was known, the later
of `time` and `recordedtime`: what is asked as of a date leaves out whatever was known later. Moments are microseconds
since 1970. Numbers of enterprises, rooms and persons only serve to tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOT_GIVEN: Final = -1
"""In a column of registrations: the event does not say it. 0: it says that there is none."""

NEVER: Final = -(1 << 62)
"""The moment of what never was."""

FOREIGN_INDUSTRY: Final = 1_000_000
"""Numbers of industries from here on are classes of other registers."""

FOREIGN_COUNTY: Final = 1_000_000
"""Numbers of counties from here on are beginnings of addresses that name no county of GB/T 2260."""


CATEGORY: Final = 8
"""The bits of a penalty's detail from here on are its category, 1 to 255; 0 for none."""


class What(IntEnum):
    """What happened. The numbers are those of histories."""

    DEREGISTERED = 3
    REVOKED = 4
    CANCELLED = 5
    SUSPENDED = 6
    RESUMED = 7
    FILED = 8
    MISSED = 9
    INSPECTED = 10
    VISITED = 11
    LETTER_SENT = 12
    LETTER_RETURNED = 13
    LETTER_DELIVERED = 14
    PENALISED = 15
    ABNORMAL_LISTED = 16
    ABNORMAL_REMOVED = 17
    DISHONEST_LISTED = 18
    DISHONEST_REMOVED = 19
    COMPLAINT = 20
    COURT_LISTED = 21
    COURT_REMOVED = 22
    TAX_IRREGULAR = 23
    TAX_REGULAR = 24
    REPAIRED = 25
    DECIDED = 26
    SAMPLING_FAILED = 28
    SAMPLING_PASSED = 29
    COMMITMENT_BREACHED = 30
    HONOURED = 31
    DEFAULTER_LISTED = 33
    DEFAULTER_REMOVED = 34


class Registrations(msgspec.Struct, frozen=True):
    """Establishments and changes, a row an event. A column holds `NOT_GIVEN` where the event does not say it.

    `opening`: an establishment. `shown`: kinds of the address, as bits (bit 1 office, 2 residential, 3 market, 4
    cluster, 5 incubator, 6 industrial, 7 rural, 8 platform). `industry`: letter × 10,000 + four digits, or foreign.
    `name`, `capital`: shape and band of `monitor.stages.traits`. `kind`: 0 enterprise, 1 individual, 2 cooperative, 3
    branch. `leads_from` to `leads_to`: places in `leads`; `lead_set` tells sets of them apart.
    """

    owner: Ints
    turn: Ints
    at: Ints
    known: Ints
    opening: Ints
    room: Ints
    county: Ints
    town: Ints
    shown: Ints
    industry: Ints
    capital: Ints
    name: Ints
    agent: Ints
    phone: Ints
    kind: Ints
    lead_set: Ints
    leads_from: Ints
    leads_to: Ints


class Happenings(msgspec.Struct, frozen=True):
    """Everything else that happened, a row an event; a repair has one for each document.

    `detail`: of a penalty 16 × form + band of its amount + 256 × category, of an abnormal listing its ground (3
    unreachable), of an inspection its results as bits (8 unreachable, 256 drawn by lot), of a visit 1 if somebody was
    found, of a complaint 1 if it says unreachable + 2 × (1 found untrue, 2 found true), of a report its year, of a
    decision 1 if upheld, of a court listing of a person its document. `mark`: the document, mailing or complaint, 0
    for none; of a court listing of a person that person, of a suspension its end.
    """

    owner: Ints
    turn: Ints
    at: Ints
    known: Ints
    what: Ints
    detail: Ints
    mark: Ints


class Facts(msgspec.Struct, frozen=True):
    """What is known of some enterprises. `refs`: their numbers; rows name them by their place there. `leads`: persons
    in lead roles; `weak`: which persons' numbers stand for bare names, ascending.
    """

    refs: Ints
    registrations: Registrations
    happenings: Happenings
    leads: Ints
    weak: Ints

    def __len__(self) -> int:
        """How many enterprises."""
        return len(self.refs)

    def as_of(self, moment: int) -> Facts:
        """What was known at a moment: facts with both times at or before it."""
        return msgspec.structs.replace(
            self,
            registrations=_known_at(self.registrations, moment),
            happenings=_known_at(self.happenings, moment),
        )

    def only(self, *kinds: What) -> Facts:
        """The same without what happened besides some kinds."""
        which = np.isin(self.happenings.what, kinds)
        return msgspec.structs.replace(self, happenings=_rows(self.happenings, which))

    def take(self, first: int, last: int) -> Facts:
        """The enterprises from a place up to, not including, another."""
        found = [table_rows(table, first, last) for table in (self.registrations, self.happenings)]
        return msgspec.structs.replace(self, refs=self.refs[first:last], registrations=found[0], happenings=found[1])

    @property
    def known(self) -> Mask:
        """Which enterprises anything is known of."""
        found = np.zeros(len(self), bool)
        found[self.registrations.owner] = True
        found[self.happenings.owner] = True
        return found


def joined(parts: Sequence[Facts]) -> Facts:
    """Facts of several parts, none of them empty of parts, as one; all name persons and rooms by the same numbers.
    Narrow ones come out wide.
    """
    sizes = [len(part) for part in parts]
    registrations = _concatenated([part.registrations for part in parts], sizes)
    led = np.cumsum([0, *(len(part.leads) for part in parts)])[:-1]
    further = np.repeat(led, [len(part.registrations.owner) for part in parts])
    registrations = msgspec.structs.replace(
        registrations,
        leads_from=registrations.leads_from + further,
        leads_to=registrations.leads_to + further,
    )
    return Facts(
        _wide([part.refs for part in parts]),
        registrations,
        _concatenated([part.happenings for part in parts], sizes),
        _wide([part.leads for part in parts]),
        parts[-1].weak,
    )


def renewed(kept: Facts, newer: Facts) -> Facts:
    """Kept facts with the newer ones of some of their enterprises, and of others behind them: what is gathered anew is
    what was touched, whatever time has moved is only computed again. Both name persons and rooms by the same numbers.
    The result is the same as of all of them gathered at once, in the order of their numbers.
    """
    parts = joined([kept, newer])
    refs, place = np.unique(parts.refs, return_inverse=True)
    place = np.asarray(place, np.int64).reshape(-1)
    last = np.full(len(refs), -1)
    last[place] = np.arange(len(parts))
    stays = last[place] == np.arange(len(parts))
    registrations, happenings = (_moved(table, place, stays) for table in (parts.registrations, parts.happenings))
    first, count = registrations.leads_from, registrations.leads_to - registrations.leads_from
    ends = np.cumsum(count)
    leads = parts.leads[np.arange(count.sum()) + np.repeat(first - ends + count, count)]
    registrations = msgspec.structs.replace(registrations, leads_from=ends - count, leads_to=ends)
    return Facts(refs, registrations, happenings, leads, parts.weak)


def narrowed(facts: Facts) -> Facts:
    """The same in the narrowest whole numbers that hold each column, to be kept; `joined` makes them wide again."""
    tables = _narrow_table(facts.registrations), _narrow_table(facts.happenings)
    return Facts(_narrow(facts.refs), *tables, _narrow(facts.leads), facts.weak)


def _narrow_table(table: Any) -> Any:
    return type(table)(*(_narrow(getattr(table, name)) for name in table.__struct_fields__))


def _narrow(column: Ints) -> Any:
    if not len(column):
        return column
    low, high = int(column.min()), int(column.max())
    kinds = (np.int8, np.int16, np.int32)
    return column.astype(
        next((kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max), np.int64)
    )


def _moved(table: Any, place: Ints, stays: Mask) -> Any:
    """The rows of those who stay, each under the new place of its enterprise, in their order."""
    rows = np.flatnonzero(stays[table.owner])
    rows = rows[np.argsort(place[table.owner[rows]], kind="stable")]
    found = _rows(table, rows)
    return msgspec.structs.replace(found, owner=place[found.owner])


def table_rows(table: Any, first: int, last: int) -> Any:
    """The rows of a table that belong to the enterprises from one place to another, numbered from 0."""
    begin, end = np.searchsorted(table.owner, [first, last])
    found = _rows(table, slice(begin, end))
    return msgspec.structs.replace(found, owner=found.owner - first)


def _known_at(table: Any, moment: int) -> Any:
    """The rows that were known at a moment; the table itself, and no copy, where all were."""
    known = table.known <= moment
    return table if known.all() else _rows(table, known)


def _rows(table: Any, which: Any) -> Any:
    return type(table)(*(getattr(table, name)[which] for name in table.__struct_fields__))


def _concatenated(tables: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Tables of parts with so many enterprises as one."""
    names = type(tables[0]).__struct_fields__
    found = type(tables[0])(*(_wide([getattr(table, name) for table in tables]) for name in names))
    before = np.cumsum([0, *sizes])[:-1]
    return msgspec.structs.replace(found, owner=found.owner + np.repeat(before, [len(one.owner) for one in tables]))


def _wide(columns: Sequence[Ints]) -> Ints:
    return np.concatenate(columns, dtype=np.int64)
