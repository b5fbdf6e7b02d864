"""Outcomes of tasks as labels: what they say and when, and that the control sample takes away a bias that is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.modelling import ADVERSE
from config.moments import DAY, end_of_day
from config.ruleset import load
from models.arrays import Mask
from models.features.facts import Facts
from models.features.present import Present
from models.forecast.checking import selection
from models.forecast.inputs import inputs_of
from models.forecast.labels import befallen, drawn
from models.forecast.lots import HALF_BELIEVED, estimated, lot_weights
from models.forecast.model import ForecastModel
from models.forecast.outcomes import HOLDS, NO_OUTCOMES, Found, Outcomes
from models.forecast.stacking import stacked
from monitor.events import acts
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.learning import outcomes_of
from monitor.modelling.reading import read_flow
from monitor.store.reader import looking
from monitor.store.work import taskreader
from tests.forecasting import BEGIN, CUTOFF, DAYS, Event, facts_of, penalty, population
from tests.unit.web_home import KEY, filled, writing

NOT_DISCLOSED, UNREACHABLE = 2, 8
WEEK = 7 * DAY


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return facts_of(tmp_path_factory.mktemp("few") / "events.jsonl", population(4))


def names(facts: Facts, mask: Mask) -> list[int]:
    return [int(ref) for ref in facts.refs[mask]]


def test_an_outcome_is_a_label_within_its_span_and_as_it_was_known_then(few: Facts) -> None:
    first, second = int(few.refs[0]), int(few.refs[1])
    closed = CUTOFF - 100 * DAY
    outcomes = Outcomes.of(
        [
            Found(first, closed, closed, closed + WEEK, 0, drawn=False),  # nothing found, and corrected a week later
            Found(first, closed, closed + WEEK, HOLDS, NOT_DISCLOSED, drawn=False),
            Found(second, closed, closed, HOLDS, 0, drawn=True),
        ]
    )

    def found(after: int, now: int, adverse: tuple[str, ...] = ("inspection",)) -> list[int]:
        return names(few, befallen(Present(few, now), adverse, after, outcomes))  # type: ignore[arg-type]

    assert found(closed - DAY, closed + DAY) == []
    assert found(closed - DAY, closed + WEEK) == [first]
    assert found(closed, closed + WEEK) == []
    assert found(closed - DAY, closed + WEEK, ("unreachable",)) == []
    assert names(few, drawn(Present(few, closed + DAY), closed - DAY, outcomes)) == [second]
    assert names(few, drawn(Present(few, closed - 1), closed - DAY, outcomes)) == []


def test_without_a_draw_every_row_counts_one() -> None:
    none = np.zeros(6, bool)
    assert lot_weights(np.arange(6), none, none).tolist() == [1.0] * 6
    assert estimated(np.arange(6), none, none, none) is None


def test_those_drawn_gain_what_the_others_of_their_stratum_lose() -> None:
    counties = np.repeat([330106, 330108], [1_000, 3_000])
    recorded = np.arange(4_000) % 10 == 0
    lot = np.arange(4_000) % 20 < 2
    weights = lot_weights(counties, recorded, lot)
    believed = 400 / (400 + HALF_BELIEVED)
    for county, size in ((330106, 1_000), (330108, 3_000)):
        for known in (False, True):
            here = (counties == county) & (recorded == known)
            assert weights[here].sum() == pytest.approx(here.sum())
            assert weights[here & ~lot] == pytest.approx(1 - believed)
        assert weights[counties == county].sum() == pytest.approx(size)


def test_a_fair_sample_says_how_much_is_found() -> None:
    rng = np.random.default_rng(4)
    fault = rng.random(40_000) < 0.3
    recorded = rng.random(40_000) < 0.2
    lot = rng.random(40_000) < np.where(recorded, 0.2, 0.05)  # plans draw those with records more often
    seen = lot | (rng.random(40_000) < 0.1)
    fair = estimated(np.zeros(40_000, np.int64), recorded, lot, fault & seen)
    assert fair is not None
    assert fair[0] == pytest.approx(0.3, abs=0.02)
    assert fair[1] == pytest.approx(0.03, abs=0.01)


def test_closed_tasks_of_a_home_are_outcomes_with_their_corrections(tmp_path: Path) -> None:
    home = filled(tmp_path)
    with looking(home) as reader:
        tasks = [one for one in taskreader.read(reader.connection) if len(one["enterprises"]) == 1]
        shared = next(one for one in taskreader.read(reader.connection) if len(one["enterprises"]) > 1)
    control = next(one for one in tasks if one["control"])
    plain = next(one for one in tasks if not one["control"])
    with writing(home) as runner:

        def act(kind: Any, task: dict[str, Any], data: Any = acts.Act, **given: Any) -> None:
            with looking(home) as reader:
                told = taskreader.one(reader.connection, task["id"])
            assert told is not None
            runner.act(kind, task["id"], data(officer="O-1", seen=told["seen"], **given))

        for task in (control, plain, shared):
            act(acts.TaskAssigned, task, acts.AssignmentData, assignees=["O-1", "O-2"])
            for kind in (acts.TaskDispatched, acts.TaskAccepted, acts.TaskVisited, acts.TaskReviewed):
                act(kind, task)
        act(acts.TaskClosed, control, acts.ClosingData, outcome="unreachable")
        act(acts.TaskClosed, plain, acts.ClosingData, outcome="false_alarm", reason="同名")
        act(acts.TaskClosed, plain, acts.ClosingData, outcome="not_disclosed")
        act(acts.TaskClosed, shared, acts.ClosingData, outcome="not_disclosed")
    with looking(home) as reader:
        flow, codes = read_flow(reader.connection, home.snapshots, Pseudonymiser([KEY]), load())
        found = outcomes_of(reader.connection, flow)
    rows = sorted(
        (codes[int(ref)], int(results), bool(lot), int(until) == HOLDS)
        for ref, results, lot, until in zip(found.refs, found.results, found.drawn, found.until, strict=True)
    )
    assert rows == sorted(
        [
            (control["target"], UNREACHABLE, True, True),
            (plain["target"], 0, False, False),
            (plain["target"], NOT_DISCLOSED, False, True),
        ]
    )


# -- a bias that is known: two trades with as many faults; authorities look at one of them alone ----------------------

SIZE = 900
FAULTS = 0.25
LOOKED_AT = 0.6
DRAWS_A_MONTH = 60


def half_years() -> int:
    return DAYS // 182


def world(seed: int) -> tuple[list[Event], list[tuple[int, int, bool]]]:
    """Events of enterprises whose half-years are good or bad with one chance in both trades, of whom the bad ones of
    the first trade are mostly penalised; and what monthly draws among all find: number, moment, whether it was bad.
    """
    rng = np.random.default_rng(seed)
    made = [one for one in population(SIZE, seed) if one["type"] == "registration.established"]
    for number, one in enumerate(made):
        one["data"]["industry"] = ("C1310", "F5211")[number % 2]
    bad = rng.random((SIZE, half_years() + 1)) < FAULTS
    for number, half in zip(*np.nonzero(bad[:, : half_years()]), strict=True):
        if number % 2 == 0 and rng.random() < LOOKED_AT:
            day = BEGIN + dt.timedelta(days=int(half) * 182 + int(rng.integers(0, 182)))
            made.append(penalty(f"forecast-{number:04d}", day, f"p{number}-{half}"))
    found = []
    for month in range(DAYS // 30):
        at = month * 30 + 15
        found += [
            (int(number), end_of_day(BEGIN + dt.timedelta(days=at)), bool(bad[number, at // 182]))
            for number in rng.choice(SIZE, DRAWS_A_MONTH, replace=False)
        ]
    return made, found


def gap(facts: Facts, outcomes: Outcomes, weights: bool = True) -> float:
    """How much likelier, in logits, a model thinks faults in the trade that is looked at; in truth they are equal."""
    stack = stacked(facts, ADVERSE, CUTOFF, 1, outcomes)
    counted = stack.weights if weights else np.ones(len(stack.truth))
    model = ForecastModel.fit(stack.values, stack.truth, counted, 1)
    inputs = inputs_of(facts, CUTOFF)
    new = inputs.column("records") == 0
    logits = model.everybody.logit(inputs.values)
    first = np.arange(len(facts))[inputs.places] % 2 == 0
    return float(np.median(logits[first & new]) - np.median(logits[~first & new]))


def test_weighting_the_control_sample_takes_away_most_of_a_known_bias(tmp_path: Path) -> None:
    events, draws = world(5)
    facts = facts_of(tmp_path / "events.jsonl", events)
    order = {f"forecast-{number:04d}": number for number in range(SIZE)}
    assert len(facts.refs) == len(order)
    outcomes = Outcomes.of(
        [
            Found(int(facts.refs[number]), at, at, HOLDS, NOT_DISCLOSED if bad else 0, drawn=True)
            for number, at, bad in draws
        ]
    )
    blind, unweighted, weighted = gap(facts, NO_OUTCOMES), gap(facts, outcomes, weights=False), gap(facts, outcomes)
    assert blind > 1.5
    assert abs(weighted) < 0.5 * blind
    assert abs(weighted) < abs(unweighted)
    past, now = CUTOFF - 182 * DAY, Present(facts, CUTOFF)
    card = selection(now, inputs_of(facts, past), befallen(now, ADVERSE, past, outcomes), outcomes)
    assert card["outcomes_of_control_sample"] > 300
    assert card["found_of_it"] < 0.75 < card["if_all_were_inspected"] / FAULTS
