"""The stages of the topology joined by calls in one process: the heart of the embedded runner.

Accepted events are filed at once; `judge` then works out what follows, in the order of the topology.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from config.ruleset import Host, Rules
from detectors.base import SubjectKind
from detectors.views import Leadership, Occupant
from monitor.engine.filing import UNFILED, Filing
from monitor.stages.assessment import Assessment
from monitor.stages.enterprises import Enterprises
from monitor.stages.facts import leaderships, occupants
from monitor.stages.hosts import hosts_by_room
from monitor.stages.persons import Persons
from monitor.stages.rooms import Rooms
from monitor.stages.signals import SignalSink
from monitor.stages.touched import Touched


class Flow(Filing):
    """All stages with their numberings."""

    def __init__(self, seed: int, sink: SignalSink) -> None:
        """`seed`: the home's, for hashes. `sink`: where signals go."""
        super().__init__(seed, sink)
        self.rules: Rules | None = None
        self._listed: Sequence[Host] = ()
        self.assessment = Assessment(self.sink)
        self.rooms = Rooms(self.sink, self.assessment.update, self._county_of, self._occupant)
        self.persons = Persons(
            self.sink,
            self.assessment.update,
            self.weak_persons.__contains__,
            self.sources.__getitem__,
            self._leadership,
        )
        self.enterprises = Enterprises(
            self.sink,
            self.sources,
            self.rooms.update,
            self.persons.update,
            self.weak_persons.__contains__,
            self.weak_in,
        )

    def use(self, rules: Rules) -> None:
        """Rules that come into force: everything is judged again by them."""
        self.set_rules(rules)
        for stage in (self.enterprises, self.rooms, self.persons, self.assessment):
            stage.mark_all()

    def set_rules(self, rules: Rules) -> None:
        """The rules by which judging goes on, after a restart with the same ones."""
        self.rules = rules
        self.remember(rules.content_memory_days)
        self.enterprises.use(rules)
        self._use_hosts(rules)
        self.persons.use(rules)
        self.assessment.use(rules)

    def list_hosts(self, listed: Sequence[Host]) -> None:
        """The host list as officers keep it, the newest entry first, beside that of the rules."""
        self._listed = listed
        if self.rules is not None:
            self._use_hosts(self.rules)

    def _use_hosts(self, rules: Rules) -> None:
        hosts = hosts_by_room(rules, self._listed)
        self.rooms.use(rules, {self._number_of_room(key, text): spans for key, (text, spans) in hosts.items()})

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

    def judge(self) -> int:
        """Works out everything that follows from what was filed and from the passing of time; the number of
        subjects judged.
        """
        self.wake_due(self._wake)
        self._move_changed_counties()
        return (
            self.run("enterprises", self.enterprises.dirty.take(), self.enterprises.judge)
            + self.run("rooms", self.rooms.dirty.take(), self.rooms.judge)
            + self.run("persons", self.persons.dirty.take(), self.persons.judge)
            + self.run("assessment", self.assessment.dirty.take(), self.assessment.judge)
        )

    def _wake(self, kind: int, ref: int) -> None:
        """A subject whose moment has come."""
        (self.enterprises, self.rooms, self.persons)[kind].dirty.add(ref)
        if kind == 0:
            self.assessment.dirty.add(ref)

    def waiting(self) -> dict[str, Touched]:
        """Those that wait to be judged, by stage, in the order of the topology."""
        self._move_changed_counties()
        return {
            "enterprises": self.enterprises.dirty,
            "rooms": self.rooms.dirty,
            "persons": self.persons.dirty,
            "assessment": self.assessment.dirty,
        }

    def _move_changed_counties(self) -> None:
        self.rooms.dirty.update(self.changed_counties)
        self.changed_counties.clear()

    def take_up(self, parked: dict[tuple[str, int], str]) -> None:
        """Subjects that an earlier run parked: each is tried once more."""
        parked = {key: reason for key, reason in parked.items() if key[0] != UNFILED}
        self.parked.update(parked)
        waiting = self.waiting()
        for stage, ref in parked:
            waiting[stage].add(ref)

    def _county_of(self, room: int) -> str | None:
        county = self.room_counties[room]
        return f"{county:06d}" if county else None

    def _occupant(self, room: int, enterprise: int) -> Occupant | None:
        """What an enterprise says to a room; None where a defect hides it: then the enterprise is parked."""
        try:
            return occupants(self.enterprises.state(enterprise, self.now)).get(room)
        except Exception:
            self.park("enterprises", enterprise)
            return None

    def _leadership(self, person: int, enterprise: int) -> Leadership | None:
        """Likewise to a person."""
        try:
            state = self.enterprises.state(enterprise, self.now)
            return leaderships(state, self.weak_persons.__contains__, self.weak_in).get(person)
        except Exception:
            self.park("enterprises", enterprise)
            return None

    def weak_in(self, person: int, county: int) -> int:
        """The person of a bare name within one county: known to the read model as `#person@county`."""
        number, new = self.persons_by_key.number(f"#{person}@{county:06d}")
        if new:
            self.new_persons.append((number, f"#{person}@{county:06d}", ""))
            self.weak_persons.add(number)
        return number
