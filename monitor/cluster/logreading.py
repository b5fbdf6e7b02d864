"""The log of a cluster, read from the topic `events` as it stands, beside the workers.

An event may stand there more than once: sent again by a new owner of intake, sent again by its source, or contradicted
by the same source. The one that came first counts, as the stage `enterprises` has it; so a partition is gone through
twice, first for the digests of names that occur again, of which there are few.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
import xxhash
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection, heard
from monitor.cluster.topics import name_of, require
from monitor.cluster.wire.facts import LogBatch, decode_log
from monitor.events.envelope import Event
from monitor.events.intake import lift_event
from monitor.identifiers.pseudonyms import Pseudonymiser

log = logging.getLogger(__name__)

EVENTS: Final = "events"
_PATIENCE: Final = 30
"""So many seconds without a message that is known to be there, and it is given up."""

Name = tuple[str, str, str]


class LoggedBatch(NamedTuple):
    """A message of the log: its offset, the batch, and the places of those of its events that count."""

    offset: int
    batch: LogBatch
    counting: list[int]


class ClusterLog:
    """The log as it was when this was made. Raises ClusterError where the topic is missing or cannot be read."""

    def __init__(self, chosen: Settings, pseudonyms: Pseudonymiser, ends: Mapping[int, int] | None = None) -> None:
        """`ends`: by partition the offset up to which it is read, where that is not the present one."""
        self._connection = Connection.of(chosen)
        self._pseudonyms = pseudonyms
        self._topic = name_of(chosen, EVENTS)
        self.partitions = require(chosen, [EVENTS])[EVENTS]
        self.ends: dict[int, int] = dict(self._present() if ends is None else ends)
        self._again: dict[int, frozenset[int]] = {}

    def events(self) -> Iterator[Event]:
        """Every event that counts, partition after partition, with the newest pseudonyms. Raises ClusterError."""
        for partition in range(self.partitions):
            for one in self.batches(partition):
                yield from (one.batch.events[place] for place in one.counting)

    def batches(self, partition: int) -> Iterator[LoggedBatch]:
        """The messages of a partition in their order, with the newest pseudonyms."""
        again = self._occurring_again(partition)
        seen: set[Name] = set()
        for offset, batch in self._read(partition):
            if batch.generation < self._pseudonyms.generation:
                for event in batch.events:
                    lift_event(event, self._pseudonyms, batch.generation)
            counting = []
            for place, event in enumerate(batch.events):
                if again and _digest(event) in again:
                    name = event.subject, event.source, event.id
                    if name in seen:
                        continue
                    seen.add(name)
                counting.append(place)
            yield LoggedBatch(offset, batch, counting)

    def _occurring_again(self, partition: int) -> frozenset[int]:
        """The digests of names that occur more than once."""
        found = self._again.get(partition)
        if found is None:
            digests = array("Q")
            for _, batch in self._read(partition):
                digests.extend(map(_digest, batch.events))
            ordered = np.sort(np.frombuffer(digests, dtype=np.uint64))
            found = frozenset(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
            self._again[partition] = found
        return found

    def _present(self) -> dict[int, int]:
        with reading(self._connection) as consumer:
            places = [TopicPartition(self._topic, number) for number in range(self.partitions)]
            return {place.partition: end for place, end in consumer.end_offsets(places).items()}

    def _read(self, partition: int) -> Iterator[tuple[int, LogBatch]]:
        place, end = TopicPartition(self._topic, partition), self.ends.get(partition, 0)
        with reading(self._connection) as consumer:
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            while consumer.position(place) < end:
                found = consumer.poll(timeout_ms=_PATIENCE * 1000).get(place, ())
                if not found:
                    raise ClusterError(
                        f"{self._topic}/{partition}：读不到消息，请检查代理后重试 / no message came: check the "
                        "brokers, then run this again"
                    )
                for message in found:
                    batch = self._decoded(partition, message)
                    if batch is not None and message.offset < end:
                        yield message.offset, batch

    def _decoded(self, partition: int, message: Any) -> LogBatch | None:
        """A message; None for one that workers cannot read either, and leave out."""
        try:
            return decode_log(message.value)
        except Exception:
            log.warning(
                "%s/%d：偏移 %d 的消息无法读取，节点也未计入 / the message at offset %d cannot be read, and workers "
                "leave it out too",
                *(self._topic, partition, message.offset, message.offset),
            )
            return None


@contextmanager
def reading(connection: Connection) -> Iterator[KafkaConsumer]:
    """A consumer of no group. Raises ClusterError, also for what goes wrong in using it."""
    with heard():
        consumer = connection.open(KafkaConsumer, group_id=None, enable_auto_commit=False, auto_offset_reset="none")
        try:
            yield consumer
        except KafkaError as error:
            raise connection.told(error) from error
        finally:
            consumer.close()


def _digest(event: Event) -> int:
    return xxhash.xxh3_64_intdigest(f"{event.subject}\0{event.source}\0{event.id}".encode())
