"""`produce`: files, folders, pipes and tables to the topic `intake`, each line once, also over restarts and kills.

What is acknowledged is remembered every two seconds with the offsets behind it. A process that was killed may have sent
more than it remembers: the next one reads the topic from those offsets on and leaves out what it finds there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from config.settings import Settings
from monitor.cluster.connection import Connection, heard
from monitor.cluster.sending import Lookback, Sender, StoppedError
from monitor.cluster.sent import Memory, Sent
from monitor.cluster.topics import identity, name_of
from monitor.cluster.wire.batches import BATCH_EVENTS, Cutter, Message
from monitor.sources import Position, Source

_CHUNK_BYTES: Final = 1 << 20
_REMEMBER: Final = 2.0
"""Seconds between two moments at which everything is waited for and remembered."""


class Produced(msgspec.Struct):
    """How far it has come. `lines` were sent, `there` were in the topic already; `is_complete`: all that was sent is
    acknowledged.
    """

    lines: int = 0
    there: int = 0
    done: float | None = None
    source: str = ""
    is_complete: bool = False
    problems: list[str] = []


class Producing:
    """One run of `produce` into the topic of some settings."""

    def __init__(
        self,
        chosen: Settings,
        folder: Path,
        *,
        batch: int = BATCH_EVENTS,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Produced], None] = lambda produced: None,
        tell: Callable[[str], None],
    ) -> None:
        """`folder`: what is remembered; `batch`: lines of a message at most; `tell` is told of silent brokers. Connects
        and finds out what is in the topic. Raises ClusterError.
        """
        connection = Connection.of(chosen)
        topic = name_of(chosen, "intake")
        self._batch = batch
        self._should_stop = should_stop
        self._on_progress = on_progress
        self._produced = Produced()
        self._reached: dict[str, Counter[bytes]] = {}
        with connection.admin() as admin:
            topic_id, self._partitions = identity(admin, topic)
        self._memory = Memory(folder, topic)
        try:
            self._sent = self._remembered(connection, topic, topic_id)
            self._positions = dict(self._sent.positions)
            self._memory.write(msgspec.structs.replace(self._sent, is_complete=False))
            self._sender = Sender(connection, topic, self._sent.ends, should_stop=should_stop, tell=tell)
        except BaseException:
            self._memory.close()
            raise
        self._remembered_at = time.monotonic()

    def _remembered(self, connection: Connection, topic: str, topic_id: str) -> Sent:
        """What an earlier run left; what it sent beyond that is looked for in the topic."""
        sent = self._memory.read(topic_id)
        if sent is not None and sent.is_complete and len(sent.ends) == self._partitions:
            return sent
        with heard():
            lookback = Lookback(connection, topic, self._partitions)
            try:
                if sent is None:
                    return Sent(topic_id, lookback.ends())
                self._reached = lookback.reached(sent.sender, sent.ends)
            finally:
                lookback.close()
        sent.ends += [0] * (self._partitions - len(sent.ends))
        return sent

    def run(self, sources: Sequence[Source]) -> Produced:
        """Sends what the sources have, one after another, up to their present ends. Raises ClusterError."""
        with heard():
            try:
                for source in sources:
                    self._take(source)
                    if self._should_stop():
                        break
                self._remember(is_complete=True)
            except StoppedError:
                pass  # what is not remembered by now, the next run finds in the topic
        return self._produced

    def _take(self, source: Source) -> None:
        """Sends one source to its present end."""
        name, produced = source.name, self._produced
        cutter = Cutter(name, self._sent.sender, self._partitions, self._batch)
        reached = self._reached.pop(name, None)
        position = self._positions.get(name, Position())
        there = produced.there
        is_read = False
        while not is_read and not self._should_stop():
            chunk = source.read(position, _CHUNK_BYTES)
            if chunk.error and chunk.error not in produced.problems:
                produced.problems.append(chunk.error)
            self._send(cutter.take(chunk, reached))
            position = chunk.position
            is_read = chunk.eof or bool(chunk.error)
            produced.there = there + cutter.left_out
            produced.source, produced.done = name, source.progress()
            self._on_progress(produced)
            if not is_read and time.monotonic() - self._remembered_at > _REMEMBER:
                self._send(cutter.rest())
                self._positions[name] = position
                self._remember(is_complete=False)
        self._send(cutter.rest())
        self._positions[name] = position

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._sender.send(message)
            self._produced.lines += message.lines

    def _remember(self, *, is_complete: bool) -> None:
        """Waits for everything that was sent, and writes down that it is there. The lines of no source may wait for
        their message meanwhile.
        """
        self._sender.settle()
        self._sent = msgspec.structs.replace(
            self._sent, ends=list(self._sender.ends), positions=dict(self._positions), is_complete=is_complete
        )
        self._memory.write(self._sent)
        self._remembered_at = time.monotonic()
        self._produced.is_complete = is_complete

    def close(self) -> None:
        """Disconnects and lets the next process in."""
        with heard():
            self._sender.close()
        self._memory.close()
