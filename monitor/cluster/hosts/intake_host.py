"""Stage `intake` on a cluster: decides once about every event of the topic `intake`, and writes the log re-keyed.

In: single events or arrays of them, of any subjects, as anybody may send them. Out: `events`, by subject and without
raw numbers, and `dead-letters`. The moment of receipt is the broker's stamp of the message, so that a message read
twice is decided alike; whether an event came before is decided where the history is, by `enterprises`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from config.moments import as_text
from config.ruleset import Rules
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.letters import letter_of, tell_letter
from monitor.cluster.wire.batches import RAW, SOURCE, Problem, places_in, problem_in
from monitor.cluster.wire.boxes import Outgoing
from monitor.cluster.wire.facts import PackedLogBatch, encode
from monitor.cluster.wire.partitions import partition_of
from monitor.events.batch import events_of
from monitor.events.data import ActivatedData, Empty, LiveData
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import REASONS, Refusal
from monitor.events.types import ConfigActivated, Event, MonitorLive, Ticked, encode_logged
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.snapshots import Frame

log = logging.getLogger(__name__)

_EVENTS: Final = 512
_BYTES: Final = 700_000
_BOM: Final = b"\xef\xbb\xbf"
OWN: Final = -1
"""Stands for the partition of `intake` with events of the monitor's own."""
SUPERVISED: Final = -2
"""The same for cuts and acts, whose offsets are the running numbers that supervision gave them."""


COPIED: Final = -3
"""The same for what was copied from the log of an earlier generation: offsets are those of that log."""


class _Batch:
    """Events for one partition of the log, gathered."""

    def __init__(self) -> None:
        self.packed = PackedLogBatch(0, 0, [], [], [], [], [], [], [])
        self.bytes = 0
        self._sources: dict[str, int] = {}

    def source(self, name: str) -> int:
        place = self._sources.get(name)
        if place is None:
            place = self._sources[name] = len(self.packed.sources)
            self.packed.sources.append(name)
        return place


