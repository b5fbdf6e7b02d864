"""The whole topology with all detectors: processor time an event over all workers, batches as input.

A made-up province is sent by `produce`, once before the workers start (a backlog), once while they run; the time counts
from the workers' start, or from the moment at which all their hosts work, until every lag is 0 and every line is in the
read model.
"""

from __future__ import annotations

import pstats
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.cluster.generation import generation
from benchmarks.cluster.servers import Servers
from benchmarks.machine import say
from models.population import write_province

_PARTITIONS: Final = 12
_HOST_FILES: Final = {
    "intake_host.py": "intake",
    "enterprises_host.py": "enterprises",
    "rooms_host.py": "rooms",
    "persons_host.py": "persons",
    "member_host.py": "rooms and persons",
    "assessment_host.py": "assessment",
}
_STEPS: Final = ("apply", "judge")


def measure(servers: Servers, enterprises: int, *, profiled: bool) -> None:
    """Prints microseconds of processor time an event, for one worker and for two."""
    place = servers.folder / "province"
    summary = write_province(enterprises, 5, 1, place)
    path, lines = place / "events.jsonl", _lines(place / "events.jsonl")
    say(f"{enterprises:,} enterprises, {lines:,} events, {_PARTITIONS} partitions, {summary.bytes / 1e6:,.0f} MB")
    found = set()
    for count in (1, 2):
        for order in ("backlog", "streamed"):
            with generation(servers, f"topology-{count}-{order}", _PARTITIONS) as cluster:
                if order == "backlog":
                    cluster.produce(path)
                workers, spent, began = cluster.start(count), 0.0, monotonic()
                if order == "streamed":
                    cluster.comes_up()
                    spent, began = sum(worker.processor for worker in workers), monotonic()
                    cluster.produce(path)
                total, ended = cluster.settles(lines)
                signals = cluster.signals()
                found.add(signals)
                cluster.stop()
            cost, wall = (total - spent) / lines * 1e6, ended - began
            say(
                f"{count} worker{'s' * (count > 1)}, {order}: {cost:.1f} µs an event over all workers, "
                f"{lines / wall:,.0f} events/s wall, {signals:,} signals"
            )
    if len(found) > 1:
        raise RuntimeError(f"runs end with different signals: {sorted(found)}")
    if profiled:
        _profile(servers, path, lines)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _profile(servers: Servers, path: Path, lines: int) -> None:
    """Prints how the main thread of one worker divides its time among stages, by the plain modules."""
    kept = servers.folder / "worker.profile"
    with generation(servers, "topology-profiled", _PARTITIONS) as cluster:
        cluster.start(profile=kept)
        cluster.comes_up()
        cluster.produce(path)
        cluster.settles(lines)
        cluster.stop()
    rows: dict[Any, Any] = pstats.Stats(str(kept)).stats  # type: ignore[attr-defined]  # typeshed leaves it out
    busy = sum(row[2] for (file, _, name), row in rows.items() if "select.epoll" not in name)
    say(f"under a profiler, main thread, idle time left out: {busy / lines * 1e6:.0f} µs an event, of which")
    for file, stage in _HOST_FILES.items():
        for step in _STEPS:
            took = sum(row[3] for key, row in rows.items() if Path(key[0]).name == file and key[2] == step)
            if took:
                say(f"  {stage:18} {step:6} {took / lines * 1e6:6.1f} µs, {took / busy:5.1%}")
    for name, file, step in (("messages encoded", "boxes.py", "take"), ("facts read", "host.py", "message")):
        took = sum(row[3] for key, row in rows.items() if Path(key[0]).name == file and key[2] == step)
        say(f"  {name:25} {took / lines * 1e6:6.1f} µs, {took / busy:5.1%}")
    libraries = {"faust": "/faust/", "aiokafka": "/aiokafka/", "mode": "/mode/", "asyncio": "/asyncio/"}
    for name, part in libraries.items():
        took = sum(row[2] for key, row in rows.items() if part in key[0])
        say(f"  {name:18} itself {took / lines * 1e6:6.1f} µs, {took / busy:5.1%}")
