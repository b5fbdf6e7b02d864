"""The log of one generation written into the topic of another, without some events: resumable, each message once.

A message of the copy stands for one of the log, whose offset it names in a header; what the last one of a partition
names says where to go on. Of events that occur more than once the one that counts is copied, so the new log holds what
was admitted and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from kafka import TopicPartition

from config.moments import start_of_day
from config.settings import Settings
from monitor.cluster.connection import Connection, heard
from monitor.cluster.hosts.deleted import packed
from monitor.cluster.hosts.intake_host import COPIED, OWN
from monitor.cluster.logreading import EVENTS, ClusterLog, LoggedBatch, reading
from monitor.cluster.renewal.plan import Plan
from monitor.cluster.sending import Sender
from monitor.cluster.topics import name_of
from monitor.cluster.wire.batches import Message
from monitor.cluster.wire.facts import Forgotten, PackedLogBatch, encode
from monitor.cluster.wire.partitions import partition_of
from monitor.engine.own import SOURCE, own_event
from monitor.events.data import RetentionData
from monitor.events.envelope import Event
from monitor.events.intake import content_of
from monitor.events.types import RetentionApplied, encode_logged, type_name
from monitor.events.vocabulary import MONITOR_SUBJECT
from monitor.retention.forgetting import digest_of
from monitor.retention.lapsing import Name

_COPY: Final = "copy"
"""The header: an offset of the log, or `end` in what follows it."""
_END: Final = b"end"
_DIGESTS: Final = 80_000
"""So many in a message: 640 kB."""


class Copying:
    """The copy of one log. `went`: how many events of each type are left out."""

    def __init__(
        self, log: ClusterLog, target: Settings, plan: Plan, generation: int, gone: Callable[[Event], bool]
    ) -> None:
        """`gone`: which events are left out; `generation`: of the pseudonyms."""
        self.went: Counter[str] = Counter()
        self._log, self._plan, self._gone = log, plan, gone
        self._generation = generation
        self._connection = Connection.of(target)
        self._topic = name_of(target, EVENTS)

    def run(self, tell: Callable[[str], None]) -> None:
        """Copies all partitions. Raises ClusterError."""
        reached = self._reached()
        with self._sender(tell) as sender:
            for partition in range(self._log.partitions):
                tell(f"复制日志 copying the log {partition + 1}/{self._log.partitions}")
                last = reached[partition]
                for one in self._log.batches(partition):
                    value, count = self.copied(one)
                    if count and last is not None and one.offset > last:
                        sender.send(Message(partition, value, [(_COPY, str(one.offset).encode())], count))
                sender.settle()

    def finish(self, names: Collection[Name], data: RetentionData, at: int, tell: Callable[[str], None]) -> None:
        """Says what was left out: to each partition the names, by which a second arrival is known, and to the log
        that it was done at Now `at`. Said twice it counts once.
        """
        by_partition: dict[int, list[int]] = {}
        key = bytes.fromhex(self._plan.key)
        for name in names:
            partition = partition_of(name[0], self._log.partitions)
            by_partition.setdefault(partition, []).append(digest_of(key, *name))
        with self._sender(tell) as sender:
            for partition, digests in sorted(by_partition.items()):
                for start in range(0, len(digests), _DIGESTS):
                    sender.send(self._forgotten(partition, key, digests[start : start + _DIGESTS]))
            if data.counts:
                sender.send(self._applied(data, at))
            sender.settle()

    @contextmanager
    def _sender(self, tell: Callable[[str], None]) -> Iterator[Sender]:
        ends = [0] * self._log.partitions
        with heard():
            sender = Sender(self._connection, self._topic, ends, should_stop=lambda: False, tell=tell)
            try:
                yield sender
            finally:
                sender.close()

    def copied(self, one: LoggedBatch) -> tuple[bytes, int]:
        """A message without what is left out, and how many events it holds; what it says of deleted names stays."""
        batch = one.batch
        kept = []
        for place in one.counting:
            event = batch.events[place]
            if self._gone(event):
                self.went[type_name(event)] += 1
            else:
                kept.append(place)
        is_own = batch.intake < 0 and batch.intake != COPIED
        lifted = batch.generation < self._generation
        made = PackedLogBatch(
            intake=batch.intake if is_own else COPIED,
            generation=self._generation,
            sources=batch.sources,
            offsets=[batch.offsets[place] if is_own else one.offset for place in kept],
            indexes=[batch.indexes[place] if is_own else place for place in kept],
            received=[batch.received[place] for place in kept],
            contents=[content_of(batch.events[place]) if lifted else batch.contents[place] for place in kept],
            places=[batch.places[place] for place in kept],
            events=[msgspec.Raw(encode_logged(batch.events[place])) for place in kept],
            forgotten=batch.forgotten,
        )
        return encode(made), len(kept) + (batch.forgotten is not None)

    def _forgotten(self, partition: int, key: bytes, digests: list[int]) -> Message:
        said = Forgotten(start_of_day(self._plan.before), key, packed(digests))
        batch = PackedLogBatch(COPIED, self._generation, [], [], [], [], [], [], [], said)
        return Message(partition, encode(batch), [(_COPY, _END)], 1)

    def _applied(self, data: RetentionData, at: int) -> Message:
        event = own_event(RetentionApplied, MONITOR_SUBJECT, data, at=at, now=self._plan.at)
        raw = msgspec.Raw(encode_logged(event))
        batch = PackedLogBatch(OWN, self._generation, [SOURCE], [0], [0], [self._plan.at], [0], [(0, 0, 0)], [raw])
        return Message(partition_of(MONITOR_SUBJECT, self._log.partitions), encode(batch), [(_COPY, _END)], 1)

    def _reached(self) -> dict[int, int | None]:
        """By partition: the last offset of the log that stands in the copy, -1 for none; None where all of it does."""
        found: dict[int, int | None] = {}
        with reading(self._connection) as consumer:
            for number in range(self._log.partitions):
                place = TopicPartition(self._topic, number)
                end = consumer.end_offsets([place])[place]
                found[number] = -1
                if not end:
                    continue
                consumer.assign([place])
                consumer.seek(place, end - 1)
                while consumer.position(place) < end:
                    for message in consumer.poll(timeout_ms=1000).get(place, ()):
                        named = dict(message.headers).get(_COPY, _END)
                        found[number] = None if named == _END else int(named)
        return found
