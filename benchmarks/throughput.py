"""`credit-monitor run --once`, whole process from file to signals, against the decode limit measured in the same run.

`python -m benchmarks.throughput [ENTERPRISES] [RUNS]`: generates a province (seed 1, five years), then in turn decodes
its lines with the product's own types and nothing else, and runs the monitor on a new home. Quote the median ratio.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.machine import described, peak_mib, say, timed
from models.population import write_province
from monitor.events import types

_DECODED = 200_000
_COMMAND = str(Path(sys.executable).with_name("credit-monitor"))
"""The command as `make install` installed it: with compiled modules where there is a C compiler."""


def main(arguments: Sequence[str]) -> None:
    """Prints events per second by wall and processor time, peak memory, and the share of the decode limit."""
    enterprises = int(arguments[0]) if arguments else 100_000
    runs = int(arguments[1]) if len(arguments) > 1 else 3
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        summary = write_province(enterprises, 5, 1, place)
        say(f"{enterprises:,} enterprises, {summary.events:,} events, {summary.bytes / 1e6:,.0f} MB")
        rates, shares = [], []
        for number in range(runs):
            limit = _decode_limit(place / "events.jsonl")
            wall, processor = _run(place / "events.jsonl", place / f"home{number}")
            rate = summary.events / processor
            rates.append(rate)
            shares.append(rate / limit)
            say(
                f"run {number + 1}: {wall:.1f} s wall, {processor:.1f} s processor, "
                f"{summary.events / wall:,.0f} events/s wall, {rate:,.0f} events/s of one core; "
                f"decoding alone {limit:,.0f}/s, share {rate / limit:.3f}"
            )
        say(
            f"median: {statistics.median(rates):,.0f} events/s of one core, "
            f"{statistics.median(shares):.3f} of the decode limit; peak {peak_mib(of_children=True):,.0f} MiB"
        )


def _decode_limit(path: Path) -> float:
    """Lines a second that msgspec decodes into the product's types, by processor time."""
    decode = msgspec.json.Decoder(types.PublicEvent).decode
    with path.open("rb") as file:
        lines = [line for _, line in zip(range(_DECODED), file, strict=False)]

    def work() -> None:
        for line in lines:
            decode(line)

    return len(lines) / timed(work)[2]


def _run(events: Path, home: Path) -> tuple[float, float]:
    """Wall and processor seconds of the whole command, start-up included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = perf_counter()
    subprocess.run(
        [_COMMAND, "run", "--source", str(events), "--home", str(home), "--once"],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    wall = perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
