"""Reasons of an alert: milliseconds each, with contributions, sentences and the search for what would silence it.

`python -m benchmarks.explanation [ALERTS]` (default 60): a model of all features of the registry on made-up enterprises
of twelve peer groups; the rows that it finds oddest are explained. The bar is 50 ms an alert. The baselines: the score
of the same rows one at a time, and SHAP by its general method (KernelExplainer, 500 samples) for a few of them.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any

import numpy as np
import shap

from benchmarks.machine import described, say
from config.moments import DAY
from models.anomaly.model import AnomalyModel
from models.arrays import Ints, Singles
from models.explanation.explaining import Explainer, Happened
from models.explanation.usual import Usuals
from models.features.feature import Feature
from models.features.registry import FEATURES

_ROWS = 20_000
_BAR = 50.0
_BASELINE = 3


def made_up(rng: np.random.Generator) -> tuple[Singles, Ints]:
    """Rows of counts, shares and truths by the units of the features, and their peer groups."""
    columns: list[Any] = []
    for feature in FEATURES:
        if feature.unit.startswith("0/1"):
            columns.append(rng.random(_ROWS) < 0.05)
        elif feature.unit.startswith("比例"):
            columns.append(rng.beta(1, 9, _ROWS))
        else:
            columns.append(rng.poisson(rng.exponential(1.5, _ROWS)))
    values = np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
    values[rng.random(values.shape) < 0.05] = np.nan
    odd = rng.choice(_ROWS, _ROWS // 100, replace=False)
    values[odd[:, None], rng.integers(0, len(FEATURES), (len(odd), 4))] = rng.integers(15, 60, (len(odd), 4))
    return values, (11_000 + 10 * rng.integers(1, 5, _ROWS) + rng.integers(0, 3, _ROWS)).astype(np.int64)


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    alerts = int(arguments[0]) if arguments else 60
    say(described())
    rng = np.random.default_rng(1)
    values, peers = made_up(rng)
    names = tuple(feature.name for feature in FEATURES)
    sides = np.array([feature.direction for feature in FEATURES], np.int64)
    model = AnomalyModel.fit(values, peers, np.ones(_ROWS, bool), 1, features=names, sides=sides)
    marks = np.arange(_ROWS)
    p = model.judge(values, peers, marks).p
    chosen = np.argsort(p, kind="stable")[:alerts]
    threshold = float(p[chosen].max())
    began = perf_counter()
    explainer = Explainer(model, FEATURES, Usuals(values, peers, marks))
    say(f"{_ROWS:,} rows of {len(FEATURES)} features; a model is read in {perf_counter() - began:.2f} s")

    def events_of(feature: Feature) -> Sequence[Happened]:
        return [(number * DAY, "//source", f"e{number}") for number in range(12)]

    took, worked, silenced, lapsing = [], [], 0, 0
    for place in chosen:
        began, began_work = perf_counter(), process_time()
        found = explainer.explain(values[place], int(peers[place]), int(marks[place]), threshold, events_of)
        took.append((perf_counter() - began) * 1e3)
        worked.append((process_time() - began_work) * 1e3)
        silenced += bool(found.changes)
        lapsing += found.lapses
    single = []
    for place in chosen:
        began = perf_counter()
        model.judge(values[place : place + 1], peers[place : place + 1], marks[place : place + 1])
        single.append((perf_counter() - began) * 1e3)
    general = []
    scaled = model.detector.scaling.apply(values, peers)
    kernel = shap.KernelExplainer(model.detector.isolation.forest.score_samples, scaled[:50])
    for place in chosen[:_BASELINE]:
        began = perf_counter()
        kernel.shap_values(scaled[place], nsamples=500, silent=True)
        general.append((perf_counter() - began) * 1e3)
    say(f"{alerts} alerts, {silenced} with a change of one or two features that silences them, {lapsing} lapse in time")
    say(
        f"reasons: p50 {statistics.median(took):.1f} ms, most {max(took):.1f} ms an alert (processor "
        f"{statistics.median(worked):.1f} and {max(worked):.1f}); bar {_BAR:.0f} ms"
    )
    say(
        f"a score alone, one row at a time: {statistics.median(single):.1f} ms, so an explanation is "
        f"{statistics.median(took) / statistics.median(single):.1f} scores; SHAP without trees "
        f"{statistics.median(general):.0f} ms, {statistics.median(general) / statistics.median(took):.0f} times as long"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
