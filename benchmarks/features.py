"""Features on one core: µs an enterprise in batches of 2,048, against decoding the histories alone.

`python -m benchmarks.features [ENTERPRISES]` (default 50,000, about ten events each): fills the stages from a made-up
province, then turns histories into columns, looks around every enterprise, and computes the matrix batch by batch. A
cut renews the columns of those touched alone; who is only older is computed again from the columns that are kept. The
bar for features and scoring is 15 µs, of which the forest takes 6.7 on the machine that it was set for: how much slower
this one is tells the forest, in the same run.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from benchmarks.machine import described, peak_mib, say, timed
from benchmarks.state import Bench
from config.moments import DAY
from models.features.around import surroundings
from models.features.computing import BATCH, compute
from models.features.registry import FEATURES
from models.population import write_province
from monitor.modelling.gathering import facts_of
from monitor.stages.history import entries_of

_LINES = 4096
_ROUNDS = 3
_BAR = 15.0
_FOREST_THERE = 6.7
"""µs an enterprise that the forest takes on the machine that the bar was set for."""


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    enterprises = int(arguments[0]) if arguments else 50_000
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        write_province(enterprises, 5, 1, Path(folder))
        bench = Bench()
        with (Path(folder) / "events.jsonl").open("rb") as file:
            while lines := list(islice(file, _LINES)):
                bench.feed(lines)
    gc.collect()
    gc.freeze()
    _features(bench)


def _features(bench: Bench) -> None:
    flow = bench.flow
    records = flow.enterprises.records
    count = len(records) - 1
    starts = range(0, count, BATCH)

    def decode() -> None:
        for ref in range(1, 1 + count):
            entries_of(records[ref])

    def gather() -> None:
        for first in starts:
            facts_of(flow, range(1 + first, 1 + min(first + BATCH, count)))

    facts = facts_of(flow)
    around = surroundings(facts, flow.now)

    def matrices() -> None:
        for first in starts:
            last = first + BATCH
            compute(facts.take(first, last), flow.now, around.take(first, last))

    decoding = _median(decode, count)
    gathering = _median(gather, count)
    looking = _median(lambda: surroundings(facts, flow.now), count)
    computing = _median(matrices, count)
    past = _median(lambda: compute(facts, flow.now - 700 * DAY), count)
    forest = _median(_forest(compute(facts, flow.now, around).values), count)
    kept, total = looking + computing, gathering + looking + computing
    rows = len(facts.happenings.owner) / count
    say(f"{count:,} enterprises, {rows:.1f} happenings each, {len(FEATURES)} features")
    say(f"decoding alone {decoding:.1f} µs each (baseline)")
    say(f"histories to columns {gathering:.1f} µs, {gathering / decoding:.2f} times the baseline")
    say(f"around all {looking:.1f} µs; features in batches of {BATCH:,} {computing:.1f} µs")
    say(
        f"from kept columns {kept:.1f} µs each; with histories anew {total:.1f}, {total / decoding:.2f} times the "
        f"baseline"
    )
    slower = forest / _FOREST_THERE
    say(
        f"a forest alone {forest:.1f} µs, {slower:.1f} times that of the bar: features and scoring "
        f"{kept / slower + _FOREST_THERE:.1f} µs there from kept columns, {total / slower + _FOREST_THERE:.1f} with "
        f"histories anew; bar {_BAR:.0f}"
    )
    say(f"all as of a past date, from the columns: {past:.1f} µs each")
    say(f"peak memory {peak_mib():,.0f} MiB")


def _forest(values: NDArray[np.float32]) -> Callable[[], None]:
    """Scoring by one isolation forest of 100 trees, batch by batch."""
    known = np.nan_to_num(values)
    forest = IsolationForest(random_state=1).fit(known)

    def score() -> None:
        for first in range(0, len(known), BATCH):
            forest.score_samples(known[first : first + BATCH])

    return score


def _median(work: Callable[[], object], count: int) -> float:
    """Processor time in µs an enterprise, the median of some rounds."""
    return statistics.median(timed(work)[2] for _ in range(_ROUNDS)) / count * 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
