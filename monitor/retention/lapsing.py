"""Which events of a subject have lapsed: adverse items and their evidence, with what ended them. Pure functions.

An item has ended when its stay on a list was removed or its document repaired; an act (a penalty, a failed sample, a
breach) ended when it happened; what says that nobody was there ended with the next contact or with the enterprise. What
goes on stays, however old. The register itself (establishments, changes, ends), filed reports, honours, and contacts
that are no fault of anybody are no adverse items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec import UNSET

from monitor.addresses import normalise
from monitor.events import types as t
from monitor.events.envelope import Event

Name = tuple[str, str, str]
"""An event by (subject, source, id)."""

_IN_FORCE: Final = 1 << 62

ADVERSE: Final[frozenset[type[Event]]] = frozenset(
    {
        t.Penalised,
        t.Inspected,
        t.Visited,
        t.LetterReturned,
        t.ReportMissed,
        t.AbnormalListed,
        t.AbnormalRemoved,
        t.DishonestListed,
        t.DishonestRemoved,
        t.CourtListed,
        t.CourtRemoved,
        t.Complaint,
        t.SamplingFailed,
        t.TaxIrregular,
        t.TaxRegular,
        t.CommitmentBreached,
    }
)
"""Types of which some events are adverse items, or end one."""

TOLD: Final[frozenset[type[Event]]] = ADVERSE | {
    t.Established,
    t.Changed,
    t.Deregistered,
    t.Revoked,
    t.Cancelled,
    t.ReportFiled,
    t.LetterSent,
    t.LetterDelivered,
    t.Repaired,
    t.ObjectionFiled,
    t.ObjectionDecided,
}
"""Types that say something about whether an item has ended, those themselves among them."""


def name_of(event: Event) -> Name:
    """How an event is named."""
    return event.subject, event.source, event.id


def lapsed(events: Iterable[Event], before: int) -> set[Name]:
    """The events of one subject that had ended before a moment (microseconds since 1970). `events`: all of the types of
    TOLD, with moments as the log has them; listings of persons by courts are left to `lapsed_of_persons`.
    """
    walk = _Walk(sorted(events, key=_order))
    found = {name for name, end in walk.ends.items() if end < before}
    return found | walk.procedure(found, before)


def lapsed_of_persons(events: Iterable[Event], repaired: Callable[[Event], int | None], before: int) -> set[Name]:
    """The court listings of persons, and their removals, that had ended before a moment: paired by person, whichever
    enterprises they were about. `repaired`: when the document of a listing was repaired.
    """
    ends: dict[Name, int] = {}
    stays: dict[str, _Stay] = {}
    for event in sorted(events, key=_order):
        stay = stays.setdefault(event.data.person.id, _Stay())
        if isinstance(event, t.CourtListed):
            stay.listed(event)
        else:
            ends.update(stay.removed(event))
    for stay in stays.values():
        ends.update(stay.going_on(repaired))
    return {name for name, end in ends.items() if end < before}


def of_a_person(event: Event) -> bool:
    """Whether a court's listing or removal is about a person, not the enterprise itself."""
    return (
        isinstance(event, t.CourtListed | t.CourtRemoved)
        and event.data.person is not UNSET
        and event.data.person.id is not UNSET
    )


def repairs_of(events: Iterable[Event]) -> dict[str, int]:
    """When each document of a subject was repaired, or an objection to it upheld: the first repair, else the latest
    decision where that upheld it.
    """
    repaired: dict[str, int] = {}
    ruled: dict[str, tuple[bool, int]] = {}
    for event in sorted(events, key=_order):
        if isinstance(event, t.Repaired):
            for document in event.data.documents:
                repaired.setdefault(document, _at(event))
        elif isinstance(event, t.ObjectionDecided) and event.data.document is not UNSET:
            ruled[event.data.document] = event.data.upheld, _at(event)
    upheld = {document: at for document, (is_upheld, at) in ruled.items() if is_upheld}
    return {**upheld, **repaired}


