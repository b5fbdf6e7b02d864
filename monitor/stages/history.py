"""The compact dated history of one enterprise, and its codec. First half of the `enterprises` stage.

A record is a MessagePack array of entries, one an event: `[source, id, moment, kind, content, …]`. It is appended to,
never sorted, so an event costs a few bytes and a search; what holds at a moment is worked out by `fold` when
somebody asks. `content` is the CRC-32 of the event's fields while repeats are still compared, else 0. An entry whose
source came to know it later than it took effect has `RECORDED` added to its kind and ends with that moment; those who
ask for `entries_of` do not see it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec
import xxhash
from msgspec import UNSET, UnsetType

from config.moments import end_of_day
from config.scorecards import AMOUNT_BANDS
from monitor.events import types
from monitor.events.data import Address, Person
from monitor.events.types import Event
from monitor.events.vocabulary import LEAD_ROLES
from monitor.stages.traits import category_of, industry_code, traits_of

Entry = list[Any]

ADDRESS_KINDS: Final = (
    "unknown",
    "office",
    "residential",
    "market",
    "cluster",
    "incubator",
    "industrial",
    "rural",
    "platform",
)
"""Kinds of address by their number in an entry; a shown kind is bit `1 << number`."""

KIND_NUMBER: Final = {kind: number for number, kind in enumerate(ADDRESS_KINDS)}
GROUNDS: Final = {"report": 0, "disclosure": 1, "falsehood": 2, "unreachable": 3}
UNREACHABLE: Final = GROUNDS["unreachable"]

ENTERPRISE_KINDS: Final = ("enterprise", "individual", "cooperative", "branch")
"""Kinds of enterprise by their number in the entry of an establishment."""

RESULTS: Final = (
    "none_found",
    "not_disclosed",
    "false_disclosure",
    "unreachable",
    "corrected",
    "not_operating",
    "pending",
    "uncooperative",
)
"""Results of an inspection: each is the bit `1 << place` in an entry; the rarest, last, would take a second byte."""

RANDOM_DRAW: Final = 256
"""The bit of an inspection that was drawn by lot (双随机), beside its results."""

RECORDED: Final = 64
"""Added to the kind of an entry that ends with the moment at which its source came to know it."""

PENALTY_FORMS: Final = ("unknown", "warning", "fine", "restriction")
"""Forms of a penalty by their number: a warning (警告, 通报批评), a fine or confiscation (罚款, 没收), or what takes
away or limits the business (责令停产停业, 吊销, 暂扣, 降低资质, 限制, 责令关闭, 禁业).

An entry holds `form * 16 + band of the amount`, the band being 0 for no amount, and after it `category_of` its words.
"""


class Kind(IntEnum):
    """Types of event by the number that entries hold. Numbers are never used again for another type."""

    ESTABLISHED = 1
    CHANGED = 2
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
    REMEMBERED = 27
    SAMPLING_FAILED = 28
    SAMPLING_PASSED = 29
    COMMITMENT_BREACHED = 30
    HONOURED = 31
    OBJECTED = 32
    DEFAULTER_LISTED = 33
    DEFAULTER_REMOVED = 34


_ESTABLISHED, _CHANGED, _INSPECTED, _DECIDED = (
    int(kind) for kind in (Kind.ESTABLISHED, Kind.CHANGED, Kind.INSPECTED, Kind.DECIDED)
)
_PENALISED, _COMPLAINT, _OBJECTED = (int(kind) for kind in (Kind.PENALISED, Kind.COMPLAINT, Kind.OBJECTED))
NOTHING: Final = (int(Kind.REMEMBERED), ())
"""How an event is kept that only its name is needed of."""

_pack = msgspec.msgpack.Encoder().encode
_HEADERS: Final = {0x90 + size: bytes((0x92 + size,)) for size in range(14)}
"""From the header of an array of what follows an identity to that of the whole entry, two longer."""

raw_entries: Final = msgspec.msgpack.Decoder(list[list[Any]]).decode
"""The entries of a record that is not empty, as they are packed: moments in seconds, whole or not."""

_RESTRICTION: Final = re.compile("停产|停业|吊销|暂扣|降低资质|限制|关闭|禁业|禁止从业|撤销许可").search
_FINE: Final = re.compile("罚|没收").search
_WARNING: Final = re.compile("警告|通报批评").search


def identity_bytes(source: int, event_id: str) -> bytes:
    """An event's name within its enterprise, as an entry holds it."""
    return _pack((source, event_id))[1:]


def appended(record: bytes, identity: bytes, at: int, kind: int, content: int, payload: tuple[Any, ...]) -> bytes:
    """A record (empty for a new enterprise) with one more entry. Whole seconds take half the room of others."""
    tail = _pack((_seconds(at), kind, content, *payload))
    count = int.from_bytes(record[1:5], "big") + 1
    return b"".join((b"\xdd", count.to_bytes(4, "big"), record[5:], _HEADERS[tail[0]], identity, tail[1:]))


