"""What rules and the forecast foresaw: signals as of a date, and figures against what followed, by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from sqlalchemy import select

from config.moments import end_of_day
from config.ruleset import load
from detectors.registry import all_detectors
from models.features.facts import Facts
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.foreseeing import counted_as_of, foreseen
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS
from tests.forecasting import CUTOFF, UNTIL, facts_of, population
from tests.unit.web_home import CLOCK, KEY, filled

RULES = load()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("foreseen"))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return facts_of(tmp_path_factory.mktemp("facts") / "events.jsonl", population(300))


def counted(home: Home, moment: int) -> dict[str, set[str]]:
    with looking(home) as reader:
        return counted_as_of(reader.connection, Pseudonymiser([KEY]), RULES, moment)


def test_as_of_now_they_count_what_the_home_counts(home: Home) -> None:
    query = select(SIGNAL_MEMBERS.c.detector, ENTERPRISES.c.code).join(
        ENTERPRISES, ENTERPRISES.c.ref == SIGNAL_MEMBERS.c.enterprise
    )
    of_models = {detector.id for detector in all_detectors() if detector.at_cut}
    stored: dict[str, set[str]] = {}
    with looking(home) as reader:
        for detector, code in reader.connection.execute(query):
            if detector not in of_models:
                stored.setdefault(detector, set()).add(code)
    assert len(stored) > 2
    assert counted(home, CLOCK) == stored


def test_before_anything_happened_nothing_was_counted(home: Home) -> None:
    assert counted(home, end_of_day(dt.date(1999, 1, 1))) == {}


def test_rules_are_held_against_what_followed(facts: Facts) -> None:
    codes = {int(ref): f"forecast-{number:04d}" for number, ref in enumerate(facts.refs)}
    found = foreseen(facts, codes, {"one": ["forecast-0004", "NOBODY"], "none": ["NOBODY"]}, RULES, CUTOFF, UNTIL, 1)
    assert set(found.rules) == {"one"}
    assert found.forecast is not None
    truth = dict(zip(codes.values(), found.forecast.truth.tolist(), strict=True))
    one = found.rules["one"]
    assert (one.found, one.true, one.enterprises) == (1, int(truth["forecast-0004"]), 300)
    assert one.positives == sum(truth.values()) == found.forecast.found.befallen
    assert found.base == pytest.approx(np.mean(list(truth.values())))
    assert found.value()["forecast"]["befallen"] == one.positives


def test_where_the_log_is_too_short_for_a_forecast_rules_are_judged_all_the_same(facts: Facts) -> None:
    codes = {int(ref): str(ref) for ref in facts.refs}
    early = end_of_day(dt.date(2020, 6, 1))
    some = [codes[int(ref)] for ref in facts.refs[:50]]
    found = foreseen(facts, codes, {"some": some}, RULES, early, end_of_day(dt.date(2021, 6, 1)), 1)
    assert found.forecast is None
    assert "/" in found.value()["forecast"]["failure"]
    assert found.rules["some"].found == 50
