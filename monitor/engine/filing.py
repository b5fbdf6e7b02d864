"""Filing accepted events into the histories of their enterprises: the first half of the stage `enterprises`.

Here texts become numbers of the running process: sources, subjects, rooms and persons. Both runners file alike; what
follows from what was filed is worked out later.
"""

from __future__ import annotations

from array import array
from enum import Enum
from typing import Final

from config.moments import DAY
from monitor.addresses import normalise
from monitor.engine.judging import Judging
from monitor.events.types import Event, MonitorLive
from monitor.identifiers.pseudonyms import is_weak
from monitor.stages.enterprises import Enterprises
from monitor.stages.history import KIND_NUMBER, NOTHING, Kind, Places, entry_of, identity_bytes, recorded
from monitor.stages.names import Names
from monitor.stages.numbering import Numbering
from monitor.stages.openings import Openings
from monitor.stages.signals import SignalSink

_ESTABLISHED: Final = int(Kind.ESTABLISHED)
_OF_NO_COUNTY: Final = ("link|", "plain|")

_MONITOR_LIVE: Final = MonitorLive

UNFILED: Final = "events"
"""Parked under this name: an enterprise whose history lacks what an event says. The log has it, and no snapshot is
taken of such a state: after the fix a restart files it from the log.
"""

ClaimOrder = tuple[int, str, str, str]
"""The order of events of several subjects: (time, source, id, subject)."""


class Admission(Enum):
    """What became of a well-formed event."""

    NEW = 1
    REPEAT = 2
    CONFLICT = 3


# Bound here: members of an enumeration are looked up by name each time.
_NEW: Final = Admission.NEW
_REPEAT: Final = Admission.REPEAT
_CONFLICT: Final = Admission.CONFLICT


class Filing(Judging):
    """Histories with their numberings. `new_rooms` and `new_persons` gather what the read model must learn of new
    numbers. `enterprises` is set by whoever joins the stages.
    """

    enterprises: Enterprises

    def __init__(self, seed: int, sink: SignalSink, sources: Names | None = None) -> None:
        """`seed`: the home's, for hashes. `sink`: where signals go. `sources`: where their names stand."""
        super().__init__(sink)
        self.sources = Names() if sources is None else sources
        self._sources = self.sources.numbers
        self.filed_now = 0
        """Now by what was filed here; on a cluster Now may be ahead of it."""
        self.subjects = Numbering(seed)
        self.rooms_by_key = Numbering(seed + 1)
        self.persons_by_key = Numbering(seed + 2)
        self.room_counties = array("I", [0])
        self.county_claims: dict[int, ClaimOrder | None] = {}
        """Rooms whose key names no county, each with the event that declared its county last."""
        self.changed_counties: list[int] = []
        """Rooms that are in another county than before; whoever judges them empties the list."""
        self.weak_persons: set[int] = set()
        self.new_rooms: list[tuple[int, str, str]] = []
        self.new_persons: list[tuple[int, str, str]] = []
        self.live = False
        self.openings = Openings()
        self._memory = 0
        self._places = Places(self._room, self._person)

    def remember(self, days: int) -> None:
        """For how many days of event time the contents of an event are compared with a repeat's."""
        self._memory = days * DAY

    def admit(self, ref: int, event: Event, at: int, content: int, received: int) -> Admission:
        """Takes in an event that intake found well-formed, unless it came before."""
        name, event_id = event.source, event.id
        source = self._sources.get(name)
        if source is None:
            source = self.sources.number(name)
        identity = identity_bytes(source, event_id)
        if self.enterprises.records.holds(ref, identity):
            known = self.enterprises.known(ref, source, event_id, identity)
            if known is not None:
                before_at, before = known
                differs = before != 0 and before != content and self._remembers(before_at)
                return _CONFLICT if differs else _REPEAT
        self.file(ref, identity, event, at, content, received)
        return _NEW

    def refile(self, ref: int, event: Event, content: int, received: int) -> None:
        """Takes in an event of the log, about which intake has decided."""
        at = event.time if type(event.time) is int else 0
        self.file(ref, identity_bytes(self.sources.number(event.source), event.id), event, at, content, received)

    def file(self, ref: int, identity: bytes, event: Event, at: int, content: int, received: int) -> None:
        """Adds an event to its history; what follows from it waits to be judged."""
        moment = at if at < received else received
        if moment > self.filed_now:
            self.hear(at, received)
        if type(event) is _MONITOR_LIVE:
            self.live = True
        try:
            kind, payload = entry_of(event, self._places)
        except Exception:
            self.park(UNFILED, ref)
            kind, payload = NOTHING
        if kind == _ESTABLISHED:
            self.openings.add(ref, at)
        if self.county_claims and kind <= Kind.CHANGED and payload[0] in self.county_claims and payload[1]:
            self._claim_county(payload[0], payload[1], (at, event.source, event.id, event.subject))
        if at < self.filed_now - self._memory:
            content = 0  # too old for its contents to be compared again
        kind, payload = recorded(kind, payload, at, event.recordedtime)
        self.enterprises.file(ref, identity, at, kind, content, payload)

    def hear(self, at: int, received: int) -> None:
        """An event of this time was received: Now has reached the earlier of the two."""
        moment = min(at, received)
        self.filed_now = max(self.filed_now, moment)
        self.now = max(self.now, moment)

    def _remembers(self, at: int) -> bool:
        return at >= self.filed_now - self._memory

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

    def _claim_county(self, room: int, county: int, order: ClaimOrder) -> None:
        """A room of no county by itself, such as a link, is in the county that was declared for it last."""
        before = self.county_claims[room]
        if before is None or order > before:
            self.county_claims[room] = order
            self.room_counties[room] = county
            self.changed_counties.append(room)

    def _person(self, identity: str, label: str) -> int:
        number, new = self.persons_by_key.number(identity)
        if new:
            self.new_persons.append((number, identity, label))
            if is_weak(identity):
                self.weak_persons.add(number)
        return number
