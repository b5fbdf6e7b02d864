"""What holds after a set of events: enterprises, listings, rooms and persons (contract §3 and "Exact meanings").

Second step of the reference: `World` is built from all accepted events at once, `detectors_*` ask it. Everything
is worked out from the events of one enterprise, room or person; `cached_property` only spares the same walk twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from monitor.addresses import Address, normalise
from tests.reference.intake import Event, Person
from tests.reference.thresholds import EXEMPT_KINDS, HOST_LIST, HUB
from tests.reference.vocabulary import LEAD_ROLES

SHANGHAI = ZoneInfo("Asia/Shanghai")
ENDS = frozenset({"registration.deregistered", "registration.revoked", "registration.cancelled"})
NOBODY: Person = ("nobody",)

Who = tuple[str, ...]
"""A person as counted over enterprises: a strong identity, or ("name", name, county)."""


def shanghai_date(moment: datetime) -> date:
    """The calendar date in Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def is_weak(who: Who) -> bool:
    """Whether it is a bare name."""
    return who[0] == "name"


@dataclass(frozen=True)
class Step:
    """The value of an attribute from one event on, and what held just before (None: no value)."""

    event: Event
    before: Any
    after: Any


class Enterprise:
    """One enterprise, asked about itself."""

    def __init__(self, code: str, events: list[Event]) -> None:
        self.code = code
        self.events = sorted(events, key=lambda event: event.order)

    def of(self, *types: str) -> list[Event]:
        """Its events of these types, in order."""
        return [event for event in self.events if event.type in types]

    def value(self, name: str, until: Event | None = None) -> Any:
        """The attribute by the latest event that has it, up to and including `until`; None: no value."""
        found = None
        for event in self.of("registration.established", "registration.changed"):
            if until is not None and event.order > until.order:
                break
            if name in event.data:
                found = event.data[name]
        return found

    @cached_property
    def establishment(self) -> Event | None:
        """The latest of its established events."""
        found = self.of("registration.established")
        return found[-1] if found else None

    def undone(self, end: Event) -> bool:
        """Whether an end came before the establishment that undoes it."""
        return self.establishment is not None and end.order < self.establishment.order

    @cached_property
    def ends(self) -> list[Event]:
        """Its ends that no later establishment undid."""
        return [event for event in self.events if event.type in ENDS and not self.undone(event)]

    @cached_property
    def live(self) -> bool:
        return self.establishment is not None and not self.ends

    @cached_property
    def revocations(self) -> list[Event]:
        return [end for end in self.ends if end.type == "registration.revoked"]

    @cached_property
    def cancelled(self) -> bool:
        return any(end.type == "registration.cancelled" for end in self.ends)

    @cached_property
    def branch(self) -> bool:
        return bool(self.value("kind") == "branch")

    @cached_property
    def address(self) -> Address | None:
        """Its present address, parsed."""
        return place(self.value("address"))

    @cached_property
    def room(self) -> str | None:
        return self.address.room_key if self.address else None

    @cached_property
    def county(self) -> str | None:
        return self.address.region_code if self.address else None

    @cached_property
    def rooms_ever(self) -> set[str]:
        """Every room that some event gave it."""
        given = [place(event.data["address"]) for event in self.events if "address" in event.data]
        return {address.room_key for address in given if address and address.room_key}

    def who(self, persons: list[dict[str, Any]] | None) -> set[Who]:
        """The lead persons of a persons value, as they are counted over enterprises."""
        leads = [person["identity"] for person in persons or [] if person["role"] in LEAD_ROLES]
        return {who for lead in leads if (who := self.known_as(lead))}

    def known_as(self, identity: Person) -> Who | None:
        """A bare name identifies a person within the county of the present address; without one, nobody."""
        if identity == NOBODY:
            return None
        if identity[0] != "name":
            return identity
        return (*identity, self.county) if self.county else None

    @cached_property
    def leads(self) -> set[Who]:
        return self.who(self.value("persons"))

    @cached_property
    def room_steps(self) -> list[Step]:
        """What each event with an address made of the room, in order; `before` is the address held, if any."""
        return self._steps("address", lambda given: (a := place(given)) and a.room_key)

    @cached_property
    def lead_steps(self) -> list[Step]:
        """What each event with persons made of the set of lead persons, in order."""
        return self._steps("persons", self.who)

    def _steps(self, name: str, read: Callable[[Any], Any]) -> list[Step]:
        steps = []
        held = None
        for event in self.events:
            if name in event.data:
                after = Held(read(event.data[name]))
                steps.append(Step(event, held, after))
                held = after
        return steps

    def led_since(self, who: Who) -> datetime:
        """The time from which this present lead person has led without a break."""
        return run_start(self.lead_steps, lambda held: who in held.value)

    def room_since(self) -> datetime:
        """The time from which it has had its present room without a break."""
        return run_start(self.room_steps, lambda held: held.value == self.room)

    def suspension_end(self, suspension: Event) -> datetime | None:
        """When a suspension ended or will end: by a later `resumed` or suspension, or with its day; None: open."""
        later = self.of("registration.resumed", "registration.suspended")
        moments = [event.time for event in later if event.order > suspension.order]
        if "until" in suspension.data:
            day_after = suspension.data["until"] + timedelta(days=1)
            moments.append(datetime.combine(day_after, time(), SHANGHAI).astimezone(UTC))
        return min(moments, default=None)

    def suspended(self, now: datetime) -> bool:
        """Whether the latest suspension still holds."""
        suspensions = self.of("registration.suspended")
        if not suspensions:
            return False
        if any(event.order > suspensions[-1].order for event in self.of("registration.resumed")):
            return False  # at once, also where `resumed` is some hours ahead of Now
        end = self.suspension_end(suspensions[-1])
        return end is None or now < end

    @cached_property
    def repaired(self) -> set[str]:
        """Documents that were repaired, or whose latest decided objection was upheld."""
        found = {document for event in self.of("credit.repaired") for document in event.data["documents"]}
        latest = {
            event.data["document"]: event.data["upheld"]
            for event in self.of("objection.decided")
            if "document" in event.data
        }
        return found | {document for document, upheld in latest.items() if upheld}

    def is_repaired(self, event: Event) -> bool:
        """Whether the penalty or listing of this event of its own counts nowhere."""
        return event.data.get("document") in self.repaired

    def listed(self, what: str, ground: str | None = None) -> Event | None:
        """The latest listing ("abnormal" per ground, or "dishonest") that holds at present, else None."""
        listings, removals = (
            [
                event
                for event in self.of(f"enforcement.{what}_{step}")
                if ground is None or event.data["ground"] == ground
            ]
            for step in ("listed", "removed")
        )
        if not listings or any(removal.order > listings[-1].order for removal in removals):
            return None
        return None if self.is_repaired(listings[-1]) else listings[-1]

    @cached_property
    def abnormal(self) -> list[Event]:
        """The listings as abnormal that hold at present."""
        grounds = sorted({event.data["ground"] for event in self.of("enforcement.abnormal_listed")})
        return [event for ground in grounds if (event := self.listed("abnormal", ground))]

    @cached_property
    def dishonest(self) -> Event | None:
        return self.listed("dishonest")


