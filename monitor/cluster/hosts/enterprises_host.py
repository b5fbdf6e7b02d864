"""Stage `enterprises` on a cluster: histories of the enterprises of one partition, and what follows from them.

In: the log. Out: facts for rooms and persons, signals, and names for the read model. An event that intake sent twice
is known by its place in `intake`; one that came before, by its history: so the log decides, in its own order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import xxhash

from config.ruleset import Rules
from detectors.views import Leadership, Occupant
from monitor.cluster.hosts.board_items import (
    SignalOutbox,
    bits_of,
    tell_audited,
    tell_conduct,
    tell_live,
    tell_name,
    tell_objection,
)
from monitor.cluster.hosts.conduct import Conduct, rest_of
from monitor.cluster.hosts.deleted import Deleted
from monitor.cluster.hosts.filing_frames import frames_of, load_filing
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.hosts.hostlist import HostList, tell_host
from monitor.cluster.hosts.intake_host import OWN, SUPERVISED
from monitor.cluster.letters import event_text, letter_of, tell_letter
from monitor.cluster.wire.facts import LogBatch, decode_log, leadership_out, occupant_out, room_digest
from monitor.cluster.wire.texts import Texts
from monitor.engine.auditing import entries_of
from monitor.engine.filing import UNFILED, Admission, Filing
from monitor.events.acts import HOST_ACTS
from monitor.events.intake import content_of, lift_event
from monitor.events.refusal import Refusal
from monitor.events.types import Event, MonitorLive, type_name
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.stages.enterprises import Enterprises
from monitor.stages.members import pack_leadership, pack_occupant
from monitor.stages.names import Names
from monitor.stages.numbering import Numbering
from monitor.store.snapshots import Frame
from monitor.store.work import objections
from monitor.store.writer import gives_name

OCCUPANTS: Final = "occupants"
LEADERSHIPS: Final = "leaderships"
OCCUPANT, CLAIM = "o", "c"
_APART: Final = (CLOCK_SUBJECT, MONITOR_SUBJECT)
"""Subjects of the log that are no enterprises."""
_CHUNK: Final = 2_048


class EnterprisesHost(Host):
    """The enterprises of one partition of the log."""

    stage = "enterprises"
    topic = "events"

    def __init__(self, partition: int, topics: Mapping[str, int], pseudonyms: Pseudonymiser, seed: int) -> None:
        """`seed`: the cluster's, for hashes; the same on every worker."""
        sources = Names()
        super().__init__(partition, topics, sources)
        self._pseudonyms = pseudonyms
        self._seed = seed
        self._codes, self._rooms, self._persons = Texts(), Texts(), Texts()
        self._signals = SignalOutbox(self.outbox, "enterprise", self._codes.__getitem__, self._codes.__getitem__)
        self._bits = bits_of("enterprise")
        filing = self._filing = Filing(seed, self._signals, sources)
        self._enterprises = filing.enterprises = Enterprises(
            filing.sink,
            sources,
            self._to_room,
            self._to_person,
            filing.weak_persons.__contains__,
            self._weak_in,
        )
        self._occupants: list[tuple[int, Occupant]] = []
        self._leaderships: list[tuple[int, Leadership]] = []
        self._named: list[tuple[str, str, tuple[int, str, str]]] = []
        self._conduct = Conduct()
        self._listed = HostList()
        self._deleted = Deleted()
        self._labels: dict[tuple[str, int], str] = {}
        """What to call rooms and persons of which nothing was said yet."""
        self._seen: dict[int, tuple[int, int]] = {}
        """By partition of `intake`: message and place of the last event that came by it."""
        self._told = array("Q", [0])
        """By enterprise: a digest of the facts that were sent last."""

    # -- messages -------------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Files the events of a message that are new."""
        batch = self._decoded(record)
        if batch is None:
            return
        if batch.intake == SUPERVISED:
            self._hear(batch)
            return
        if batch.forgotten is not None:
            self._deleted.add(batch.forgotten)
        filing, seen = self._filing, self._seen.get(batch.intake, (-1, -1))
        events = batch.events
        if batch.generation < self._pseudonyms.generation:
            for event in events:
                lift_event(event, self._pseudonyms, batch.generation)
        refs, new = filing.subjects.numbers([event.subject for event in events])
        for place, _ in new:
            self._codes.add(events[place].subject)
            if events[place].subject not in _APART:
                self.totals["subjects", "enterprises"] += 1
        for index, (ref, event) in enumerate(zip(refs, events, strict=True)):
            if batch.intake != OWN:
                origin = batch.offsets[index], batch.indexes[index]
                if origin <= seen:
                    continue
                seen = origin
            try:
                self._admit(ref, event, batch, index)
            except Exception:
                self.set_aside(record)
        if batch.intake != OWN:
            self._seen[batch.intake] = seen
        self._learn_texts()

    def _hear(self, batch: LogBatch) -> None:
        """Cuts and acts stand in no history: they are counted, once, and Now has reached them. Rooms learn of those
        on the host list.
        """
        seen = self._seen.get(SUPERVISED, (-1, -1))
        for index, event in enumerate(batch.events):
            if (batch.offsets[index], 0) > seen:
                seen = batch.offsets[index], 0
                self._filing.hear(int(event.time), batch.received[index])
                self.totals["events", type_name(event)] += 1
                if type(event) in HOST_ACTS and (entry := self._listed.heed(event)) is not None:
                    tell_host(self.outbox, OCCUPANTS, entry)
        self._seen[SUPERVISED] = seen

    def _decoded(self, record: Record) -> LogBatch | None:
        try:
            return decode_log(record.value)
        except Exception:
            self.unreadable(record)
            return None

    def _admit(self, ref: int, event: Event, batch: LogBatch, index: int) -> None:
        at = event.time if type(event.time) is int else 0
        lifted = batch.generation < self._pseudonyms.generation
        content = content_of(event) if lifted else batch.contents[index]
        before = len(self._enterprises.record(ref))
        kind = type_name(event)
        if self._deleted.holds(event, at):
            admission = Admission.REPEAT
        else:
            admission = self._filing.admit(ref, event, at, content, batch.received[index])
        if admission is Admission.NEW:
            self.totals["events", kind] += 1
            self._heed(ref, event, at, before)
        elif admission is Admission.REPEAT:
            self.totals["repeats", kind] += 1
        else:
            source, line, offset = batch.places[index]
            refusal = Refusal("conflicting_repeat", f"{event.source} {event.id}")
            received = batch.received[index]
            letter = letter_of(
                batch.sources[source], event_text(event), (line, offset), refusal, received, self._pseudonyms
            )
            tell_letter(self.outbox, letter)
            self.totals["dead_letters", refusal.reason] += 1

    def _heed(self, ref: int, event: Event, at: int, before: int) -> None:
        """Tells the board what a new event says beyond the facts for others. `before`: length of the record then."""
        if event.subject in _APART:
            if type(event) is MonitorLive:
                tell_live(self.outbox)
            for audited in entries_of(event):
                tell_audited(self.outbox, event.id, audited)
            return
        if gives_name(event):
            self._named.append((event.subject, event.data.name, (at, event.source, event.id)))
        elif type(event) in objections.KINDS:
            tell_objection(self.outbox, objections.row_of(event))
        for entry in self._conduct.news(ref, event, self._enterprises.record(ref), before):
            tell_conduct(self.outbox, event.subject, entry, rest_of(entry))

    def _learn_texts(self) -> None:
        """Keeps the texts of new numbers, and what to call them until their first fact has said it."""
        filing = self._filing
        for number, key, label in filing.new_rooms:
            self._rooms.add(key)
            self._labels["room", number] = label
        for number, key, label in filing.new_persons:
            self._persons.add(key)
            self._labels["person", number] = label
        filing.new_rooms.clear()
        filing.new_persons.clear()

    # -- judging --------------------------------------------------------------------------------------------------

    def use(self, rules: Rules, *, anew: bool) -> None:
        """The rules in force from here on."""
        self._signals.rules = rules
        self._filing.remember(rules.content_memory_days)
        self._enterprises.use(rules)
        if anew:
            self._enterprises.mark_all()

    @property
    def waits(self) -> bool:
        """Whether something has not been judged or said yet."""
        filing = self._filing
        told = not (self._named or filing.changed_counties)
        return filing.due or not told or self.some_left(self._enterprises.dirty) or self.outbox.waits

    @property
    def latest(self) -> int:
        """Now as far as it is known here."""
        return self._filing.now

    def advance(self, now: int) -> None:
        """Now of the whole system has grown."""
        self._filing.now = max(self._filing.now, now)

    @property
    def whole(self) -> bool:
        """Whether every event of the log is in its history."""
        return super().whole and not any(stage == UNFILED for stage, _ in self._filing.parked)

    def judge(self) -> bool:
        """Judges some of the enterprises that were touched."""
        filing = self._filing
        for code, name, order in self._named:
            tell_name(self.outbox, code, name, order)
        self._named.clear()
        for room in filing.changed_counties:
            key = self._rooms[room]
            self.outbox.box(OCCUPANTS, key).add((CLAIM, key, filing.room_counties[room], filing.county_claims[room]))
        filing.changed_counties.clear()
        filing.wake_due(self._wake)
        filing.run(self.stage, self.some(self._enterprises.dirty), self._judge)
        return self.some_left(self._enterprises.dirty)

    def _wake(self, kind: int, ref: int) -> None:
        self._enterprises.dirty.add(ref)

    def _judge(self, ref: int, now: int) -> None:
        self._occupants.clear()
        self._leaderships.clear()
        try:
            self._enterprises.judge(ref, now)
        finally:
            self._tell(ref)  # facts come first: a defect in a detector holds back no other subject

    def _to_room(self, room: int, fact: Occupant) -> None:
        self._occupants.append((room, fact))

    def _to_person(self, person: int, fact: Leadership) -> None:
        self._leaderships.append((person, fact))

    def _tell(self, ref: int) -> None:
        """Sends the facts of an enterprise, unless they are those that were sent last."""
        digest = xxhash.xxh3_64()
        for room, occupant in self._occupants:
            digest.update(room.to_bytes(4, "big") + pack_occupant(occupant))
        for person, leadership in self._leaderships:
            digest.update(person.to_bytes(4, "big") + pack_leadership(leadership))
        value = digest.intdigest() or 1
        told = self._told
        if ref >= len(told):
            told.extend([0] * (ref + 1024 - len(told)))
        if told[ref] == value:
            return
        told[ref] = value
        code, labels = self._codes[ref], self._labels
        for room, occupant in self._occupants:
            key = self._rooms[room]
            box = self.outbox.box(OCCUPANTS, key)
            label, county = labels.pop(("room", room), None), self._filing.room_counties[room]
            box.add((OCCUPANT, key, label, county, code, occupant_out(occupant, box.source)))
        for person, leadership in self._leaderships:
            key = self._persons[person]
            box = self.outbox.box(LEADERSHIPS, key)
            label = labels.pop(("person", person), None)
            box.add((key, label, code, leadership_out(leadership, box.source, self._digest_of_room)))

    def _digest_of_room(self, room: int) -> int:
        return room_digest(self._rooms[room], self._seed) if room else 0

    def _weak_in(self, person: int, county: int) -> int:
        """The person of a bare name within one county."""
        key = f"#{self._persons[person]}@{county:06d}"
        number, new = self._filing.persons_by_key.number(key)
        if new:
            self._persons.add(key)
            self._filing.weak_persons.add(number)
            self._labels["person", number] = self._labels.get(("person", person), "")
        return number

    def resend(self) -> None:
        """What waits to be judged is said anew, withdrawals included; and the host list."""
        for entry in self._listed.entries():
            tell_host(self.outbox, OCCUPANTS, entry)
        self._filing.wake_due(self._wake)
        waiting = self._enterprises.dirty.take()
        self._enterprises.dirty.update(waiting)
        self._signals.pretend(waiting, self._bits)
        for ref in waiting:
            if ref < len(self._told):
                self._told[ref] = 0

    def parked_subjects(self) -> list[tuple[str, str, str, str]]:
        """The enterprises that wait for a fix."""
        parked = self._filing.parked.items()
        return [(stage, "enterprise", self._codes[ref], reason) for (stage, ref), reason in parked]

    def try_again(self, request: int) -> None:
        """Parked subjects are judged once more."""
        super().try_again(request)
        self._retry_parked()

    def _retry_parked(self) -> None:
        self._enterprises.dirty.update(ref for _, ref in self._filing.parked)

    # -- snapshots ------------------------------------------------------------------------------------------------

    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps."""
        yield from self.base_frames()
        yield from frames_of(self._filing)
        for name, numbering, texts in self._numberings():
            yield f"numbers:{name}", [list(numbering.dump()), texts.dump()]
        yield "labels", [(kind, number, label) for (kind, number), label in self._labels.items()]
        yield "seen", list(self._seen.items())
        yield "missed", bytes(self._conduct.missed)
        yield "hosts", self._listed.dump()
        yield "deleted", self._deleted.dump()
        yield "told", self._told.tobytes()
        yield "signals", self._signals.dump()
        records = self._enterprises.dump()
        while chunk := list(islice(records, _CHUNK)):
            yield "enterprises", chunk

    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""
        numberings = {name: (numbering, texts) for name, numbering, texts in self._numberings()}
        for name, payload in frames:
            if name.startswith("numbers:"):
                numbering, texts = numberings[name.removeprefix("numbers:")]
                numbering.load(*payload[0])
                texts.load(payload[1])
            elif name == "labels":
                self._labels = {(kind, number): label for kind, number, label in payload}
            elif name == "seen":
                self._seen = {intake: (last[0], last[1]) for intake, last in payload}
            elif name == "missed":
                self._conduct.missed[:] = payload
            elif name == "hosts":
                self._listed.load(payload)
            elif name == "deleted":
                self._deleted.load(payload)
            elif name == "told":
                self._told = array("Q", payload)
            elif name == "signals":
                self._signals.load(payload)
            elif name == "enterprises":
                self._enterprises.load(payload)
            elif not load_filing(self._filing, name, payload):
                self.load_base(name, payload)
        self._retry_parked()

    def _numberings(self) -> tuple[tuple[str, Numbering, Texts], ...]:
        filing = self._filing
        return (
            ("subjects", filing.subjects, self._codes),
            ("rooms", filing.rooms_by_key, self._rooms),
            ("persons", filing.persons_by_key, self._persons),
        )
