"""The keeper of the partition `supervision`: answers requests, calls cuts, and sees to it that both reach the log.

Beside the boards, and not one of them: a board is as many as there are partitions, and supervision is one. Both meet in
the database alone, where a cut keeps the boards waiting (`monitor.store.postgresql.conduct`), so that it sees one state
of all of them; which worker owns which of them does not matter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from monitor.cluster.brokers import KafkaBroker
from monitor.cluster.hosts.host import Progress, Record
from monitor.cluster.hosts.intake_host import SUPERVISED
from monitor.cluster.supervision.barrier import Barrier
from monitor.cluster.supervision.book import TOPIC, WRITER, ReplacedError, SupervisionBook, Unlogged
from monitor.cluster.wire.boxes import Outgoing
from monitor.cluster.wire.facts import PackedLogBatch, encode
from monitor.engine.supervising import CUT_SECONDS
from monitor.store.errors import DatabaseGoneError, GapError

log = logging.getLogger(__name__)

_LOOK: Final = 0.25
_AWAY: Final = 1.0
_REPLACED_SECONDS: Final = 10.0
"""A worker that was frozen has learnt by then that the partition is no longer its own."""
_TELL_AGAIN: Final = 30.0
_FOLLOWING: Final = 5.0
"""For so long at a time is waited until every host has tried its parked subjects again."""
_EVENTS: Final = 256


class SupervisionKeeper:
    """Keeps the one partition of `supervision`."""

    def __init__(
        self,
        book: SupervisionBook,
        broker: KafkaBroker,
        partitions: Mapping[str, int],
        heard: Mapping[str, Progress],
        claims: Mapping[str, int],
        generation: int,
        should_stop: Callable[[], bool],
    ) -> None:
        """`heard` and `claims`: see `Barrier`; `generation`: of the pseudonyms."""
        self.topic, self.partition = TOPIC, 0
        self.next = self.seen_next = -1
        self.epoch = 0
        self.refused = self.drops = self.gaps = self.cuts = 0
        self._book = book
        self._broker = broker
        self._generation = generation
        self._should_stop = should_stop
        self._ended = False
        self._lock = asyncio.Lock()
        self._cut_at = 0.0
        self._told = 0.0
        self._barrier = Barrier(broker, partitions, heard, claims, self._stored)

    @property
    def writer(self) -> str:
        """As claims name it."""
        return WRITER

    async def take(self, record: Record) -> None:
        """A request that was delivered."""
        with suppress(ReplacedError):  # its next owner answers it
            async with self._lock:
                await self._begin()
                if record.offset < self.next:
                    self.drops += 1
                elif record.offset > self.next:
                    self.gaps += 1
                    await self._fill()
                else:
                    await self._answer(record)
                await self._log()

    async def fill(self) -> None:
        """Answers whatever the broker has beyond the last request."""
        with suppress(ReplacedError):
            async with self._lock:
                await self._begin()
                await self._fill()
                await self._log()

    async def work(self, should_stop: Callable[[], bool]) -> None:
        """Calls cuts while something happens, and works out classes between them, until it is stopped."""
        while not should_stop():
            await asyncio.sleep(_LOOK)
            with suppress(ReplacedError):
                await self._class_some()
            if time.monotonic() - self._cut_at >= CUT_SECONDS:
                with suppress(ReplacedError):
                    await self._look()
                    await self._retry()

    async def end(self) -> None:
        """Everything is in the database already."""
        self._ended = True

    async def _look(self) -> None:
        """Cuts, where something has happened."""
        async with self._lock:
            await self._begin()
            await self._log()
            wanted = await self._patiently(self._book.wants_cut)
        if wanted:
            await self._cut()

    async def _class_some(self) -> None:
        """Some pieces of the classes that a cut has begun, with rests between them for officers."""
        until = time.monotonic() + CUT_SECONDS
        while await self._patiently(self._book.classes_wait) and time.monotonic() < until and not self._is_over():
            began = time.monotonic()
            async with self._lock:
                await self._begin()
                await self._patiently(lambda: self._book.class_some(self.epoch))
            await asyncio.sleep(time.monotonic() - began)

    async def _retry(self) -> None:
        """Has parked subjects tried again, where that was asked for. Where not every host follows soon, the next look
        asks again: cuts go on meanwhile.
        """
        asked = await self._patiently(self._book.retries)
        if not asked:
            return
        number, until = max(asked.values()), time.monotonic() + _FOLLOWING
        await self._broker.ask_again(number)
        if await self._barrier.tried(number, lambda: self._is_over() or time.monotonic() > until):
            at = time.time_ns() // 1000
            async with self._lock:
                await self._patiently(lambda: self._book.retried(self.epoch, asked, at))

    async def _cut(self) -> None:
        """One cut, once everything that has arrived by now is applied everywhere. Acts go on meanwhile."""
        if not await self._barrier.passed(self._is_over):
            return
        async with self._lock:
            at = time.time_ns() // 1000
            done = await self._patiently(lambda: self._book.cut(self.epoch, self._barrier.now, at, self._barrier.holds))
            if done:
                self.cuts += 1
                self._cut_at = time.monotonic()
                await self._log()

    # -- inside the lock ------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        if self.next < 0:
            self.epoch = await self._broker.claim(WRITER)
            self.next = int(await self._patiently(self._book.next_offset))

    async def _fill(self) -> None:
        async for record in self._broker.read(TOPIC, 0, self.next):
            if record.offset >= self.next:
                await self._answer(record)

    async def _answer(self, record: Record) -> None:
        try:
            await self._patiently(lambda: self._book.answer(self.epoch, record))
            self.next = record.offset + 1
        except GapError:  # the database was restored from a backup: it says where to go on
            self.next = int(await self._patiently(self._book.next_offset))
            await self._fill()

    async def _log(self) -> None:
        """Sends what the log does not have, and takes note of it once it does. A kill in between sends it again, which
        the log knows by its numbers.
        """
        waiting = await self._patiently(self._book.unlogged)
        if not waiting:
            return
        for start in range(0, len(waiting), _EVENTS):
            some = waiting[start : start + _EVENTS]
            for partition in sorted({one.partition for one in some}):
                events = [one for one in some if one.partition == partition]
                value = encode(_batch(events, self._generation))
                await (await self._broker.send(Outgoing("events", partition, value)))
            await self._patiently(lambda last=some[-1].number: self._book.logged(last))  # type: ignore[misc]

    async def _stored(self) -> Mapping[int, int]:
        found: Mapping[int, int] = await self._patiently(self._book.stored)
        return found

    def _is_over(self) -> bool:
        return self._ended or self._should_stop()

    async def _patiently(self, ask: Callable[[], Any]) -> Any:
        """What the database answers, however long it is away. An owner that was replaced claims the partition anew, if
        it is still its owner: the epochs of two that do not know of each other decide nothing else.
        """
        while True:
            try:
                return await asyncio.to_thread(ask)
            except ReplacedError:
                self.refused += 1
                if self._is_over():
                    raise
                await asyncio.sleep(_REPLACED_SECONDS)
                if self._is_over():
                    raise
                self.epoch = await self._broker.claim(WRITER)
            except DatabaseGoneError as error:
                if time.monotonic() - self._told > _TELL_AGAIN:
                    self._told = time.monotonic()
                    log.warning("%s", error)
                if self._should_stop():
                    raise
                await asyncio.sleep(_AWAY)


def _batch(events: list[Unlogged], generation: int) -> PackedLogBatch:
    count = len(events)
    return PackedLogBatch(
        intake=SUPERVISED,
        generation=generation,
        sources=["//credit-monitor"],
        offsets=[one.number for one in events],
        indexes=[0] * count,
        received=[one.received for one in events],
        contents=[0] * count,
        places=[(0, 0, 0)] * count,
        events=[msgspec.Raw(one.packed) for one in events],
    )
