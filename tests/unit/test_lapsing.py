"""Which events have lapsed: what ended more than five years ago goes with what ended it; what goes on stays."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from config.moments import parse_moment
from detectors.example import address
from monitor.events.intake import Intake
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.retention.lapsing import TOLD, lapsed, lapsed_of_persons, repairs_of
from tests.engine import KEY, line

BEFORE = parse_moment("2020-01-01T00:00:00+08:00")
RECEIVED = parse_moment("2026-01-01T00:00:00+08:00")
_number = itertools.count()
Events = list[Any]


def on(day: str, kind: str, /, *, subject: str = "E001", **data: Any) -> Any:
    """An event of the log; its id begins with the day."""
    raw = {
        "specversion": "1.0",
        "id": f"{day} {kind} {next(_number)}",
        "source": "//example",
        "type": kind,
        "subject": subject,
        "time": f"{day}T12:00:00+08:00",
        "data": data,
    }
    candidate = Intake(Pseudonymiser([KEY])).read(line(raw), RECEIVED)
    assert candidate is not None
    return candidate.event


def gone(*events: Any) -> list[str]:
    """The days of those that have lapsed."""
    assert all(type(event) in TOLD for event in events)
    return sorted(name[2].partition(" ")[0] for name in lapsed(events, BEFORE))


def others(data: dict[str, Any]) -> dict[str, Any]:
    """The data of another happening of the kind."""
    return {**data, "number": "X"} if "number" in data else {**data, "year": 2020} if "year" in data else data


OLD, OLDER, NEW = "2019-06-01", "2018-06-01", "2021-06-01"
LISTED, REMOVED = "enforcement.abnormal_listed", "enforcement.abnormal_removed"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("enforcement.penalised", {"document": "D"}),
        ("sampling.failed", {"document": "D"}),
        ("commitment.breached", {"document": "D"}),
        ("complaint.received", {"number": "C", "verified": True}),
        ("enforcement.inspected", {"results": ["not_disclosed"]}),
        ("report.missed", {"year": 2018}),
    ],
)
def test_an_act_lapses_five_years_after_it_happened(kind: str, data: dict[str, Any]) -> None:
    met = on("2019-07-01", "enforcement.visited", found=True)
    assert gone(on(OLD, kind, **data), on(NEW, kind, **others(data)), met) == [OLD]
    last, first = on("2019-12-31", kind, **data), on("2020-01-01", kind, **others(data))
    assert gone(last, first, on("2019-12-31", "enforcement.visited", found=True)) == ["2019-12-31"]


def test_what_names_one_complaint_lapses_with_the_last_of_it() -> None:
    assert gone(on(OLD, "complaint.received", number="C"), on(NEW, "complaint.received", number="C")) == []


@pytest.mark.parametrize(
    ("listed", "removed", "data"),
    [
        (LISTED, REMOVED, {"ground": "report"}),
        ("enforcement.dishonest_listed", "enforcement.dishonest_removed", {}),
        ("court.defaulter_listed", "court.defaulter_removed", {}),
        ("tax.irregular", "tax.regular", {}),
    ],
)
def test_a_stay_lapses_with_its_end_and_a_present_one_never(listed: str, removed: str, data: dict[str, Any]) -> None:
    assert gone(on(OLDER, listed, **data)) == []
    assert gone(on(OLDER, listed, **data), on(NEW, removed, **data)) == []
    assert gone(on(OLDER, listed, **data), on(OLD, removed, **data)) == [OLDER, OLD]
    assert gone(on(OLDER, listed, **data), on(OLD, removed, **data), on("2019-07-01", listed, **data)) == [OLDER, OLD]
    assert gone(on(OLD, removed, **data)) == [OLD], "a removal of which no listing is known"


def test_grounds_are_lists_of_their_own() -> None:
    assert gone(on(OLDER, LISTED, ground="report"), on(OLD, REMOVED, ground="falsehood")) == [OLD]


def test_a_repaired_listing_ended_with_its_repair_which_goes_with_it() -> None:
    listed = on(OLDER, "enforcement.dishonest_listed", document="L")
    assert gone(listed, on(OLD, "credit.repaired", documents=["L"])) == [OLDER, OLD]
    assert gone(listed, on(NEW, "credit.repaired", documents=["L"])) == []
    assert gone(listed, on(OLD, "credit.repaired", documents=["another"])) == []
    both = on(OLD, "credit.repaired", documents=["L", "P"])
    assert gone(listed, on(NEW, "enforcement.penalised", document="P"), both) == [OLDER], "it holds for another still"
    filed = on("2018-07-01", "objection.filed", document="L")
    decided = on(OLD, "objection.decided", document="L", upheld=True)
    assert gone(listed, filed, decided) == [OLDER, "2018-07-01", OLD]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("enforcement.visited", {"found": False}),
        ("enforcement.inspected", {"results": ["unreachable"]}),
        ("enforcement.letter_returned", {"number": "L"}),
        ("complaint.received", {"number": "C", "reachable": False}),
        ("report.missed", {"year": 2017}),
    ],
)
@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ("enforcement.visited", {"found": True}),
        ("enforcement.letter_delivered", {"number": "N"}),
        ("enforcement.inspected", {"results": ["none_found"]}),
        ("report.filed", {"year": 2018}),
        ("registration.changed", {"address": address("2幢202室")}),
        (REMOVED, {"ground": "unreachable"}),
        ("registration.deregistered", {}),
    ],
)
def test_a_sign_of_absence_lapses_with_the_next_contact_alone(
    kind: str, data: dict[str, Any], contact: str, said: dict[str, Any]
) -> None:
    first = on("2010-01-01", "registration.changed", address=address("1幢101室"))
    sign = on(OLDER, kind, **data)
    assert gone(first, sign) == [], "nobody was met since"
    assert gone(first, sign, on(NEW, contact, **said)) == [], "met less than five years ago"
    ended = gone(first, sign, on(OLD, contact, **said))
    assert ended == ([OLDER, OLD] if contact == REMOVED else [OLDER])
    assert gone(first, on(OLD, contact, **said), on("2019-07-01", kind, **data)) == (
        [OLD] if contact == REMOVED else []
    )


def test_a_change_within_the_room_is_no_contact() -> None:
    first = on("2010-01-01", "registration.changed", address=address("1幢101室"))
    same = on(OLD, "registration.changed", address=address("一幢101室"))
    assert gone(first, on(OLDER, "enforcement.visited", found=False), same) == []


def test_a_returned_letter_takes_its_sending_with_it_and_a_delivered_one_stays() -> None:
    letters = [
        on(OLDER, "enforcement.letter_sent", number="L"),
        on("2018-06-09", "enforcement.letter_returned", number="L"),
        on("2018-08-01", "enforcement.letter_sent", number="M"),
        on("2018-08-09", "enforcement.letter_delivered", number="M"),
    ]
    assert gone(*letters[:2]) == []
    assert gone(*letters) == [OLDER, "2018-06-09"]


def test_the_register_and_what_speaks_for_an_enterprise_stay() -> None:
    kept = [
        on(OLDER, "registration.established", name="甲", kind="enterprise", address=address("1幢101室"), persons=[]),
        on(OLDER, "registration.revoked", document="R"),
        on(OLDER, "registration.cancelled"),
        on(OLDER, "report.filed", year=2017),
        on(OLDER, "enforcement.inspected", results=["none_found"]),
        on(OLDER, "enforcement.visited", found=True),
    ]
    assert gone(*kept) == []


def test_court_listings_of_a_person_are_paired_over_enterprises() -> None:
    person, other = {"id": "p1:" + "a" * 32}, {"id": "p1:" + "b" * 32}
    events = [
        on(OLDER, "court.defaulter_listed", subject="E001", person=person, document="A"),
        on(OLD, "court.defaulter_removed", subject="E002", person=person),
        on(OLDER, "court.defaulter_listed", subject="E003", person=other, document="B"),
    ]
    assert lapsed(events[:1], BEFORE) == set()
    found = lapsed_of_persons(events, lambda _: None, BEFORE)
    assert sorted(name[0] for name in found) == ["E001", "E002"]
    repaired = lapsed_of_persons(events, lambda event: BEFORE - 1 if event.subject == "E003" else None, BEFORE)
    assert sorted(name[0] for name in repaired) == ["E001", "E002", "E003"]


def test_a_document_was_repaired_at_its_first_repair_or_latest_decision() -> None:
    events = [
        on(OLDER, "credit.repaired", documents=["A", "B"]),
        on(OLD, "credit.repaired", documents=["A"]),
        on(OLDER, "objection.decided", document="C", upheld=True),
        on(OLD, "objection.decided", document="C", upheld=False),
        on(OLD, "objection.decided", document="D", upheld=True),
    ]
    found = repairs_of(events)
    assert found == {"A": found["B"], "B": found["B"], "D": events[4].time}
