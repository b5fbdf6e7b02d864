"""Why a forecast ranks an enterprise where it does: additive parts of its logit, the reasons in words, and what would
halve its chance.

For single enterprises that somebody asks about or that an alert is on; a province is ranked without.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from models.arrays import Floats, Singles
from models.explanation.contributions import Contributions, MarginReasons
from models.explanation.explaining import SHOWN, EventsOf, Reason, told
from models.explanation.mending import by_time_alone, can_move, mending_of, nearest_change
from models.explanation.usual import Usual
from models.explanation.wording import Said, halved_said
from models.features.feature import Feature
from models.forecast.model import ForecastModel, Pair


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """`order = base + ` the sum of what all features add, a logit before calibration; `others`: what those not among
    `reasons` add together; `chance` of something adverse within twelve months, from 0 to 1.

    `way_out` says what would halve the chance; `changes` is that in figures (feature, before, after); `lapses`: whether
    time alone does it.
    """

    base: float
    order: float
    chance: float
    reasons: tuple[Reason, ...]
    others: float
    changes: tuple[tuple[str, float, float], ...]
    lapses: bool
    way_out: Said


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
        nothing = np.zeros((1, len(row)))
        return Contributions(base + start, (trees + lines)[None, :], trees[None, :], lines[None, :], nothing)

    def explain(self, row: Singles, usual: Usual, features: Sequence[Feature], events_of: EventsOf) -> Foretold:
        """What raises one enterprise most, in words, and the way out. `features`: of the columns; `usual`: among its
        peers.
        """
        found = self.contributions(row)
        total = found.total[0]
        raising = [int(place) for place in np.argsort(-total, kind="stable") if total[place] > 0]
        reasons = told(features, row, usual, found, raising[:SHOWN], events_of)
        order = found.base + float(total.sum())
        chance = float(self._model.chance(np.array([order]))[0])

        def spared(rows: Singles) -> Floats:
            """The chance that nothing befalls."""
            return 1.0 - self._model.probability(rows)

        movable = [
            can_move(feature, value, middle)
            for feature, value, middle in zip(features, row.tolist(), usual.middle.tolist(), strict=True)
        ]
        lapsing = [able and mending_of(one) == "lapse" for able, one in zip(movable, features, strict=True)]
        halved = 1.0 - chance / 2
        change = nearest_change(row, usual, raising, movable, spared, halved)
        changes = [] if change is None else [(one.feature, one.before, one.after) for one in change.changes]
        lapses = by_time_alone(row, usual, lapsing, spared, halved)
        return Foretold(
            base=found.base,
            order=order,
            chance=chance,
            reasons=reasons,
            others=float(total.sum()) - sum(one.added for one in reasons),
            changes=tuple((features[place].name, before, after) for place, before, after in changes),
            lapses=lapses,
            way_out=halved_said(
                [(features[place], before, after) for place, before, after in changes], time_alone=lapses
            ),
        )


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
