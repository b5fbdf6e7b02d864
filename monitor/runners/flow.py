"""The stages of the topology joined by calls in one process: the heart of the embedded runner.

Accepted events are filed at once; `judge` then works out what follows, in the order of the topology. A subject whose
judgement raises is parked, alone: its facts are kept, its signals are marked stale, everything else goes on.
"""

from __future__ import annotations

import heapq
import logging
import traceback
from array import array
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from config.moments import DAY, end_of_day
from config.ruleset import Rules
from detectors.base import SubjectKind
from detectors.views import FOREVER
from monitor.addresses import normalise
from monitor.events.types import Event, MonitorLive
from monitor.identifiers.pseudonyms import is_weak
from monitor.stages.assessment import Assessment
from monitor.stages.enterprises import Enterprises
from monitor.stages.history import KIND_NUMBER, NOTHING, Kind, Places, entry_of, identity_bytes
from monitor.stages.names import Names
from monitor.stages.numbering import Numbering
from monitor.stages.persons import Persons
from monitor.stages.rooms import Rooms
from monitor.stages.signals import SignalSink
from monitor.stages.touched import Touched

log = logging.getLogger(__name__)

_OF_NO_COUNTY: Final = ("link|", "plain|")
_TELL_PARKED: Final = 10
"""So many parked subjects are told of one by one; the others are counted."""

UNFILED: Final = "events"
"""Parked under this name: an enterprise whose history lacks what an event says. The log has it, and no snapshot is
taken of such a state: after the fix a restart files it from the log.
"""

KINDS: Final[tuple[SubjectKind, ...]] = ("enterprise", "address", "person")


class Admission(Enum):
    """What became of a well-formed event."""

    NEW = 1
    REPEAT = 2
    CONFLICT = 3


