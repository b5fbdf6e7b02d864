"""The board: writes what hosts say into the read model. One keeper for each partition of `signals` and `dead-letters`.

Its state is the database: a batch of messages and the offset after them are written together, so that the same rule as
for hosts holds (what was applied is dropped, a gap is read first) without any snapshot. The boards of a worker write at
its beats, all in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from detectors.base import Deadline
from monitor.cluster.hosts.board_items import AUDITED, CONDUCT, LINKED, LIVE, NAME, OBJECTION, PARKED, SIGNAL, TOTALS
from monitor.cluster.hosts.groupcommit import GroupCommit
from monitor.cluster.hosts.host import Record
from monitor.cluster.keeper import Broker
from monitor.cluster.letters import DEAD_LETTERS
from monitor.cluster.pace import Pace
from monitor.cluster.wire.facts import Message, decode_message
from monitor.events.refusal import DeadLetter
from monitor.store.audit.chain import AuditEntry
from monitor.store.errors import DatabaseGoneError, GapError
from monitor.store.postgresql.boardbatch import (
    BoardBatch,
    ConductItem,
    LinkedItem,
    Named,
    ObjectionItem,
    ParkedItem,
    SignalItem,
    Stated,
    TotalsItem,
)
from monitor.store.postgresql.readmodel import ReadModel

log = logging.getLogger(__name__)

_MESSAGES: Final = 256
_AWAY: Final = 1.0
_TELL_AGAIN: Final = 30.0
_LETTER: Final = DeadLetter.__struct_fields__
Answer = TypeVar("Answer")


class BoardKeeper:
    """Keeps one partition of a topic written."""

    def __init__(
        self,
        topic: str,
        partition: int,
        broker: Broker,
        model: ReadModel,
        group: GroupCommit,
        pace: Pace,
        should_stop: Callable[[], bool],
        wrote: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`group` and `pace` are those of the worker. `wrote` learns how long the oldest message of a batch was under
        way, by the broker's stamps.
        """
        self.topic, self.partition = topic, partition
        self.next = self._start = -1
        self.seen_next = -1
        self.refused = self.drops = self.gaps = 0
        self._broker, self._model = broker, model
        self._group, self._pace = group, pace
        self._should_stop = should_stop
        self._wrote = wrote
        self._lock = asyncio.Lock()
        self._waiting: list[Record] = []
        self._told = 0.0

    async def take(self, record: Record) -> None:
        """A message that was delivered."""
        async with self._lock:
            await self._begin()
            if record.offset < self.next:
                self.drops += 1
                return
            if record.offset > self.next:
                self.gaps += 1
                await self._fill()
            else:
                self._add(record)
            if len(self._waiting) >= _MESSAGES:
                await self._flush()

    async def fill(self) -> None:
        """Reads whatever the broker has beyond the last message, unless it is being written: then it gets further."""
        if self._lock.locked():
            return
        async with self._lock:
            await self._begin()
            await self._fill()
            await self._flush()

    async def work(self, should_stop: Callable[[], bool]) -> None:
        """Writes while messages come, until it is stopped."""
        while not should_stop():
            await self._pace.beat()
            await self.flush()

    async def end(self) -> None:
        """Writes what waits, before another owner takes over."""
        await self.flush()

    async def flush(self) -> None:
        """Writes what waits."""
        async with self._lock:
            await self._flush()

    async def _begin(self) -> None:
        if self.next < 0:
            ask = self._model.next_offset
            self.next = await self._patiently(lambda: asyncio.to_thread(ask, self.topic, self.partition))

    def _add(self, record: Record) -> None:
        if not self._waiting:
            self._start = self.next
        self._waiting.append(record)
        self.next = record.offset + 1
        self._pace.took(record.moment)

    async def _fill(self) -> None:
        async for record in self._broker.read(self.topic, self.partition, self.next):
            if record.offset >= self.next:
                self._add(record)
            if len(self._waiting) >= _MESSAGES:
                await self._flush()

    async def _flush(self) -> None:
        if not self._waiting:
            return
        batch = batch_of(self.topic, self.partition, self._waiting, self._start, self.next)
        try:
            applied = await self._patiently(lambda: self._group.write(batch))
        except GapError:
            # Another worker wrote here, or the database was restored from a backup: it says where to go on.
            self._waiting.clear()
            self.next = -1
            await self._begin()
            await self._fill()
            await self._flush()
            return
        self.refused += applied.refused
        self._wrote(time.time() - self._waiting[0].moment / 1e6)
        self._waiting.clear()

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What the database answers, however long it is away; nothing is acknowledged meanwhile."""
        while True:
            try:
                return await ask()
            except DatabaseGoneError as error:
                if time.monotonic() - self._told > _TELL_AGAIN:
                    self._told = time.monotonic()
                    log.warning("%s", error)
                if self._should_stop():
                    raise
                await asyncio.sleep(_AWAY)


def batch_of(topic: str, partition: int, records: list[Record], start: int, after: int) -> BoardBatch:
    """The batch that some messages come to, which stand from the offset `start` up to before `after`."""
    names: list[Named] = []
    signals: list[SignalItem] = []
    parked: list[ParkedItem] = []
    totals: list[TotalsItem] = []
    letters: list[DeadLetter] = []
    conduct: list[ConductItem] = []
    linked: list[LinkedItem] = []
    objections: list[ObjectionItem] = []
    audited: list[tuple[str, AuditEntry]] = []
    live, now = False, 0
    for record in records:
        try:
            message = decode_message(record.value)
        except msgspec.DecodeError:
            log.error("主题 %s 偏移 %d 的消息无法读取，已略过 / unreadable message left out", topic, record.offset)
            continue
        now = max(now, message.now)
        for item in message.items:
            if topic == DEAD_LETTERS:
                letters.append(DeadLetter(**dict(zip(_LETTER, item, strict=True))))
            elif item[0] == SIGNAL:
                signals.append(_signal(message, item))
            elif item[0] == NAME:
                names.append(Named(item[1], item[2], item[3], item[4], item[5]))
            elif item[0] == CONDUCT:
                _, code, source, event, at, kind, rest = item
                conduct.append(ConductItem(code, message.sources[source], event, at, kind, rest))
            elif item[0] == LINKED:
                risky = [(at, message.sources[source], event, code) for at, source, event, code in item[2]]
                linked.append(LinkedItem(message.writer, message.epoch, item[1], risky))
            elif item[0] == OBJECTION:
                objections.append(ObjectionItem(*item[1:]))
            elif item[0] == AUDITED:
                audited.append((item[1], msgspec.convert(item[2], AuditEntry)))
            elif item[0] == LIVE:
                live = True
            elif item[0] == TOTALS:
                totals.append(TotalsItem(message.writer, message.epoch, [(a, b, c) for a, b, c in item[1]]))
            elif item[0] == PARKED:
                subjects = [(stage, key, reason) for stage, _, key, reason in item[1]]
                parked.append(ParkedItem(message.writer, message.epoch, subjects))
    return BoardBatch(
        topic=topic,
        partition=partition,
        offset=start,
        next=after,
        names=names,
        signals=signals,
        parked=parked,
        totals=totals,
        letters=letters,
        conduct=conduct,
        linked=linked,
        objections=objections,
        audited=audited,
        live=live,
        now=now or None,
    )


def _signal(message: Message, item: Any) -> SignalItem:
    _, detector, version, kind, key, label, body, region, whole, changed = item
    finding, lowest = None, 0.0
    if body is not None:
        level, value, since, weak, lowest, evidence, deadlines, facts = body
        sources = message.sources
        finding = Stated(
            level,
            value,
            since,
            weak,
            [(at, sources[source], event, code) for at, source, event, code in evidence],
            [msgspec.convert(one, Deadline) for one in deadlines],
            facts,
        )
    return SignalItem(
        writer=message.writer,
        epoch=message.epoch,
        detector=detector,
        version=version,
        kind=kind,
        key=key,
        now=message.now,
        label=label,
        finding=finding,
        region=region,
        members=whole,
        changed=[(code, is_in) for code, is_in in changed],
        lowest=lowest,
    )