@dataclass(frozen=True)
class Held:
    """A held value, so that "holds no room" differs from "holds nothing"."""

    value: Any


def run_start(steps: list[Step], holds: Callable[[Held], bool]) -> datetime:
    """The time of the first step from which every later state holds too; the last one must."""
    start = steps[-1].event.time
    for step in reversed(steps):
        if not holds(step.after):
            break
        start = step.event.time
    return start


_PLACES: dict[tuple[str, str | None], Address] = {}


def place(given: dict[str, str] | None) -> Address | None:
    """An address value, parsed; None for none."""
    if given is None:
        return None
    key = (given["text"], given.get("region"))
    if key not in _PLACES:
        _PLACES[key] = normalise(*key)
    return _PLACES[key]


class World:
    """All enterprises at one Now, asked about what they share."""

    def __init__(self, events: Iterable[Event], now: datetime) -> None:
        self.now = now
        by_subject: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.type != "clock.ticked":
                by_subject[event.subject].append(event)
        self.enterprises = {code: Enterprise(code, by_subject[code]) for code in sorted(by_subject)}
        self.non_branches = [one for one in self.enterprises.values() if not one.branch]

    @cached_property
    def present_in(self) -> dict[str, list[Enterprise]]:
        """Room to the non-branch enterprises whose present room it is, ended ones included."""
        found = defaultdict(list)
        for one in self.non_branches:
            if one.room:
                found[one.room].append(one)
        return found

    @cached_property
    def ever_in(self) -> dict[str, list[Enterprise]]:
        """Room to the non-branch enterprises to which some event gave it."""
        found = defaultdict(list)
        for one in self.non_branches:
            for room in one.rooms_ever:
                found[room].append(one)
        return found

    @cached_property
    def led_by(self) -> dict[Who, list[Enterprise]]:
        """Person to the enterprises led at present: neither branches nor cancelled, ended ones included."""
        found = defaultdict(list)
        for one in self.non_branches:
            if not one.cancelled:
                for who in one.leads:
                    found[who].append(one)
        return found

    def hub_room(self, room: str) -> bool:
        """Whether a room ties nobody, being that of too many."""
        return len(self.present_in.get(room, ())) > HUB

    def hub_person(self, who: Who) -> bool:
        """Whether a person ties nobody, leading too many."""
        return len(self.led_by.get(who, ())) > HUB

    @cached_property
    def room_regions(self) -> dict[str, str | None]:
        """Room to its county: of a link, which no text places, the latest that came with it."""
        found: dict[str, tuple[Any, str | None]] = {}
        for one in self.enterprises.values():
            for event in one.events:
                address = place(event.data.get("address"))
                if address and address.room_key:
                    claim = ((address.region_code is not None, *event.order, one.code), address.region_code)
                    found[address.room_key] = max(found.get(address.room_key, claim), claim)
        return {room: county for room, (_, county) in found.items()}

    @cached_property
    def room_kinds(self) -> dict[str, set[str]]:
        """Room to its kind: by the host list, else the latest declared, else all that its texts show."""
        declared: dict[str, tuple[Any, str]] = {}
        shown: dict[str, set[str]] = defaultdict(set)
        for one in self.enterprises.values():
            for event in one.events:
                address = place(event.data.get("address"))
                if not address or not address.room_key:
                    continue
                room = address.room_key
                if address.shown_kind:
                    shown[room].add(address.shown_kind)
                if "kind" in event.data["address"]:
                    claim = ((*event.order, one.code), event.data["address"]["kind"])
                    declared[room] = max(declared.get(room, claim), claim)
        kinds = {room: {declared[room][1]} if room in declared else shown[room] for room in self.room_regions}
        return kinds | {room: {kind} for room, kind in HOST_LIST.items()}

    def exempt(self, room: str) -> bool:
        """Whether the room is a host's, by its kind or by the host list."""
        return room in HOST_LIST or bool(self.room_kinds[room] & EXEMPT_KINDS)

    @cached_property
    def court_listed(self) -> dict[Who, Event]:
        """Persons at present listed as court defaulters, with the listing, over all subjects."""
        events: dict[Who, list[Event]] = defaultdict(list)
        for one in self.enterprises.values():
            for event in one.of("court.defaulter_listed", "court.defaulter_removed"):
                if "person" in event.data and (who := one.known_as(event.data["person"]["identity"])):
                    events[who].append(event)
        found = {}
        for who, about in events.items():
            listings = [event for event in about if event.type == "court.defaulter_listed"]
            if not listings:
                continue
            latest = max(listings, key=lambda event: (*event.order, event.subject))
            removed = any(event.type == "court.defaulter_removed" and event.order > latest.order for event in about)
            if not removed and not self.enterprises[latest.subject].is_repaired(latest):
                found[who] = latest
        return found
