"""The forecast: learns what repeats, sees nothing of what came later, and is kept only with its figures."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.modelling import ADVERSE
from config.moments import DAY, end_of_day
from models import keeping
from models.evaluation.forecast import Judged, compare, evaluate
from models.features.facts import Facts
from models.features.present import Present
from models.forecast import storing
from models.forecast.baselines import hits_at
from models.forecast.inputs import FEATURES, NAMES, inputs_of
from models.forecast.labels import befallen
from models.forecast.stacking import HALF_YEAR, dates_before
from models.forecast.training import Trained, trained
from models.keeping import ModelError
from tests.forecasting import CUTOFF, UNTIL, Event, event, facts_of, penalty, population


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return population()


@pytest.fixture(scope="module")
def facts(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return facts_of(tmp_path_factory.mktemp("forecast") / "events.jsonl", events)


@pytest.fixture(scope="module")
def learned(facts: Facts) -> Trained:
    return trained(facts, ADVERSE, CUTOFF, 3)


@pytest.fixture(scope="module")
def judged(facts: Facts) -> Judged:
    return evaluate(facts, ADVERSE, CUTOFF, UNTIL, 3)


def file_of(one: Trained) -> tuple[bytes, keeping.Card]:
    return storing.packed(one, as_of="2022-12-31T23:59:59+08:00", seed=3, adverse=ADVERSE, data={})


def test_what_came_or_became_known_after_the_cutoff_changes_nothing(
    events: list[Event], learned: Trained, tmp_path: Path
) -> None:
    later = [
        penalty("forecast-0001", dt.date(2023, 2, 1), "later"),
        penalty("forecast-0002", dt.date(2022, 3, 1), "learnt-later", recorded=dt.date(2023, 1, 5)),
        event("forecast-0003", "registration.changed", dt.date(2023, 5, 1), "moved", {"industry": "C2710"}),
        event("forecast-0004", "registration.revoked", dt.date(2023, 6, 1), "revoked", {}),
        event("forecast-0005", "credit.repaired", dt.date(2023, 6, 1), "repaired", {"documents": ["p5-0", "p5-1"]}),
        event(
            "forecast-new",
            "registration.established",
            dt.date(2023, 1, 2),
            "new",
            {"name": "新", "kind": "enterprise", "address": {"text": "浙江省杭州市"}, "persons": []},
        ),
    ]
    before = [one for one in events if one["time"] < "2023"]
    told = trained(facts_of(tmp_path / "told.jsonl", [*before, *later]), ADVERSE, CUTOFF, 3)
    assert file_of(told)[0] == file_of(learned)[0]
    assert np.array_equal(told.inputs.values, learned.inputs.values, equal_nan=True)
    assert told.figures == learned.figures


def test_an_earlier_event_does_change_it(events: list[Event], learned: Trained, tmp_path: Path) -> None:
    more = [*events, penalty("forecast-0001", dt.date(2022, 2, 1), "told")]
    told = trained(facts_of(tmp_path / "told.jsonl", more), ADVERSE, CUTOFF, 3)
    assert file_of(told)[0] != file_of(learned)[0]


def test_no_date_looks_beyond_the_end(facts: Facts) -> None:
    dates = dates_before(facts, ADVERSE, CUTOFF)
    assert dates[-1] + HALF_YEAR * DAY == CUTOFF
    assert list(dates) == sorted(set(dates))


def test_it_finds_several_times_what_chance_would_and_its_chances_hold(judged: Judged) -> None:
    found = judged.found
    assert found.befallen > 50
    ours, counted = found.orders["forecast"]["10%"], found.orders["most_so_far"]["10%"]
    assert ours.lift > 2
    assert ours.hits > 0.9 * counted.hits
    rows = sum(row["rows"] for row in found.calibration)
    foretold = sum(row["rows"] * row["chance"] for row in found.calibration)
    assert rows == found.enterprises
    assert foretold == pytest.approx(found.befallen, rel=0.3)


def test_it_tells_apart_those_whom_counting_cannot(judged: Judged) -> None:
    never = judged.orders["most_so_far"] == 0
    order, truth = judged.orders["forecast"][never], judged.truth[never]
    middle = np.median(order)
    assert truth[order > middle].mean() > 1.5 * truth[order <= middle].mean()


def test_evaluations_are_repeated_exactly(facts: Facts, judged: Judged) -> None:
    assert msgspec.json.encode(evaluate(facts, ADVERSE, CUTOFF, UNTIL, 3).found) == msgspec.json.encode(judged.found)


def test_a_model_goes_through_its_folder(learned: Trained, tmp_path: Path) -> None:
    file, card = file_of(learned)
    folder = keeping.keep(tmp_path, file, card)
    found, model = storing.opened(folder)
    assert found.figures["checked_days"] == 365
    assert {"selection", "by_kind", "by_size", "calibration", "beats"} <= set(found.figures)
    assert np.array_equal(model.order(learned.inputs.values), learned.model.order(learned.inputs.values))


def test_one_that_does_not_beat_the_baselines_cannot_be_promoted(learned: Trained, tmp_path: Path) -> None:
    figures = {**learned.figures, "beats_baselines": False, "beats": {"most_so_far": False}}
    file, card = file_of(msgspec.structs.replace(learned, figures=figures))
    with pytest.raises(ModelError, match="most_so_far"):
        storing.promotable(keeping.keep(tmp_path, file, card))


def test_a_short_log_is_refused_with_what_is_missing(facts: Facts) -> None:
    with pytest.raises(ValueError, match="364"):
        trained(facts, ADVERSE, end_of_day(dt.date(2020, 10, 1)), 3)


def test_what_is_repaired_or_not_asked_for_is_no_label(tmp_path: Path) -> None:
    day = dt.date(2023, 3, 1)
    made = [
        penalty("enterprise-a", day, "one"),
        event("enterprise-a", "credit.repaired", dt.date(2023, 4, 1), "repair", {"documents": ["one"]}),
        penalty("enterprise-b", day, "two"),
        event("enterprise-c", "enforcement.inspected", day, "three", {"results": ["unreachable"]}),
        event("enterprise-d", "enforcement.abnormal_listed", day, "four", {"ground": "report"}),
        event("enterprise-e", "enforcement.inspected", day, "five", {"results": ["none_found"], "random": True}),
        event("enterprise-f", "enforcement.inspected", day, "six", {"results": ["not_disclosed"], "random": True}),
    ]
    present = Present(facts_of(tmp_path / "events.jsonl", made), UNTIL)
    assert befallen(present, ADVERSE, CUTOFF).tolist() == [False, True, True, True, False, True]
    assert befallen(present, ("penalised",), CUTOFF).tolist() == [False, True, False, False, False, False]


def test_hits_share_out_equal_scores() -> None:
    scores = np.array([3.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    truth = np.array([True, True, False, False, False, True, False, False, False, False])
    assert hits_at(scores, truth, (0.1, 0.3, 0.5, 1.0)).tolist() == [1.0, 1.5, 2.0, 3.0]


def test_an_order_against_itself_has_a_ratio_of_one() -> None:
    rng = np.random.default_rng(1)
    scores, truth = rng.random(500), rng.random(500) < 0.2
    for one in compare(scores, scores, truth, 1).values():
        assert (one.ratio, one.low, one.high) == (1.0, 1.0, 1.0)


def test_recurrence_by_hand(tmp_path: Path) -> None:
    now = end_of_day(dt.date(2023, 1, 31)) - 1
    made = [
        penalty("enterprise-a", dt.date(2023, 1, 1), "one"),
        penalty("enterprise-a", dt.date(2023, 1, 1), "two"),
        penalty("enterprise-a", dt.date(2022, 10, 3), "three"),
        penalty("enterprise-b", dt.date(2022, 1, 31), "four"),
    ]
    inputs = inputs_of(facts_of(tmp_path / "events.jsonl", made), now)

    def of(name: str) -> list[float]:
        return [round(float(value), 4) for value in inputs.column(name)]

    assert of("records") == [3, 1]
    assert of("records_90") == [2, 0]
    assert of("days_since_record") == [30, 365]
    assert of("record_span") == [90, 0]
    assert of("record_gap") == [90, 3650]
    assert of("days_fading_60") == [round(0.5 ** (30 / 60) + 0.5 ** (120 / 60), 4), round(0.5 ** (365 / 60), 4)]
    assert of("record_quarters") == [2, 1]
    assert of("record_kinds") == [1, 1]
    assert len(NAMES) == len(set(NAMES)) == len(FEATURES) == inputs.values.shape[1]
