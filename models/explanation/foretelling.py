"""Why a forecast ranks an enterprise where it does: additive parts of its logit, and the reasons in words.

For single enterprises that somebody asks about; a province is ranked without.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Floats, Singles
from models.explanation.contributions import Contributions, MarginReasons
from models.explanation.explaining import SHOWN, EventsOf, Reason, told
from models.explanation.usual import Usual
from models.features.feature import Feature
from models.forecast.model import ForecastModel, Pair


class ForecastReasons:
    """The contributions to what one forecast orders by."""

    def __init__(self, model: ForecastModel) -> None:
        """Reads the trees; done once a model."""
        self._model = model
        self._everybody = _PairReasons(model.everybody)
        self._again = _PairReasons(model.again)

    def contributions(self, row: Singles) -> Contributions:
        """Of one row of m values: `base + total.sum()` is `ForecastModel.order` of it. `forest`: the part of the trees,
        `tails` that of the logistic and of the recency of records.
        """
        trees, lines, base = self._everybody.parts(row)
        if self._model.recorded(row[None, :])[0]:
            again_trees, again_lines, again_base = self._again.parts(row)
            trees, lines, base = (trees + again_trees) / 2, (lines + again_lines) / 2, (base + again_base) / 2
        place, added, start = self._model.recency_part(row)
        lines[place] += added
        return Contributions(base + start, (trees + lines)[None, :], trees[None, :], lines[None, :])

    def reasons(
        self, row: Singles, usual: Usual, features: Sequence[Feature], events_of: EventsOf
    ) -> tuple[Reason, ...]:
        """What raises one enterprise most, in words. `features`: of the columns; `usual`: among its peers."""
        found = self.contributions(row)
        order = [int(place) for place in np.argsort(-found.total[0], kind="stable")[:SHOWN]]
        return told(features, row, usual, found, [place for place in order if found.total[0][place] > 0], events_of)


class _PairReasons:
    """Trees and logistic of one pair."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._trees = MarginReasons(pair.trees)

    def parts(self, row: Singles) -> tuple[Floats, Floats, float]:
        """What the trees and the logistic add, by column, and the base of their mean."""
        pair = self._pair
        trees, lines = np.zeros(len(row)), np.zeros(len(row))
        found = self._trees.contributions(row[None, pair.used])
        trees[pair.used] = found.total[0] / 2
        line = pair.logistic.contributions(row[None, :])[0] / 2
        lines[len(row) - len(line) :] = line
        return trees, lines, (found.base + pair.logistic.intercept) / 2
