"""What a host has to say, gathered by topic and partition until it is sent: one message carries many facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from monitor.cluster.wire.facts import Message, encode
from monitor.cluster.wire.partitions import partition_of

_ITEMS: Final = 512
_WEIGHT: Final = 6_000
"""A message ends with so many items, or so many names of enterprises in them: both stay well under 900 kB."""


class Outgoing(NamedTuple):
    """One message for Kafka."""

    topic: str
    partition: int
    value: bytes


class Box:
    """What goes into the next message for one partition of one topic."""

    __slots__ = ("_names", "_places", "items", "kept", "shared", "sources", "weight")

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the host's sources by number."""
        self._names = names
        self._places: dict[int, int] = {}
        self.sources = [""]
        self.items: list[Any] = []
        self.shared: dict[int, int] = {}
        """Places in `items` of what several items share, by the identity of the object."""
        self.kept: list[Any] = []
        """Those objects, so that no other takes their identity meanwhile."""
        self.weight = 0

    def source(self, number: int) -> int:
        """The place of a source in the message."""
        if not number:
            return 0
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = len(self.sources)
            self.sources.append(self._names[number])
        return place

    def add(self, item: Any, weight: int = 0) -> int:
        """One more item; its place."""
        self.items.append(item)
        self.weight += weight + 1
        return len(self.items) - 1


class Outbox:
    """Boxes by topic and partition. `topics`: how many partitions each topic has."""

    def __init__(self, writer: str, topics: Mapping[str, int], names: Sequence[str]) -> None:
        """`writer`: `stage/partition`; `names`: the host's sources by number, growing."""
        self.writer = writer
        self._topics = topics
        self._names = names
        self._boxes: dict[tuple[str, int], Box] = {}
        self._full: list[tuple[str, int, Box]] = []

    def box(self, topic: str, key: str) -> Box:
        """The box for a key. It is asked for again for every item: a full one is put aside."""
        return self._box(topic, partition_of(key, self._topics[topic]))

    def own_box(self, topic: str) -> Box:
        """The box for what the writer says of itself."""
        return self._box(topic, int(self.writer.rpartition("/")[2]) % self._topics[topic])

    def _box(self, topic: str, partition: int) -> Box:
        where = topic, partition
        box = self._boxes.get(where)
        if box is not None and (len(box.items) >= _ITEMS or box.weight >= _WEIGHT):
            self._full.append((*where, box))
            box = None
        if box is None:
            box = self._boxes[where] = Box(self._names)
        return box

    @property
    def waits(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._boxes)

    def take(self, epoch: int, now: int) -> list[Outgoing]:
        """Everything gathered, as messages in the order in which it was said."""
        boxes = [*self._full, *((topic, partition, box) for (topic, partition), box in self._boxes.items())]
        self._boxes.clear()
        self._full.clear()
        return [
            Outgoing(topic, partition, encode(Message(self.writer, epoch, now, box.sources, box.items)))
            for topic, partition, box in boxes
        ]
