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
from config.scorecards import Cards
from monitor.engine import state
from monitor.engine.filing import UNFILED, Admission
from monitor.engine.flow import Flow
from monitor.engine.knowledge import Knowing
from monitor.engine.own import APART
from monitor.engine.supervising import Supervising
from monitor.events.acts import HOST_ACTS, Cut, CutData
from monitor.events.data import ActivatedData
from monitor.events.intake import Candidate, content_of, lift_event
from monitor.events.refusal import Refusal
from monitor.events.types import ConfigActivated, Event, LetterSent
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import activating, hosting
from monitor.runners.classing import RED, Classing
from monitor.runners.heeding import Heeding
from monitor.runners.modelling import Modelling
from monitor.store import forgotten, snapshots, writer
from monitor.store import log as eventlog
from monitor.store.groups_schema import GROUPS
from monitor.store.home import Home, meta, set_meta
from monitor.store.schema import SIGNAL_MEMBERS
from monitor.store.signalboard import SignalBoard
from monitor.store.work.alert_schema import CUT_WHOLE, OBJECTIONS, SIGNAL_CHANGES
from monitor.supervision.alerts import Refused
from monitor.supervision.work import Knowledge

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

    def __init__(self, home: Home, engine: Engine, rules: Rules, cards: Cards, pseudonyms: Pseudonymiser) -> None:
        """Brings the state up. Raises HomeError where the pseudonym keys are not those of the home."""
        self.home = home
        self.rules = rules
        self.totals: dict[tuple[str, str], int] = {}
        self.judging_took = 0.0
        self.judged_at = 0.0
        self.since_snapshot = 0
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._board = SignalBoard()
        self._cards = cards
        self.classing = Classing(cards)
        self.modelling = Modelling(home.path)
        self._packed: list[bytes] = []
        self._heard = Heeding()
        self._had_parked = False
        self._waiting = False
        self._knowing = Knowing(self.classing.book)
        self.supervising = Supervising(
            self._knowing.events_of,
            self._knowing.ref_of,
            Knowledge(
                class_of=self._knowing.class_of,
                tolerated=self._knowing.tolerated,
                visits_of=self._knowing.visits_of,
                letters_of=self._knowing.letters_of,
                harm_of=self._knowing.harm_of,
            ),
        )
        self._recover()

    # -- events ---------------------------------------------------------------------------------------------------

    def admit(self, candidates: Sequence[Candidate], received: int) -> Admitted:
        """Files the well-formed events that are new, and says which are not."""
        flow = self.flow
        refs, new = flow.subjects.numbers([one.event.subject for one in candidates])
        self._heard.met(((ref, candidates[place].event.subject) for place, ref in new))
        conflicts: list[tuple[int, Refusal]] = []
        repeated: list[int] = []
        admit, packed, deleted = flow.admit, self._packed, self._forgotten
        events: Counter[type[Event]] = Counter()
        repeats: Counter[type[Event]] = Counter()
        for place, (ref, candidate) in enumerate(zip(refs, candidates, strict=True)):
            event, at, raw, content = candidate
            if at < deleted.before and deleted.holds(event.subject, event.source, event.id):
                admission = Admission.REPEAT
            else:
                admission = admit(ref, event, at, content, received)
            if admission is Admission.NEW:
                packed.append(raw)
                events[type(event)] += 1
                self._heed(ref, event)
            elif admission is Admission.REPEAT:
                repeats[type(event)] += 1
                repeated.append(place)
            else:
                conflicts.append((place, Refusal("conflicting_repeat", f"{event.source} {event.id}")))
        for name, counted in (("events", events), ("repeats", repeats)):
            for kind, count in counted.items():
                self.count(name, str(kind.__struct_config__.tag), count)
        self._waiting = self._waiting or bool(packed)
        self.supervising.changed = self.supervising.changed or bool(packed)
        return Admitted(repeated, conflicts)

    def _heed(self, ref: int, event: Event) -> None:
        self._heard.heed(ref, event)
        if type(event) is LetterSent:
            self.supervising.letter_sent(event.subject)

    def admit_each(self, candidates: Sequence[Candidate], received: int) -> list[Admission]:
        """Files events one by one; what became of each."""
        found = [self.admit([one], received) for one in candidates]
        return [
            Admission.CONFLICT if one.conflicts else Admission.REPEAT if one.repeats else Admission.NEW for one in found
        ]

    def note(self, event: Event, packed: bytes, received: int) -> None:
        """Takes in an event of the monitor's own that stands in no history."""
        self.flow.hear(int(event.time), received)
        self._packed.append(packed)
        self.count("events", str(type(event).__struct_config__.tag))

    def commit(self, connection: Connection, received: int) -> int:
        """Writes the events that were admitted, as one block of the log, and the names learnt; how many they are."""
        count = len(self._packed)
        if count:
            self.seq += 1
            eventlog.write_block(connection, self.seq, received, self._pseudonyms.generation, self._packed)
            self.since_snapshot += count
            self._packed.clear()
        self._heard.write(connection, self.flow)
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
        self._heard.write(connection, self.flow)
        if flow.parked or self._had_parked:
            writer.write_parked(connection, flow.parked)
            self._had_parked = bool(flow.parked)
        set_meta(connection, "now", str(flow.now))
        self._waiting = False
        self.judged_at = time.monotonic()
        self.judging_took = self.judged_at - started

    def cut(self, connection: Connection, seq: int, rules: Rules, data: CutData, *, told_at: int | None = None) -> None:
        """Works out what follows from what was judged; `seq` is the block of the cut, `data` what it says. People
        are told at `told_at`, None in a replay.
        """
        self._know(connection)
        if data.models:
            self.modelling.turn(connection, self.flow, rules, seq, data.models)
        cutting = self.supervising.cut(connection, self.flow.now, rules)
        worsened = cutting.worsened(RED, self.classing.cards.general.red_detectors)
        self.classing.turn(connection, self.flow, seq, worsened, data)
        if told_at is None:
            self.classing.whole(connection)
        self.supervising.queue(connection, self.flow.now, seq, rules, cutting, told_at)

    def _know(self, connection: Connection) -> None:
        """What is asked about enterprises is answered from the state and the store as they are."""
        self._knowing.use(self.flow, connection)

    def check(self, connection: Connection, event: Event) -> None:
        """Raises Refused where an act cannot be."""
        if type(event) in HOST_ACTS:
            hosting.refuse_unfit(connection, event, self.flow.now)
            return
        self._know(connection)
        self.supervising.check(connection, event, self.rules)

    def act(self, connection: Connection, event: Event, rules: Rules, *, told_at: int | None = None) -> None:
        """Does what an accepted act says. People are told at `told_at`."""
        if type(event) in HOST_ACTS:
            hosting.take_in(connection, event, self.flow)
            self.supervising.changed = True
            self.judge(connection)
            return
        self._know(connection)
        self.supervising.act(connection, event, rules, told_at)

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

    # -- bringing the state up ------------------------------------------------------------------------------------

    def _recover(self) -> None:
        with self._engine.begin() as connection:
            state.check_keys(connection, self._pseudonyms, self.home)
            self._seed = int(meta(connection, "seed") or 0)
            self.totals = writer.read_counters(connection)
            self.seq = eventlog.last_seq(connection)
            self._forgotten = forgotten.names_in(connection)
        versions = state.state_versions(self._pseudonyms)
        judged_by = state.judgement_versions(self.rules.content_hash)
        taken = self._load_snapshot(versions)
        with self._engine.begin() as connection:
            parked = writer.read_parked(connection)
            self.supervising.load(connection, self.seq)
            self._had_parked = bool(parked)
            if taken is None:
                self._rebuild(connection)
            else:
                self._catch_up(connection, taken)
                self.flow.take_up(parked)
                hosting.load(connection, self.flow)
            self.classing.load(connection)
            self.modelling.load(connection)
            before = meta(connection, "judged_by")
            if before is not None and before != str(sorted(judged_by.items())):
                self.flow.use(self.rules)
            set_meta(connection, "judged_by", str(sorted(judged_by.items())))
            self.judge(connection)
            if taken is None and self.supervising.cuts:
                self.modelling.again(connection, self.flow, self.rules, self.seq)
        if self.wants_snapshot:
            self.snapshot()

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
        self._heard.begin_anew()
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
        numbers = self.classing.numbers(connection)
        for table in (*writer.REBUILT, SIGNAL_MEMBERS, SIGNAL_CHANGES):
            connection.execute(delete(table))
        hosting.forget(connection)
        self._heard.begin_anew()
        self.flow.use(self.rules)
        if self.supervising.cuts:
            set_meta(connection, CUT_WHOLE, "1")
            self._replay(connection, 0)
            if self.classing.numbers(connection) != numbers:
                self.classing.forget(connection)
        else:
            for table in (OBJECTIONS, GROUPS):
                connection.execute(delete(table))
            self.classing.forget(connection)
            self._replay(connection, 0, cutting=True)
            self.flow.use(self.rules)
            self.classing.use(self._cards)
        self.since_snapshot = total

    def _activate(self, activated: ActivatedData, rules: Rules) -> Rules:
        """Goes on by what came into force at this place of the log; the rules from here on."""
        if activated.what == "rules":
            rules = activating.rules_of(activated, rules)
            self.flow.use(rules)
        elif activated.what == "scorecards":
            self.classing.use(activating.cards_of(activated, self.classing.cards))
        return rules

    def _act_again(self, connection: Connection, event: Event, rules: Rules) -> None:
        """An act that the log holds was accepted once. Where this program would refuse it, as after a change of the
        lifecycles, it is told and left out: a home must open.
        """
        try:
            self.act(connection, event, rules)
        except Refused as refused:
            log.warning("重放时未能执行 / an act of the log could not be done again: %s: %s", event.id, refused)

    def _replay(self, connection: Connection, after: int, *, cutting: bool = False) -> None:
        """Files again what the log holds after a block. `cutting`: alerts too, by the rules of their time."""
        flow, lift, rules = self.flow, self._pseudonyms, self.rules
        for block in eventlog.read_blocks(connection, after):
            events = block.events
            if block.generation < lift.generation:
                for event in events:
                    lift_event(event, lift, block.generation)
            filed = [event for event in events if type(event) not in APART]
            refs, new = flow.subjects.numbers([event.subject for event in filed])
            self._heard.met(((ref, filed[place].subject) for place, ref in new))
            for ref, event in zip(refs, filed, strict=True):
                flow.refile(ref, event, content_of(event), block.received)
                self._heed(ref, event)
            self._heard.write(connection, self.flow)
            for event in events:
                if type(event) in APART:
                    flow.hear(int(event.time), block.received)
                if type(event) in HOST_ACTS:
                    hosting.take_in(connection, event, flow)
                elif not cutting:
                    continue
                elif type(event) is ConfigActivated:
                    rules = self._activate(event.data, rules)
                elif type(event) is Cut:
                    self.judge(connection)
                    self.cut(connection, block.seq, rules, event.data)
                elif type(event) in APART:
                    self._act_again(connection, event, rules)
        self._waiting = True
