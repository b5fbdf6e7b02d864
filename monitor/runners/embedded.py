"""The embedded runner: sources → intake → stages in memory → one transaction a micro-batch, in one process and folder.

Restart = newest snapshot + tail of the log. What was committed is never read from a source again; what was not is,
and counts once. While a backlog is read, findings are worked out from time to time and always at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from config.channels import Channels
from config.officers import Directory
from config.ruleset import Rules
from config.scorecards import Cards, load
from monitor.desk import replay
from monitor.desk.acting import ACT, Acting
from monitor.desk.promoting import PROMOTE, Promoting
from monitor.desk.requests import Desk
from monitor.engine.auditing import entries_of, refusals_noted
from monitor.engine.clock import SteadyClock
from monitor.engine.delays import Delays
from monitor.engine.filing import UNFILED, Admission
from monitor.engine.flow import Flow
from monitor.engine.inbox import Delivery, Refusals
from monitor.engine.own import own_event
from monitor.events.acts import Cut
from monitor.events.data import Empty, LiveData, PromotedData
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import DeadLetter
from monitor.events.types import (
    ConfigActivated,
    Event,
    ModelPromoted,
    MonitorLive,
    RetentionApplied,
    Ticked,
    encode_logged,
)
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import activating, cutting
from monitor.runners.core import Core
from monitor.runners.deciding import DecidedChunk, DecidedDeliveries
from monitor.runners.heads import HeadKeeper
from monitor.runners.progress import Progress as Progress
from monitor.sources import Chunk, Position, Source
from monitor.store import deadletters, writer
from monitor.store.audit import chain as audit
from monitor.store.home import Home, HomeLock

_CHUNK_BYTES: Final = 1 << 20


class EmbeddedRunner:
    """The one writer of a home."""

    def __init__(
        self,
        home: Home,
        rules: Rules,
        pseudonyms: Pseudonymiser,
        *,
        cards: Cards | None = None,
        officer: str = "operator",
        judge_every: float = 10.0,
        delays: Delays | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        clock: Callable[[], int] | None = None,
        audit_heads: Path | None = None,
        officers: Directory | None = None,
        channels: Channels | None = None,
    ) -> None:
        """Locks the home and brings the state up. `clock` gives the machine's time in microseconds since 1970; it is
        read at intake only. `cards`: the shipped ones if not given. `officer` answers for the rules. In a backlog
        findings are worked out every `judge_every` seconds at most. `delays` learns how long events wait for them.
        `audit_heads`: see HeadKeeper. `officers`: among whom tasks are given out; `channels`: by which people are told.
        Raises HomeError.
        """
        home.create()
        self._lock: HomeLock = home.lock()
        try:
            self.home = home
            self.rules = rules
            self._cards = load() if cards is None else cards
            self.progress = Progress()
            self._officer, self.officers = officer, officers
            self._judge_every = judge_every
            self._on_progress = on_progress
            self.clock = clock or SteadyClock()
            self._delays = delays or Delays()
            self.pseudonyms = pseudonyms
            self._intake = Intake(pseudonyms)
            self._ahead = False
            self.gradual = False
            """Whether classes, and what models find, are worked out in pieces: somebody calls `work_some`."""
            self._refusals = Refusals()
            self._desk = Desk(home, {**replay.KINDS, ACT: Acting, PROMOTE: Promoting})
            self._engine = home.writer()
            with self._engine.begin() as connection:
                self._positions = writer.read_positions(connection)
            self._core = Core(home, self._engine, rules, self._cards, pseudonyms)
            self._heads = HeadKeeper(self._engine, audit_heads)
            with self.reading() as connection:
                deleted = activating.deleted(connection)
                activated = list(activating.news(connection, rules, self._cards, channels, officer))
            if deleted is not None:
                self._own(RetentionApplied, MONITOR_SUBJECT, deleted)
            for one in activated:
                self._own(ConfigActivated, MONITOR_SUBJECT, one)
        except BaseException:
            self._lock.release()
            raise

    # -- sources --------------------------------------------------------------------------------------------------

    def drain(self, sources: Sequence[Source], should_stop: Callable[[], bool] = lambda: False) -> list[str]:
        """Reads sources to their present ends, a chunk of each in turn; what was wrong with them."""
        problems: list[str] = []
        waiting = list(sources)
        while waiting and not should_stop():
            for source in list(waiting):
                if not self.step(source, problems):
                    waiting.remove(source)
                self.answer_requests()
                if should_stop():
                    break
        self.settle()
        return problems

    def step(self, source: Source, problems: list[str]) -> bool:
        """Reads one chunk of a source and commits it; False where there was nothing more."""
        position = self.position_of(source.name)
        chunk = source.read(position, _CHUNK_BYTES)
        if chunk.error and chunk.error not in problems:
            problems.append(chunk.error)
        if chunk.lines or chunk.position != position:
            self.take(source.name, chunk, source.progress())
        return not chunk.eof and not chunk.error

    def position_of(self, source: str) -> Position:
        """Where a source was left."""
        return self._positions.get(source, Position())

    @property
    def rest(self) -> float:
        """Seconds for which it is better to wait for more than to `settle`; 0 where there is nothing to save."""
        return self._core.pace.rest if self._core.waits else 0.0

    def settle(self) -> None:
        """Works out and writes everything that still waits."""
        if self._core.waits:
            with self._transaction() as connection:
                self._core.judge(connection)
            self._delays.judged()
        self.cut_in_time()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction. Where it fails (a full disk), the state stays ahead of the store, and is written nowhere."""
        self._ahead = True
        with self._engine.begin() as connection:
            yield connection
        self._ahead = False
        self._heads.turn(self.clock, self._core)

    @property
    def flow(self) -> Flow:
        """The stages with their state."""
        return self._core.flow

    def go_live(self, *, ended: bool = False) -> None:
        """From here on alerts are for people; once for a home. `ended`: classes and models too, as at an end."""
        self._judge_every = 0.0
        self._delays.begin()
        if not self.flow.live:
            self._own(MonitorLive, MONITOR_SUBJECT, LiveData(self._officer))
        self.cut(ended=ended)

    def prepare(self) -> None:
        """Loads what the cuts of a live monitor need."""
        cutting.prepare(self._core, self._engine)

    def promote(self, data: PromotedData) -> None:
        """Brings a model into force, durable once this returns."""
        self._own(ModelPromoted, MONITOR_SUBJECT, data)

    def tick(self) -> None:
        """Lets the monitor know that time has passed."""
        self._own(Ticked, CLOCK_SUBJECT, Empty())
        self.cut()

    def close(self) -> None:
        """Judges what waits, writes a snapshot where something changed, and lets the next writer in."""
        self._desk.close()
        self._core.classing.drop()
        try:
            if not self._ahead:
                self.settle()
                self._core.snapshot()
                self._heads.turn(self.clock, self._core, ended=True)
        finally:
            self._core.modelling.drop()
            self._engine.dispose()
            self._lock.release()

    # -- what other processes ask for -----------------------------------------------------------------------------

    def answer_requests(self) -> bool:
        """One step of what a command asks of the writer through the home; whether there was something."""
        return self._desk.turn(self)

    @property
    def ahead(self) -> bool:
        """Whether the state is ahead of the store, after a transaction that failed: then it can only be closed."""
        return self._ahead

    @property
    def positions(self) -> Mapping[str, Position]:
        """How far each source was read."""
        return self._positions

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A look at the store between two transactions."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction apart from the state, as for the audit log."""
        with self._engine.begin() as connection:
            yield connection

    def take_again(
        self,
        candidates: Sequence[Candidate],
        received: int,
        write: Callable[[Connection, Sequence[Admission]], None],
    ) -> None:
        """Files events that intake read again; what became of each is written with them, in one transaction."""
        self._ahead = True
        admitted = self._core.admit_each(candidates, received)
        with self._transaction() as connection:
            self.progress.events += self._core.commit(connection, received)
            write(connection, admitted)
            if self._core.pace.is_due(self._judge_every):
                self._core.judge(connection)
            writer.write_counters(connection, self._core.totals)
        self.progress.repeats += admitted.count(Admission.REPEAT)
        if self._on_progress is not None:
            self._on_progress(self.progress)

    def try_parked(self) -> None:
        """Judges parked subjects once more. Where a history lacks what the log says, the state is brought up again from
        snapshot and log, as at a start; nothing is read meanwhile.
        """
        self.settle()
        parked = self.flow.parked
        if any(stage == UNFILED for stage, _ in parked):
            self._core.classing.drop()
            self._core.modelling.drop()
            self._core = Core(self.home, self._engine, self.rules, self._cards, self.pseudonyms)
        elif parked:
            self.flow.take_up(dict(parked))
            with self._transaction() as connection:
                self._core.judge(connection)

    # -- the micro-batch ------------------------------------------------------------------------------------------

    def take(self, source: str, chunk: Chunk, done: float | None) -> None:
        """One chunk of a source, of which the share `done` is read by it: intake decides about each line, then
        everything is committed at once.
        """
        received = self._received()
        decided = DecidedChunk(self._intake, self.pseudonyms, source, chunk, received)
        self._ahead = True
        admitted = self._core.admit(decided.candidates, received)
        for place, conflict in admitted.conflicts:
            decided.conflicting(place, conflict)
        self._commit(received, decided.letters, len(admitted.repeats), (source, chunk.position))
        self.progress.source, self.progress.done = source, done
        self._after()

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries of several senders in one transaction; each has its verdicts once everything is durable."""
        received = self._received()
        decided = DecidedDeliveries(self._intake, self.pseudonyms, self._refusals, deliveries, received)
        self._ahead = True
        admitted = self._core.admit(decided.candidates, received)
        for place in admitted.repeats:
            decided.repeated(place)
        for place, conflict in admitted.conflicts:
            decided.conflicting(place, conflict)
        self._commit(received, decided.letters, len(admitted.repeats), None)
        for delivery, found in zip(deliveries, decided.verdicts, strict=True):
            delivery.verdicts.set_result(found)
        self._after()

    def _received(self) -> int:
        """The moment at which a micro-batch is received."""
        self._delays.receive()
        return self.clock()

    def _commit(
        self, received: int, letters: Sequence[DeadLetter], repeats: int, position: tuple[str, Position] | None
    ) -> None:
        """Writes a micro-batch, with what follows from it where that is due."""
        with self._transaction() as connection:
            accepted = self._core.commit(connection, received)
            deadletters.write(connection, letters)
            for letter in letters:
                self._core.count("dead_letters", letter.reason)
            if position is not None:
                writer.write_position(connection, *position)
                self._positions[position[0]] = position[1]
            self._delays.came(accepted)
            judged = self._core.pace.is_due(self._judge_every)
            if judged:
                self._core.judge(connection)
            writer.write_counters(connection, self._core.totals)
        if judged:
            self._delays.judged()
        self.progress.events += accepted
        self.progress.repeats += repeats
        self.progress.dead_letters += len(letters)

    def _after(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress)
        if self._core.wants_snapshot:
            self._core.snapshot()

    def _own(self, kind: type[Event], subject: str, data: object) -> None:
        """Writes an event of the monitor's own. Only a tick moves Now: an old log keeps its Now."""
        now = self.clock()
        at = now if kind is Ticked else self.flow.now
        event = own_event(kind, subject, data, at=at, now=now, mark=activating.mark_of(data))
        packed = encode_logged(event)
        self._ahead = True
        if kind is Cut:
            self._core.note(event, packed, now)
        else:
            self._core.admit([Candidate(event, at, packed, 0)], now)
        with self._transaction() as connection:
            self._core.commit(connection, now)
            activating.note(connection, event.data)
            audit.append(connection, entries_of(event))
            self._core.judge(connection)
            if kind is Cut:
                self._core.cut(connection, self._core.seq, self.rules, event.data, told_at=now)
            writer.write_counters(connection, self._core.totals)

    def cut(self, *, ended: bool = False) -> None:
        """Works out alerts and tasks from everything before, where anything has happened since the last time; every
        class where a month has begun, what the models find where a day has, and both where all sources have `ended`.
        """
        data = cutting.due_cut(self._core, self._engine, gradual=self.gradual, ended=ended)
        if data is not None:
            self._own(Cut, MONITOR_SUBJECT, data)
            if data.begun and self._core.classing.monthly is not None:
                self._core.classing.monthly.look(self._engine)
            if data.models_begun:
                self._core.modelling.look(self._engine)

    def cut_in_time(self) -> None:
        """Cuts, where something has changed and it is time for another cut."""
        if self._core.supervising.due:
            self.cut()

    def work_some(self) -> None:
        """Works out a piece of what a cut has begun, classes or what the models find, where it is time for one."""
        classing = self._core.classing
        classed = classing.piece(self._engine) and classing.monthly is not None and classing.monthly.finished
        if self._core.modelling.piece() or classed:
            self._core.supervising.changed = True

    def act(self, kind: type[Event], subject: str, data: object) -> Event:
        """What an officer does, durable and done once this returns. Raises Refused, and nothing has happened."""
        now = self.clock()
        event = own_event(kind, subject, data, at=now, now=now, mark=subject)
        with refusals_noted(self, event) as entries, self.reading() as connection:
            self._core.check(connection, event)
        self._ahead = True
        self._core.note(event, encode_logged(event), now)
        with self._transaction() as connection:
            self._core.commit(connection, now)
            self._core.act(connection, event, self.rules, told_at=now)
            audit.append(connection, entries)
            writer.write_counters(connection, self._core.totals)
        self.cut()
        return event