class _Stay:
    """One list: the listings that no removal followed."""

    def __init__(self) -> None:
        self._open: list[Event] = []

    def listed(self, event: Event) -> None:
        self._open.append(event)

    def removed(self, event: Event) -> dict[Name, int]:
        """What a removal ends, itself among it."""
        ended = {name_of(one): _at(event) for one in (*self._open, event)}
        self._open.clear()
        return ended

    def going_on(self, repaired: Callable[[Event], int | None]) -> dict[Name, int]:
        """The ends of what was not removed: the newest stays until its document is repaired, and so do those that
        it continues.
        """
        if not self._open:
            return {}
        newest = self._open[-1]
        at = repaired(newest)
        end = _IN_FORCE if at is None else max(at, _at(newest))
        return {name_of(one): end for one in self._open}


class _Walk:
    """A history in order: when each adverse item ended."""

    def __init__(self, events: list[Event]) -> None:
        self.ends: dict[Name, int] = {}
        self._events = events
        self._waiting: dict[Name, int] = {}
        self._met: int | None = None
        self._stays: dict[object, _Stay] = {}
        self._filed: dict[int, int] = {}
        self._missed: dict[int, list[Event]] = {}
        self._sent: dict[str, list[Event]] = {}
        self._returned: dict[str, list[Event]] = {}
        self._complaints: dict[str, list[Event]] = {}
        self._tax: list[Event] = []
        self._room: str | None = None
        self._addressed = False
        repairs = repairs_of(events)
        for event in events:
            step = _STEPS.get(type(event))
            if step is not None:
                step(self, event)
        for stay in self._stays.values():
            self.ends.update(stay.going_on(lambda one: repairs.get(one.data.document)))
        for event in self._tax:
            self.ends[name_of(event)] = _IN_FORCE
        for year, misses in self._missed.items():
            for miss in misses:
                self._end(miss, max(_at(miss), self._filed.get(year, 0)))
        for name in self._waiting:
            self.ends[name] = _IN_FORCE
        for complaint in self._complaints.values():
            self._together(complaint)
        for number, returned in self._returned.items():
            self._together([*self._sent.get(number, ()), *returned])

    def procedure(self, gone: set[Name], before: int) -> set[Name]:
        """Repairs and objections of which nothing is left: all that carries their documents has lapsed."""
        carried: dict[str, list[Name]] = {}
        for event in self._events:
            document = getattr(event.data, "document", UNSET)
            if type(event) in ADVERSE and isinstance(document, str):
                carried.setdefault(document, []).append(name_of(event))
        over = {document for document, names in carried.items() if gone.issuperset(names)}
        found = set()
        for event in self._events:
            documents = _documents(event)
            if documents and over.issuperset(documents) and _at(event) < before:
                found.add(name_of(event))
        return found

    # -- steps ----------------------------------------------------------------------------------------------------

    def _end(self, event: Event, at: int) -> None:
        name = name_of(event)
        self.ends[name] = max(at, self.ends.get(name, at))

    def _together(self, events: list[Event]) -> None:
        """What belongs together ends with the last of it."""
        end = max(self.ends.get(name_of(one), _at(one)) for one in events)
        for one in events:
            self.ends[name_of(one)] = end

    def at_once(self, event: Event) -> None:
        self._end(event, _at(event))

    def sign(self, event: Event) -> None:
        """A sign that nobody is there, unless somebody was met at the same time."""
        self._end(event, _at(event))
        if self._met != _at(event):
            self._waiting[name_of(event)] = _at(event)

    def contact(self, event: Event) -> None:
        """Ends every sign before it; at equal times the contact counts as later."""
        at = self._met = _at(event)
        for name in [name for name, since in self._waiting.items() if since <= at]:
            del self._waiting[name]
            self.ends[name] = max(at, self.ends.get(name, at))

    def registered(self, event: Event) -> None:
        address = event.data.address
        if address is UNSET:
            return
        room = normalise(address.text, None if address.region is UNSET else address.region).room_key
        if self._addressed and room != self._room and isinstance(event, t.Changed):
            self.contact(event)
        self._room, self._addressed = room, True

    def filed(self, event: Event) -> None:
        self._filed[event.data.year] = _at(event)
        self.contact(event)

    def missed(self, event: Event) -> None:
        self._missed.setdefault(event.data.year, []).append(event)
        if self._filed.get(event.data.year) != _at(event):
            self._filed.pop(event.data.year, None)
        self.sign(event)

    def inspected(self, event: Event) -> None:
        results = set(event.data.results)
        if "unreachable" in results:
            self.sign(event)
        elif results:
            self.contact(event)
            if results != {"none_found"}:
                self.at_once(event)

    def visited(self, event: Event) -> None:
        if event.data.found:
            self.contact(event)
        else:
            self.sign(event)

    def sent(self, event: Event) -> None:
        self._sent.setdefault(event.data.number, []).append(event)

    def returned(self, event: Event) -> None:
        self._returned.setdefault(event.data.number, []).append(event)
        self.sign(event)

    def complained(self, event: Event) -> None:
        self._complaints.setdefault(event.data.number, []).append(event)
        self.at_once(event)
        if event.data.reachable is False:
            self.sign(event)

    def taxed(self, event: Event) -> None:
        self._tax.append(event)

    def tax_over(self, event: Event) -> None:
        for one in (*self._tax, event):
            self._end(one, _at(event))
        self._tax.clear()

    def listed(self, event: Event) -> None:
        if not of_a_person(event):
            self._stays.setdefault(_list_of(event), _Stay()).listed(event)

    def removed(self, event: Event) -> None:
        if of_a_person(event):
            return
        self.ends.update(self._stays.setdefault(_list_of(event), _Stay()).removed(event))
        if isinstance(event, t.AbnormalRemoved) and event.data.ground == "unreachable":
            self.contact(event)


