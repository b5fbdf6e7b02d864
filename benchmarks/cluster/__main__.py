"""`python -m benchmarks.cluster [ENTERPRISES] [--part NAME]...`: the cluster on this machine, in one run.

Starts a broker and a PostgreSQL of its own (Java, Maven and Debian's postgresql, as the tests of the cluster), prints
what was measured, and stops them. Parts: `count`, `topology`, `recovery`, `delay`; all of them if none is named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cluster import delay, recovery, single, topology
from benchmarks.cluster.servers import Servers, running
from benchmarks.machine import described, say


def main(arguments: Sequence[str]) -> None:
    """Runs the parts that are asked for."""
    chosen = _parser().parse_args(arguments)
    number: int = chosen.enterprises
    parts: dict[str, tuple[str, Callable[[Servers], None]]] = {
        "count": ("the same count three ways", lambda servers: single.measure(servers, chosen.singles, chosen.rounds)),
        "topology": ("the whole topology", lambda servers: topology.measure(servers, number, profiled=chosen.profile)),
        "recovery": (
            "recovery of one partition",
            lambda servers: recovery.measure(servers, chosen.sizes or [number // 4, number // 2, number]),
        ),
        "delay": ("delay of single events", lambda servers: delay.measure(servers, chosen.seconds, chosen.plot)),
    }
    say(described())
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as servers:
        for name in chosen.part or parts:
            title, part = parts[name]
            say(f"-- {name}: {title}")
            part(servers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description="Measures the cluster.")
    parser.add_argument("enterprises", nargs="?", type=int, default=100_000, help="of the made-up province")
    parser.add_argument("--part", action="append", choices=("count", "topology", "recovery", "delay"))
    parser.add_argument("--singles", type=int, default=100_000, help="events of the plainest app's count")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the count")
    parser.add_argument("--sizes", type=int, nargs="+", help="enterprises of the partition that is recovered")
    parser.add_argument("--seconds", type=int, default=60, help="for how long the delay is measured")
    parser.add_argument("--plot", type=Path, help="folder for a plot of the delay (SVG)")
    parser.add_argument("--profile", action="store_true", help="one more run under a profiler: time by stage")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
