"""Anomalies planted as events: rows that a register can bring forth, and what is found of them where facts are few."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from config.moments import DAY
from models.anomaly.findings import Limits
from models.arrays import Ints, Mask
from models.evaluation import stories
from models.evaluation.anomalies import planted, planted_trials, story_trials
from models.features.computing import Matrix, compute
from models.features.facts import NOT_GIVEN, Facts, Happenings, Registrations, What
from models.features.registry import place_of

NOW = 20_000 * DAY
FINE = 2 << 4 | 5


@cache
def register() -> Facts:
    """A stock of unknown age with penalties of four years alone, some enterprises with very many."""
    rng, count = np.random.default_rng(1), 12_000
    fined = rng.poisson(0.25 * rng.pareto(1.6, count))
    owner = np.repeat(np.arange(count), fined)
    at = NOW - rng.integers(0, 4 * 365 * DAY, len(owner))
    order = np.lexsort((at, owner))
    owner, at = owner[order], at[order]
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(fined) - fined, fined) + 1

    def rows(many: int, **columns: int) -> list[Ints]:
        return [np.full(many, columns.get(name, NOT_GIVEN), np.int64) for name in Registrations.__struct_fields__]

    stock = rows(count, turn=0, at=-(1 << 51), known=-(1 << 51), opening=1, kind=0, leads_from=0, leads_to=0)
    stock[0] = np.arange(count)
    nothing = np.zeros(len(owner), np.int64)
    happened = Happenings(owner, turn, at, at, nothing + What.PENALISED, nothing + FINE, nothing)
    none = np.zeros(0, np.int64)
    return Facts(np.arange(1, count + 1), Registrations(*stock), happened, none, none)


@cache
def rows_of() -> Matrix:
    return compute(register(), NOW)


def test_a_register_of_penalties_tells_stories_of_penalties_alone() -> None:
    assert stories.told_in(register()) == ("penalties in a burst", "penalties out of nowhere")
    empty = register().only()
    assert stories.told_in(empty) == ()
    with pytest.raises(ValueError, match="no events"):
        stories.cast(empty, np.arange(3), np.random.default_rng(1))
    trials = story_trials(empty, compute(empty, NOW), *_asked(), seeds=(0,))
    assert trials == {}


def test_nobody_with_a_record_is_fined_out_of_nowhere() -> None:
    facts = register()
    roles = stories.cast(facts, np.arange(400), np.random.default_rng(2))
    recorded = set(facts.happenings.owner.tolist())
    told = {name: {place for place, role in roles.items() if role == name} for name in stories.told_in(facts)}
    assert told["penalties out of nowhere"]
    assert not told["penalties out of nowhere"] & recorded
    assert told["penalties in a burst"] & recorded


def test_events_are_added_to_the_chosen_alone_and_in_their_order() -> None:
    facts = register()
    roles = {7: "penalties in a burst", 40: "moving on and on"}
    told = stories.planted_events(facts, NOW, roles, 6, np.random.default_rng(3))
    table = told.happenings
    assert (np.diff(table.owner) >= 0).all()
    assert all((np.diff(table.at[table.owner == place]) >= 0).all() for place in (6, 7, 8))
    before, after = rows_of(), compute(told, NOW)
    own = [place_of(name) for name in ("penalties", "penalties_365", "adverse_90", "adverse_burst", "moves_1095")]
    differing = np.flatnonzero((before.values[:, own] != after.values[:, own]).any(axis=1))
    assert differing.tolist() == [7, 40]
    assert after.values[7, place_of("adverse_90")] >= 6
    assert after.values[40, place_of("moves_1095")] == 5, "the first room is no move"
    for less, more in (("adverse_90", "penalties_365"), ("penalties_365", "penalties_1095")):
        assert (after.values[:, place_of(less)] <= after.values[:, place_of(more)]).all()


def test_what_a_register_does_not_know_is_not_planted() -> None:
    matrix = rows_of()
    values = planted(matrix.values, np.arange(200), np.random.default_rng(4))
    unknown = np.isnan(matrix.values).all(axis=0)
    assert unknown.any()
    assert ((values[:200] != matrix.values[:200]) & ~np.isnan(values[:200])).sum(axis=1).mean() > 4


def _asked() -> tuple[Ints, Mask, Callable[[int], Limits]]:
    """Marks, reference and limits of the register's rows."""
    matrix = rows_of()
    return matrix.refs * 7919, matrix.live, lambda _: Limits(0.1, 200)


def test_where_facts_are_few_great_bursts_and_rows_that_cannot_be_are_found() -> None:
    matrix, (marks, live, limits) = rows_of(), _asked()
    values = planted_trials(matrix, marks, live, limits, (0, 1))
    assert values.recall > 0.8
    assert values.false_discovery_rate < 0.15
    told = story_trials(register(), matrix, marks, live, limits, (0, 1))
    assert set(told) == {"small", "middle", "great"}
    assert told["great"].recall > 0.5
    assert told["great"].false_discovery_rate < 0.15
    for one in told["great"].trials:
        assert sum(count for count, _ in one.stories.values()) == one.planted
        assert sum(hits for _, hits in one.stories.values()) == one.true
