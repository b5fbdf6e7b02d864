"""The forecast: microseconds an enterprise to ask it, milliseconds to say why.

`python -m benchmarks.forecast [ENTERPRISES] [ALERTS]` (default 10,000 and 60): a made-up province is read, a forecast
learned from it, asked about everybody, and the likeliest are explained. The bar is 50 ms an alert. Baselines in the
same run: a default forest scores the same rows, and a chance is asked of one row at a time.
"""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.machine import described, say, timed
from config.moments import DAY, moment
from config.ruleset import load
from models.explanation.explaining import Happened
from models.explanation.foretelling import ForecastReasons
from models.explanation.usual import Usuals
from models.features.feature import Feature
from models.forecast.inputs import FEATURES, inputs_of
from models.forecast.training import trained
from models.population import write_province
from monitor.modelling.folding import open_all, read_all

_BAR = 50.0
_YEARS = 4


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    size, alerts = (int(one) for one in (*arguments, *("10000", "60")[len(arguments) :]))
    say(described())
    rules, now = load(), moment(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    with tempfile.TemporaryDirectory() as folder:
        write_province(size, _YEARS, 1, Path(folder))
        facts = read_all(open_all([str(Path(folder) / "events.jsonl")], []), rules, now).facts
    policy = rules.document.models
    learned, wall, worked = timed(lambda: trained(facts, policy.adverse, now, policy.seed))
    say(
        f"learned from {len(learned.stack.truth):,} rows of {len(FEATURES)} features in {wall:.1f} s "
        f"({worked:.1f} of processor)"
    )
    model = learned.model
    inputs, _, reading = timed(lambda: inputs_of(facts, now))
    values = inputs.values
    chances, _, asking = timed(lambda: model.probability(values))
    forest = IsolationForest(random_state=1).fit(np.nan_to_num(values))
    _, _, scoring = timed(lambda: forest.score_samples(np.nan_to_num(values)))
    rows = len(values)
    say(
        f"{rows:,} rows: features {reading / rows * 1e6:.1f}, chances {asking / rows * 1e6:.1f} µs of processor an "
        f"enterprise; a default forest {scoring / rows * 1e6:.1f}: chances take {asking / scoring:.2f} times as long"
    )
    usuals = Usuals(values, inputs.peers, np.arange(rows))
    why, reading, _ = timed(lambda: ForecastReasons(model))
    chosen = np.argsort(-chances, kind="stable")[:alerts]

    def events_of(feature: Feature) -> Sequence[Happened]:
        return [(number * DAY, "//source", f"e{number}") for number in range(12)]

    why.explain(values[chosen[0]], usuals.of(int(inputs.peers[chosen[0]])), FEATURES, events_of)
    took, worked_ms, single, halved = [], [], [], 0
    for row in chosen:
        began, began_work = perf_counter(), process_time()
        found = why.explain(values[row], usuals.of(int(inputs.peers[row])), FEATURES, events_of)
        took.append((perf_counter() - began) * 1e3)
        worked_ms.append((process_time() - began_work) * 1e3)
        halved += bool(found.changes) or found.lapses
        _, _, one = timed(lambda row=row: model.probability(values[row : row + 1]))  # type: ignore[misc]
        single.append(one * 1e3)
    say(f"{len(chosen)} explained, {halved} with a way to halve the chance; the model is read in {reading:.2f} s")
    say(
        f"reasons: p50 {statistics.median(took):.1f} ms, most {max(took):.1f} ms an alert (processor "
        f"{statistics.median(worked_ms):.1f} and {max(worked_ms):.1f}); bar {_BAR:.0f} ms; a chance of one row "
        f"{statistics.median(single):.1f} ms of processor, so an explanation is "
        f"{statistics.median(worked_ms) / statistics.median(single):.1f}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
