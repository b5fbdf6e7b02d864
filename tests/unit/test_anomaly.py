"""The anomaly detector: what it finds unusual, that it is the same each time, and that it beats a plain forest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from models.anomaly.departures import fit_departures
from models.anomaly.detector import Detector
from models.anomaly.findings import Limits, Scored, score_all
from models.anomaly.isolation import Isolation
from models.anomaly.model import AnomalyModel
from models.anomaly.rarity import Rarity
from models.anomaly.scaling import MOST, UNUSED, fit_scaling
from models.anomaly.shadow import agreement
from models.anomaly.tails import USUAL, fit_tails
from models.arrays import Ints, Mask, Singles
from models.evaluation import adbench
from models.features.computing import Matrix

FEATURES = 8
GROUPS = np.array([1011, 1012, 2011], np.int64)


def rows(count: int, seed: int) -> tuple[Singles, Ints]:
    """Ordinary rows of three peer groups, each on another scale, a tenth of the values not known."""
    rng = np.random.default_rng(seed)
    peers = rng.choice(GROUPS, count)
    values = rng.normal(size=(count, FEATURES)) * (1 + peers[:, None] % 3) + peers[:, None] % 7
    values[rng.random(values.shape) < 0.1] = np.nan
    return values.astype(np.float32), peers


@cache
def fitted() -> AnomalyModel:
    values, peers = rows(3000, 1)
    names = [f"f{number}" for number in range(FEATURES)]
    return AnomalyModel.fit(
        values, peers, np.ones(len(values), bool), 5, features=names, sides=np.zeros(FEATURES, np.int64)
    )


def matrix(values: Singles, peers: Ints, *, live: Mask | None = None, counties: Ints | None = None) -> Matrix:
    count = len(values)
    counties = np.full(count, 330106) if counties is None else counties
    return Matrix(0, np.arange(1, count + 1), values, peers, counties, np.ones(count, bool) if live is None else live)


def found_in(rows_of: Matrix, rate: float = 0.1, most: int = 1000) -> Scored:
    marks = rows_of.refs * 7919
    return score_all(rows_of, marks, fitted(), lambda _: Limits(rate, most))


# --- scaling and tails


def test_a_value_stands_on_the_scale_of_its_peers() -> None:
    values, peers = rows(6000, 2)
    scaling = fit_scaling(values, peers, np.zeros(FEATURES, np.int64), 100)
    scaled = scaling.apply(values, peers)
    for group in GROUPS:
        mine = scaled[peers == group]
        assert np.abs(np.median(mine, axis=0)).max() < 0.15
        assert 0.7 < mine.std() < 1.2


def test_what_is_not_known_is_ordinary() -> None:
    values, peers = rows(500, 3)
    values[:] = np.nan
    scaling = fit_scaling(*rows(500, 3), np.zeros(FEATURES, np.int64), 100)
    assert not scaling.apply(values, peers).any()


def test_a_harmless_side_and_an_unused_feature_are_nothing_unusual() -> None:
    values, peers = rows(800, 4)
    sides = np.array([1, -1, UNUSED, 0, 0, 0, 0, 0], np.int64)
    scaled = fit_scaling(values, peers, sides, 100).apply(values, peers)
    assert scaled[:, 0].min() == 0 < scaled[:, 0].max()
    assert scaled[:, 1].max() == 0 > scaled[:, 1].min()
    assert not scaled[:, 2].any()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50))
def test_further_out_never_adds_less(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    scaled = rng.normal(size=(400, 3)).astype(np.float32)
    tails = fit_tails(scaled, np.array([1, -1, 0], np.int64))
    near = np.zeros((1, 3), np.float32) + rng.normal(size=3).astype(np.float32)
    far = near + np.float32(step) * tails.sides.astype(np.float32)
    assert (tails.contributions(far) >= tails.contributions(near)).all()
    assert (tails.ranked(far) >= tails.ranked(near) - np.float32(1e-5)).all()


def test_features_that_go_together_count_once_among_the_strongest() -> None:
    rng = np.random.default_rng(6)
    one = np.abs(rng.normal(size=(4000, 1))).astype(np.float32)
    scaled = np.hstack([one, one, one, np.abs(rng.normal(size=(4000, 2))).astype(np.float32)])
    tails = fit_tails(scaled, np.ones(5, np.int64))
    row = np.full((1, 5), 3.0, np.float32)
    added = tails.contributions(row)
    counted = float(added[0, 0] + added[0, 3] + added[0, 4]) - 3 * USUAL
    assert tails.strongest_sum(added)[0] == pytest.approx(counted)
    assert list(np.flatnonzero(tails.strongest(added)[0])) == [0, 3, 4]
    assert tails.strongest(added).sum() == pytest.approx(counted)


def test_three_ordinary_values_do_not_outweigh_a_rare_one() -> None:
    scaled = np.abs(np.random.default_rng(17).normal(size=(4000, 5))).astype(np.float32)
    tails = fit_tails(scaled, np.ones(5, np.int64))
    modest, rare = np.quantile(scaled, [0.96, 0.999], axis=0)
    rows = np.stack([modest, np.r_[rare[0], np.zeros(4)]]).astype(np.float32)
    sums = tails.strongest_sum(tails.contributions(rows))
    assert sums[0] < 1.0 < sums[1]


def test_by_ranks_a_heavy_tail_is_no_rarer_than_it_is() -> None:
    scaled = (np.random.default_rng(18).pareto(1.2, (20_000, 1))).astype(np.float32)
    tails = fit_tails(scaled, np.ones(1, np.int64))
    for share in (0.009, 0.003, 0.001, 0.0006):
        row = np.full((1, 1), np.quantile(scaled, 1 - share), np.float32)
        assert tails.ranked(row)[0, 0] == pytest.approx(-np.log(share), abs=0.15)
    far = np.full((1, 1), np.quantile(scaled, 0.9999), np.float32)
    assert tails.contributions(far)[0, 0] > tails.ranked(far)[0, 0] + 3


# --- departures from what the other facts let expect


def ordinary(count: int, seed: int) -> Singles:
    """Two features that go together, whole numbers of which most are 0, and two by themselves."""
    rng = np.random.default_rng(seed)
    level = rng.exponential(size=count)
    first, second = rng.poisson(level), rng.poisson(level)
    return np.column_stack([first + second, second, rng.normal(size=(count, 2))]).astype(np.float32)


def test_departures_are_those_of_a_ridge_regression_on_normal_scores() -> None:
    scaled = ordinary(700, 19)
    departures = fit_departures(scaled, np.zeros(4, np.int64))
    scores = np.empty(scaled.shape)
    for feature, column in enumerate(np.round(np.clip(scaled.T.astype(float), -MOST, MOST) * 64) / 64):
        ranks = [((column < value).sum() + (column <= value).sum()) / 2 for value in column]
        scores[:, feature] = norm.ppf(np.array(ranks) / len(column))
    centred = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    count = len(centred)
    for feature in range(4):
        others = np.delete(centred, feature, axis=1)
        penalty = 0.2 / 0.8 * count * np.eye(3)
        weights = np.linalg.solve(others.T @ others + penalty, others.T @ centred[:, feature])
        left = centred[:, feature] - others @ weights
        expected = scores[:, feature] - left * scores[:, feature].std()
        assert departures.remaining(scaled)[:, feature] == pytest.approx(left, abs=0.02)
        known = departures.expected(scaled)[:, feature]
        below = (scaled[:, feature] < known[:, None] - 1 / 64).sum(axis=1) / count
        assert (norm.ppf(np.clip(below, 1e-9, 1 - 1e-9)) <= expected + 0.02).all()


def test_what_remains_of_a_row_is_the_same_in_any_order() -> None:
    scaled = ordinary(3000, 20)
    departures = fit_departures(scaled, np.ones(4, np.int64))
    order = np.random.default_rng(1).permutation(3000)
    whole = departures.contributions(scaled)
    assert (departures.contributions(scaled[order]) == whole[order]).all()
    assert all((departures.contributions(scaled[place : place + 1]) == whole[place]).all() for place in range(0, 99))


def test_usual_values_that_do_not_go_together_are_unusual() -> None:
    values = ordinary(6000, 21)
    peers = np.full(6000, 1011)
    values[:5, 0], values[:5, 1] = 0.0, 7.0
    detector = Detector.fit(values[5:], peers[5:], 1, sides=np.ones(4, np.int64))
    added = detector.added(values, peers)
    scores = detector.score(values, peers)
    assert scores[:5].min() > np.quantile(scores, 0.998)
    assert (added.departures[:5].argmax(axis=1) == 1).all()
    assert (detector.expected(values[:5], peers[:5])[:, 1] < 2).all(), "and there are seven"


# --- forest and detector


def test_the_forest_scores_as_scikit_learn_does() -> None:
    detector = fitted().detector
    values, peers = rows(500, 7)
    scaled = np.clip(detector.scaling.apply(values, peers), -MOST, MOST)
    ours = Isolation.of(detector.isolation.forest).score(scaled)
    assert ours == pytest.approx(-detector.isolation.forest.score_samples(scaled), abs=1e-12)


def test_the_same_rows_and_seed_give_the_same_detector() -> None:
    values, peers = rows(900, 8)
    one, other = (Detector.fit(values, peers, 3) for _ in range(2))
    assert (one.score(values, peers) == other.score(values, peers)).all()
    assert (one.score(values, peers) != Detector.fit(values, peers, 4).score(values, peers)).any()


def test_a_score_does_not_depend_on_the_rows_beside_it() -> None:
    values, peers = rows(4100, 9)
    detector = fitted().detector
    alone = [detector.score(values[place : place + 1], peers[place : place + 1])[0] for place in (0, 2047, 2048, 4099)]
    assert alone == pytest.approx([detector.score(values, peers)[place] for place in (0, 2047, 2048, 4099)], abs=1e-12)


def test_contributions_of_tails_are_what_the_tails_add() -> None:
    detector = fitted().detector
    values, peers = rows(300, 10)
    values[:50] *= 9
    scaled = detector.scaling.apply(values, peers)
    forest = detector.forest_weight * detector.isolation.score(np.clip(scaled, -MOST, MOST))
    added = detector.added(values, peers)
    scores = forest + added.forest + added.by_feature.sum(axis=1) - detector.offset
    assert scores == pytest.approx(detector.score(values, peers), abs=1e-6)
    for way in (added.forest, added.departures.sum(axis=1)):
        assert way.any(), "each way says most somewhere"


def test_rarity_is_that_of_the_share_beyond() -> None:
    part = np.random.default_rng(22).exponential(3.0, 50_000)
    rarity = Rarity.of(part)
    assert not rarity.beyond(np.quantile(part, [0.5, 0.989])).any()
    assert rarity.beyond(np.quantile(part, [0.997, 0.9995])) == pytest.approx(np.log([0.01 / 0.003, 20.0]), abs=0.2)
    assert not Rarity.of(np.zeros(200)).beyond(np.zeros(3)).any()


def test_too_few_rows_teach_nothing() -> None:
    values, peers = rows(150, 11)
    with pytest.raises(ValueError, match="无法训练"):
        AnomalyModel.fit(
            values, peers, np.ones(150, bool), 1, features=["x"] * FEATURES, sides=np.zeros(FEATURES, np.int64)
        )


# --- findings


def test_planted_rows_are_found_and_others_hardly() -> None:
    values, peers = rows(6000, 12)
    values[:60, :4] = 40.0
    found = {one.row for one in found_in(matrix(values, peers)).found}
    assert len(found & set(range(60))) >= 50
    assert len(found - set(range(60))) <= 0.25 * len(found)


def test_nothing_planted_hardly_anything_found() -> None:
    total = sum(len(found_in(matrix(*rows(3000, seed))).found) for seed in range(100, 105))
    assert total <= 5


def test_the_order_of_the_rows_changes_nothing() -> None:
    values, peers = rows(2000, 13)
    values[:30, :4] = 40.0
    whole = matrix(values, peers, counties=np.where(np.arange(2000) % 2, 330106, 330108))
    order = np.random.default_rng(1).permutation(2000)
    mixed = Matrix(0, *(getattr(whole, name)[order] for name in ("refs", "values", "peers", "counties", "live")))

    def told(scored: Scored) -> set[tuple[int, float, float]]:
        return {(one.ref, one.p, one.q) for one in scored.found}

    assert told(found_in(whole)) == told(found_in(mixed)) != set()


def test_only_live_ones_are_found_and_no_more_than_a_county_bears() -> None:
    values, peers = rows(3000, 14)
    values[:60, :4] = 40.0
    live = np.ones(3000, bool)
    live[:20] = False
    found = found_in(matrix(values, peers, live=live), most=7).found
    assert len(found) == 7
    assert all(20 <= one.row < 60 for one in found)
    assert all(one.contributions and one.contributions[0][1] > 0 for one in found)


def test_nobody_live_nothing_found() -> None:
    values, peers = rows(5, 15)
    assert found_in(matrix(values, peers, live=np.zeros(5, bool))).found == []


def test_a_model_agrees_with_itself() -> None:
    values, peers = rows(2000, 15)
    values[:30, :4] = 40.0
    scored = found_in(matrix(values, peers))
    told = agreement(scored, scored)
    assert (told.both, told.in_force_alone, told.challenger_alone) == (len(scored.found), 0, 0)
    assert told.correlation == pytest.approx(1.0)
    with pytest.raises(ValueError, match="other rows"):
        agreement(scored, found_in(matrix(values[:100], peers[:100])))


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ([1, 2, 2, 3], [1, 3, 3, 9], 1.0),
        ([3, 1, 2, 2], [9, 1, 3, 3], 1.0),
        ([1, 2, 2, 3], [2, 1, 2, 3], 0.5),
        ([5, 5], [7, 7], 1.0),
        ([5, 5], [7, 8], 0.0),
        ([], [], 1.0),
    ],
)
def test_equal_scores_share_their_rank(one: list[float], other: list[float], wanted: float) -> None:
    mine, theirs = (
        Scored(np.arange(len(some)), np.array(some, float), np.ones(len(some)), []) for some in (one, other)
    )
    assert agreement(mine, theirs).correlation == pytest.approx(wanted)


# --- benchmark sets


def test_the_table_of_benchmark_sets(tmp_path: Path) -> None:
    rng = np.random.default_rng(16)
    for name, shift in (("near", 2.5), ("far", 6.0)):
        values = rng.normal(size=(400, 5))
        values[:20, :3] += shift
        np.savez(tmp_path / f"{name}.npz", X=values, y=np.r_[np.ones(20), np.zeros(380)])
    table = adbench.table(dict(adbench.compare_all(tmp_path, seeds=(0, 1))))
    assert list(table.sets) == ["far", "near"]
    assert table.sets["far"].ours > 0.99
    assert table.mean.ours == pytest.approx((table.sets["far"].ours + table.sets["near"].ours) / 2)
    assert table.mean.ours > table.mean.isolation_forest - 0.02


def test_a_folder_without_sets_and_a_file_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no \.npz sets"):
        adbench.sets_in(tmp_path)
    np.savez(tmp_path / "odd.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="no set with X and y"):
        adbench.compare(tmp_path / "odd.npz")