class IntakeHost(Host):
    """Intake for one partition."""

    stage = "intake"
    topic = "intake"

    def __init__(self, partition: int, topics: Mapping[str, int], pseudonyms: Pseudonymiser) -> None:
        """`pseudonyms`: makes the pseudonyms of what is accepted."""
        super().__init__(partition, topics, [""])
        self._pseudonyms = pseudonyms
        self._intake = Intake(pseudonyms)
        self._partitions = topics["events"]
        self._batches: dict[tuple[int, bool], _Batch] = {}
        self._full: list[Outgoing] = []
        self._activated = ""
        self._live = False

    def apply(self, record: Record) -> None:
        """Decides about the events of a message."""
        headers = dict(record.headers)
        given = headers.get(SOURCE)
        source = f"kafka:intake/{self.partition}" if given is None else given.decode("utf-8", "replace")
        places, problem = _told(headers)
        lines = [record.value] if RAW in headers else _lines_of(record.value)
        for index, line in enumerate(lines):
            place = places[index] if index < len(places) else (index + 1, record.offset)
            try:
                if problem is not None:
                    raise Refusal(problem.reason, problem.detail)
                candidate = self._intake.read(line, record.moment)
                if candidate is None:
                    continue
            except Refusal as refusal:
                letter = letter_of(source, line, place, refusal, record.moment, self._pseudonyms)
                if problem is not None and problem.digest:
                    letter.digest = problem.digest
                tell_letter(self.outbox, letter)
                self.totals["dead_letters", refusal.reason] += 1
                continue
            self._accept(candidate, self.partition, record.offset, index, record.moment, source, place)

    def use(self, rules: Rules, *, anew: bool) -> None:
        """Intake has no rules; the first partition logs which the others judge by."""

    def activate(self, rules: Rules, officer: str, at: int, now: int, epoch: int) -> None:
        """Logs the rules that are in force from here on, where they are others than before. `at`: Now; `now`: the
        machine's time.
        """
        if self._activated != rules.content_hash:
            self._activated = rules.content_hash
            data = ActivatedData(rules.content_hash, officer, rules.text)
            self._own(ConfigActivated, MONITOR_SUBJECT, data, at, now, f"{epoch} {as_text(now)}")

    def go_live(self, officer: str, at: int, now: int, epoch: int) -> None:
        """Logs, once, that the backfill is over: from here on alerts are for people."""
        if not self._live:
            self._live = True
            self._own(MonitorLive, MONITOR_SUBJECT, LiveData(officer), at, now, f"{epoch} {as_text(now)}")

    def tick(self, now: int) -> None:
        """Logs that time has passed."""
        self._own(Ticked, CLOCK_SUBJECT, Empty(), now, now, as_text(now))

    @property
    def waits(self) -> bool:
        """Whether events are gathered that were not sent yet."""
        return bool(self._batches or self._full or self.outbox.waits)

    def advance(self, now: int) -> None:
        """Intake does not ask for Now."""

    def judge(self) -> bool:
        """Nothing is worked out here."""
        return False

    def resend(self) -> None:
        """What is sent twice is known by its place in `intake`."""

    def take(self, epoch: int, *, totals: bool) -> list[Outgoing]:
        """The events gathered, then dead letters and totals."""
        for key, batch in self._batches.items():
            self._close(key, batch)
        self._batches.clear()
        sent, self._full = self._full, []
        return sent + super().take(epoch, totals=totals)

    def frames(self) -> Iterator[Frame]:
        """What was logged of the monitor's own."""
        yield "activated", self._activated
        yield "live", int(self._live)
        yield from self.base_frames()

    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""
        for name, payload in frames:
            if name == "activated":
                self._activated = payload
            elif name == "live":
                self._live = bool(payload)
            else:
                self.load_base(name, payload)

    def _accept(
        self,
        candidate: Candidate,
        intake: int,
        offset: int,
        index: int,
        received: int,
        source: str,
        place: tuple[int, int],
    ) -> None:
        key = partition_of(candidate.event.subject, self._partitions), intake == OWN
        batch = self._batches.get(key)
        if batch is not None and (len(batch.packed.events) >= _EVENTS or batch.bytes >= _BYTES):
            self._close(key, batch)
            batch = None
        if batch is None:
            batch = self._batches[key] = _Batch()
        packed = batch.packed
        packed.offsets.append(offset)
        packed.indexes.append(index)
        packed.received.append(received)
        packed.contents.append(candidate.content)
        packed.places.append((batch.source(source), *place))
        packed.events.append(msgspec.Raw(candidate.packed))
        batch.bytes += len(candidate.packed)

    def _close(self, key: tuple[int, bool], batch: _Batch) -> None:
        batch.packed.intake = OWN if key[1] else self.partition
        batch.packed.generation = self._pseudonyms.generation
        self._full.append(Outgoing("events", key[0], encode(batch.packed)))

    def _own(self, kind: type[Event], subject: str, data: Any, at: int, now: int, named: str) -> None:
        name = str(kind.__struct_config__.tag)
        event = kind(
            id=f"{name} {named}",
            source="//credit-monitor",
            subject=subject,
            time=at,
            recordedtime=now,
            specversion="1.0",
            data=data,
        )
        self._accept(Candidate(event, at, encode_logged(event), 0), OWN, 0, 0, now, "//credit-monitor", (0, 0))


def _lines_of(value: bytes) -> list[bytes]:
    """The events of a message, each as it was written; what is no array is one event, or none."""
    if value.removeprefix(_BOM).lstrip()[:1] == b"[":
        try:
            return events_of(value)
        except Refusal:
            pass  # intake says what is wrong with the whole
    return [value]


def _told(headers: Mapping[str, bytes]) -> tuple[list[tuple[int, int]], Problem | None]:
    """What whoever read the source says of a message: the places of its lines, and why its line is no event. Anybody
    may write headers: what is not understood counts as not said.
    """
    try:
        places, problem = places_in(headers), problem_in(headers)
    except msgspec.DecodeError:
        return [], None
    return places, problem if problem is not None and problem.reason in REASONS else None
