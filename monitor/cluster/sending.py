"""Messages on their way to one topic, and what had reached it before a process was killed.

The producer is idempotent and waits for all replicas: within one process a message is there once, in order, whatever
the brokers do meanwhile. Across processes the topic itself is asked.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection
from monitor.cluster.topics import MAX_MESSAGE
from monitor.cluster.wire.batches import SENDER, SOURCE, Message, line_key, lines_in, problem_in

_AHEAD_BYTES: Final = 32 * 1024 * 1024
"""So much is under way at most: the producer itself knows no bound."""
_RECORD_BATCH: Final = 512 * 1024
_SILENCE: Final = 5.0
"""Seconds without an answer, after which a person is told."""
_PATIENCE: Final = 2.0
"""Seconds without an answer, after which a process that is asked to stop waits no longer."""
_WAITING: Final = 10 * 24 * 3600
"""Seconds for which the producer itself goes on trying."""
_LATE: Final = 0.5
"""Seconds in which the brokers take in what a killed process had given to the network."""
_BLOCKING: Final = 1.0
"""Seconds for which the producer itself waits where it knows nothing of the topic."""
_CLOSING: Final = 5.0


class StoppedError(Exception):
    """Asked to stop while silent brokers were waited for."""


class _Producer(KafkaProducer):  # type: ignore[misc]  # the library has no types
    """A producer that can be left with messages under way."""

    def abandon(self) -> None:
        """Ends it without sending anything more."""
        self._sender.force_close()
        self._sender.join(_CLOSING)
        with suppress(KafkaError):
            self.close(timeout=0)


class Sender:
    """Sends to one topic; `ends`: by partition, the offset after the last message that was acknowledged."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        ends: Sequence[int],
        *,
        should_stop: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:
        """Connects. `tell` is told where the brokers are silent. Raises ClusterError."""
        self._connection = connection
        self._topic = topic
        self._should_stop = should_stop
        self._tell = tell
        self._under_way: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._heard = time.monotonic()
        self._is_silent = False
        self.ends = list(ends)
        self._producer = connection.open(
            _Producer,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            batch_size=_RECORD_BATCH,
            linger_ms=5,
            max_request_size=MAX_MESSAGE,
            delivery_timeout_ms=_WAITING * 1000,
            max_block_ms=int(_BLOCKING * 1000),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def send(self, message: Message) -> None:
        """Hands over a message; waits where too much is under way. Raises ClusterError and StoppedError."""
        if not self._under_way:
            self._heard = time.monotonic()
        while True:
            try:
                future = self._producer.send(
                    self._topic, message.value, headers=message.headers, partition=message.partition
                )
                break
            except KafkaTimeoutError:  # nothing is known of the topic while all brokers are away
                self._listen()
            except KafkaError as error:
                raise self._connection.told(error) from error
        self._under_way.append((future, len(message.value)))
        self._bytes += len(message.value)
        self._reap()
        while self._bytes > _AHEAD_BYTES:
            self._wait()

    def settle(self) -> None:
        """Waits until everything is acknowledged. Raises ClusterError and StoppedError."""
        self._reap()
        while self._under_way:
            self._wait()

    def _wait(self) -> None:
        with suppress(KafkaError):
            self._under_way[0][0].get(timeout=0.2)
        self._reap()
        self._listen()

    def _listen(self) -> None:
        """Says where nothing is heard of the brokers. Raises StoppedError where it is asked to stop then."""
        silence = time.monotonic() - self._heard
        if silence > _SILENCE and not self._is_silent:
            self._is_silent = True
            self._tell(f"{self._topic}：代理无应答，等待恢复 / no broker answers: waiting, nothing is lost")
        if silence > _PATIENCE and self._should_stop():
            raise StoppedError

    def _reap(self) -> None:
        """Takes note of what was acknowledged. Raises ClusterError for what cannot be sent."""
        while self._under_way and self._under_way[0][0].is_done:
            future, size = self._under_way.popleft()
            self._bytes -= size
            if future.failed():
                raise self._connection.told(future.exception)
            _, partition, _, offset, *_ = future.value
            self.ends[partition] = max(self.ends[partition], offset + 1)
            self._heard = time.monotonic()
            if self._is_silent:
                self._is_silent = False
                self._tell(f"{self._topic}：代理已恢复 / the brokers answer again")

    def close(self) -> None:
        """Ends it; what is not acknowledged by now may be in the topic or not."""
        if self._under_way:
            self._producer.abandon()
        else:
            self._producer.close(timeout=_CLOSING)


class Lookback:
    """Reads a topic from its end, or from where a killed process had left it."""

    def __init__(self, connection: Connection, topic: str, partitions: int) -> None:
        """Connects. Raises ClusterError."""
        self._connection = connection
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self._consumer = connection.open(
            KafkaConsumer,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
        )

    def ends(self) -> list[int]:
        """The offsets after the last messages, by partition. Raises ClusterError."""
        try:
            found = self._consumer.end_offsets(self._partitions)
        except KafkaError as error:
            raise self._connection.told(error) from error
        return [found[one] for one in self._partitions]

    def reached(self, sender: str, since: Sequence[int]) -> dict[str, Counter[bytes]]:
        """By source, the lines of a sender that are in the topic from some offsets on, by `line_key`. Raises
        ClusterError.
        """
        mark = sender.encode()
        found: dict[str, Counter[bytes]] = {}
        ends = self.ends()
        try:
            at = dict(zip(self._partitions, since, strict=False))
            first = self._consumer.beginning_offsets(self._partitions)
            for one in self._partitions:
                at[one] = max(at.get(one, 0), first[one])
            self._consumer.assign(self._partitions)
            for one, offset in at.items():
                self._consumer.seek(one, offset)
            while True:
                self._read(dict(zip(self._partitions, ends, strict=True)), mark, found)
                time.sleep(_LATE)
                before, ends = ends, self.ends()
                if ends == before:
                    return found
        except KafkaError as error:
            raise self._connection.told(error) from error

    def _read(self, ends: dict[TopicPartition, int], mark: bytes, found: dict[str, Counter[bytes]]) -> None:
        silent = time.monotonic()
        while any(self._consumer.position(one) < end for one, end in ends.items()):
            polled = self._consumer.poll(timeout_ms=500)
            if polled:
                silent = time.monotonic()
            elif time.monotonic() - silent > 60:
                raise ClusterError(
                    "代理 60 秒没有返回数据，请检查 / the brokers gave nothing for 60 s: check them, then run again"
                )
            for records in polled.values():
                for record in records:
                    headers = dict(record.headers)
                    if headers.get(SENDER) == mark:
                        name = headers[SOURCE].decode()
                        problem = problem_in(headers)
                        lines = lines_in(record.value, headers)
                        found.setdefault(name, Counter()).update(line_key(line, problem) for line in lines)

    def close(self) -> None:
        """Disconnects."""
        self._consumer.close()
