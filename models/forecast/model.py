"""The forecast: boosted trees and a logistic regression on logarithms, each giving a logit; their mean, with a weighted
share of the recency of records, is what orders. A line through that logit gives a calibrated probability.

A second pair learns from those with a record alone: among them the question is who comes back, and the many without
would drown it. Trees see how features work together and are held to the directions that the law gives; the logistic is
steady where rows are few, at the very top; recency is the baseline that both would have to learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final, Self

import msgspec
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import ThreadpoolController

from models.arrays import Floats, Ints, Mask, Singles
from models.features import recurrence
from models.forecast.inputs import FEATURES, FIRST_OF_RECURRENCE, NAMES

TRUSTED: Final = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
"""The type in a file of this model beside those that skops trusts by itself."""

_TREES: Final = 80
_LEAVES: Final = 8
_LEARNING_RATE: Final = 0.07
_LEAST_ROWS: Final = 100
_L2: Final = 5.0
_BINS: Final = 64
_SHARE_OF_COLUMNS: Final = 0.4
_PENALTY: Final = 0.01
"""The inverse of the strength of the logistic's regularisation."""

_RECORDS: Final = "records"
_PLAIN: Final = (_RECORDS, "records_fading_365", "days_since_record")
_RECENCY: Final = "records_fading_365"
_RECENCY_WEIGHT: Final = 0.35
_RECENCY_FLOOR: Final = 0.02
_FLOORS: Final = np.array([0.001 if feature.unit.startswith("比例") else 0.05 for feature in recurrence.FEATURES])
"""What is added before a logarithm is taken: to a share, and to a count or days."""

_BATCH: Final = 65_536
_HALVINGS: Final = 50

SETTINGS: Final = {
    "trees": _TREES,
    "leaves": _LEAVES,
    "learning_rate": _LEARNING_RATE,
    "logistic_penalty": _PENALTY,
    "recency_weight": _RECENCY_WEIGHT,
}
"""For the card."""


class Logistic(msgspec.Struct, frozen=True):
    """A logistic regression on logarithms of the features of recurrence, as plain numbers."""

    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    @classmethod
    def fit(cls, values: Singles, truth: Mask, weights: Floats) -> Self:
        """Learns from rows of all features."""
        logs = _logs(values)
        mean, scale = logs.mean(axis=0), logs.std(axis=0)
        scale[scale < 1e-9] = 1.0
        learned = LogisticRegression(C=_PENALTY, max_iter=300).fit((logs - mean) / scale, truth, sample_weight=weights)
        return cls(mean, scale, learned.coef_[0], float(learned.intercept_[0]))

    def logit(self, values: Singles) -> Floats:
        """By row."""
        found: Floats = ((_logs(values) - self.mean) / self.scale) @ self.coefficients + self.intercept
        return found

    def contributions(self, values: Singles) -> Floats:
        """By row and feature of recurrence: what each adds to the intercept."""
        found: Floats = ((_logs(values) - self.mean) / self.scale) * self.coefficients
        return found


