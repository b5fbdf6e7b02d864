"""What would silence a model's alert: the nearest change towards what is usual, and whether time alone brings it.

Only what can change is offered: an act of the enterprise (a report filed, a listing repaired, a role left) or the lapse
of a window. The search is over single features, then pairs, and draws nothing at random.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final, Literal

import msgspec
import numpy as np

from models.arrays import Floats, Ints, Singles
from models.explanation.usual import Usual
from models.features.feature import Feature

Mending = Literal["act", "lapse", "never"]
"""How a feature comes back to what is usual: by what somebody does, by time alone, or not at all."""

Judge = Callable[[Singles], Floats]
"""From rows of changed values of one enterprise to its p-value for each."""

_WINDOW: Final = re.compile(r"_(\d+)$").search
_LAPSING: Final = frozenset({"penalties_trend", "adverse_burst", "abnormal_days"})
_ACTED_ON: Final = frozenset(
    {
        *("reports_missing", "tax_irregular", "days_since_report", "days_since_contact", "evidence_since_contact"),
        *("abnormal_now", "dishonest_now", "defaulter_now", "penalties", "address_found", "address_residential"),
        *("room_live", "room_bad_share", "room_same_capital", "lead_load", "lead_bad", "lead_defaulters"),
        *("ties", "ties_risk_share", "core", "phone_others"),
    }
)
_GROWING: Final = frozenset({"age_years", "days_since_penalty", "days_since_record"})
"""What time alone makes greater; everything else that lapses falls."""

MOST_IN_PAIRS: Final = 8
"""Pairs are formed of so many features, those that contribute most."""

_STEPS: Final = (0.25, 0.5, 0.75, 1.0)


class Changed(msgspec.Struct, frozen=True):
    """One feature of a change: its place among the columns, and the value from which and to which it goes."""

    feature: int
    before: float
    after: float


class Change(msgspec.Struct, frozen=True):
    """The nearest change that silences an alert: of one feature or two; `p` is the p-value then."""

    changes: tuple[Changed, ...]
    p: float


def mending_of(feature: Feature) -> Mending:
    """How a feature can change. Windows lapse; registrations, rates of others and the past do not change."""
    if feature.name in _ACTED_ON:
        return "act"
    if feature.name in _LAPSING or _WINDOW(feature.name) or feature.name in _GROWING:
        return "lapse"
    return "never"


def can_move(feature: Feature, value: float, middle: float) -> bool:
    """Whether a feature can come from a value to what is usual: time makes no count greater and nobody younger."""
    mending = mending_of(feature)
    if feature.name in _GROWING:
        return value < middle
    return mending == "act" or (mending == "lapse" and abs(middle) < abs(value))


def window_of(feature: Feature) -> int | None:
    """The days after which a happening counts no more in a feature; None where it has no window."""
    found = _WINDOW(feature.name)
    return int(found[1]) if found and not feature.name.startswith("penalties_weighted") else None


def nearest_change(
    row: Singles, usual: Usual, order: Sequence[int], can_change: Sequence[bool], judge: Judge, threshold: float
) -> Change | None:
    """The smallest change of one feature, else of two, after which the p-value is above `threshold`; None for none.

    `order`: the places of features, those that contribute most first. Each goes a quarter of the way to its peers'
    median at a time; whole numbers stay whole. Small is measured in the peers' range from the 5th to the 95th
    percentile.
    """
    places = [
        place
        for place in order
        if can_change[place] and not np.isnan(row[place]) and not np.isnan(usual.middle[place])
        if row[place] != usual.middle[place]
    ]
    for size, candidates in ((1, places), (2, places[:MOST_IN_PAIRS])):
        ways = [way for way in combinations(candidates, size)]
        found = _silencing(row, usual, ways, judge, threshold)
        if found is not None:
            return found
    return None


def by_time_alone(row: Singles, usual: Usual, lapsing: Sequence[bool], judge: Judge, threshold: float) -> bool:
    """Whether the alert would be silent once every feature that lapses is as is usual among peers."""
    changed = row.copy()
    mask = np.asarray(lapsing) & ~np.isnan(row) & ~np.isnan(usual.middle)
    changed[mask] = usual.middle[mask]
    return bool(mask.any()) and float(judge(changed[None, :])[0]) > threshold


def _silencing(
    row: Singles, usual: Usual, ways: Sequence[tuple[int, ...]], judge: Judge, threshold: float
) -> Change | None:
    """Of the ways that silence when gone to the end, the one with the least distance, gone no further than needed."""
    if not ways:
        return None
    ends = judge(np.array([_moved(row, usual, way, 1.0) for way in ways]))
    working = [way for way, p in zip(ways, ends.tolist(), strict=True) if p > threshold]
    if not working:
        return None
    tried = [(way, step, _moved(row, usual, way, step)) for way in working for step in _STEPS]
    ps = judge(np.array([changed for _, _, changed in tried])).tolist()
    _, _, p, changed, way = min(
        (
            (_distance(row, changed, usual, way), number, p, changed, way)
            for number, ((way, _, changed), p) in enumerate(zip(tried, ps, strict=True))
            if p > threshold
        ),
        key=lambda one: one[:2],
    )
    return Change(tuple(Changed(place, float(row[place]), float(changed[place])) for place in way), p)


def _moved(row: Singles, usual: Usual, way: Sequence[int], step: float) -> Singles:
    """A row with some features a part of the way to the peers' median."""
    found = row.copy()
    for place in way:
        value, middle = float(row[place]), float(usual.middle[place])
        moved = value + step * (middle - value)
        whole = value == round(value) and middle == round(middle)
        found[place] = (np.floor(moved) if middle < value else np.ceil(moved)) if whole else moved
    return found


def _distance(row: Singles, changed: Singles, usual: Usual, way: Sequence[int]) -> float:
    places: Ints = np.array(way, np.int64)
    spread = usual.high[places] - usual.low[places]
    scale = np.where(spread > 0, spread, np.maximum(np.abs(row[places] - usual.middle[places]), 1e-9))
    return float((np.abs(changed[places] - row[places]) / scale).sum())