def recorded(kind: int, payload: tuple[Any, ...], at: int, known: int | UnsetType | str) -> Kept:
    """How an entry is kept whose source came to know it at `known`, if that is later than it took effect."""
    if type(known) is not int or known <= at or kind == Kind.REMEMBERED:
        return kind, payload
    return kind + RECORDED, (*payload, _seconds(known))


def _seconds(at: int) -> int | float:
    seconds = at // 1_000_000
    return seconds if seconds * 1_000_000 == at else at / 1e6


def entries_of(record: bytes) -> list[Entry]:
    """The entries of a record, moments in microseconds, in the order in which they arrived."""
    entries = raw_entries(record) if record else []
    for entry in entries:
        at = entry[2]
        entry[2] = at * 1_000_000 if type(at) is int else round(at * 1e6)
        if entry[3] > RECORDED:
            entry[3] -= RECORDED
            del entry[-1]
    return entries


def find_entry(record: bytes, source: int, event_id: str, identity: bytes) -> Entry | None:
    """The entry of an event that came before, or None. A miss costs one search of the bytes."""
    if identity not in record:
        return None
    for entry in entries_of(record):
        if entry[1] == event_id and entry[0] == source:
            return entry
    return None


def mark(text: str) -> str | int:
    """A document or mailing number for comparing within one enterprise: itself, or a 64-bit digest if longer."""
    return text if len(text) <= 6 else xxhash.xxh3_64_intdigest(text.encode())


class Places(NamedTuple):
    """Gives numbers to rooms and persons while entries are made; the runner supplies it.

    `room(text, region)` gives the room (0: none), its county (0: unknown) and what the text shows, as bits;
    `person(identity, label)` the person.
    """

    room: Callable[[str, str | None], tuple[int, int, int]]
    person: Callable[[str, str], int]


Kept = tuple[int, tuple[Any, ...]]
"""The kind and payload under which the history keeps an event."""


def entry_of(event: Event, places: Places) -> Kept:
    """The kind and payload under which the history keeps an event."""
    maker = MAKERS.get(type(event))
    return maker(event.data, places) if maker is not None else NOTHING


def _address(address: Address, places: Places) -> tuple[int, int, int, int]:
    """Room number (0: none), county (0: unknown), declared kind, shown kinds."""
    room, county, shown = places.room(address.text, None if address.region is UNSET else address.region)
    declared = 0 if address.kind is UNSET else KIND_NUMBER[address.kind]
    return room, county, declared, shown


def _leads(persons: list[Person], places: Places) -> list[int]:
    """The numbers of those in a lead role, each once."""
    return sorted(
        {
            places.person(person.id, "" if person.name is UNSET else person.name)
            for person in persons
            if person.role in LEAD_ROLES and person.id is not UNSET
        }
    )


def division_of(industry: str) -> str:
    """The GB/T 4754 division of a code that `industry_code` made: its letter and next two digits; empty where it has
    none.
    """
    code = industry[:3]
    return code if len(code) == 3 and code[0] != "#" else ""


def _established(data: Any, places: Places) -> Kept:
    return _ESTABLISHED, (
        *_address(data.address, places),
        _leads(data.persons, places),
        None if data.industry is UNSET else industry_code(data.industry),
        int(data.kind == "branch"),
        ENTERPRISE_KINDS.index(data.kind),
        traits_of(data, data.agent),
    )


def _changed(data: Any, places: Places) -> Kept:
    address = (None, 0, 0, 0) if data.address is UNSET else _address(data.address, places)
    return _CHANGED, (
        *address,
        None if data.persons is UNSET else _leads(data.persons, places),
        None if data.industry is UNSET else industry_code(data.industry),
        traits_of(data),
    )


def _inspected(data: Any, _: Places) -> Kept:
    if not data.results:
        return NOTHING
    return _INSPECTED, (
        int("unreachable" in data.results),
        results_bits(data.results) | (RANDOM_DRAW if data.random is True else 0),
    )


def results_bits(results: Iterable[str]) -> int:
    """Results of an inspection as bits."""
    return sum(1 << RESULTS.index(result) for result in set(results))


def form_of_penalty(category: str) -> int:
    """The form of a penalty by the words of its category: where several are named, the gravest."""
    for form, found in ((3, _RESTRICTION), (2, _FINE), (1, _WARNING)):
        if found(category):
            return form
    return 0


def _penalised(data: Any, _: Places) -> Kept:
    form = 0 if data.category is UNSET else form_of_penalty(data.category)
    band = 0 if data.amount is UNSET else 1 + bisect_right(AMOUNT_BANDS, data.amount)
    category = 0 if data.category is UNSET else category_of(data.category)
    return _PENALISED, (mark(data.document), form * 16 + band, category)


