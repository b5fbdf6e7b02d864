"""The state of the whole log in one place, for the models: histories of all partitions, with rooms and persons.

A stage holds its own partition; a model and the search for groups look at all of them together. So the log is folded
once more, as in a home, by whoever works out what the models find: from the newest snapshot on, up to some offsets.
Nothing is said to anybody, so any snapshot is a true beginning of the log, whoever wrote it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from config.ruleset import Rules
from monitor.cluster.hosts.host import Record
from monitor.cluster.hosts.intake_host import SUPERVISED
from monitor.cluster.wire.facts import LogBatch, decode_log
from monitor.cluster.wire.texts import Texts
from monitor.engine import state
from monitor.engine.filing import UNFILED
from monitor.engine.flow import Flow
from monitor.events.intake import content_of, lift_event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.folding import Nowhere
from monitor.store.snapshots import Frame, SnapshotError

log = logging.getLogger(__name__)

_TELL_DEFECTS: Final = 10
_FEW: Final = 5_000
_WHILE_READING: Final = 4
_AT_AN_END: Final = 1 / 20
"""A snapshot is due after so many events for each enterprise: in the middle of a long reading, and at its end."""


class LogState:
    """The log up to `next`, an offset for each partition."""

    def __init__(self, seed: int, pseudonyms: Pseudonymiser, rules: Rules) -> None:
        """`seed`: the cluster's, for hashes. `rules`: by which rooms and persons are judged."""
        self._seed = seed
        self.flow = Flow(seed, Nowhere())
        self.next: dict[int, int] = {}
        self.codes, self.rooms, self.persons = Texts(), Texts(), Texts()
        """By the numbers of the flow: codes of enterprises, and what to call rooms and persons."""
        self._pseudonyms = pseudonyms
        self._rules = rules
        self._since = 0
        self._set_aside = 0
        self.flow.set_rules(rules)

    def apply(self, partition: int, record: Record) -> None:
        """Files the events of a message of the log. One that cannot be read is left out: the host of its partition
        tells of it.
        """
        try:
            batch = decode_log(record.value)
        except Exception:  # whatever somebody else may have written there
            log.debug("events/%d: offset %d is left out", partition, record.offset)
        else:
            self._take(batch)
        self.next[partition] = record.offset + 1

    def _take(self, batch: LogBatch) -> None:
        flow, events = self.flow, batch.events
        if batch.intake == SUPERVISED:  # cuts and acts stand in no history
            for event, received in zip(events, batch.received, strict=True):
                flow.hear(int(event.time), received)
            return
        lifted = batch.generation < self._pseudonyms.generation
        if lifted:
            for event in events:
                lift_event(event, self._pseudonyms, batch.generation)
        refs, new = flow.subjects.numbers([event.subject for event in events])
        for place, _ in new:
            self.codes.add(events[place].subject)
        for index, (ref, event) in enumerate(zip(refs, events, strict=True)):
            content = content_of(event) if lifted else batch.contents[index]
            at = event.time if type(event.time) is int else 0
            try:
                flow.admit(ref, event, at, content, batch.received[index])
            except Exception:
                self._set_aside += 1
                if self._set_aside <= _TELL_DEFECTS:
                    log.exception("程序缺陷，该事件未计入 / a defect: an event is set aside: %s", event.id)
        self._since += len(events)
        self._learn()

    def _learn(self) -> None:
        """Keeps what to call new rooms and persons; a bare name within a county is known by the person's number."""
        flow = self.flow
        for _, _, label in flow.new_rooms:
            self.rooms.add(label)
        for number, key, label in flow.new_persons:
            person = key[1:].partition("@")[0] if key.startswith("#") and number in flow.weak_persons else ""
            self.persons.add(self.persons[int(person)] if person else label)
        flow.new_rooms.clear()
        flow.new_persons.clear()

    def judge(self, now: int = 0) -> None:
        """Works out who is tied to whom, at Now or later."""
        self.flow.now = max(self.flow.now, now)
        self.flow.judge()
        self._learn()

    # -- snapshots ------------------------------------------------------------------------------------------------

    def wants_snapshot(self, *, ended: bool) -> bool:
        """Whether so much was read since the last one that reading it again would cost more. `ended`: nothing is left
        to be read today.
        """
        if self._set_aside or any(stage == UNFILED for stage, _ in self.flow.parked):
            return False  # a history lacks what the log says: after the fix it is read again
        share = _AT_AN_END if ended else _WHILE_READING
        return self._since >= max(_FEW, int(share * len(self.flow.subjects)))

    @property
    def offset(self) -> int:
        """Grows with what was read: by it snapshots are told apart."""
        return sum(self.next.values())

    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps; everything is judged."""
        self._since = 0
        yield "next", sorted(self.next.items())
        yield "judged_by", self._rules.content_hash
        for name, texts in self._texts():
            yield name, texts.dump()
        yield "parked", [(stage, ref, reason) for (stage, ref), reason in self.flow.parked.items()]
        yield from state.frames_of(self.flow, state.state_versions(self._pseudonyms))

    def load(self, frames: Iterable[Frame], ends: Mapping[int, int]) -> None:
        """Takes over what `frames` gave, in place of everything. Raises SnapshotError where it is of another version,
        not whole, or further than `ends`.
        """
        kept: dict[str, Any] = {}
        self.flow = Flow(self._seed, Nowhere())  # rules name rooms, which have other numbers in what is taken over
        state.restore(self.flow, self._apart(frames, kept, ends), state.state_versions(self._pseudonyms))
        for name, texts in self._texts():
            texts.load(kept[name])
        self.next = dict(kept["next"])
        if kept["judged_by"] == self._rules.content_hash:
            self.flow.set_rules(self._rules)
        else:
            self.flow.use(self._rules)
        self.flow.take_up({(stage, ref): reason for stage, ref, reason in kept["parked"]})

    def _apart(self, frames: Iterable[Frame], kept: dict[str, Any], ends: Mapping[int, int]) -> Iterator[Frame]:
        """The frames of the flow; the others are kept apart."""
        mine = {"next", "judged_by", "parked", *(name for name, _ in self._texts())}
        for name, payload in frames:
            if name not in mine:
                yield name, payload
                continue
            kept[name] = payload
            if name == "next" and any(offset > ends.get(partition, 0) for partition, offset in payload):
                raise SnapshotError("it is further than what is asked for")
        if mine - kept.keys():
            raise SnapshotError("it is not whole")

    def _texts(self) -> tuple[tuple[str, Texts], ...]:
        return ("texts:codes", self.codes), ("texts:rooms", self.rooms), ("texts:persons", self.persons)
