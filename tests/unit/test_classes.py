"""Classes by single cases: what counts how long, what is marked, what is forgiven, and the way up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config import scorecards
from config.moments import parse_moment, shanghai_date
from monitor.classing.book import ClassBook
from monitor.classing.items import Reckoning
from monitor.classing.reckoning import Standing
from monitor.classing.repairs import advice_on, months_later
from monitor.classing.ways import way_up
from tests.engine import Engine, Raw, event, lines

CARDS = scorecards.load()
NOW = "2025-06-15T12:00:00+08:00"
CODE = "E0001"


def opened(kind: str = "enterprise", industry: str = "A0111", text: str = "") -> Raw:
    data = {"name": "甲", "kind": kind, "address": {"text": text}, "persons": [], "industry": industry}
    return event(CODE, "registration.established", "2015-01-01T00:00:00+08:00", **data)


def told(kind: str, day: str, **data: Any) -> Raw:
    return event(CODE, kind, f"{day}T10:00:00+08:00", id=f"{kind} {day} {sorted(data.items())}", **data)


def reckoned(*events: Raw, now: str = NOW, signals: list[Standing] | None = None) -> Reckoning:
    """The reckoning of one live enterprise."""
    moment = parse_moment(now)
    running = Engine(clock=moment).take(lines([*events]))
    (ref,) = running.codes
    flow = running.flow
    found = dict(ClassBook(CARDS).recompute(flow.enterprises, flow.assessment, {ref: signals or []}, moment))[ref]
    assert found is not None
    return found


def points(found: Reckoning) -> list[tuple[str, int]]:
    return [(item.id, item.points) for item in found.items]


def test_a_blameless_enterprise_is_a() -> None:
    found = reckoned(
        opened(), told("report.filed", "2024-03-01", year=2023), told("complaint.received", "2025-01-01", number="1")
    )
    assert (found.class_, found.score, found.items) == ("A", 0, ())


@pytest.mark.parametrize(("now", "counts"), [("2025-03-09T23:59:59+08:00", True), ("2025-03-10T00:00:00+08:00", False)])
def test_a_penalty_lapses_when_its_fifth_anniversary_begins(now: str, counts: bool) -> None:
    found = reckoned(opened(), told("enforcement.penalised", "2020-03-10", document="D", amount=20_000), now=now)
    assert bool(found.items) is counts
    if counts:
        assert shanghai_date(found.items[0].lapses_at or 0) == dt.date(2025, 3, 10)


def test_a_listing_lasts_as_long_as_it_holds_and_lapses_after_its_end() -> None:
    listed = told("enforcement.dishonest_listed", "2018-01-01", document="L")
    assert reckoned(opened(), listed).class_ == "D"
    removed = told("enforcement.dishonest_removed", "2021-01-02")
    found = reckoned(opened(), listed, removed)
    assert [(item.id, shanghai_date(item.lapses_at or 0).isoformat()) for item in found.items] == [
        ("dishonest-past", "2026-01-02")
    ]


@pytest.mark.parametrize(
    ("data", "item"),
    [
        ({"category": "警告"}, "penalty-minor"),
        ({"category": "罚款"}, "penalty-minor"),
        ({"amount": 9_999.99}, "penalty-minor"),
        ({"amount": 10_000}, "penalty-ordinary"),
        ({}, "penalty-ordinary"),
        ({"amount": 200_000, "category": "罚款"}, "penalty-severe"),
        ({"category": "罚款、责令停产停业", "amount": 1}, "penalty-severe"),
    ],
)
def test_penalties_are_told_apart_by_form_and_amount(data: dict[str, Any], item: str) -> None:
    assert [
        one.id for one in reckoned(opened(), told("enforcement.penalised", "2025-01-01", document="D", **data)).items
    ] == [item]


def test_what_is_repaired_or_upheld_counts_no_more_and_the_latest_decision_holds() -> None:
    fault = told("enforcement.penalised", "2025-01-01", document="D", amount=20_000)
    assert reckoned(opened(), fault, told("credit.repaired", "2025-05-01", documents=["D"])).score == 0
    upheld = told("objection.decided", "2025-02-01", document="D", upheld=True)
    assert reckoned(opened(), fault, upheld).score == 0
    overruled = told("objection.decided", "2025-02-02", document="D", upheld=False)
    assert reckoned(opened(), overruled, fault, upheld).score == 12


def test_what_is_disputed_is_marked_and_counts() -> None:
    fault = told("sampling.failed", "2025-01-01", document="D")
    objection = told("objection.filed", "2025-02-01", document="D")
    found = reckoned(opened(), fault, objection)
    assert [(item.points, item.disputed) for item in found.items] == [(10, True)]
    decided = reckoned(opened(), fault, objection, told("objection.decided", "2025-03-01", document="D", upheld=False))
    assert [(item.points, item.disputed) for item in decided.items] == [(10, False)]


def test_only_complaints_found_true_count_each_once_and_up_to_the_most() -> None:
    found = reckoned(
        opened(),
        *(told("complaint.received", f"2025-01-0{day}", number=str(day), verified=True) for day in range(1, 8)),
        told("complaint.received", "2025-02-01", number="1", verified=True, category="x"),
        told("complaint.received", "2025-02-02", number="2", verified=False),
        told("complaint.received", "2025-02-03", number="9"),
    )
    assert found.score == 15
    assert len(found.items) == 6


def test_capital_never_counts() -> None:
    changes = [told("registration.changed", f"2025-0{month}-01", capital=month * 1e6) for month in range(1, 6)]
    assert reckoned(opened(), *changes).items == ()


def test_a_missed_report_is_softer_for_individual_businesses_and_late_when_filed() -> None:
    missed, filed = told("report.missed", "2024-07-01", year=2023), told("report.filed", "2024-09-01", year=2023)
    assert points(reckoned(opened(), missed)) == [("report-missing", 12)]
    assert points(reckoned(opened("individual"), missed)) == [("report-missing", 4)]
    assert points(reckoned(opened(), missed, filed)) == [("report-late", 3)]


def test_a_first_slight_fault_is_tolerated_and_a_second_is_not() -> None:
    slight = told("enforcement.penalised", "2025-01-01", document="D", category="警告")
    found = reckoned(opened(), slight)
    assert (found.class_, found.tolerated) == ("B", True)
    again = told("enforcement.penalised", "2025-02-01", document="E", category="警告")
    assert not reckoned(opened(), slight, again).tolerated
    assert not reckoned(opened(), told("sampling.failed", "2025-01-01")).tolerated


def test_industries_add_their_items() -> None:
    failed = told("sampling.failed", "2025-01-01", document="D")
    assert points(reckoned(opened(industry="H6210"), failed)) == [("sampling-failed", 10), ("food-sampling-failed", 8)]
    verified = told("complaint.received", "2025-01-01", number="1", verified=True)
    online = reckoned(opened(text="https://shop.example.com/s/7"), verified)
    assert points(online) == [("complaint", 3), ("online-complaint", 1)]


def test_the_enterprise_itself_as_a_court_defaulter_and_not_a_person_of_it() -> None:
    named = told("court.defaulter_listed", "2025-01-01", document="C", person={"id": "p"})
    assert reckoned(opened(), named).items == ()
    assert points(reckoned(opened(), told("court.defaulter_listed", "2025-01-01", document="C"))) == [("defaulter", 35)]


def test_one_that_has_ended_has_no_class() -> None:
    running = Engine(clock=parse_moment(NOW)).take(lines([opened(), told("registration.deregistered", "2025-01-01")]))
    flow, book = running.flow, ClassBook(CARDS)
    assert [found for _, found in book.recompute(flow.enterprises, flow.assessment, {}, flow.now)] == [None]
    assert bytes(book.classes[1:2]) == b"\0"


def test_signals_count_by_their_level() -> None:
    def standing(level: int) -> list[Standing]:
        return [Standing("untraceable", level, parse_moment("2025-06-01T00:00:00Z"), ())]

    assert [reckoned(opened(), signals=standing(level)).score for level in (1, 2, 3, 4)] == [4, 12, 30, 0]


def test_the_way_up_names_the_slightest_cause_that_suffices_and_the_day_it_comes_by_itself() -> None:
    found = reckoned(
        opened(),
        told("sampling.failed", "2025-01-01", document="S"),
        told("enforcement.penalised", "2024-01-01", document="P", amount=20_000),
        told("complaint.received", "2025-01-01", number="1", verified=True),
    )
    way = way_up(found, CARDS)
    assert (found.class_, found.score) == ("C", 25)
    assert way is not None
    assert (way.class_, way.reached, way.points) == ("B", "B", 8)
    assert [[item.id for item in items] for items in way.causes] == [["sampling-failed"]]
    assert shanghai_date(way.by_itself or 0) == dt.date(2029, 1, 1)
    assert way_up(reckoned(opened()), CARDS) is None


def test_the_way_up_removes_first_what_fixes_the_class() -> None:
    found = reckoned(
        opened(), told("enforcement.dishonest_listed", "2025-01-01"), told("sampling.failed", "2025-01-01")
    )
    way = way_up(found, CARDS)
    assert way is not None
    assert (found.class_, way.class_, way.reached) == ("D", "C", "B")
    assert [items[0].id for items in way.causes] == ["dishonest"]


def test_repair_says_whether_when_and_how() -> None:
    penalty = told("enforcement.penalised", "2025-01-31", document="P", amount=20_000)
    found = reckoned(opened(), penalty)
    advice = advice_on(found.items[0], found, CARDS)
    assert advice is not None
    assert (advice.from_date, advice.ends) == (dt.date(2025, 4, 30), dt.date(2026, 1, 31))
    assert advice.repair.certainty == "secondary"
    food = reckoned(opened(industry="H6210"), penalty)
    longer = advice_on(food.items[0], food, CARDS)
    assert longer is not None
    assert longer.from_date == dt.date(2026, 1, 31)
    honour = reckoned(opened(), told("honour.awarded", "2025-01-01"))
    assert advice_on(honour.items[0], honour, CARDS) is None


def test_months_end_with_shorter_months() -> None:
    assert months_later(dt.date(2023, 11, 30), 3) == dt.date(2024, 2, 29)
    assert months_later(dt.date(2024, 1, 15), 12) == dt.date(2025, 1, 15)
