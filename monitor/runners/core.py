"""The flow together with its home: brought up from snapshot and log, judged into the store, kept in snapshots.

Restart = newest snapshot + tail of the log. Where there is no usable snapshot the state is rebuilt from the whole log
inside one transaction: readers see the old state until the new one is complete.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, delete

from config.ruleset import Rules
from monitor.events.intake import Candidate, content_of, lift_event
from monitor.events.refusal import Refusal
from monitor.events.types import Event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import state
from monitor.runners.flow import UNFILED, Admission, Flow
from monitor.store import log as eventlog
from monitor.store import snapshots, writer
from monitor.store.home import Home, HomeError, meta, set_meta
from monitor.store.schema import PERSONS, ROOMS, SIGNAL_MEMBERS
from monitor.store.signalboard import SignalBoard

log = logging.getLogger(__name__)

_SNAPSHOT_EVENTS: Final = 50_000
_SNAPSHOT_SHARE: Final = 4
"""A snapshot is due after so many events, and so many for each subject."""


class Admitted(NamedTuple):
    """By their places among some candidates: those that came before, and those that came with other contents."""

    repeats: list[int]
    conflicts: list[tuple[int, Refusal]]


class Core:
    """State and store of one home, for its one writer."""

    def __init__(self, home: Home, engine: Engine, rules: Rules, pseudonyms: Pseudonymiser) -> None:
        """Brings the state up. Raises HomeError where the pseudonym keys are not those of the home."""
        self.home = home
        self.rules = rules
        self.totals: dict[tuple[str, str], int] = {}
        self.judging_took = 0.0
        self.judged_at = 0.0
        self.since_snapshot = 0
        self.rules_are_new = False
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._board = SignalBoard()
        self._packed: list[bytes] = []
        self._new_subjects: list[tuple[int, str]] = []
        self._named: list[tuple[int, str, Event]] = []
        self._known_sources = 0
        self._had_parked = False
        self._waiting = False
        self._recover()

    # -- events ---------------------------------------------------------------------------------------------------

    def admit(self, candidates: Sequence[Candidate], received: int) -> Admitted:
        """Files the well-formed events that are new, and says which are not."""
        flow = self.flow
        refs, new = flow.subjects.numbers([one.event.subject for one in candidates])
        self._new_subjects += [(ref, candidates[place].event.subject) for place, ref in new]
        conflicts: list[tuple[int, Refusal]] = []
        repeated: list[int] = []
        admit, packed, named = flow.admit, self._packed, self._named
        events: Counter[type[Event]] = Counter()
        repeats: Counter[type[Event]] = Counter()
        for place, (ref, candidate) in enumerate(zip(refs, candidates, strict=True)):
            event, at, raw, content = candidate
            admission = admit(ref, event, at, content, received)
            if admission is Admission.NEW:
                packed.append(raw)
                events[type(event)] += 1
                if writer.gives_name(event):
                    named.append((ref, event.subject, event))
            elif admission is Admission.REPEAT:
                repeats[type(event)] += 1
                repeated.append(place)
            else:
                conflicts.append((place, Refusal("conflicting_repeat", f"{event.source} {event.id}")))
        for name, counted in (("events", events), ("repeats", repeats)):
            for kind, count in counted.items():
                self.count(name, str(kind.__struct_config__.tag), count)
        self._waiting = self._waiting or bool(packed)
        return Admitted(repeated, conflicts)

    def commit(self, connection: Connection, received: int) -> int:
        """Writes the events that were admitted, as one block of the log, and the names learnt; how many they are."""
        count = len(self._packed)
        if count:
            self.seq += 1
            eventlog.write_block(connection, self.seq, received, self._pseudonyms.generation, self._packed)
            self.since_snapshot += count
            self._packed.clear()
        self._write_names(connection)
        return count

    def count(self, name: str, label: str, count: int = 1) -> None:
        """Adds to a running total."""
        self.totals[name, label] = self.totals.get((name, label), 0) + count

    # -- judging --------------------------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether something has not been judged or written yet."""
        return self._waiting or self._board.waiting

    def judge(self, connection: Connection) -> None:
        """Works out what follows from everything filed so far, and writes it."""
        started = time.monotonic()
        flow = self.flow
        flow.judge()
        self._board.flush(connection, self.rules, flow.now, self.seq)
        self._write_names(connection)
        if flow.parked or self._had_parked:
            writer.write_parked(connection, flow.parked)
            self._had_parked = bool(flow.parked)
        set_meta(connection, "now", str(flow.now))
        self._waiting = False
        self.judged_at = time.monotonic()
        self.judging_took = self.judged_at - started

    @property
    def wants_snapshot(self) -> bool:
        """Whether the tail of the log has grown long for the size of the state: a snapshot then costs little beside
        what was read, and a restart soon gets further than the last one, however often it is interrupted.
        """
        return self.since_snapshot >= max(_SNAPSHOT_EVENTS, _SNAPSHOT_SHARE * len(self.flow.subjects))

    def snapshot(self) -> None:
        """Writes a snapshot of a judged state, where the log has grown since the last and the state holds all of it.
        One that cannot be written is told of and tried again after as many events more.
        """
        if self.since_snapshot and not any(stage == UNFILED for stage, _ in self.flow.parked):
            versions = state.state_versions(self._pseudonyms)
            try:
                snapshots.write(self.home.snapshots, self.seq, state.frames_of(self.flow, versions))
            except OSError as error:
                log.warning(
                    "快照未能写入（%s），请检查磁盘；数据都在日志中，下次启动较慢 / "
                    "no snapshot could be written (%s): check the disk; everything is in the log, "
                    "the next start is slower",
                    error.strerror,
                    error.strerror,
                )
            self.since_snapshot = 0

    def _write_names(self, connection: Connection) -> None:
        flow = self.flow
        writer.write_sources(connection, flow.sources, self._known_sources)
        self._known_sources = len(flow.sources) - 1
        writer.write_enterprises(connection, self._new_subjects, self._named)
        writer.write_subjects(connection, ROOMS, flow.new_rooms)
        writer.write_subjects(connection, PERSONS, flow.new_persons)
        for written in (self._new_subjects, self._named, flow.new_rooms, flow.new_persons):
            written.clear()

    # -- bringing the state up ------------------------------------------------------------------------------------

    def _recover(self) -> None:
        with self._engine.begin() as connection:
            self._check_keys(connection)
            self._seed = int(meta(connection, "seed") or 0)
            self.totals = writer.read_counters(connection)
            self.seq = eventlog.last_seq(connection)
        versions = state.state_versions(self._pseudonyms)
        judged_by = state.judgement_versions(self.rules.content_hash)
        taken = self._load_snapshot(versions)
        with self._engine.begin() as connection:
            parked = writer.read_parked(connection)
            self._had_parked = bool(parked)
            if taken is None:
                self._rebuild(connection)
            else:
                self._catch_up(connection, taken)
                self.flow.take_up(parked)
            self.rules_are_new = meta(connection, "rules") != self.rules.content_hash
            before = meta(connection, "judged_by")
            if before is not None and before != str(sorted(judged_by.items())):
                self.flow.use(self.rules)
            set_meta(connection, "judged_by", str(sorted(judged_by.items())))
            self.judge(connection)
        if self.wants_snapshot:
            self.snapshot()

    def _check_keys(self, connection: Connection) -> None:
        """The chain of keys may grow, not change: pseudonyms under another key would never meet the old ones."""
        found = meta(connection, "keys")
        chain = self._pseudonyms.fingerprints
        if found is not None and chain[: len(found.split())] != found.split():
            raise HomeError(
                f"{self.home.path}：假名密钥与写入时不同 / the pseudonym key is not that of this home: "
                "set CREDIT_MONITOR_PSEUDONYM_KEY to the old key, or the chain `old,new` to rotate"
            )
        set_meta(connection, "keys", " ".join(chain))

    def _load_snapshot(self, versions: dict[str, str]) -> int | None:
        """The newest snapshot that can be used, or None; the flow is filled from it."""
        for path in snapshots.newest(self.home.snapshots):
            self.flow = Flow(self._seed, self._board)
            if snapshots.seq_of(path) > self.seq:
                log.warning(
                    "快照 %s 比日志新，不用 / snapshot %s is newer than the log: not used",
                    path.name,
                    path.name,
                )
                continue
            try:
                state.restore(self.flow, snapshots.read(path), versions)
            except Exception as error:  # a damaged one may fail anyhow before its digest is reached
                log.warning("快照不可用，改用更早的快照与日志 / snapshot %s not used: %s", path.name, error)
                continue
            self.flow.set_rules(self.rules)
            return snapshots.seq_of(path)
        self.flow = Flow(self._seed, self._board)
        return None

    def _catch_up(self, connection: Connection, taken: int) -> None:
        """The tail of the log after a snapshot. Everything in force is looked at again: the last run may have written
        signals between the snapshot and its end.
        """
        self._known_sources = 0
        subjects = self._board.load(connection)
        if self.seq > taken:
            self._replay(connection, taken)
            self.flow.mark(subjects)
        self.since_snapshot = eventlog.count_events(connection, taken)

    def _rebuild(self, connection: Connection) -> None:
        """The state from the whole log, beside what readers see; they switch when it is committed."""
        total = eventlog.count_events(connection)
        if total:
            log.warning("由日志重建状态：%d 个事件 / rebuilding the state from %d events of the log", total, total)
        for table in (*writer.REBUILT, SIGNAL_MEMBERS):
            connection.execute(delete(table))
        self._known_sources = 0
        self.flow.use(self.rules)
        self._replay(connection, 0)
        self.since_snapshot = total

    def _replay(self, connection: Connection, after: int) -> None:
        """Files again what the log holds after a block."""
        flow, lift = self.flow, self._pseudonyms
        for block in eventlog.read_blocks(connection, after):
            events = block.events
            if block.generation < lift.generation:
                for event in events:
                    lift_event(event, lift, block.generation)
            refs, new = flow.subjects.numbers([event.subject for event in events])
            self._new_subjects += [(ref, events[place].subject) for place, ref in new]
            for ref, event in zip(refs, events, strict=True):
                flow.refile(ref, event, content_of(event), block.received)
                if writer.gives_name(event):
                    self._named.append((ref, event.subject, event))
            self._write_names(connection)
        self._waiting = True
