"""What each feature adds to a score, such that the sum is the score: only worked out for rows that raised an alert.

Trees by TreeSHAP (Lundberg et al., From local explanations to global understanding, 2020), which follows the paths of
the trees and draws nothing at random.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from models.anomaly.detector import Detector
from models.anomaly.scaling import within
from models.arrays import Floats, Ints, Singles

_EULER: float = float(np.euler_gamma)


class Contributions(msgspec.Struct, frozen=True):
    """`score[i] = base + total[i].sum()`, and `total = forest + tails`; n × m each. `base`: of a row that is like
    everybody. `departures`: the part of the tails that values add which the others do not let expect.
    """

    base: float
    total: Floats
    forest: Floats
    tails: Floats
    departures: Floats


class AnomalyReasons:
    """The contributions to the scores of one anomaly detector."""

    def __init__(self, detector: Detector) -> None:
        """Reads the trees; done once a model."""
        self._detector = detector
        self._trees = _explainer(detector.isolation.forest)
        self._usual_path = path_of(detector.isolation.forest)

    def contributions(self, values: Singles, peers: Ints) -> Contributions:
        """Of some rows (n × m, NaN: not known) with their peer groups, on the scale of the detector's score.

        SHAP divides the depth at which a row is isolated; the score is a power of it. Each row's shares of the depth
        are its shares of what the forest adds.
        """
        detector = self._detector
        scaled = detector.scaling.apply(values, peers)
        depth: Floats = np.asarray(self._trees.shap_values(within(scaled), check_additivity=False), np.float64)
        middle = float(np.ravel(self._trees.expected_value)[0])
        moved = depth.sum(axis=1)
        ordinary = 2.0 ** (-middle / self._usual_path)
        added = detector.added(values, peers)
        gained = detector.forest_weight * (2.0 ** (-(middle + moved) / self._usual_path) - ordinary) + added.forest
        still = np.abs(moved) < 1e-12
        forest = depth * np.where(still, 0.0, gained / np.where(still, 1.0, moved))[:, None]
        base = float(detector.forest_weight * ordinary - detector.offset)
        return Contributions(base, forest + added.by_feature, forest, added.by_feature, added.departures)


class MarginReasons:
    """The contributions to the log-odds of one gradient-boosted forecast, before its calibration."""

    def __init__(self, model: HistGradientBoostingClassifier) -> None:
        """Reads the trees; done once a model."""
        self._trees = _explainer(model)

    def contributions(self, values: Singles) -> Contributions:
        """Of some rows (n × m, NaN: not known); a positive one raises the chance."""
        found: Floats = np.asarray(self._trees.shap_values(values, check_additivity=False), np.float64)
        base = float(np.ravel(self._trees.expected_value)[-1])
        return Contributions(base, found, found, *(np.zeros_like(found) for _ in range(2)))


def path_of(forest: IsolationForest) -> float:
    """The mean depth at which a search in a binary tree of the forest's subsample fails (Liu, Ting, Zhou 2008)."""
    size = float(_fitted(forest, "max_samples_"))
    if size <= 1.0:
        return 1.0
    return 1.0 if size == 2.0 else 2.0 * (np.log(size - 1.0) + _EULER) - 2.0 * (size - 1.0) / size


def _fitted(forest: Any, name: str) -> Any:
    return getattr(forest, name)


def _explainer(model: Any) -> Any:
    """What reckons the contributions of a model of trees."""
    import shap  # with numba some seconds, which only those who explain wait for

    return shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
