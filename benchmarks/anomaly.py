"""The anomaly model on one core: µs an enterprise in batches of 2,048, beside scikit-learn's isolation forest.

`python -m benchmarks.anomaly [ROWS]` (default 40,960; the features of the registry, a fifth of the values zero): each
step of scoring, the p-values, and a whole cut over ninety counties; medians of five rounds, and the ratio to a forest
with default settings in the same run. On the machine that the bar was set for that forest takes 6.7 µs a row; features
and scoring together may take 15.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.machine import described, say, timed
from models.anomaly.detector import BATCH
from models.anomaly.findings import Limits, score_all
from models.anomaly.scaling import within
from models.anomaly.storing import fitted
from models.features.computing import Matrix
from models.features.registry import FEATURES

_ROUNDS = 5
_THERE = 6.7


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    rows = int(arguments[0]) if arguments else 40_960
    say(described())
    rng = np.random.default_rng(1)
    values = np.exp(rng.normal(size=(rows, len(FEATURES)))).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = 0.0
    peers = rng.choice(np.array([1011, 1012, 1062, 2061, 2062, 2081]), rows)
    matrix = Matrix(0, np.arange(rows), values, peers, rng.integers(330_100, 330_190, rows), np.ones(rows, bool))
    marks = np.arange(rows) * 7_919
    model = fitted(values, peers, np.ones(rows, bool), 1)
    detector = model.detector
    some, theirs = values[:BATCH], peers[:BATCH]
    scaled = detector.scaling.apply(some, theirs)
    near = within(scaled)
    added = detector.tails.contributions(scaled)
    plain = IsolationForest(random_state=0).fit(near)
    steps: dict[str, tuple[Callable[[], object], int]] = {
        "scikit-learn, default forest": (lambda: plain.score_samples(near), BATCH),
        "scaling": (lambda: detector.scaling.apply(some, theirs), BATCH),
        "forest": (lambda: detector.isolation.score(near), BATCH),
        "tails": (lambda: detector.tails.contributions(scaled), BATCH),
        "departures": (lambda: detector.departures.contributions(scaled), BATCH),
        "strongest": (lambda: detector.tails.strongest_sum(added), BATCH),
        "score": (lambda: detector.score(some, theirs), BATCH),
        "whole cut: scores, p-values, discoveries": (
            lambda: score_all(matrix, marks, model, lambda _: Limits(0.1, 200)),
            rows,
        ),
    }
    took: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_ROUNDS):
        for name, (step, count) in steps.items():
            _, _, seconds = timed(step)
            took[name].append(seconds / count * 1e6)
    base = statistics.median(took["scikit-learn, default forest"])
    for name, each in took.items():
        median = statistics.median(each)
        there = f"{median / base:5.2f} × the default forest: {median / base * _THERE:5.1f} µs there"
        say(f"{name:42} {median:7.2f} µs a row, {there}")


if __name__ == "__main__":
    main(sys.argv[1:])
