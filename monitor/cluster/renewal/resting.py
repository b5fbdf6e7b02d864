"""Whether a generation is at rest: nobody works on it, and what it received stands in its log and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import Engine, select

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection
from monitor.cluster.hosts.host import Progress
from monitor.cluster.logreading import reading
from monitor.cluster.topics import group_of, name_of, require
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS
from monitor.store.postgresql.conduct_schema import UNLOGGED
from monitor.store.postgresql.database import answering

_STORED: Final = ("dead-letters", "supervision")
"""Topics of which what stands in the tables is carried over; signals are found again."""

_progress: Final = msgspec.msgpack.Decoder(Progress).decode


class Ends(NamedTuple):
    """The ends of the log and of intake, by partition."""

    log: dict[int, int]
    intake: dict[int, int]


def ends_at_rest(chosen: Settings, engine: Engine) -> Ends:
    """The ends of a generation that is at rest. Raises ClusterError with what to do where it is not."""
    refuse_members(chosen)
    partitions = require(chosen)
    with reading(Connection.of(chosen)) as consumer:
        ends = {
            topic: _ends(consumer, name_of(chosen, topic), partitions[topic])
            for topic in ("events", "intake", *_STORED)
        }
        reached = _reached(consumer, name_of(chosen, "clock"))
    with answering(), engine.connect() as connection:
        stored = {(row.topic, row.partition): row.next for row in connection.execute(select(BOARD_OFFSETS))}
        waits = connection.execute(select(UNLOGGED.c.number).limit(1)).first() is not None
    behind = [f"intake/{number}" for number, end in ends["intake"].items() if reached.get(f"intake/{number}", 0) < end]
    behind += [
        f"{topic}/{number}"
        for topic in _STORED
        for number, end in ends[topic].items()
        if stored.get((topic, number), 0) < end
    ]
    if behind or waits:
        raise ClusterError(
            "还有未处理完的消息，请启动节点，等处理完、再过数秒后停止 / not everything has been processed "
            f"({', '.join([*behind, *(['acts'] if waits else [])][:5])}): start workers again, wait until nothing lags "
            "and some seconds more, then stop them"
        )
    return Ends(ends["events"], ends["intake"])


def refuse_members(chosen: Settings) -> None:
    """Raises ClusterError while workers run on a generation."""
    group = group_of(chosen)
    with Connection.of(chosen).admin() as admin:
        found = admin.describe_groups([group])[group]
    if found.get("members"):
        raise ClusterError(
            f"仍有 {len(found['members'])} 个节点在运行，请先停止 / {len(found['members'])} workers run on "
            f"{chosen.kafka_prefix!r}: stop them first"
        )


def intake_ends(chosen: Settings) -> dict[int, int]:
    """The ends of intake, by partition. Raises ClusterError."""
    partitions = require(chosen, ["intake"])["intake"]
    with reading(Connection.of(chosen)) as consumer:
        return _ends(consumer, name_of(chosen, "intake"), partitions)


def _ends(consumer: KafkaConsumer, topic: str, partitions: int) -> dict[int, int]:
    found = consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)])
    return {place.partition: end for place, end in found.items()}


def _reached(consumer: KafkaConsumer, topic: str) -> Mapping[str, int]:
    """Up to where each host has said everything, as it was announced."""
    place = TopicPartition(topic, 0)
    end = consumer.end_offsets([place])[place]
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    found: dict[str, int] = {}
    while consumer.position(place) < end:
        for message in consumer.poll(timeout_ms=1000).get(place, ()):
            writer = (message.key or b"").decode("utf-8", "replace")
            if "/" in writer and message.value:
                found[writer] = max(found.get(writer, 0), _progress(message.value).next)
    return found