class Flow:
    """All stages with their numberings. `names` gathers what the read model must learn of new numbers."""

    def __init__(self, seed: int, sink: SignalSink) -> None:
        """`seed`: the home's, for hashes. `sink`: where signals go."""
        self.sources = Names()
        self.subjects = Numbering(seed)
        self.rooms_by_key = Numbering(seed + 1)
        self.persons_by_key = Numbering(seed + 2)
        self.room_counties = array("I", [0])
        self.county_claims: dict[int, tuple[int, str, str, str] | None] = {}
        """Rooms whose key names no county, each with the event that declared its county last."""
        self.weak_persons: set[int] = set()
        self.new_rooms: list[tuple[int, str, str]] = []
        self.new_persons: list[tuple[int, str, str]] = []
        self.now = 0
        self.live = False
        self.wakes: list[tuple[int, int, int]] = []
        self.parked: dict[tuple[str, int], str] = {}
        self._told_parked = 0
        self.rules: Rules | None = None
        self._memory = 0
        self._sink = _Waking(sink, self.wakes)
        self.assessment = Assessment(self._sink)
        self.rooms = Rooms(self._sink, self.assessment.update, self._county_of)
        self.persons = Persons(
            self._sink, self.assessment.update, self.weak_persons.__contains__, self.sources.__getitem__
        )
        self.enterprises = Enterprises(
            self._sink,
            self.sources,
            self.rooms.update,
            self.persons.update,
            self.weak_persons.__contains__,
            self._weak_in,
        )
        self._places = Places(self._room, self._person)

    def use(self, rules: Rules) -> None:
        """Rules that come into force: everything is judged again by them."""
        self.set_rules(rules)
        for stage in (self.enterprises, self.rooms, self.persons, self.assessment):
            stage.mark_all()

    def set_rules(self, rules: Rules) -> None:
        """The rules by which judging goes on, after a restart with the same ones."""
        self.rules = rules
        self._memory = rules.content_memory_days * DAY
        hosts: dict[int, tuple[str, int]] = {}
        for host in rules.document.hosts:
            room = normalise(host.text, host.region).room_key
            if room is not None:
                until = FOREVER if host.until is None else end_of_day(host.until)
                hosts[self._number_of_room(room, host.text)] = host.kind, until
        self.enterprises.use(rules)
        self.rooms.use(rules, hosts)
        self.persons.use(rules)
        self.assessment.use(rules)

    def mark(self, subjects: Iterable[tuple[SubjectKind, int]]) -> None:
        """Subjects that must be judged again."""
        for kind, ref in subjects:
            if kind == "address":
                self.rooms.dirty.add(ref)
            elif kind == "person":
                self.persons.dirty.add(ref)
            else:
                self.enterprises.dirty.add(ref)
                self.assessment.dirty.add(ref)

    def admit(self, ref: int, event: Event, at: int, content: int, received: int) -> Admission:
        """Takes in an event that intake found well-formed, unless it came before."""
        source = self.sources.number(event.source)
        identity = identity_bytes(source, event.id)
        records = self.enterprises.records
        if ref < len(records) and identity in records[ref]:
            known = self.enterprises.known(ref, source, event.id, identity)
            if known is not None:
                before_at, before = known
                differs = before != 0 and before != content and self._remembers(before_at)
                return Admission.CONFLICT if differs else Admission.REPEAT
        self.file(ref, identity, event, at, content, received)
        return Admission.NEW

    def refile(self, ref: int, event: Event, content: int, received: int) -> None:
        """Takes in an event of the log, about which intake has decided."""
        at = event.time if type(event.time) is int else 0
        self.file(ref, identity_bytes(self.sources.number(event.source), event.id), event, at, content, received)

    def file(self, ref: int, identity: bytes, event: Event, at: int, content: int, received: int) -> None:
        """Adds an event to its history; what follows from it waits for `judge`."""
        moment = at if at < received else received
        if moment > self.now:
            self.now = moment
        if type(event) is MonitorLive:
            self.live = True
        try:
            kind, payload = entry_of(event, self._places)
        except Exception:
            self._park(UNFILED, ref)
            kind, payload = NOTHING
        if self.county_claims and kind <= Kind.CHANGED and payload[0] in self.county_claims and payload[1]:
            self._claim_county(payload[0], payload[1], (at, event.source, event.id, event.subject))
        if at < self.now - self._memory:
            content = 0  # too old for its contents to be compared again
        self.enterprises.file(ref, identity, at, kind, content, payload)

    def _remembers(self, at: int) -> bool:
        return at >= self.now - self._memory

    def judge(self) -> int:
        """Works out everything that follows from what was filed and from the passing of time; the number of
        subjects judged.
        """
        now = self.now
        wakes = self.wakes
        stages = (self.enterprises, self.rooms, self.persons)
        while wakes and wakes[0][0] <= now:
            at, kind, ref = heapq.heappop(wakes)
            self._sink.woken(kind, ref, at)
            stages[kind].dirty.add(ref)
            if kind == 0:
                self.assessment.dirty.add(ref)
        return (
            self._run("enterprises", self.enterprises.dirty, self.enterprises.judge)
            + self._run("rooms", self.rooms.dirty, self.rooms.judge)
            + self._run("persons", self.persons.dirty, self.persons.judge)
            + self._run("assessment", self.assessment.dirty, self.assessment.judge)
        )

    def _run(self, stage: str, dirty: Touched, judge: Callable[[int, int], None]) -> int:
        now, parked = self.now, self.parked
        refs = dirty.take()
        for ref in refs:
            try:
                judge(ref, now)
                if parked:
                    parked.pop((stage, ref), None)
            except Exception:
                self._park(stage, ref)
        return len(refs)

    def _park(self, stage: str, ref: int) -> None:
        """A defect of ours: this subject waits, everything else goes on."""
        reason = traceback.format_exc(limit=-3)
        if (stage, ref) not in self.parked:
            self._told_parked += 1
            if self._told_parked <= _TELL_PARKED:
                log.error(
                    "程序缺陷，已停放该主体，其余继续 / a defect: subject %d of stage %s is parked: %s",
                    ref,
                    stage,
                    reason.strip().splitlines()[-1],
                )
        self.parked[stage, ref] = reason

    def take_up(self, parked: dict[tuple[str, int], str]) -> None:
        """Subjects that an earlier run parked: each is tried once more."""
        parked = {key: reason for key, reason in parked.items() if key[0] != UNFILED}
        self.parked.update(parked)
        waiting = {
            "enterprises": self.enterprises.dirty,
            "rooms": self.rooms.dirty,
            "persons": self.persons.dirty,
            "assessment": self.assessment.dirty,
        }
        for stage, ref in parked:
            waiting[stage].add(ref)

    # -- numbers --------------------------------------------------------------------------------------------------

    def _room(self, text: str, region: str | None) -> tuple[int, int, int]:
        address = normalise(text, region)
        county = int(address.region_code) if address.region_code else 0
        shown = 1 << KIND_NUMBER[address.shown_kind] if address.shown_kind else 0
        if address.room_key is None:
            return 0, county, shown
        return self._number_of_room(address.room_key, text, county), county, shown

    def _number_of_room(self, key: str, text: str, county: int = 0) -> int:
        number, new = self.rooms_by_key.number(key)
        if new:
            if key.startswith(_OF_NO_COUNTY):
                self.county_claims[number] = None
                county = 0
            self.room_counties.append(county)
            self.new_rooms.append((number, key, " ".join(text.split())))
        elif county and not self.room_counties[number] and number not in self.county_claims:
            self.room_counties[number] = county
        return number

    def _claim_county(self, room: int, county: int, order: tuple[int, str, str, str]) -> None:
        """A room of no county by itself, such as a link, is in the county that was declared for it last."""
        before = self.county_claims[room]
        if before is None or order > before:
            self.county_claims[room] = order
            self.room_counties[room] = county
            self.rooms.dirty.add(room)

    def _county_of(self, room: int) -> str | None:
        county = self.room_counties[room]
        return f"{county:06d}" if county else None

    def _person(self, identity: str, label: str) -> int:
        number, new = self.persons_by_key.number(identity)
        if new:
            self.new_persons.append((number, identity, label))
            if is_weak(identity):
                self.weak_persons.add(number)
        return number

    def _weak_in(self, person: int, county: int) -> int:
        """The person of a bare name within one county: known to the read model as `#person@county`."""
        number, new = self.persons_by_key.number(f"#{person}@{county:06d}")
        if new:
            self.new_persons.append((number, f"#{person}@{county:06d}", ""))
            self.weak_persons.add(number)
        return number


class _Waking:
    """A sink that keeps the wakes in the flow's own heap and passes the rest on. A subject waits for its earliest one
    alone: whoever judges it then asks for the next.
    """

    def __init__(self, sink: SignalSink, wakes: list[tuple[int, int, int]]) -> None:
        self._sink = sink
        self._wakes = wakes
        self._next: dict[tuple[int, int], int] = {}
        self.in_force = sink.in_force
        self.publish = sink.publish

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        number = KINDS.index(kind)
        known = self._next.get((number, ref))
        if known is None or at < known:
            self._next[number, ref] = at
            heapq.heappush(self._wakes, (at, number, ref))

    def woken(self, kind: int, ref: int, at: int) -> None:
        """The moment of a wake has come."""
        if self._next.get((kind, ref)) == at:
            del self._next[kind, ref]
