"""Reasons of a forecast: they add up to what it orders by, and say what raises an enterprise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from models.arrays import Singles
from models.explanation.foretelling import ForecastReasons, Foretold
from models.explanation.usual import Usuals
from models.forecast.inputs import FEATURES, NAMES
from models.forecast.model import ForecastModel

ROWS = 1_500
RECORDS, RECENT = NAMES.index("records"), NAMES.index("records_fading_365")


@cache
def rows() -> Singles:
    rng = np.random.default_rng(2)
    values = rng.poisson(0.6, (ROWS, len(FEATURES))).astype(np.float32)
    values[:, RECENT] = values[:, RECORDS] * rng.random(ROWS)
    return values


@cache
def model() -> ForecastModel:
    values = rows()
    truth = values[:, RECENT] + np.random.default_rng(3).normal(scale=0.4, size=ROWS) > 0.8
    return ForecastModel.fit(values, truth, np.ones(ROWS), 1)


def test_contributions_add_up_to_the_order_with_and_without_a_record() -> None:
    found = ForecastReasons(model())
    order = model().order(rows())
    recorded = rows()[:, RECORDS] > 0
    chosen = [*np.flatnonzero(recorded)[:10], *np.flatnonzero(~recorded)[:10]]
    assert len(chosen) == 20
    for place in chosen:
        one = found.contributions(rows()[place])
        assert one.base + one.total.sum() == pytest.approx(order[place], abs=1e-5)
        assert one.total == pytest.approx(one.forest + one.tails)


def test_the_recency_of_records_is_the_reason_where_it_is_what_counts() -> None:
    told = explained(4, 3.9)
    assert told.reasons[0].feature == "records_fading_365"
    assert told.reasons[0].said.zh
    assert told.reasons[0].events == ((0, "//source", "p1"),)
    assert sum(one.share for one in told.reasons) <= 1.0 + 1e-9
    assert all(one.added > 0 for one in told.reasons)
    assert told.base + sum(one.added for one in told.reasons) + told.others == pytest.approx(told.order)


def test_the_nearest_change_does_halve_the_chance_and_is_said_in_both_languages() -> None:
    told = explained(4, 3.9)
    assert told.changes
    changed = row_of(4, 3.9)
    for name, before, after in told.changes:
        assert changed[NAMES.index(name)] == np.float32(before)
        changed[NAMES.index(name)] = after
    assert told.chance == pytest.approx(float(model().probability(row_of(4, 3.9)[None, :])[0]), abs=1e-5)
    assert float(model().probability(changed[None, :])[0]) < told.chance / 2
    assert "减半" in told.way_out.zh
    assert "halves the chance" in told.way_out.en
    assert told.lapses
    assert "halves in time" in told.way_out.en


def test_where_nothing_is_unusual_there_is_no_way_out_to_offer() -> None:
    usual = Usuals(rows(), np.full(ROWS, 11_032), np.arange(ROWS)).of(11_032)
    told = ForecastReasons(model()).explain(usual.middle, usual, FEATURES, lambda feature: [])
    assert not told.changes
    assert not told.lapses
    assert "不足以" in told.way_out.zh


def row_of(records: float, recent: float) -> Singles:
    row = np.zeros(len(FEATURES), np.float32)
    row[RECORDS], row[RECENT] = records, recent
    return row


def explained(records: float, recent: float) -> Foretold:
    usual = Usuals(rows(), np.full(ROWS, 11_032), np.arange(ROWS)).of(11_032)
    return ForecastReasons(model()).explain(
        row_of(records, recent), usual, FEATURES, lambda feature: [(0, "//source", "p1")]
    )
