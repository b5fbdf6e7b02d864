"""The embedded runner: sources → intake → stages in memory → one transaction a micro-batch, in one process and folder.

Restart = newest snapshot + tail of the log. What was committed is never read from a source again; what was not is,
and counts once. While a backlog is read, findings are worked out from time to time and always at its end.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from sqlalchemy import Connection

from config.moments import as_text
from config.ruleset import Rules
from monitor.events.data import ActivatedData, Empty, LiveData
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import DeadLetter, Refusal, readable_text, shown
from monitor.events.types import (
    ConfigActivated,
    Event,
    MonitorLive,
    Ticked,
    encode_logged,
)
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import replay
from monitor.runners.clock import SteadyClock
from monitor.runners.core import Core
from monitor.runners.delays import Delays
from monitor.runners.flow import UNFILED, Admission, Flow
from monitor.runners.inbox import Delivery, Refusals, Verdict
from monitor.runners.requests import Desk
from monitor.sources import Chunk, Position, Source
from monitor.store import deadletters, writer
from monitor.store.home import Home, HomeLock, set_meta

_CHUNK_BYTES: Final = 1 << 20
_ACCEPTED: Final = Verdict("accepted")
_REPEAT: Final = Verdict("repeat")
_BACKLOG_SHARE: Final = 5
"""While a backlog is read, judging takes at most about a fifth of the time."""


class Progress(msgspec.Struct):
    """How far a run has come."""

    events: int = 0
    repeats: int = 0
    dead_letters: int = 0
    done: float | None = None
    source: str = ""


class EmbeddedRunner:
    """The one writer of a home."""

    def __init__(
        self,
        home: Home,
        rules: Rules,
        pseudonyms: Pseudonymiser,
        *,
        officer: str = "operator",
        judge_every: float = 10.0,
        delays: Delays | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Locks the home and brings the state up. `clock` gives the machine's time in microseconds since 1970; it is
        read at intake only. `officer` answers for the rules. While a backlog is read, findings are worked out every
        `judge_every` seconds at most. `delays` learns how long events wait for their findings. Raises HomeError.
        """
        home.create()
        self._lock: HomeLock = home.lock()
        try:
            self.home = home
            self.rules = rules
            self.progress = Progress()
            self._officer = officer
            self._judge_every = judge_every
            self._on_progress = on_progress
            self.clock = clock or SteadyClock()
            self._delays = delays or Delays()
            self.pseudonyms = pseudonyms
            self._intake = Intake(pseudonyms)
            self._ahead = False
            self._refusals = Refusals()
            self._desk = Desk(home, replay.KINDS)
            self._engine = home.writer()
            with self._engine.begin() as connection:
                self._positions = writer.read_positions(connection)
            self._core = Core(home, self._engine, rules, pseudonyms)
            if self._core.rules_are_new:
                self._own(ConfigActivated, MONITOR_SUBJECT, ActivatedData(rules.content_hash, officer, rules.text))
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

    def settle(self) -> None:
        """Works out and writes everything that still waits."""
        if self._core.waits:
            with self._transaction() as connection:
                self._core.judge(connection)
            self._delays.judged()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction. Where it fails (a full disk), the state stays ahead of the store, and is written nowhere."""
        self._ahead = True
        with self._engine.begin() as connection:
            yield connection
        self._ahead = False

    @property
    def flow(self) -> Flow:
        """The stages with their state."""
        return self._core.flow

    def go_live(self) -> None:
        """From here on alerts are for people; once for a home."""
        self._judge_every = 0.0
        self._delays.begin()
        if not self.flow.live:
            self._own(MonitorLive, MONITOR_SUBJECT, LiveData(self._officer))

    def tick(self) -> None:
        """Lets the monitor know that time has passed."""
        self._own(Ticked, CLOCK_SUBJECT, Empty())

    def close(self) -> None:
        """Judges what waits, writes a snapshot where something changed, and lets the next writer in."""
        self._desk.close()
        try:
            if not self._ahead:
                self.settle()
                self._core.snapshot()
        finally:
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

    def take_again(
        self,
        candidates: Sequence[Candidate],
        received: int,
        write: Callable[[Connection, Sequence[Admission]], None],
    ) -> None:
        """Files events that intake read again; what became of each is written with them, in one transaction."""
        self._ahead = True
        admitted = []
        for candidate in candidates:
            found = self._core.admit([candidate], received)
            admitted.append(
                Admission.CONFLICT if found.conflicts else Admission.REPEAT if found.repeats else Admission.NEW
            )
        with self._transaction() as connection:
            self.progress.events += self._core.commit(connection, received)
            write(connection, admitted)
            if self._due():
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
            self._core = Core(self.home, self._engine, self.rules, self.pseudonyms)
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
        letters: list[DeadLetter] = []
        candidates: list[tuple[int, Candidate]] = []
        read, problems, oversized = self._intake.read, chunk.problems, chunk.oversized
        for index, line in enumerate(chunk.lines):
            try:
                if index in problems:
                    raise Refusal("unmapped_row", problems[index])
                if index in oversized:
                    raise Refusal("too_large", f"{oversized[index].length:,} bytes")
                candidate = read(line, received)
            except Refusal as refusal:
                letters.append(self._dead_letter(source, chunk, index, refusal, received))
                continue
            if candidate is not None:
                candidates.append((index, candidate))
        self._ahead = True
        admitted = self._core.admit([one for _, one in candidates], received)
        for place, conflict in admitted.conflicts:
            letters.append(self._dead_letter(source, chunk, candidates[place][0], conflict, received))
        self._commit(received, letters, len(admitted.repeats), (source, chunk.position))
        self.progress.source, self.progress.done = source, done
        self._after()

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries of several senders in one transaction; each has its verdicts once everything is durable."""
        received = self._received()
        letters: list[DeadLetter] = []
        candidates: list[Candidate] = []
        places: list[tuple[int, int]] = []
        verdicts = [[_ACCEPTED] * len(delivery.lines) for delivery in deliveries]

        def refuse(number: int, index: int, refusal: Refusal, event_id: str = "") -> None:
            verdicts[number][index] = Verdict("refused", event_id, refusal.reason, refusal.detail)
            delivery = deliveries[number]
            letter = self._letter(delivery.origin, delivery.lines[index], index + 1, 0, refusal, received)
            if self._refusals.new(delivery.origin, refusal.reason, letter.digest):
                letters.append(letter)

        for number, delivery in enumerate(deliveries):
            for index, line in enumerate(delivery.lines):
                try:
                    if delivery.broken is not None:
                        raise delivery.broken
                    candidate = self._intake.read(line, received)
                    if candidate is None:
                        raise Refusal("not_json", "empty")
                    if not delivery.speaks_for(candidate.event.source):
                        raise Refusal("foreign_source", shown(candidate.event.source))
                except Refusal as refusal:
                    refuse(number, index, refusal)
                    continue
                candidates.append(candidate)
                places.append((number, index))
        self._ahead = True
        admitted = self._core.admit(candidates, received)
        for place in admitted.repeats:
            number, index = places[place]
            verdicts[number][index] = _REPEAT
        for place, conflict in admitted.conflicts:
            refuse(*places[place], conflict, candidates[place].event.id)
        self._commit(received, letters, len(admitted.repeats), None)
        for delivery, found in zip(deliveries, verdicts, strict=True):
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
            judged = self._due()
            if judged:
                self._core.judge(connection)
            writer.write_counters(connection, self._core.totals)
        if judged:
            self._delays.judged()
        self.progress.events += accepted
        self.progress.repeats += repeats
        self.progress.dead_letters += len(letters)

    def _due(self) -> bool:
        """Whether it is time to judge in the middle of a backlog."""
        core = self._core
        return time.monotonic() - core.judged_at > max(self._judge_every, _BACKLOG_SHARE * core.judging_took)

    def _after(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress)
        if self._core.wants_snapshot:
            self.settle()
            self._core.snapshot()

    def _dead_letter(self, source: str, chunk: Chunk, index: int, refusal: Refusal, received: int) -> DeadLetter:
        letter = self._letter(source, chunk.lines[index], chunk.number(index), chunk.offset(index), refusal, received)
        oversized = chunk.oversized.get(index)
        if oversized is not None:
            letter.digest = oversized.digest
        return letter

    def _letter(
        self, source: str, line: bytes, number: int, offset: int, refusal: Refusal, received: int
    ) -> DeadLetter:
        text, masked = readable_text(line, self.pseudonyms)
        return DeadLetter(
            source=source,
            line=number,
            offset=offset,
            received=received,
            reason=refusal.reason,
            detail=refusal.detail,
            text=text,
            masked=masked,
            digest=hashlib.sha256(line).hexdigest(),
        )

    def _own(self, kind: type[Event], subject: str, data: object) -> None:
        """Writes an event of the monitor's own. Only a tick moves Now: an old log keeps its Now."""
        now = self.clock()
        at = now if kind is Ticked else self.flow.now
        event = kind(
            id=f"{kind.__struct_config__.tag} {as_text(now)}",
            source="//credit-monitor",
            subject=subject,
            time=at,
            recordedtime=now,
            specversion="1.0",
            data=data,
        )
        packed = encode_logged(event)
        self._ahead = True
        self._core.admit([Candidate(event, at, packed, 0)], now)
        with self._transaction() as connection:
            self._core.commit(connection, now)
            if kind is ConfigActivated:
                set_meta(connection, "rules", self.rules.content_hash)
            self._core.judge(connection)
            writer.write_counters(connection, self._core.totals)
