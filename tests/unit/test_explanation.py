"""Reasons of a model's alert: they add up to the score, say what is so, and offer only what can be done."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from config.moments import DAY, parse_moment
from models.anomaly.detector import Detector
from models.anomaly.model import AnomalyModel
from models.arrays import Floats, Ints, Singles
from models.explanation import mending, usual
from models.explanation.contributions import AnomalyReasons, Contributions, MarginReasons
from models.explanation.explaining import Explainer, Explanation, Happened, told
from models.explanation.mending import Judge, by_time_alone, mending_of, nearest_change
from models.explanation.usual import Usual, Usuals
from models.explanation.wording import change_said, number, reason_said, value_said
from models.features.feature import Feature
from models.features.registry import FEATURES
from models.forecast.inputs import NAMES as KNOWN

NOW = parse_moment("2026-06-01T00:00:00Z")
NAMES = ("complaints_30", "complaints_365", "reports_missing", "capital_band", "age_years", "room_live", "county_rate")
SOME = tuple(feature for name in NAMES for feature in FEATURES if feature.name == name)
PEERS = 11_032  # any number of a group


class Fitted(NamedTuple):
    model: AnomalyModel
    values: Singles
    peers: Ints


@cache
def fitted() -> Fitted:
    """A model on ordinary rows: few complaints, reports filed."""
    rng = np.random.default_rng(3)
    rows = 3_000
    columns: list[Any] = [rng.poisson(rate, rows) for rate in (0.2, 0.8, 0.3)]
    columns += [rng.integers(10, 40, rows), rng.uniform(0, 20, rows), rng.poisson(1.5, rows), rng.uniform(0, 0.1, rows)]
    values = np.stack(columns, axis=1).astype(np.float32)
    values[rng.random(values.shape) < 0.02] = np.nan
    peers = np.full(rows, PEERS, np.int64)
    model = AnomalyModel.fit(
        values, peers, np.ones(rows, bool), 7, features=NAMES, sides=np.array([1, 1, 1, 0, 0, 1, 1], np.int64)
    )
    return Fitted(model, values, peers)


def usuals() -> Usuals:
    return Usuals(fitted().values, fitted().peers, np.arange(3_000))


@cache
def explainer() -> Explainer:
    return Explainer(fitted().model, SOME, usuals())


def odd_row() -> Singles:
    return np.array([9, 14, 0, 25, 8, 2, 0.05], np.float32)


def no_events(feature: Feature) -> Sequence[Happened]:
    return ()


def explained(row: Singles, threshold: float = 0.01, events: Sequence[Happened] = ()) -> Explanation:
    return explainer().explain(row, PEERS, 5, threshold, lambda feature: events)


# --- contributions


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_contributions_add_up_to_the_score_of_the_detector(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=3, size=(20, 7)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    detector: Detector = fitted().model.detector
    peers = np.full(20, PEERS, np.int64)
    found = _reasons().contributions(values, peers)
    assert found.base + found.total.sum(axis=1) == pytest.approx(detector.score(values, peers), rel=1e-5, abs=1e-5)
    assert found.total == pytest.approx(found.forest + found.tails)


@cache
def _reasons() -> AnomalyReasons:
    return AnomalyReasons(fitted().model.detector)


def test_the_odd_value_contributes_most() -> None:
    ordinary = fitted().values[0].copy()
    ordinary[np.isnan(ordinary)] = 0
    for place in (0, 2, 5):
        row = ordinary.copy()
        row[place] = 40
        found = _reasons().contributions(row[None, :], np.array([PEERS]))
        assert int(found.total[0].argmax()) == place


def test_contributions_add_up_to_the_log_odds_of_a_forecast() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(500, 5)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    labels = np.nan_to_num(values[:, 0]) + rng.normal(scale=0.5, size=500) > 0.7
    model = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(values, labels)
    found = MarginReasons(model).contributions(values[:40])
    assert found.base + found.total.sum(axis=1) == pytest.approx(model.decision_function(values[:40]), abs=1e-6)
    assert int(np.abs(found.total).mean(axis=0).argmax()) == 0


def test_what_departures_add_is_told_apart() -> None:
    row = np.array([6, 0, 0, 25, 8, 2, 0.05], np.float32)
    found = _reasons().contributions(row[None, :], np.array([PEERS]))
    added = fitted().model.detector.added(row[None, :], np.array([PEERS]))
    assert (found.departures == added.departures).all()
    assert (found.departures <= found.tails + 1e-9).all()


# --- the explanation


def test_a_departure_says_what_the_other_facts_let_expect() -> None:
    place = NAMES.index("complaints_30")
    nothing = np.zeros((1, len(NAMES)))
    added = nothing.copy()
    added[0, place] = 8.0
    expected = np.full(len(NAMES), 1.04, np.float32)
    departing = Contributions(0.0, added, nothing, added, added)
    (reason,) = told(SOME, odd_row(), usuals().of(PEERS), departing, [place], no_events, expected)
    assert reason.expected == pytest.approx(1.04)
    assert reason.said.zh.endswith("按其自身其他情况应约为 1 件")
    assert reason.said.en.endswith("its other facts let expect about 1")
    by_value = Contributions(0.0, added, nothing, added, nothing)
    (reason,) = told(SOME, odd_row(), usuals().of(PEERS), by_value, [place], no_events, expected)
    assert reason.expected is None
    assert "expect" not in reason.said.en


def test_an_explanation_says_value_peers_and_events() -> None:
    happened = [(NOW - 20 * DAY, "//12315", "c1"), (NOW - 5 * DAY, "//12315", "c2")]
    found = explained(odd_row(), events=happened)
    assert found.score == pytest.approx(float(fitted().model.detector.score(odd_row()[None, :], np.array([PEERS]))[0]))
    assert found.score == pytest.approx(found.base + sum(one.added for one in found.reasons) + found.others)
    assert found.p < 0.01
    first, second = found.reasons[:2]
    assert {first.feature, second.feature} == {"complaints_30", "complaints_365"}
    assert 0 < second.share <= first.share <= 1
    assert first.events == tuple(happened)
    assert first.added == pytest.approx(first.forest + first.tails)
    month = next(one for one in found.reasons if one.feature == "complaints_30")
    assert (month.value, month.low, month.high) == (9, 0, 1)
    assert "9 件" in month.said.zh
    assert "0 件 至 1 件" in month.said.zh
    assert "usual among peers: 0 to 1" in month.said.en
    assert found.peers == 3_000


def test_explanations_are_the_same_again() -> None:
    assert explained(odd_row()) == explained(odd_row())


def test_what_would_silence_it_does() -> None:
    found = explained(odd_row())
    assert found.changes
    row = odd_row()
    for name, before, after in found.changes:
        assert row[NAMES.index(name)] == before
        row[NAMES.index(name)] = after
    judged = fitted().model.judge(row[None, :], np.array([PEERS]), np.array([5]))
    assert judged.p[0] > 0.01


def test_time_alone_is_named_with_its_day() -> None:
    happened = [(NOW - 20 * DAY, "//12315", "c1")]
    found = explained(odd_row(), events=happened)
    assert found.lapses
    lapsed = dt.datetime.fromtimestamp((NOW + 346 * DAY) / 1e6, dt.UTC).date().isoformat()
    assert lapsed in found.way_out.zh
    assert f"lapses by {lapsed}" in found.way_out.en


def test_a_row_that_only_acts_can_mend_does_not_lapse() -> None:
    row = np.array([0, 1, 30, 25, 8, 2, 0.05], np.float32)
    found = explained(row, threshold=0.1)
    assert found.p < 0.1
    assert not found.lapses
    assert [name for name, _, _ in found.changes] == ["reports_missing"]
    ((_, before, after),) = found.changes
    assert before == 30
    assert 0 <= after < 30
    assert after == int(after)


def test_features_must_be_those_of_the_model() -> None:
    with pytest.raises(ValueError, match="not the features"):
        Explainer(fitted().model, SOME[::-1], usuals())


# --- the nearest change


def usual_of(middle: Sequence[float]) -> Usual:
    found = np.array(middle, np.float32)
    return Usual(found - 1, found, found + 1, 100)


def by_sum(limit: float) -> Judge:
    def judge(rows: Singles) -> Floats:
        return np.where(rows.sum(axis=1) <= limit, 0.5, 0.001)

    return judge


def test_one_feature_goes_no_further_than_needed() -> None:
    row = np.array([10, 4, 0], np.float32)
    change = nearest_change(row, usual_of([0, 0, 0]), [0, 1, 2], [True] * 3, by_sum(9), 0.01)
    assert change is not None
    assert [(one.feature, one.before, one.after) for one in change.changes] == [(1, 4.0, 0.0)] or change.p > 0.01
    assert len(change.changes) == 1


def test_pairs_come_where_no_single_one_suffices() -> None:
    row = np.array([10, 10, 10], np.float32)
    change = nearest_change(row, usual_of([0, 0, 0]), [2, 1, 0], [True] * 3, by_sum(12), 0.01)
    assert change is not None
    assert len(change.changes) == 2
    none = nearest_change(row, usual_of([0, 0, 0]), [2, 1, 0], [True] * 3, by_sum(5), 0.01)
    assert none is None


def test_what_cannot_change_is_never_offered() -> None:
    row = np.array([10, 4, np.nan], np.float32)
    change = nearest_change(row, usual_of([0, 0, 0]), [0, 1, 2], [False, True, True], by_sum(4), 0.01)
    assert change is None
    lapsing = by_time_alone(row, usual_of([0, 0, 0]), [True, False, True], by_sum(99), 0.01)
    assert not lapsing  # NaN stays NaN: what is not known is not made up


@pytest.mark.parametrize("feature", FEATURES, ids=lambda one: one.name)
def test_every_feature_says_how_it_can_change(feature: Feature) -> None:
    mending = mending_of(feature)
    if feature.name.endswith("_rate") or feature.name in ("capital_band", "name_length", "is_individual", "same_day"):
        assert mending == "never"
    if feature.name.startswith(("complaints_", "penalties_", "adverse_")):
        assert mending == "lapse"
    if feature.name in ("reports_missing", "abnormal_now", "ties", "lead_load"):
        assert mending == "act"


def test_time_makes_no_count_greater_and_nobody_younger() -> None:
    by_name = {feature.name: feature for feature in FEATURES}
    assert mending.can_move(by_name["complaints_30"], 5, 1)
    assert not mending.can_move(by_name["complaints_30"], 0, 1)
    assert mending.can_move(by_name["age_years"], 1, 9)
    assert not mending.can_move(by_name["age_years"], 20, 9)
    assert mending.can_move(by_name["reports_missing"], 0, 1)
    assert not mending.can_move(by_name["same_day"], 9, 0)
    assert not mending.can_move(by_name["complaints_30"], math.nan, 1)


def test_the_table_of_acts_names_features_that_exist() -> None:
    listed = mending._ACTED_ON | mending._LAPSING | mending._GROWING  # noqa: SLF001 - held against the registry
    assert set(listed) <= set(KNOWN)


# --- what is usual


def test_of_a_large_group_the_same_sample_is_taken_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usual, "MOST_PEERS", 300)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_000, 3)).astype(np.float32)
    peers, marks = np.full(1_000, 11_032), rng.permutation(1_000)
    order = rng.permutation(1_000)
    one = Usuals(values, peers, marks).of(11_032)
    other = Usuals(values[order], peers[order], marks[order]).of(11_032)
    assert one.middle.tolist() == other.middle.tolist()
    assert one.middle == pytest.approx(np.median(values[marks < 300], axis=0))
    assert one.peers == 1_000


def test_usual_is_that_of_the_group_or_of_its_parent() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_000, 3)).astype(np.float32)
    values[:, 2] = np.nan
    peers = np.where(np.arange(1_000) < 990, 11_032, 11_041).astype(np.int64)
    usuals = Usuals(values, peers, np.arange(1_000))
    own = usuals.of(11_032)
    assert own.peers == 990
    assert own.middle[:2] == pytest.approx(np.median(values[:990, :2], axis=0))
    assert math.isnan(own.middle[2])
    assert usuals.of(11_041).peers == 1_000
    order = rng.permutation(1_000)
    assert Usuals(values[order], peers[order], order).of(11_032).high[:2].tolist() == own.high[:2].tolist()


# --- words


def test_values_are_said_with_their_units() -> None:
    by_name = {feature.name: feature for feature in FEATURES}
    assert value_said(by_name["complaints_30"], 3).zh == "3 件"
    said = {band: value_said(by_name["capital_band"], band) for band in (1, 2, 26.4, 41, 81)}
    assert [one.zh for one in said.values()] == [
        *("不足 1,000 元", "约 1,000 元", "约 100 万元", "约 8,000 万元", "约 80,000 亿元"),
    ]
    assert said[26.4].en == "about 1,000,000 yuan"
    assert value_said(by_name["days_since_report"], 400).en == "400 days"
    assert value_said(by_name["county_rate"], 0.125).zh == "12.5 %"
    assert value_said(by_name["tax_irregular"], 1).en == "yes"
    assert value_said(by_name["tax_irregular"], 0).zh == "否"
    assert value_said(by_name["complaints_30"], math.nan).en == "not known"
    assert (number(12345.6), number(0.1234), number(7.0)) == ("12,346", "0.123", "7")


def test_sentences_hold_where_little_is_known() -> None:
    feature = SOME[0]
    assert "not known of peers" in reason_said(feature, 1, math.nan, math.nan, 0.5).en
    assert reason_said(feature, 1, 0, 0, 0.5).en.endswith("usual among peers: 0; 50 % of the score")
    assert "一两项不足以消除" in change_said([], time_alone=False, lapses=None).zh
    assert "in time" in change_said([(feature, 3, 1)], time_alone=True, lapses=None).en
