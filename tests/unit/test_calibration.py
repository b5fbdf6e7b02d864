"""p-values, false discoveries and drift: that they mean what they say."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.arrays import Floats, Ints
from models.calibration.conformal import REACH, Calibration, fit_calibration, uniform
from models.calibration.discoveries import q_values, q_values_by
from models.calibration.drift import distance_from_uniform, drift_of, fit_profile
from models.calibration.tail import fit_tail
from models.peers import members, nearest, nodes, parents

PROBABILITIES = st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=80)


def drawn(count: int, seed: int) -> tuple[Floats, Ints]:
    rng = np.random.default_rng(seed)
    peers = rng.choice(np.array([1011, 1012, 2031]), count, p=[0.6, 0.35, 0.05])
    return rng.gamma(3.0, size=count) * (1 + peers % 3) + peers % 5, peers


# --- groups


def test_a_small_group_is_its_nearest_parent_s() -> None:
    peers = np.array([1011] * 50 + [1012] * 3 + [1021] * 2 + [3011], np.int64)
    known = nodes(peers, 10)
    assert list(known) == [0, 1000, 1010, 1011]
    asked = np.array([1011, 1012, 1021, 3011], np.int64)
    assert list(known[nearest(asked, known)]) == [1011, 1010, 1000, 0]
    assert [len(members(peers, int(node))) for node in known] == [56, 55, 53, 50]
    assert [list(level[:1]) for level in parents(asked)] == [[1011], [1010], [1000], [0]]


# --- p-values


def test_p_values_are_uniform_for_whoever_is_like_the_reference() -> None:
    pooled: dict[int, list[Floats]] = {}
    for seed in range(40):
        calibration = fit_calibration(*drawn(3000, seed))
        scores, peers = drawn(1000, 1000 + seed)
        p = calibration.p_values(scores, peers, np.arange(1000) + seed * 1000)
        for group in np.unique(peers):
            pooled.setdefault(int(group), []).append(p[peers == group][:50])
    for parts in pooled.values():
        p = np.concatenate(parts)
        assert distance_from_uniform(p) < 1.9 / np.sqrt(len(p))


def test_equal_scores_are_told_apart_by_their_marks_and_stay_uniform() -> None:
    calibration = fit_calibration(np.zeros(500), np.full(500, 1011))
    p = calibration.p_values(np.zeros(2000), np.full(2000, 1011), np.arange(2000))
    assert distance_from_uniform(p) < 0.05
    assert (p == calibration.p_values(np.zeros(2000), np.full(2000, 1011), np.arange(2000))).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_a_higher_score_never_has_a_higher_p(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    calibration = fit_calibration(rng.standard_t(3, size=size), np.full(size, 1011))
    asked = np.sort(rng.standard_t(2, size=200) * 3)
    p = calibration.p_values(asked, np.full(200, 1011), np.full(200, 7))
    assert (np.diff(p) <= 1e-12).all()
    assert (p > 0).all()
    assert (p <= 1).all()


def test_the_tail_goes_below_one_in_n_and_no_further_than_is_believed() -> None:
    scores = np.random.default_rng(2).exponential(size=2000)
    calibration = fit_calibration(scores, np.full(2000, 1011))
    p = calibration.p_values(np.array([12.0, 1e9]), np.full(2, 1011), np.zeros(2, np.int64))
    assert p[1] < p[0] < 1 / 2001
    assert p[1] == pytest.approx(1 / (REACH * 2001))
    assert 0.2 < p[0] / np.exp(-12.0) < 60


def test_tails_of_several_scales_are_not_taken_for_a_heavy_one() -> None:
    def scores(rng: np.random.Generator, peers: Ints) -> Floats:
        bulk, beyond = rng.random(len(peers)), rng.exponential(size=len(peers))
        return np.where(rng.random(len(peers)) < 0.05, 1.0 + beyond * np.where(peers == 1011, 0.5, 2.0), bulk)

    peers = np.repeat(np.array([1011, 2031], np.int64), 20_000)
    low = np.zeros(2)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        calibration = fit_calibration(scores(rng, peers), peers)
        p = calibration.p_values(scores(rng, peers), peers, np.arange(len(peers)))
        low += [(p[peers == group] < 1e-3).sum() for group in (1011, 2031)]
    assert (low > 5 * 20 * 0.5).all(), "of 100 expected in each group"
    assert (low < 5 * 20 * 1.3).all()


def bending(count: int, rng: np.random.Generator) -> Floats:
    """Scores that spread four times as wide in the highest hundredth, as those of the detector do."""
    scores = rng.exponential(size=count)
    bent: Floats = scores + 3.0 * np.maximum(scores - np.log(100.0), 0.0)
    return bent


def test_a_bend_of_the_scores_is_not_taken_for_a_heavy_tail() -> None:
    peers = np.repeat(np.array([1011, 2031], np.int64), [3000, 150])
    low, found = np.zeros(2), []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        calibration = fit_calibration(bending(len(peers), rng), peers)
        scores = bending(len(peers), rng)
        scores[:30] = 30.0 + 4.0 * rng.exponential(size=30)
        p = calibration.p_values(scores, peers, np.arange(len(peers)))
        low += [(p[30:][peers[30:] == group] < 1e-3).sum() for group in (1011, 2031)]
        found.append((q_values(calibration.cautious(p)) <= 0.1)[:30].mean())
    assert low[0] < 40 * 3 * 1.5, "of 120 expected"
    assert low[1] < 40 * 0.15 * 2.5, "of 6 expected"
    assert np.mean(found) > 0.9
    assert min(found) > 0.0, "no sample of the reference is silent"


def test_a_score_and_its_hazard_go_there_and_back() -> None:
    tail = fit_tail(np.sort(np.random.default_rng(3).standard_t(3, size=5000)))
    assert tail.shape > 0
    for hazard in (1.0, 3.0, 4.6, 4.61, 7.0, 12.0):
        assert tail.hazards(np.array([tail.score_at(hazard)]))[0] == pytest.approx(hazard)


def test_discoveries_by_cautious_p_values_keep_the_rate_with_something_to_spare() -> None:
    rates: dict[str, list[float]] = {"plain": [], "cautious": []}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        calibration = fit_calibration(rng.exponential(size=1500), np.full(1500, 1011))
        scores = rng.exponential(size=1500)
        scores[:40] += 9.0
        p = calibration.p_values(scores, np.full(1500, 1011), np.arange(1500))
        for name, values in (("plain", p), ("cautious", calibration.cautious(p))):
            found = q_values(values) <= 0.1
            assert found[:40].mean() > 0.5
            rates[name].append(found[40:].sum() / max(found.sum(), 1))
    assert np.mean(rates["cautious"]) < 0.09
    assert np.mean(rates["cautious"]) < np.mean(rates["plain"])


def test_a_calibration_comes_back_from_its_parts() -> None:
    calibration = fit_calibration(*drawn(2000, 3))
    again = Calibration.from_parts(calibration.parts())
    scores, peers = drawn(500, 4)
    marks = np.arange(500)
    assert (again.p_values(scores, peers, marks) == calibration.p_values(scores, peers, marks)).all()
    assert calibration.behind(1011) > 1000
    with pytest.raises(ValueError, match="to calibrate by"):
        fit_calibration(np.empty(0), np.empty(0, np.int64))


def test_chance_of_a_mark_is_even() -> None:
    chance = uniform(np.arange(20_000))
    assert distance_from_uniform(chance) < 0.015
    assert ((chance > 0) & (chance < 1)).all()


# --- discoveries


@given(PROBABILITIES)
def test_q_values_are_those_of_benjamini_and_hochberg(given_p: list[float]) -> None:
    p = np.array(given_p)
    q = q_values(p)
    for rate in (0.01, 0.1, 0.5):
        ordered = np.sort(p)
        below = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p) + 1e-15)
        bound = ordered[below[-1]] if len(below) else -1.0
        assert ((p <= bound) == (q <= rate + 1e-12)).all()


@given(PROBABILITIES, st.randoms(use_true_random=False))
def test_q_values_do_not_depend_on_order_and_never_fall_below_p(given_p: list[float], chance: random.Random) -> None:
    p = np.array(given_p)
    order = list(range(len(p)))
    chance.shuffle(order)
    assert q_values(p[order]) == pytest.approx(q_values(p)[order])
    assert (q_values(p) >= p - 1e-15).all()


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(1e-9, 1.0)), min_size=1, max_size=60))
def test_each_county_is_judged_by_itself(pairs: list[tuple[int, float]]) -> None:
    counties, p = np.array([one for one, _ in pairs]), np.array([two for _, two in pairs])
    q = q_values_by(counties, p)
    for county in np.unique(counties):
        assert q[counties == county] == pytest.approx(q_values(p[counties == county]))


def test_false_discoveries_stay_within_their_rate_and_true_ones_are_made() -> None:
    shares, recalls = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        calibration = fit_calibration(rng.gamma(3.0, size=5000), np.full(5000, 1011))
        scores = rng.gamma(3.0, size=4000)
        scores[:60] += 15 + 5 * rng.random(60)
        found = q_values(calibration.p_values(scores, np.full(4000, 1011), np.arange(4000))) <= 0.1
        shares.append(found[60:].sum() / max(found.sum(), 1))
        recalls.append(found[:60].mean())
    assert np.mean(shares) <= 0.12
    assert np.mean(recalls) >= 0.9


# --- drift


def test_drift_names_what_has_moved() -> None:
    rng = np.random.default_rng(5)
    before = rng.normal(size=(4000, 3)).astype(np.float32)
    after = rng.normal(size=(4000, 3)).astype(np.float32)
    after[:, 1] += 1.5
    after[:2000, 2] = np.nan
    profile = fit_profile(before)
    drift = drift_of(["still", "moved", "unknown"], profile, profile.counts(after), rng.random(4000))
    assert drift.stability["still"] < 0.02
    assert set(drift.drifted(0.25)) == {"moved", "unknown"}
    advice = drift.advice(0.25, 0.1)
    assert advice is not None
    assert "moved" in advice[0]
    assert "train again" in advice[1]


def test_without_drift_nothing_is_advised() -> None:
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(5000, 2)).astype(np.float32)
    profile = fit_profile(rows)
    counts = profile.counts(rows[:2500])
    drift = drift_of(["a", "b"], profile, counts, rng.random(2500))
    assert drift.advice(0.25, 0.1) is None
    assert drift_of(["a", "b"], profile, counts, rng.random(2500) ** 3).advice(0.25, 0.1) is not None
