"""The anomaly detector: what it finds unusual, that it is the same each time, and that it beats a plain forest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly.detector import Detector
from models.anomaly.findings import Limits, Scored, score_all
from models.anomaly.isolation import Isolation
from models.anomaly.model import AnomalyModel
from models.anomaly.scaling import MOST, UNUSED, fit_scaling
from models.anomaly.shadow import agreement
from models.anomaly.tails import fit_tails
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


def test_features_that_go_together_count_once_among_the_strongest() -> None:
    rng = np.random.default_rng(6)
    one = np.abs(rng.normal(size=(4000, 1))).astype(np.float32)
    scaled = np.hstack([one, one, one, np.abs(rng.normal(size=(4000, 2))).astype(np.float32)])
    tails = fit_tails(scaled, np.ones(5, np.int64))
    row = np.full((1, 5), 3.0, np.float32)
    added = tails.contributions(row)
    assert tails.strongest_sum(added)[0] == pytest.approx(float(added[0, 0] + added[0, 3] + added[0, 4]))
    assert list(np.flatnonzero(tails.strongest(added)[0])) == [0, 3, 4]


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
    added = detector.tail_contributions(values, peers).sum(axis=1)
    assert forest + added - detector.offset == pytest.approx(detector.score(values, peers), abs=1e-6)


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
