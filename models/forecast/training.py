"""From facts to a forecast with its figures: learned up to a date, checked and calibrated on the last twelve months.

A first model learns up to a year before the date, and is held against what came of that year; the slope of its
calibration goes to the second model, which learns up to the date itself and is shifted to the rate of that year.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from config.modelling import Adverse
from config.moments import DAY, as_text
from models.arrays import Mask
from models.features.facts import Facts
from models.features.present import Present
from models.forecast.checking import baseline_scores, calibration, compared, days_between, rates, selection, year_of
from models.forecast.inputs import Inputs, inputs_of
from models.forecast.labels import befallen, first_of_all
from models.forecast.model import ForecastModel
from models.forecast.outcomes import NO_OUTCOMES, Outcomes
from models.forecast.stacking import HALF_YEAR, LEAST_WARMING, Stack, stacked

YEAR: Final = 365
_LEAST_CHECKED: Final = 90


class Trained(msgspec.Struct, frozen=True):
    """A model, what it learned from, what it foretells about as of the date, and what was measured before that date."""

    model: ForecastModel
    stack: Stack
    inputs: Inputs
    figures: dict[str, Any]


def trained(
    facts: Facts, adverse: Sequence[Adverse], as_of: int, seed: int, outcomes: Outcomes = NO_OUTCOMES
) -> Trained:
    """A model of what was known at `as_of`; `outcomes` of tasks are labels beside the events. The same facts and seed
    give the same model. Raises ValueError where the log is too short.
    """
    facts = facts.as_of(as_of)
    span = _checked_span(facts, adverse, as_of)
    date = as_of - span * DAY
    early = stacked(facts, adverse, date, seed, outcomes)
    first = ForecastModel.fit(early.values, early.truth, early.weights, seed)
    past = _live(inputs_of(facts, date))
    end = Present(facts, as_of)
    truth = befallen(end, adverse, date, outcomes)[past.places]
    order = first.order(past.values)
    first = first.calibrated(order, truth, span)
    chances = first.chance(order)
    figures: dict[str, Any] = {
        "checked_from": as_text(date),
        "checked_to": as_text(as_of),
        "checked_days": span,
        **compared(order, baseline_scores(past, Present(facts, date), early), truth),
        "calibration": calibration(chances, truth),
        "selection": selection(end, past, truth, outcomes),
        **rates(past, chances, truth),
    }
    stack = stacked(facts, adverse, as_of, seed, outcomes)
    model = ForecastModel.fit(stack.values, stack.truth, stack.weights, seed)
    inputs = _live(inputs_of(facts, as_of))
    model = msgspec.structs.replace(model, slope=first.slope, span=first.span)
    model = model.anchored(model.order(inputs.values), float(year_of(truth.mean(), span)))
    figures["learned_rows"], figures["learned_dates"] = len(stack.truth), len(stack.dates)
    return Trained(model, stack, inputs, figures)


def _checked_span(facts: Facts, adverse: Sequence[Adverse], as_of: int) -> int:
    """Days before the date that are kept for checking: a year, or what a shorter log can spare."""
    first = first_of_all(facts, adverse, as_of)
    spare = 0 if first is None else days_between(first, as_of) - HALF_YEAR - LEAST_WARMING
    if spare < _LEAST_CHECKED:
        least = HALF_YEAR + LEAST_WARMING + _LEAST_CHECKED
        raise ValueError(
            f"至该日不良记录须跨 {least} 天以上才能训练，请给更早的事件 / adverse records must span {least} days up to "
            "that date: give earlier events, or a later date"
        )
    return min(YEAR, spare)


def _live(inputs: Inputs) -> Inputs:
    """The rows of live enterprises."""
    live: Mask = inputs.live
    return msgspec.structs.replace(
        inputs,
        **{name: getattr(inputs, name)[live] for name in ("places", "values", "peers", "counties", "kinds", "live")},
    )


def probe_rows(inputs: Inputs, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows spread over all, for the self-test of a model."""
    return np.unique(np.linspace(0, len(inputs.places) - 1, count).astype(np.int64))
