"""Reasons of a forecast: they add up to what it orders by, and say what raises an enterprise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from models.arrays import Singles
from models.explanation.foretelling import ForecastReasons
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
    usual = Usuals(rows(), np.full(ROWS, 11_032), np.arange(ROWS)).of(11_032)
    row = np.zeros(len(FEATURES), np.float32)
    row[RECORDS], row[RECENT] = 4, 3.9
    reasons = ForecastReasons(model()).reasons(row, usual, FEATURES, lambda feature: [(0, "//source", "p1")])
    assert reasons[0].feature == "records_fading_365"
    assert reasons[0].said.zh
    assert reasons[0].events == ((0, "//source", "p1"),)
    assert sum(one.share for one in reasons) <= 1.0 + 1e-9
    assert all(one.added > 0 for one in reasons)
