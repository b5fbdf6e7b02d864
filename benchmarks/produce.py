"""`credit-monitor produce` on a real broker, whole process from file to acknowledgement, against reading alone.

`python -m benchmarks.produce [ENTERPRISES] [RUNS]`: generates a province (seed 1, five years) and starts a broker; then
in turn reads and splits the file's lines and does nothing with them, decodes them into the product's types, and sends
them into a new generation of topics. Needs Java and Maven, as the tests of the cluster do.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.machine import described, say, timed
from config.settings import Settings
from models.population import write_province
from monitor.cluster import topics
from monitor.events import types
from monitor.sources import Position, open_source
from tests.kafka.broker import Broker

_CHUNK = 1 << 20
_COMMAND = str(Path(sys.executable).with_name("credit-monitor"))


def main(arguments: Sequence[str]) -> None:
    """Prints events per second by wall and processor time, and the share of reading and of decoding alone."""
    enterprises = int(arguments[0]) if arguments else 100_000
    runs = int(arguments[1]) if len(arguments) > 1 else 3
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "broker").mkdir()
        summary = write_province(enterprises, 5, 1, place)
        say(f"{enterprises:,} enterprises, {summary.events:,} events, {summary.bytes / 1e6:,.0f} MB")
        broker = Broker(place / "broker")
        broker.start()
        try:
            rates = [_measure(place, broker.address, f"run-{number}.") for number in range(1, runs + 1)]
        finally:
            broker.stop()
        say(f"median: {statistics.median(rates):,.0f} events/s by wall time, start of the process included")


def _measure(place: Path, address: str, prefix: str) -> float:
    events = place / "events.jsonl"
    lines = 0

    def count(some: list[bytes]) -> None:
        nonlocal lines
        lines += len(some)

    decode = msgspec.json.Decoder(types.PublicEvent).decode

    def decode_all(some: list[bytes]) -> None:
        for line in some:
            decode(line)

    _, reading, _ = timed(lambda: _read(events, count))
    _, _, decoding = timed(lambda: _read(events, decode_all))
    topics.create(Settings(kafka_bootstrap=address, kafka_prefix=prefix))
    wall, processor = _produce(events, place / f"{prefix}state", address, prefix)
    rate = lines / wall
    say(
        f"{prefix} {rate:,.0f} events/s wall, {lines / processor:,.0f}/s of processor time; reading and splitting "
        f"alone {lines / reading:,.0f}/s, share {reading / wall:.3f}; decoding alone {lines / decoding:,.0f}/s, "
        f"share {decoding / wall:.3f}"
    )
    return rate


def _read(events: Path, use: Callable[[list[bytes]], None]) -> None:
    """Reads a file as the product does."""
    source = open_source(str(events), None)[0]
    position, is_read = Position(), False
    while not is_read:
        chunk = source.read(position, _CHUNK)
        use(chunk.lines)
        position, is_read = chunk.position, chunk.eof


def _produce(events: Path, state: Path, address: str, prefix: str) -> tuple[float, float]:
    """Wall and processor seconds of the whole command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = perf_counter()
    subprocess.run(
        [_COMMAND, "produce", str(events), "--state", str(state)],
        check=True,
        env={**os.environ, "CREDIT_MONITOR_KAFKA_BOOTSTRAP": address, "CREDIT_MONITOR_KAFKA_PREFIX": prefix},
        stderr=subprocess.DEVNULL,
    )
    wall = perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
