"""How long one partition takes to recover, by its number of enterprises: newest snapshot, and the log after it.

Every topic has one partition, and one worker has all stages of it. After the last snapshot some thousand lines more are
worked through by all stages, then the worker is killed; its successor's own figure is taken, for each stage: from the
claim of the host until it has said what it had to say.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.cluster.generation import STAGES, generation
from benchmarks.cluster.servers import Servers
from benchmarks.machine import say
from models.population import write_province

_TAIL: Final = 15_000
"""Lines after the snapshot: those of 30 seconds, which stand between two snapshots, at 500 a second."""
_SESSION: Final = 7.0
"""Seconds after which the group has given up a worker that was killed."""
_RECOVERY: Final = re.compile(r'credit_monitor_cluster_recovery_seconds\{partition="0",stage="(\w+)"\}')


def measure(servers: Servers, sizes: Sequence[int]) -> None:
    """Prints the seconds until each stage of the partition was ready, for each size."""
    for size in sizes:
        _measure(servers, size)


def _measure(servers: Servers, size: int) -> None:
    place = servers.folder / f"recovery-{size}"
    write_province(size, 5, 1, place / "province")
    stock, tail, counts = _parted(place / "province" / "events.jsonl")
    # Snapshots are taken when a worker is stopped, and at no other time.
    with generation(servers, f"recovered-{size}", 1, SNAPSHOT_SECONDS="100000") as cluster:
        cluster.produce(stock)
        cluster.start()
        cluster.settles(counts[0])
        cluster.stop()
        cluster.start()
        cluster.comes_up()
        cluster.produce(tail)
        cluster.settles(sum(counts))
        cluster.kill()
        time.sleep(_SESSION)
        began = time.monotonic()
        cluster.start()
        found = cluster.comes_up()
        wall = time.monotonic() - began
        took = {stage[1]: value for name, value in found.items() if (stage := _RECOVERY.fullmatch(name))}
        cluster.settles(sum(counts))
    told = ", ".join(f"{stage} {took[stage]:.2f}" for stage in STAGES)
    say(
        f"{size:,} enterprises, {counts[0]:,} lines in the snapshot and {counts[1]:,} after it: ready after "
        f"{max(took.values()):.2f} s ({told}); {wall:.1f} s after the start of the process"
    )


def _parted(path: Path) -> tuple[Path, Path, tuple[int, int]]:
    """The lines before the last snapshot and those after it, in files, and how many they are."""
    lines = path.read_bytes().splitlines(keepends=True)
    after = min(_TAIL, len(lines) // 10)
    stock, tail = path.with_name("stock.jsonl"), path.with_name("tail.jsonl")
    stock.write_bytes(b"".join(lines[:-after]))
    tail.write_bytes(b"".join(lines[-after:]))
    return stock, tail, (len(lines) - after, after)
