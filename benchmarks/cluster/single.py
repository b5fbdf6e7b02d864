"""One and the same count, three ways: the plainest Faust app, the engine's discipline, bare aiokafka.

Figures are processor time an event, start of the program left out, rounds in turn in one run; quote the median ratios.
Every count is compared with the truth: what the app's changelog holds, what the engine has told, what bare aiokafka
came to. At the end the engine is killed in the middle and started again.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from benchmarks.cluster.counted import BATCHES, BOARD, COUNTS, FENCES, PARTITIONS, SINGLES, batches, singles, truth
from benchmarks.cluster.servers import Program, Servers, wait
from benchmarks.machine import say
from monitor.cluster.wire.facts import decode_message

_PATIENCE: Final = 60.0


def measure(servers: Servers, number: int, rounds: int) -> None:
    """Prints the figures of each round, the medians, and whether the count after a kill is exact; `number`: events for
    the plainest app. The others, who are so much faster, get ten times as many.
    """
    many = 10 * number
    by_baseline, by_bare, costs = [], [], []
    for turn in range(1, rounds + 1):
        plain = _baseline(servers, f"round-{turn}.", number)
        bare = _bare(servers, f"round-{turn}.", many)
        ours, _ = _engine(servers, f"round-{turn}-engine.", many, is_killed=False)
        by_baseline.append(plain / ours)
        by_bare.append(ours / bare)
        costs.append(ours)
        say(
            f"round {turn}: Record and Table {plain:.0f} µs an event; engine {ours:.2f}, bare aiokafka {bare:.2f}; "
            f"engine {plain / ours:.1f} times as fast as the first, costs {ours / bare:.2f} times the last; all exact"
        )
    say(
        f"median: engine {statistics.median(costs):.2f} µs an event, {statistics.median(by_baseline):.1f} times as "
        f"fast as Record and Table, at {statistics.median(by_bare):.2f} times the cost of bare aiokafka"
    )
    cost, about = _engine(servers, "killed.", many, is_killed=True)
    say(
        f"killed in the middle and started again: the count of {many:,} is exact; {cost:.2f} µs an event of both "
        f"processes, recovery included, {plain / cost:.1f} times as fast as Record and Table; "
        f"{about['gaps']} gaps read, {about['drops']} repeats dropped"
    )


@contextmanager
def _program(servers: Servers, name: str, prefix: str, number: int) -> Iterator[Program]:
    """A program of this folder that counts so many events, ready to begin."""
    place = servers.folder / f"{prefix}{name}"
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", f"benchmarks.cluster.{name}", servers.kafka, prefix, str(number)]
    program = Program(command if name == "bare" else [*command, str(place)], servers.folder / f"{prefix}{name}.log")
    try:
        yield program
    finally:
        program.kill()


def _send(servers: Servers, topic: str, messages: Iterable[tuple[int, bytes]]) -> None:
    producer = servers.producer(compression_type="lz4", linger_ms=5, batch_size=512 * 1024)
    try:
        for partition, value in messages:
            producer.send(topic, value, partition=partition)
        producer.flush()
    finally:
        producer.close()


def _baseline(servers: Servers, prefix: str, number: int) -> float:
    topic = f"{prefix}{SINGLES}"
    servers.create([topic], PARTITIONS)
    with _program(servers, "baseline", prefix, number) as program:
        program.hears("ready")
        _send(servers, topic, singles(number))
        done = program.hears("done")
    _compare("Record and Table", _changelog(servers, f"{prefix}baseline-counts-changelog"), number)
    return float(done["processor"]) / number * 1e6


def _bare(servers: Servers, prefix: str, number: int) -> float:
    topic = f"{prefix}{BATCHES}"
    servers.create([topic], PARTITIONS)
    with _program(servers, "bare", prefix, number) as program:
        program.hears("ready")
        _send(servers, topic, batches(number))
        done = program.hears("done")
    _compare("bare aiokafka", Counter(done["counts"]), number)
    return float(done["processor"]) / number * 1e6


def _engine(servers: Servers, prefix: str, number: int, *, is_killed: bool) -> tuple[float, dict[str, Any]]:
    """Microseconds an event, and what the program told at its end."""
    topic = f"{prefix}{BATCHES}"
    servers.create([f"{prefix}{short}" for short in (BATCHES, COUNTS, BOARD)], PARTITIONS)
    servers.create([f"{prefix}{FENCES}"], 1)
    spent, messages = 0.0, list(batches(number))
    half = len(messages) // 2
    if is_killed:
        with _program(servers, "counting", prefix, number) as program:
            began = program.hears("ready")["processor"]
            _send(servers, topic, messages[:half])
            snapshots = servers.folder / f"{prefix}counting" / "snapshots"
            wait(lambda: _is_kept(snapshots), "no snapshot of a count", _PATIENCE, 0.01)
            _send(servers, topic, messages[half : half + half // 2])
            spent = program.processor - began
        messages = messages[half + half // 2 :]
    with _program(servers, "counting", prefix, number) as program:
        program.hears("ready")
        _send(servers, topic, messages)
        done = program.hears("done")
    _compare("the engine", _told(servers, f"{prefix}{COUNTS}"), number)
    return (spent + float(done["processor"])) / number * 1e6, done


def _is_kept(snapshots: Path) -> bool:
    """Whether every partition has a snapshot that holds something."""
    kept = {path.parent.name for path in snapshots.glob("count/*/*.snapshot") if int(path.stem.partition("-")[2])}
    return len(kept) == PARTITIONS


def _compare(who: str, counts: Counter[str], number: int) -> None:
    """Raises RuntimeError where a count is not the truth."""
    true = truth(number)
    if counts != true:
        wrong = sum(counts[one] != true[one] for one in counts.keys() | true.keys())
        raise RuntimeError(f"{who} counted {counts.total():,} of {number:,} events, {wrong:,} addresses are wrong")


def _changelog(servers: Servers, topic: str) -> Counter[str]:
    return Counter({json.loads(message.key): json.loads(message.value) for message in _read(servers, topic)})


def _told(servers: Servers, topic: str) -> Counter[str]:
    """What a receiver knows: the newest value of each address; what a replaced owner said since is not heard."""
    counts: Counter[str] = Counter()
    epochs: Counter[tuple[str, int]] = Counter()
    for message in _read(servers, topic):
        told = decode_message(message.value)
        where = told.writer, message.partition
        if told.epoch >= epochs[where]:
            epochs[where] = told.epoch
            counts.update({address: count - counts[address] for address, count in told.items})
    return counts


def _read(servers: Servers, topic: str) -> Iterator[Any]:
    """Every message of a topic, in the order of its partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers.kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(places)
        consumer.assign(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for messages in consumer.poll(timeout_ms=500).values():
                yield from messages
    finally:
        consumer.close()
