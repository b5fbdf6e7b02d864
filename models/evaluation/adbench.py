"""The shipped anomaly detector beside scikit-learn's isolation forest, on labelled benchmark sets.

Labels are used for judging alone. A set is an `.npz` file with `X` (n × d) and `y` (1: an anomaly), as in ADBench
(Han et al. 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from models.anomaly.detector import BATCH, Detector
from models.arrays import Floats, Ints

SEEDS: Final = (0, 1, 2, 3, 4)


class Compared(msgspec.Struct, frozen=True):
    """Areas under the ROC curve, each the mean over the seeds."""

    ours: float
    isolation_forest: float


class Table(msgspec.Struct, frozen=True):
    """A row for each set, and the means over the sets."""

    sets: dict[str, Compared]
    mean: Compared


def sets_in(folder: Path) -> list[Path]:
    """The files of sets in a folder, by name. Raises ValueError where there is none."""
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise ValueError(f"{folder} 中没有 .npz 数据集 / there are no .npz sets in this folder")
    return found


def compare(path: Path, seeds: Sequence[int] = SEEDS) -> Compared:
    """Both detectors on one set. Raises ValueError for a file that is no set."""
    with np.load(path, allow_pickle=False) as file:
        try:
            values, labels = np.asarray(file["X"], np.float64), np.asarray(file["y"], np.int64)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path.name} 不是数据集 / is no set with X and y: {error}") from error
    return Compared(
        float(np.mean([roc_auc_score(labels, _ours(values, seed)) for seed in seeds])),
        float(np.mean([roc_auc_score(labels, _theirs(values, seed)) for seed in seeds])),
    )


def table(rows: dict[str, Compared]) -> Table:
    """The rows with their means."""
    ours = [row.ours for row in rows.values()]
    theirs = [row.isolation_forest for row in rows.values()]
    return Table(rows, Compared(float(np.mean(ours)), float(np.mean(theirs))))


def compare_all(folder: Path, seeds: Sequence[int] = SEEDS) -> Iterator[tuple[str, Compared]]:
    """Set after set, by name."""
    for path in sets_in(folder):
        yield path.stem, compare(path, seeds)


def _ours(values: Floats, seed: int) -> Floats:
    everybody: Ints = np.zeros(len(values), np.int64)
    singles = values.astype(np.float32)
    return Detector.fit(singles, everybody, seed).score(singles, everybody)


def _theirs(values: Floats, seed: int) -> Floats:
    forest = IsolationForest(random_state=seed).fit(values)
    return np.concatenate([-forest.score_samples(values[at : at + BATCH]) for at in range(0, len(values), BATCH)])
