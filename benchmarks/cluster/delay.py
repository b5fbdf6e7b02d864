"""From an event's arrival in Kafka to its signal in PostgreSQL, at 500 single events a second.

Every event is a visit that found nobody, at an enterprise of its own, so that each raises one signal. Its arrival is
the broker's stamp of the message in `intake`; the commit of its signal is PostgreSQL's own time of the transaction that
wrote the row. Nobody watches meanwhile: both are read afterwards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from benchmarks.cluster.generation import Generation, generation
from benchmarks.cluster.plot import Curve, plot
from benchmarks.cluster.servers import Servers
from benchmarks.machine import say
from monitor.cluster.wire.partitions import partition_of

_PARTITIONS: Final = 12
_RATE: Final = 500
_BAR: Final = 500.0
_WARMING: Final = 10
"""Seconds at the same rate before those that count: a worker that has just begun is not what is measured."""
_COMMITTED: Final = (
    "SELECT code, extract(epoch FROM pg_xact_commit_timestamp(signals.xmin)) FROM signals "
    "JOIN enterprises USING (ref) WHERE detector = 'untraceable'"
)


def measure(servers: Servers, seconds: int, folder: Path | None) -> None:
    """Prints percentiles in milliseconds; draws them second by second into `folder`, where one is given."""
    number = _RATE * (_WARMING + seconds)
    stock = servers.folder / "stock.jsonl"
    stock.write_bytes(b"".join(_opened(place) + b"\n" for place in range(number)))
    with generation(servers, "delay", _PARTITIONS) as cluster:
        cluster.produce(stock)
        worker = cluster.start()[0]
        cluster.settles(number)
        before = worker.processor
        _send(servers, cluster, number)
        cost = (cluster.settles(2 * number)[0] - before) / number
        arrived = _arrivals(servers, cluster)
        committed = {code: float(at) for code, at in cluster.ask(_COMMITTED)}
        cluster.stop()
    if len(committed) != number or len(arrived) != number:
        raise RuntimeError(f"{len(committed):,} signals of {len(arrived):,} events instead of {number:,}")
    counted = sorted((at, (committed[code] - at) * 1000) for code, at in arrived.items())[_RATE * _WARMING :]
    delays = sorted(delay for _, delay in counted)
    rate = (len(counted) - 1) / (counted[-1][0] - counted[0][0])
    p50, p99 = _share(delays, 0.5), _share(delays, 0.99)
    say(
        f"{len(delays):,} single events at {rate:.0f}/s, one worker, {cost * 1000:.1f} ms of its processor time an "
        f"event: arrival to commit p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {delays[-1]:.0f} ms"
    )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "delay.svg"
        path.write_text(_drawn(counted, delays, rate), "utf-8")
        say(f"drawn: {path}")


def _opened(number: int) -> bytes:
    data = {"name": f"made up {number}", "kind": "enterprise", "address": {"text": f"x {number}"}, "persons": []}
    return _event(number, "registration.established", "2020-01-01T00:00:00Z", data)


def _visited(number: int) -> bytes:
    return _event(number, "enforcement.visited", "2025-01-01T00:00:00Z", {"found": False})


def _event(number: int, kind: str, at: str, data: dict[str, Any]) -> bytes:
    event = {"specversion": "1.0", "id": f"{kind} {number}", "source": "//bench", "type": kind}
    return json.dumps({**event, "subject": _code(number), "time": at, "data": data}).encode()


def _code(number: int) -> str:
    return f"E{number:06d}"


def _send(servers: Servers, cluster: Generation, number: int) -> None:
    """A message for each event, each at its time."""
    producer = servers.producer(linger_ms=0)
    try:
        began = time.monotonic()
        for place in range(number):
            time.sleep(max(0.0, began + place / _RATE - time.monotonic()))
            partition = partition_of(_code(place), cluster.partitions)
            producer.send(cluster.topic, _visited(place), partition=partition)
        producer.flush()
    finally:
        producer.close()


def _arrivals(servers: Servers, cluster: Generation) -> dict[str, float]:
    """When the broker took each visit, in seconds since 1970, by enterprise."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers.kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    found: dict[str, float] = {}
    try:
        places = [TopicPartition(cluster.topic, number) for number in range(cluster.partitions)]
        ends = consumer.end_offsets(places)
        consumer.assign(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for messages in consumer.poll(timeout_ms=500).values():
                for message in messages:
                    if message.value.startswith(b"{"):
                        found[json.loads(message.value)["subject"]] = message.timestamp / 1000
    finally:
        consumer.close()
    return found


def _share(delays: Sequence[float], share: float) -> float:
    """The delay that this share of the events does not exceed; `delays` ascend."""
    return delays[min(len(delays) - 1, int(len(delays) * share))]


def _drawn(counted: Sequence[tuple[float, float]], delays: Sequence[float], rate: float) -> str:
    """The delays of each second as curves."""
    by_second: dict[int, list[float]] = {}
    for at, delay in counted:
        by_second.setdefault(int(at - counted[0][0]), []).append(delay)
    curves = []
    for name, share, colour in (("p50", 0.5, "#2a7f62"), ("p99", 0.99, "#c2570c"), ("max", 1.0, "#8a8f98")):
        points = [(second + 0.5, _share(sorted(some), share)) for second, some in sorted(by_second.items())]
        curves.append(Curve(f"{name} {_share(delays, share):.0f} ms", colour, points))
    title = f"Arrival in Kafka to signal in PostgreSQL, {rate:.0f} single events/s"
    return plot(title, curves, ("seconds", "ms"), bar=_BAR)
