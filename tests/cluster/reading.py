"""What a topic holds, read by a consumer of its own, and what `produce` should have put there."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from monitor.cluster.wire.batches import Problem, lines_in, places_in, problem_in


class Read(NamedTuple):
    """One message."""

    partition: int
    offset: int
    value: bytes
    headers: dict[str, bytes]

    @property
    def lines(self) -> list[bytes]:
        """Its lines, as they stood."""
        return lines_in(self.value, self.headers)

    @property
    def problem(self) -> Problem | None:
        """What its source said against it."""
        return problem_in(self.headers)


class Line(NamedTuple):
    """One line of a source, where it stood."""

    source: str
    number: int
    offset: int
    line: bytes


def read_topic(topic: str, **connection: Any) -> list[Read]:
    """Every message of a topic, by partition and offset."""
    consumer = KafkaConsumer(**connection, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        ends = consumer.end_offsets(parts)
        consumer.assign(parts)
        found: list[Read] = []
        while any(consumer.position(one) < ends[one] for one in parts):
            for records in consumer.poll(timeout_ms=500).values():
                found += [Read(one.partition, one.offset, one.value, dict(one.headers)) for one in records]
        return sorted(found)
    finally:
        consumer.close()


class Watch:
    """How many messages a topic has, asked again and again."""

    def __init__(self, topic: str, **connection: Any) -> None:
        self._consumer = KafkaConsumer(**connection, group_id=None, enable_auto_commit=False)
        self._parts = [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic)]

    def count(self) -> int:
        """The messages by now."""
        return sum(self._consumer.end_offsets(self._parts).values())

    def reaches(self, count: int, seconds: float = 60.0) -> bool:
        """Waits until there are so many; whether there are in time."""
        until = time.monotonic() + seconds
        while self.count() < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def lines_of_topic(messages: list[Read]) -> Counter[Line]:
    """Every line in some messages, with its place."""
    found: Counter[Line] = Counter()
    for message in messages:
        places = places_in(message.headers)
        source = message.headers["source"].decode()
        for line, (number, offset) in zip(message.lines, places, strict=True):
            found[Line(source, number, offset, line)] += 1
    return found


def lines_of_file(path: Path, name: str) -> Counter[Line]:
    """Every line of a plain file that is not blank, with its place."""
    found: Counter[Line] = Counter()
    offset = 0
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            found[Line(name, number, offset, line.removesuffix(b"\r"))] += 1
        offset += len(line) + 1
    return found
