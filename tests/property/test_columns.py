"""Columns kept between cuts are those of all histories gathered at once, however often work was given up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.ruleset import Rules
from models.features.facts import Facts, joined, narrowed
from models.pieces import finished
from monitor.modelling import columns
from monitor.modelling.columns import Columns, Histories
from monitor.modelling.gathering import facts_of
from tests.engine import Engine, shipped_rules
from tests.property.chaos import make_chaos
from tests.property.test_features import recorded_later

seeds = st.integers(0, 2**32 - 1)
ON_SMALL_PARTS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BATCH", 4)


def as_lists(facts: Facts) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(facts, name) for name in ("refs", "leads", "weak")}
    for name in ("registrations", "happenings"):
        found |= {f"{name} {key}": column for key, column in msgspec.structs.asdict(getattr(facts, name)).items()}
    assert {column.dtype for column in found.values()} == {np.dtype(np.int64)}
    return {name: column.tolist() for name, column in found.items()}


@ON_SMALL_PARTS
@given(seeds)
def test_columns_that_are_kept_are_those_gathered_at_once(seed: int) -> None:
    chance = random.Random(seed)
    lines = recorded_later(make_chaos(seed, enterprises=14, events=160), seed)
    engine, kept = Engine(), Columns()
    while lines:
        count = chance.choice((1, 3, 30, 80))
        engine.take(lines[:count])
        lines = lines[count:]
        given_up = kept.renew(Histories.of(engine.flow))
        for _ in range(chance.randrange(3)):
            next(given_up, None)
        given_up.close()
        if chance.random() < 0.7:
            found = finished(kept.renew(Histories.of(engine.flow)))
            assert as_lists(found) == as_lists(facts_of(engine.flow))


@ON_SMALL_PARTS
@given(seeds)
def test_what_comes_between_pieces_is_not_in_the_columns(seed: int) -> None:
    chance = random.Random(seed)
    lines = recorded_later(make_chaos(seed, enterprises=14, events=160), seed)
    engine, kept = Engine().take(lines[:100]), Columns()
    wanted, found = as_lists(facts_of(engine.flow)), []

    def work() -> Iterator[None]:
        found.append((yield from kept.renew(Histories.of(engine.flow))))

    pieces = work()
    for start in range(100, 160, 20):
        for _ in range(1 + chance.randrange(3)):
            next(pieces, None)
        engine.take(lines[start : start + 20])
    for _ in pieces:
        pass
    assert [as_lists(one) for one in found] == [wanted]
    assert as_lists(finished(kept.renew(Histories.of(engine.flow)))) == as_lists(facts_of(engine.flow))


def test_other_trust_in_sources_reads_all_anew() -> None:
    lines = recorded_later(make_chaos(3, enterprises=14, events=160), 3)
    engine, kept = Engine().take(lines), Columns()
    before = finished(kept.renew(Histories.of(engine.flow)))
    text = shipped_rules().text
    assert text.count('trusted_kind_sources: ["*"]') == 1
    engine.flow.use(Rules(text.replace('trusted_kind_sources: ["*"]', "trusted_kind_sources: [//nobody]")))
    after = finished(kept.renew(Histories.of(engine.flow)))
    assert as_lists(after) == as_lists(facts_of(engine.flow))
    assert as_lists(after) != as_lists(before)


def test_the_same_columns_take_the_same_room_however_often_they_are_renewed() -> None:
    lines = recorded_later(make_chaos(5, enterprises=14, events=400), 5)
    engine, kept = Engine(), Columns()
    for one in lines:
        engine.take([one])
        finished(kept.renew(Histories.of(engine.flow)))
    at_once = Columns()
    finished(at_once.renew(Histories.of(engine.flow)))
    assert kept.size == at_once.size


def test_narrow_columns_are_the_same_numbers() -> None:
    engine = Engine().take(recorded_later(make_chaos(7, enterprises=14, events=160), 7))
    facts = facts_of(engine.flow)
    narrow = narrowed(facts)
    assert narrow.registrations.opening.dtype == np.int8
    assert as_lists(joined([narrow])) == as_lists(facts)