class Pair(msgspec.Struct, frozen=True):
    """Trees and a logistic that learned from the same rows. `used`: columns that differed between rows; only they are
    split.
    """

    used: Ints
    trees: HistGradientBoostingClassifier
    logistic: Logistic

    @classmethod
    def fit(cls, values: Singles, truth: Mask, weights: Floats, seed: int) -> Self:
        """Learns. Raises ValueError where all rows came to the same end."""
        if truth.all() or not truth.any():
            raise ValueError(
                "各行结局相同，无从学习，请给更长的日志 / all rows came to the same end: a longer log is needed"
            )
        used = np.flatnonzero([_differs(values[:, place]) for place in range(values.shape[1])])
        trees = HistGradientBoostingClassifier(
            learning_rate=_LEARNING_RATE,
            max_iter=_TREES,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=_LEAST_ROWS,
            l2_regularization=_L2,
            max_bins=_BINS,
            max_features=_SHARE_OF_COLUMNS,
            early_stopping=False,
            random_state=seed,
            monotonic_cst=[FEATURES[place].direction for place in used],
        )
        with _one_thread():  # sums in one order, and no waiting for a core that others use
            trees.fit(values[:, used], truth, sample_weight=weights)
            logistic = Logistic.fit(values, truth, weights)
        return cls(used, trees, logistic)

    def logit(self, values: Singles) -> Floats:
        """By row: the mean of both."""
        with _one_thread():
            trees: Floats = self.trees.decision_function(values[:, self.used])
        found: Floats = (trees + self.logistic.logit(values)) / 2
        return found

    def parts(self) -> dict[str, Any]:
        """As arrays, a number and trees."""
        logistic = self.logistic
        return {
            "used": self.used,
            "trees": self.trees,
            "mean": logistic.mean,
            "scale": logistic.scale,
            "coefficients": logistic.coefficients,
            "intercept": logistic.intercept,
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """The pair of such parts. Raises KeyError where one is missing."""
        return cls(
            parts["used"],
            parts["trees"],
            Logistic(parts["mean"], parts["scale"], parts["coefficients"], float(parts["intercept"])),
        )


class ForecastModel(msgspec.Struct, frozen=True):
    """`everybody` learned from all rows, `again` from those with a record, whom both then judge. `slope`, `shift`: from
    the order's logit to the logit of a probability within `span` days.
    """

    everybody: Pair
    again: Pair
    slope: float = 1.0
    shift: float = 0.0
    span: int = 365

    @classmethod
    def fit(cls, values: Singles, truth: Mask, weights: Floats, seed: int) -> Self:
        """Learns from stacked rows; not calibrated yet. The same rows and seed give the same model. Raises ValueError
        where all rows came to the same end.
        """
        known = _recorded(values)
        return cls(
            Pair.fit(values, truth, weights, seed),
            Pair.fit(values[known], truth[known], weights[known], seed + 1),
        )

    def order(self, values: Singles) -> Floats:
        """By row: what orders, the higher the likelier."""
        found = [self._order(values[at : at + _BATCH]) for at in range(0, len(values), _BATCH)]
        return np.concatenate(found) if found else np.empty(0)

    def probability(self, values: Singles) -> Floats:
        """By row: the chance of something adverse within twelve months."""
        return self.chance(self.order(values))

    def chance(self, order: Floats) -> Floats:
        """The probability that belongs to a place in the order; ever higher with it."""
        within: Floats = 1.0 / (1.0 + np.exp(-np.clip(self.slope * order + self.shift, -30.0, 30.0)))
        found: Floats = 1.0 - (1.0 - within) ** (365.0 / self.span)
        return found

    def calibrated(self, order: Floats, truth: Mask, span: int) -> ForecastModel:
        """This model with the line that fits what came of later rows within `span` days (Platt, Probabilistic outputs,
        1999). A span below 365 is drawn out at an even rate.
        """
        with _one_thread():
            line = LogisticRegression(C=1e6, max_iter=300).fit(order.reshape(-1, 1), truth)
        slope = float(line.coef_[0][0])
        if slope <= 0:
            raise ValueError(
                "模型在较晚时段不优于随机 / on later dates the model orders no better than chance: give a longer log"
            )
        return msgspec.structs.replace(self, slope=slope, shift=float(line.intercept_[0]), span=span)

    def recorded(self, values: Singles) -> Mask:
        """Which rows have a record, and are judged by both pairs."""
        return _recorded(values)

    def recency_part(self, row: Singles) -> tuple[int, float, float]:
        """Of the recency of records: its column, what it adds in one row, and what stands there without a record."""
        place = NAMES.index(_RECENCY)
        start = _RECENCY_WEIGHT * float(np.log(np.float32(_RECENCY_FLOOR)))
        return place, _RECENCY_WEIGHT * float(np.log(row[place] + _RECENCY_FLOOR)) - start, start

    def anchored(self, order: Floats, rate: float) -> ForecastModel:
        """This model, shifted so that its chances for rows of such an order are `rate` in the mean: of a year, above 0
        and below 1.
        """
        low, high = -30.0, 30.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if msgspec.structs.replace(self, shift=middle).chance(order).mean() < rate:
                low = middle
            else:
                high = middle
        return msgspec.structs.replace(self, shift=(low + high) / 2)

    def _order(self, values: Singles) -> Floats:
        found = self.everybody.logit(values)
        known = _recorded(values)
        found[known] = (found[known] + self.again.logit(values[known])) / 2 if known.any() else found[known]
        recency = np.log(values[:, NAMES.index(_RECENCY)] + _RECENCY_FLOOR)
        return found + _RECENCY_WEIGHT * np.asarray(recency, np.float64)

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The model as arrays, numbers and trees, for a file."""
        return {
            "everybody": self.everybody.parts(),
            "again": self.again.parts(),
            "slope": self.slope,
            "shift": self.shift,
            "span": self.span,
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """The model of such parts. Raises KeyError where one is missing."""
        return cls(
            Pair.from_parts(parts["everybody"]),
            Pair.from_parts(parts["again"]),
            float(parts["slope"]),
            float(parts["shift"]),
            int(parts["span"]),
        )


def plain_logistic(values: Singles, truth: Mask, weights: Floats, asked: Singles) -> Floats:
    """The logistic baseline: of records so far, their recency and days since the last, learned on some rows and asked
    of others.
    """
    places = [NAMES.index(name) for name in _PLAIN]

    def logs(rows: Singles) -> Floats:
        found: Floats = np.log(rows[:, places].astype(np.float64) + 0.05)
        return found

    with _one_thread():
        learned = LogisticRegression(max_iter=300).fit(logs(values), truth, sample_weight=weights)
        found: Floats = learned.decision_function(logs(asked))
    return found


def _one_thread() -> AbstractContextManager[object]:
    """While it holds, libraries count on one thread."""
    limit: AbstractContextManager[object] = _threads().limit(limits=1)
    return limit


@cache
def _threads() -> ThreadpoolController:
    """Looking for the libraries that have threads takes longer than a prediction: it is done once."""
    return ThreadpoolController()


def _logs(values: Singles) -> Floats:
    found: Floats = np.log(values[:, FIRST_OF_RECURRENCE:].astype(np.float64) + _FLOORS)
    return found


def _recorded(values: Singles) -> Mask:
    """Which rows have a record."""
    found: Mask = values[:, NAMES.index(_RECORDS)] > 0
    return found


def _differs(column: Singles) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and bool((known != known[0]).any() or len(known) < len(column))
