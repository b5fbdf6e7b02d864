"""Rows to learn from: features as of many past dates under one another, each with what followed.

No row's outcome lies later than the date that is asked, and features are as they were known on their own date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from config.modelling import Adverse
from config.moments import DAY
from models.arrays import Floats, Mask, Singles
from models.features.facts import Facts
from models.features.present import Present
from models.forecast.inputs import inputs_of
from models.forecast.labels import befallen, drawn, first_of_all
from models.forecast.lots import lot_weights
from models.forecast.outcomes import NO_OUTCOMES, Outcomes

HALF_YEAR: Final = 184
"""Days that rows of learning look ahead: twice as many fresh dates as a year gives, and the same order."""

STEP: Final = 30
"""Days between two dates."""

WARMING: Final = 300
"""Days of records without which features of recurrence say little; fewer where the log is short."""

MOST_DATES: Final = 18
LEAST_WARMING: Final = 90
_QUIET_SHARE: Final = 0.15
_QUIET_LEAST: Final = 5_000
_QUIET_MOST: Final = 30_000
"""Rows a date without any record that are learned from, a share within bounds; each stands for as many more."""


class Stack(msgspec.Struct, frozen=True):
    """Rows with their outcome and weight, and the dates that they are of."""

    values: Singles
    truth: Mask
    weights: Floats
    dates: tuple[int, ...]


def dates_before(facts: Facts, adverse: Sequence[Adverse], end: int) -> tuple[int, ...]:
    """Dates to learn from whose half-year ends at `end` or before, ascending. Raises ValueError where the log is too
    short.
    """
    first = first_of_all(facts, adverse, end)
    last = end - HALF_YEAR * DAY
    if first is None or last - first < LEAST_WARMING * DAY:
        raise ValueError(
            f"至该日不良记录不足 {HALF_YEAR + LEAST_WARMING} 天，无法训练；请给更早的事件 / fewer than "
            f"{HALF_YEAR + LEAST_WARMING} days of adverse records up to that date: give earlier events"
        )
    warm = min(first + WARMING * DAY, (first + LEAST_WARMING * DAY + last) // 2)
    count = min(MOST_DATES, 1 + (last - warm) // (STEP * DAY))
    return tuple(last - place * STEP * DAY for place in reversed(range(count)))


def stacked(facts: Facts, adverse: Sequence[Adverse], end: int, seed: int, outcomes: Outcomes = NO_OUTCOMES) -> Stack:
    """The rows of the dates before `end`: all with a record, all drawn by lot, and a sample of the others."""
    dates = dates_before(facts, adverse, end)
    parts = [
        _of_date(facts, adverse, date, np.random.default_rng((seed, place)), outcomes)
        for place, date in enumerate(dates)
    ]
    return Stack(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        dates,
    )


def _of_date(
    facts: Facts, adverse: Sequence[Adverse], date: int, rng: np.random.Generator, outcomes: Outcomes
) -> tuple[Singles, Mask, Floats]:
    inputs = inputs_of(facts, date)
    later = Present(facts, date + HALF_YEAR * DAY)
    truth = befallen(later, adverse, date, outcomes)[inputs.places]
    recorded = inputs.column("records") > 0
    lot = drawn(later, date, outcomes)[inputs.places] & inputs.live
    quiet = inputs.live & ~recorded & ~lot
    number = max(int(quiet.sum()), 1)
    share = min(max(_QUIET_SHARE, _QUIET_LEAST / number), _QUIET_MOST / number, 1.0)
    chosen = inputs.live & (~quiet | (rng.random(len(quiet)) < share))
    weights = np.where(quiet, 1.0 / share, 1.0)
    weights[inputs.live] *= lot_weights(inputs.counties[inputs.live], recorded[inputs.live], lot[inputs.live])
    return inputs.values[chosen], truth[chosen], weights[chosen]
