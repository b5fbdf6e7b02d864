"""A keeper holds one host: it brings it up, gives it every message once and in order, and sends what it says.

What the streaming framework delivers is a hint: the host's own next offset decides. A message before it was applied
already; one after it shows a gap, which is read from the broker first. So a restart, a rebalance, a second delivery
and a message that the framework lost all end with the same state. A snapshot holds state and offset together, and is
taken only when everything said so far is safely with the broker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final, Protocol

from config.ruleset import Rules
from monitor.cluster.hosts.host import Host, Progress, Record
from monitor.cluster.pace import Pace
from monitor.cluster.snapshots import Kept, SnapshotStore
from monitor.cluster.wire.boxes import Outgoing
from monitor.store.snapshots import Frame

log = logging.getLogger(__name__)

_UNACKNOWLEDGED: Final = 256
_TRIES: Final = 3
_STEP: Final = 64
"""While a gap is read, what follows is worked out and sent after so many messages, and a snapshot taken when one is
due: nothing piles up, and a gap gets shorter however often its reading is interrupted.
"""
_SELDOM: Final = 20
_TOTALS_SECONDS: Final = 1.0
"""Totals change with every message; they are said no more often than this."""


class RetentionError(Exception):
    """The broker has deleted messages that a host has not seen."""


class VersionError(Exception):
    """The state was kept by another version of the program."""


class DefectError(Exception):
    """A host fails on the same message again and again."""


class _ApplyError(Exception):
    """A host failed on a message: its state may be half changed."""


class UnsentError(Exception):
    """A message was given up on its way to the brokers: nothing more may be sent behind it."""


class Broker(Protocol):
    """What a keeper needs of Kafka."""

    def read(self, topic: str, partition: int, start: int) -> AsyncIterator[Record]:
        """The messages from an offset to the present end. Raises RetentionError where they are gone."""

    async def send(self, message: Outgoing) -> asyncio.Future[None]:
        """Sends a message; the future is done when the broker has it."""

    async def claim(self, writer: str) -> int:
        """A new epoch for the owner of a host: greater than all before it."""


class Keeper:
    """Keeps the host of one stage and partition."""

    def __init__(
        self,
        make: Callable[[], Host],
        broker: Broker,
        store: SnapshotStore,
        rules: Rules,
        versions: tuple[dict[str, str], dict[str, str]],
        *,
        snapshot_seconds: float = 30.0,
        totals_seconds: float = _TOTALS_SECONDS,
        pace: Pace | None = None,
        saw_now: Callable[[int], None] = lambda now: None,
    ) -> None:
        """`make`: an empty host. `versions`: of the state and of the judgement. `pace`: the worker's, where there is
        one. `saw_now` learns Now of the host.
        """
        self._make = make
        self._broker = broker
        self._store = store
        self._rules = rules
        self._versions, self._judged_by = versions
        self._snapshot_seconds = snapshot_seconds
        self._totals_seconds = totals_seconds
        self._totals_at = 0.0
        self._pace = pace or Pace()
        self._saw_now = saw_now
        self._lock = asyncio.Lock()
        self._unacknowledged: set[asyncio.Future[None]] = set()
        self._said: tuple[Progress | None, frozenset[asyncio.Future[None]]] = None, frozenset()
        self._ready = False
        self._unsent = False
        self.host = make()
        self.writer = self.host.outbox.writer
        self.next = 0
        self.kept = -1
        """The offset of the newest snapshot."""
        self.kept_at = self._tried_at = time.monotonic()
        self._keeping_took = 0.0
        self.epoch = 0
        self.drops = 0
        self.gaps = 0
        self.recovery_seconds = 0.0
        self.seen_next = -1

    @property
    def is_ready(self) -> bool:
        """Whether the host has been taken over."""
        return self._ready

    async def begin(self) -> None:
        """Takes the host over: newest snapshot, everything after it, and all of that said anew."""
        async with self._lock:
            self._ready = False
            await self._steadily(self._nothing)

    async def take(self, record: Record) -> None:
        """A message that was delivered."""
        async with self._lock:
            if self._ready and record.offset < self.next:
                self.drops += 1
                return
            await self._steadily(lambda: self._take(record))

    async def fill(self) -> None:
        """Reads whatever the broker has beyond the last message: also one that nobody delivered."""
        async with self._lock:
            before = self.next
            await self._steadily(self._fill)
            if self.next > before:
                self.gaps += 1

    def advance(self, now: int) -> None:
        """Now of the whole system has grown."""
        self.host.advance(now)

    async def work(self, should_stop: Callable[[], bool]) -> None:
        """Judges and sends while messages come, and takes snapshots; until it is stopped."""
        while not should_stop():
            await self._pace.beat()
            if not self._ready:
                await self.begin()
            while await self.turn():
                await asyncio.sleep(0)
            if self._snapshot_is_due:
                await self.snapshot()

    async def call(self, do: Callable[[Host, int], None]) -> None:
        """Lets the host do something that no message asks for; `do` gets it with its epoch."""
        async with self._lock:
            if self._ready:
                do(self.host, self.epoch)

    async def end(self) -> None:
        """The last snapshot, before another owner takes over."""
        await self.snapshot()

    async def turn(self) -> bool:
        """Works out some of what follows and sends it; whether something is left."""
        self._check_sent()
        if not (self.host.waits or self._totals_are_due):
            return False
        async with self._lock:
            return self._ready and await self._turn()

    async def settled(self) -> Progress | None:
        """How far all that follows from the messages was said when nothing was left, and is with the brokers."""
        if self._ready and not self._lock.locked():
            self._note_said()
        said, sent = self._said
        await asyncio.gather(*sent, return_exceptions=True)
        return None if self._unsent else said

    def _note_said(self) -> None:
        if not self.host.waits:
            self._said = self.host.progress(self.epoch, self.next), frozenset(self._unacknowledged)

    async def snapshot(self) -> None:
        """Keeps the state, where it has changed: judged whole, said whole, acknowledged."""
        async with self._lock:
            if self._ready:
                await self._keep()

    @property
    def _snapshot_is_due(self) -> bool:
        """A large state is kept less often, so that keeping it takes a twentieth of the time at most."""
        since = time.monotonic() - self._tried_at
        return since > max(self._snapshot_seconds, _SELDOM * self._keeping_took)

    # -- inside the lock ------------------------------------------------------------------------------------------

    async def _steadily(self, do: Callable[[], Awaitable[None]]) -> None:
        """Does something with a host that has been taken over. After a defect in the middle of a message the state may
        be half changed, so it is thrown away and brought up again; DefectError where that does not help.
        """
        tries = 0
        while True:
            try:
                if not self._ready:
                    await self._begin()
                await do()
                return
            except _ApplyError as failed:
                self._ready = False
                tries += 1
                error = failed.__cause__
                log.error(
                    "程序缺陷，状态重建 / a defect: the state of %s is brought up again", self.writer, exc_info=error
                )
                if tries >= _TRIES:
                    msg = f"{self.writer} fails at offset {self.next} of {self.host.topic}: {error!r}"
                    raise DefectError(msg) from error

    async def _nothing(self) -> None:
        """The host has been taken over, that is all."""

    async def _take(self, record: Record) -> None:
        if record.offset > self.next:
            self.gaps += 1
            await self._fill()
        elif record.offset == self.next:
            self._apply(record)

    async def _keep(self) -> None:
        self._tried_at = time.monotonic()
        if not self.host.whole:
            return
        waits = self.host.waits or self.host.totals_wait
        if self.next == self.kept and not waits:
            self.kept_at = self._tried_at
            return
        while waits:
            await self._turn(totals=True)
            waits = self.host.waits
        await self._acknowledged()
        began = time.monotonic()
        try:
            await asyncio.to_thread(self._store.write, self.writer, self.epoch, self.next, self._frames())
        except OSError as error:
            log.warning(
                "%s 的快照未能写入（%s）：数据都在 Kafka 中，重启会较慢 / "
                "no snapshot of %s could be written (%s): everything is in Kafka, a restart is slower",
                *(self.writer, error) * 2,
            )
        else:
            self.kept = self.next
            self.kept_at = time.monotonic()
            self._keeping_took = self.kept_at - began

    @property
    def _totals_are_due(self) -> bool:
        return time.monotonic() - self._totals_at >= self._totals_seconds and self.host.totals_wait

    async def _turn(self, *, totals: bool = False) -> bool:
        self._check_sent()
        left = self.host.judge()
        totals = totals or self._totals_are_due
        if totals:
            self._totals_at = time.monotonic()
        messages = self.host.take(self.epoch, totals=totals)
        try:
            for message in messages:
                await self._send(message)
        except BaseException:
            self._ready = False  # the rest of them is lost: the host is brought up again, and says it anew
            raise
        self._note_said()
        self._saw_now(self.host.latest)
        return left

    async def _send(self, message: Outgoing) -> None:
        if len(self._unacknowledged) >= _UNACKNOWLEDGED:
            await self._acknowledged()
        future = await self._broker.send(message)
        self._unacknowledged.add(future)
        future.add_done_callback(self._settled)

    def _settled(self, future: asyncio.Future[None]) -> None:
        """The broker has a message, or never will."""
        self._unacknowledged.discard(future)
        if future.cancelled() or future.exception() is not None:
            self._unsent = True

    async def _acknowledged(self) -> None:
        """Waits until the broker has everything that was sent. Raises UnsentError where it never will."""
        while self._unacknowledged:
            await asyncio.wait(self._unacknowledged)
            await asyncio.sleep(0)  # the callbacks of the last ones
        self._check_sent()

    def _check_sent(self) -> None:
        if self._unsent:
            raise UnsentError(
                f"{self.writer}：消息未能送达 Kafka，进程结束，重启后继续 / a message did not reach the brokers in "
                "time: the worker ends, and goes on from its snapshots when it is started again"
            )

    async def _begin(self) -> None:
        started = time.monotonic()
        self._check_sent()
        self._ready = False
        self.epoch = await self._broker.claim(self.writer)
        chosen, sound = await asyncio.to_thread(self._store.begin, self.writer, self.epoch)
        anew = not await asyncio.to_thread(self._load, chosen) or not sound
        if anew:
            self.host.use(self._rules, anew=True)
        await self._fill(anew=True)
        await self._say_anew()
        self._ready = True
        self.recovery_seconds = time.monotonic() - started

    async def _say_anew(self) -> None:
        """Everything that was touched, withdrawals included, whatever an owner before may have said of it."""
        self.host.resend()
        while await self._turn():
            await asyncio.sleep(0)

    def _load(self, chosen: Kept | None) -> bool:
        """Fills the host from a snapshot, or an older one where that is damaged; False where everything must be judged
        and said again.
        """
        candidates = [] if chosen is None else [chosen, *self._store.others(self.writer, chosen)]
        for kept in candidates:
            self.host = self._make()
            judged_by: list[dict[str, str]] = []
            try:
                self.host.load(self._checked(self._store.frames(kept), judged_by))
            except VersionError:
                raise
            except Exception as error:  # a damaged one may fail anyhow before its digest is reached
                log.warning("快照不可用，改用更早的 / snapshot %s not used: %s", kept.name, error)
                continue
            self.next = self.kept = kept.next
            self.host.use(self._rules, anew=False)
            return kept == chosen and judged_by == [self._judged_by]
        self.host = self._make()
        self.next, self.kept = 0, -1
        self.host.use(self._rules, anew=False)
        return chosen is None

    def _checked(self, frames: Iterator[Frame], judged_by: list[dict[str, str]]) -> Iterator[Frame]:
        for name, payload in frames:
            if name == "versions":
                other = [key for key, value in self._versions.items() if payload.get(key) != value]
                if other:
                    msg = (
                        f"{self.writer}：快照由另一版本写成（{', '.join(other)}），请以新的主题前缀重放日志 / "
                        f"the snapshot was made by another {', '.join(other)}: start a new generation of topics "
                        "(CREDIT_MONITOR_KAFKA_PREFIX) and replay the log into it"
                    )
                    raise VersionError(msg)
            elif name == "judged_by":
                judged_by.append(payload)
            else:
                yield name, payload

    def _frames(self) -> Iterator[Frame]:
        yield "versions", self._versions
        yield "judged_by", self._judged_by
        yield from self.host.frames()

    def _apply(self, record: Record) -> None:
        """Takes in the next message; nothing else runs meanwhile."""
        try:
            self.host.apply(record)
        except Exception as error:
            raise _ApplyError from error
        self.next = record.offset + 1
        self._pace.took(record.moment)

    async def _fill(self, *, anew: bool = False) -> None:
        """Everything from the next offset to the present end; `anew`: what follows is said as a new owner does."""
        count = 0
        async for record in self._broker.read(self.host.topic, self.host.partition, self.next):
            if record.offset < self.next:
                continue
            self.next = record.offset  # an offset without a message: compacted, or the mark of a transaction
            self._apply(record)
            count += 1
            if count % _STEP:
                continue
            if anew:
                await self._say_anew()
            else:
                await self._turn()
            if time.monotonic() - self._tried_at > self._snapshot_seconds:
                await self._keep()