def _complaint(data: Any, _: Places) -> Kept:
    verified = 0 if data.verified is UNSET else 1 + data.verified
    return _COMPLAINT, (mark(data.number), int(data.reachable is False), verified)


def _court(kind: Kind, own: Kind) -> Callable[[Any, Places], Kept]:
    """`own`: where no person is named, the enterprise itself is meant."""

    def make(data: Any, places: Places) -> Kept:
        person = data.person
        if person is UNSET:
            return int(own), (_document(data),)
        if person.id is UNSET:
            return NOTHING
        number = places.person(person.id, "" if person.name is UNSET else person.name)
        return kind, (number, _document(data))

    return make


def _document(data: Any) -> str | int | None:
    return None if data.document is UNSET else mark(data.document)


def _objected(data: Any, _: Places) -> Kept:
    return NOTHING if data.document is UNSET else (_OBJECTED, (mark(data.document),))


def _decided(data: Any, _: Places) -> Kept:
    if data.document is UNSET:
        return NOTHING
    return _DECIDED, (mark(data.document), int(data.upheld))


def _bare(kind: Kind) -> Callable[[Any, Places], Kept]:
    kept: Kept = (int(kind), ())
    return lambda data, places: kept


def _with(kind: Kind, value: Callable[[Any], Any]) -> Callable[[Any, Places], Kept]:
    number = int(kind)
    return lambda data, places: (number, (value(data),))


def _with_two(kind: Kind, one: Callable[[Any], Any], other: Callable[[Any], Any]) -> Callable[[Any, Places], Kept]:
    number = int(kind)
    return lambda data, places: (number, (one(data), other(data)))


MAKERS: Final[dict[type[Event], Callable[[Any, Places], Kept]]] = {
    types.Established: _established,
    types.Changed: _changed,
    types.Deregistered: _bare(Kind.DEREGISTERED),
    types.Revoked: _bare(Kind.REVOKED),
    types.Cancelled: _bare(Kind.CANCELLED),
    types.Suspended: _with(Kind.SUSPENDED, lambda d: None if d.until is UNSET else end_of_day(d.until)),
    types.Resumed: _bare(Kind.RESUMED),
    types.ReportFiled: _with(Kind.FILED, lambda d: d.year),
    types.ReportMissed: _with(Kind.MISSED, lambda d: d.year),
    types.Inspected: _inspected,
    types.Visited: _with(Kind.VISITED, lambda d: int(d.found)),
    types.LetterSent: _with(Kind.LETTER_SENT, lambda d: mark(d.number)),
    types.LetterReturned: _with(Kind.LETTER_RETURNED, lambda d: mark(d.number)),
    types.LetterDelivered: _bare(Kind.LETTER_DELIVERED),
    types.Penalised: _penalised,
    types.AbnormalListed: _with_two(Kind.ABNORMAL_LISTED, lambda d: GROUNDS[d.ground], _document),
    types.AbnormalRemoved: _with(Kind.ABNORMAL_REMOVED, lambda d: GROUNDS[d.ground]),
    types.DishonestListed: _with(Kind.DISHONEST_LISTED, _document),
    types.DishonestRemoved: _bare(Kind.DISHONEST_REMOVED),
    types.Complaint: _complaint,
    types.SamplingFailed: _with(Kind.SAMPLING_FAILED, _document),
    types.SamplingPassed: _bare(Kind.SAMPLING_PASSED),
    types.CourtListed: _court(Kind.COURT_LISTED, Kind.DEFAULTER_LISTED),
    types.CourtRemoved: _court(Kind.COURT_REMOVED, Kind.DEFAULTER_REMOVED),
    types.TaxIrregular: _bare(Kind.TAX_IRREGULAR),
    types.TaxRegular: _bare(Kind.TAX_REGULAR),
    types.Repaired: _with(Kind.REPAIRED, lambda d: [mark(document) for document in d.documents]),
    types.CommitmentBreached: _with(Kind.COMMITMENT_BREACHED, _document),
    types.ObjectionFiled: _objected,
    types.ObjectionDecided: _decided,
    types.Honoured: _bare(Kind.HONOURED),
}


_DOCUMENT_AT: Final = {
    Kind.PENALISED: 5,
    Kind.ABNORMAL_LISTED: 6,
    Kind.DISHONEST_LISTED: 5,
    Kind.COURT_LISTED: 6,
}
"""Where the document stands in an entry."""


def events_with(record: bytes, document: str) -> list[tuple[int, str]]:
    """The (source, id) of the penalties and listings of a record that carry a document."""
    return events_among(entries_of(record), document)


def events_among(entries: Iterable[Entry], document: str) -> list[tuple[int, str]]:
    """The same for entries."""
    wanted = mark(document)
    found = []
    for entry in entries:
        place = _DOCUMENT_AT.get(entry[3])
        if place is not None and entry[place] == wanted:
            found.append((entry[0], entry[1]))
    return found