_STEPS: Final[dict[type[Event], Callable[[_Walk, Any], None]]] = {
    t.Established: _Walk.registered,
    t.Changed: _Walk.registered,
    t.Deregistered: _Walk.contact,
    t.Revoked: _Walk.contact,
    t.Cancelled: _Walk.contact,
    t.ReportFiled: _Walk.filed,
    t.ReportMissed: _Walk.missed,
    t.Inspected: _Walk.inspected,
    t.Visited: _Walk.visited,
    t.LetterSent: _Walk.sent,
    t.LetterReturned: _Walk.returned,
    t.LetterDelivered: _Walk.contact,
    t.Penalised: _Walk.at_once,
    t.SamplingFailed: _Walk.at_once,
    t.CommitmentBreached: _Walk.at_once,
    t.AbnormalListed: _Walk.listed,
    t.AbnormalRemoved: _Walk.removed,
    t.DishonestListed: _Walk.listed,
    t.DishonestRemoved: _Walk.removed,
    t.CourtListed: _Walk.listed,
    t.CourtRemoved: _Walk.removed,
    t.Complaint: _Walk.complained,
    t.TaxIrregular: _Walk.taxed,
    t.TaxRegular: _Walk.tax_over,
}


def _list_of(event: Event) -> object:
    """On which list an event puts its subject, or takes it off."""
    if isinstance(event, t.AbnormalListed | t.AbnormalRemoved):
        return "abnormal", event.data.ground
    return "dishonest" if isinstance(event, t.DishonestListed | t.DishonestRemoved) else "defaulter"


def _documents(event: Event) -> list[str]:
    """The documents that a repair or an objection names."""
    if isinstance(event, t.Repaired):
        return list(event.data.documents)
    if isinstance(event, t.ObjectionFiled | t.ObjectionDecided) and event.data.document is not UNSET:
        return [event.data.document]
    return []


def _at(event: Event) -> int:
    return int(event.time)


def _order(event: Event) -> tuple[int, str, str]:
    return _at(event), event.source, event.id
