"""Kafka as keepers see it: messages from an offset on, messages sent and acknowledged, epochs claimed.

Beside what the streaming framework delivers: gaps are read by consumers of no group, and everything is sent by one
idempotent producer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from monitor.cluster.connection import Connection
from monitor.cluster.hosts.host import Record
from monitor.cluster.keeper import RetentionError
from monitor.cluster.topics import MAX_MESSAGE
from monitor.cluster.wire.boxes import Outgoing

log = logging.getLogger(__name__)

_PATIENCE_MS: Final = 300_000
"""For so long a message waits for a broker that is away. Then the worker ends: the brokers take nothing more of a
producer that has given up a message, so that what they have of a partition is always a beginning of what was said.
"""
NOW: Final = b"now"
AGAIN: Final = b"again"
"""Keys in the topic `clock`: of Now, and of the newest request to try parked subjects again; the others are writers,
with how far each is.
"""
_FETCH: Final = 4 * 1024 * 1024


class KafkaBroker:
    """The brokers of a cluster. `topics`: full names by the short ones."""

    def __init__(self, connection: Connection, topics: dict[str, str], name: str) -> None:
        """`name`: of this worker, for people."""
        self._connection = connection
        self._topics = topics
        self._name = name
        self._producer: AIOKafkaProducer | None = None
        self._asking: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connects the producer."""
        self._producer = AIOKafkaProducer(
            **self._connection.for_aiokafka(),
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=2,
            max_batch_size=256 * 1024,
            max_request_size=MAX_MESSAGE,
            request_timeout_ms=_PATIENCE_MS,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Sends what waits, and ends."""
        if self._asking is not None:
            await self._asking.stop()
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, message: Outgoing) -> asyncio.Future[None]:
        """Sends a message; the future is done when the brokers have it."""
        sent: asyncio.Future[None] = await self._made.send(
            self._topics[message.topic], message.value, partition=message.partition
        )
        return sent

    async def claim(self, writer: str) -> int:
        """A new epoch: the place of the claim in the topic `fences`, from 1 on."""
        found = await self._made.send_and_wait(
            self._topics["fences"], self._name.encode(), key=writer.encode(), partition=0
        )
        return int(found.offset) + 1

    async def announce(self, now: int) -> None:
        """Tells every worker of Now."""
        await self._made.send(self._topics["clock"], str(now).encode(), key=NOW, partition=0)

    async def ask_again(self, request: int) -> None:
        """Asks every worker to try parked subjects again; a later request has a greater number."""
        await self._made.send_and_wait(self._topics["clock"], str(request).encode(), key=AGAIN, partition=0)

    async def announce_progress(self, writer: str, value: bytes) -> None:
        """Tells every worker how far a host is."""
        await self._made.send(self._topics["clock"], value, key=writer.encode(), partition=0)

    @property
    def _made(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the producer has not been started")
        return self._producer

    async def read(self, topic: str, partition: int, start: int) -> AsyncIterator[Record]:
        """The messages from an offset up to the end as it is now. Raises RetentionError where they are gone."""
        place = TopicPartition(self._topics[topic], partition)
        consumer = self._consumer()
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            if start >= end:
                return
            first = (await consumer.beginning_offsets([place]))[place]
            if start < first:
                raise _lost(place, start, first)
            consumer.seek(place, start)
            while await consumer.position(place) < end:
                for message in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                    yield record_of(message)
        except OffsetOutOfRangeError as error:
            raise _lost(place, start, -1) from error
        finally:
            await consumer.stop()

    async def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offsets after the last messages of some partitions (topic, number), as the brokers know them."""
        wanted = {TopicPartition(self._topics[topic], number): (topic, number) for topic, number in places}
        if not wanted:
            return {}
        if self._asking is None:
            consumer = self._consumer()
            await consumer.start()
            self._asking = consumer
        found = await self._asking.end_offsets(list(wanted))
        return {wanted[place]: end for place, end in found.items()}

    async def follow(self, topic: str, see: Callable[[Any], None], ready: asyncio.Event) -> None:
        """Shows every message of a topic of one partition, and sets `ready` after those that are there. Never ends."""
        place = TopicPartition(self._topics[topic], 0)
        while True:
            consumer = self._consumer()
            try:
                await consumer.start()
                consumer.assign([place])
                await consumer.seek_to_beginning(place)
                end = (await consumer.end_offsets([place]))[place]
                while True:
                    if not ready.is_set() and await consumer.position(place) >= end:
                        ready.set()
                    for messages in (await consumer.getmany(timeout_ms=200)).values():
                        for message in messages:
                            see(message)
            except KafkaError as error:
                log.warning("主题 %s 暂时读不到 / topic %s cannot be read, trying again: %s", topic, topic, error)
                await asyncio.sleep(1)
            finally:
                await consumer.stop()

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._connection.for_aiokafka(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH,
        )


def record_of(message: Any) -> Record:
    """A message of aiokafka as hosts take it."""
    return Record(message.offset, message.timestamp * 1000, message.value or b"", tuple(message.headers or ()))


def record_from_faust(message: Any) -> Record:
    """A message of Faust, which tells the time in seconds, as hosts take it."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Record(message.offset, round(message.timestamp * 1000) * 1000, message.value or b"", tuple(pairs))


def _lost(place: TopicPartition, start: int, first: int) -> RetentionError:
    return RetentionError(
        f"{place.topic}/{place.partition}：偏移 {start} 起的消息已被清除（现从 {first} 起），"
        f"请从快照恢复或另起一代主题 / the messages from offset {start} on have been deleted (the first is {first}): "
        "restore a snapshot, or start a new generation of topics and replay the log (docs/cluster.md)"
    )
