"""The history of an enterprise: every event once, exactly as dated, and what follows in the contract's order."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import moment
from monitor.events import types
from monitor.events.intake import Intake
from monitor.events.vocabulary import LEAD_ROLES
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.stages.fold import Enterprise
from monitor.stages.history import (
    Kind,
    Places,
    appended,
    division_of,
    entries_of,
    entry_of,
    find_entry,
    identity_bytes,
    mark,
)
from monitor.stages.traits import industry_code
from tests.engine import CLOCK, KEY, Engine, Raw, differences, event, line, lines
from tests.reference.cases import make_case

MOST = moment(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
LEAST = moment(dt.datetime(1900, 1, 1, tzinfo=dt.UTC))

events = st.lists(
    st.tuples(
        st.integers(1, 300),
        st.text(min_size=1, max_size=40),
        st.integers(LEAST, MOST),
        st.sampled_from(list(Kind)),
        st.integers(0, 2**32 - 1),
        st.lists(st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=20), max_size=8),
    ),
    max_size=20,
    unique_by=lambda one: one[:2],
)


@given(events)
def test_a_record_gives_back_what_was_appended(rows: list[Any]) -> None:
    record = b""
    for source, name, at, kind, content, payload in rows:
        identity = identity_bytes(source, name)
        assert find_entry(record, source, name, identity) is None
        record = appended(record, identity, at, kind, content, tuple(payload))
    assert entries_of(record) == [[*row[:3], int(row[3]), row[4], *row[5]] for row in rows]
    for source, name, at, _, content, _ in rows:
        found = find_entry(record, source, name, identity_bytes(source, name))
        assert found is not None
        assert (found[2], found[4]) == (at, content)


def test_an_id_that_looks_like_a_part_of_another_is_not_found_by_mistake() -> None:
    long = "a" * 128
    inner = identity_bytes(1, long)
    around = inner.decode()  # the length stands in the record as the bytes of one character
    record = appended(b"", identity_bytes(1, around), 0, Kind.TAX_IRREGULAR, 0, ())
    record = appended(record, identity_bytes(2, "a"), 0, Kind.COMPLAINT, 0, (around, 0))
    assert inner in record
    assert find_entry(record, 1, long, inner) is None
    assert find_entry(appended(record, inner, 5, Kind.FILED, 7, (2023,)), 1, long, inner) == [1, long, 5, 8, 7, 2023]


@pytest.mark.parametrize(
    ("code", "division"),
    [
        ("F5191", "F51"),
        ("F51", "F51"),
        ("T9600", "T96"),
        ("F5", ""),
        ("F", ""),
        ("", ""),
        ("51", ""),
        ("批发业", ""),
        ("Z51", ""),
    ],
)
def test_the_division_of_an_industry(code: str, division: str) -> None:
    assert division_of(industry_code(code)) == division


def test_long_documents_are_told_apart() -> None:
    texts = [f"测市监文〔2024〕{number}号" for number in range(1000)] + ["", "1", "000001", "0000001"]
    assert len({mark(text) for text in texts}) == len(texts)
    assert all(mark(text) == mark(str(text)) for text in texts)


def test_every_type_has_an_entry() -> None:
    places = Places(room=lambda text, region: (1, 330106, 0), person=lambda identity, label: 1)
    read = Intake(Pseudonymiser([KEY])).read
    for name in types.PUBLIC_TYPES:
        subject = "clock" if name == "clock.ticked" else "E0001"
        found = read(line(event(subject, name, "2025-03-01T00:00:00Z", **EXAMPLES.get(name, {}))), CLOCK)
        assert found is not None
        kind, payload = entry_of(found.event, places)
        assert Kind(kind)
        appended(b"", identity_bytes(1, "x"), found.at, kind, found.content, payload)


EXAMPLES: dict[str, Raw] = {
    "registration.established": {
        "name": "甲",
        "kind": "branch",
        "address": {"text": "x"},
        "persons": [],
        "industry": "F51",
    },
    "registration.changed": {"address": {"text": "x", "region": "330106", "kind": "office"}},
    "registration.suspended": {"until": "2025-03-01"},
    "report.filed": {"year": 2023},
    "report.missed": {"year": 2023},
    "enforcement.inspected": {"results": ["unreachable"]},
    "enforcement.visited": {"found": True},
    "enforcement.letter_sent": {"number": "1"},
    "enforcement.letter_returned": {"number": "1"},
    "enforcement.letter_delivered": {"number": "1"},
    "enforcement.penalised": {"document": "1"},
    "enforcement.abnormal_listed": {"ground": "report"},
    "enforcement.abnormal_removed": {"ground": "report"},
    "complaint.received": {"number": "1"},
    "court.defaulter_listed": {"person": {"id": "p"}},
    "credit.repaired": {"documents": ["1"]},
    "objection.filed": {"alert": "1"},
    "objection.decided": {"document": "1", "upheld": True},
}


# --- what holds after a history


class History:
    """Events of one enterprise, folded as of a moment."""

    def __init__(self, *raws: Raw) -> None:
        engine = Engine(clock=CLOCK)
        order = list(raws)
        random.Random(len(raws)).shuffle(order)
        for one in order:
            engine.receive(line(one))
        assert engine.dead == []
        self.engine = engine

    def state(self) -> Enterprise:
        return self.engine.flow.enterprises.state(1, self.engine.flow.now)


def at(day: int, second: int = 0) -> str:
    return (dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day, seconds=second)).isoformat()


def opened(day: int, **more: Any) -> Raw:
    data = {
        "name": "甲",
        "kind": "enterprise",
        "address": {"text": "浙江省杭州市西湖区文三路90号1幢101室"},
        "persons": [],
    }
    return event("E0001", "registration.established", at(day), **{**data, **more})


def happened(kind: str, day: int, /, **data: Any) -> Raw:
    return event("E0001", kind, at(day), **data)


@pytest.mark.parametrize(
    ("raws", "live"),
    [
        ([opened(1)], True),
        ([], False),
        ([happened("tax.irregular", 1)], False),
        ([opened(1), happened("registration.deregistered", 2)], False),
        ([opened(1), happened("registration.revoked", 2)], False),
        ([opened(1), happened("registration.cancelled", 2)], False),
        ([opened(3), happened("registration.deregistered", 2)], True),
        ([opened(1), happened("registration.revoked", 2), opened(3)], True),
        ([opened(1), happened("registration.revoked", 2), happened("registration.deregistered", 3)], False),
        ([opened(1), happened("registration.suspended", 2)], True),
    ],
)
def test_who_is_live(raws: list[Raw], live: bool) -> None:
    assert History(happened("honour.awarded", 0), *raws).state().live is live


def test_a_later_deregistration_does_not_undo_a_revocation_and_a_later_establishment_does() -> None:
    revoked = [opened(1), happened("registration.revoked", 2), happened("registration.deregistered", 3)]
    assert History(*revoked).state().revoked is not None
    assert History(*revoked, opened(4)).state().revoked is None


def test_at_one_time_source_and_id_decide() -> None:
    end = {**happened("registration.revoked", 1), "source": "//a"}
    assert History(end, {**opened(1), "source": "//b"}).state().live
    assert not History({**end, "source": "//c"}, {**opened(1), "source": "//b"}).state().live
    assert History({**end, "source": "//b", "id": "1"}, {**opened(1), "source": "//b", "id": "2"}).state().live


@pytest.mark.parametrize(
    ("raws", "now", "suspended"),
    [
        ([happened("registration.suspended", 5)], 400, True),
        ([happened("registration.suspended", 5, until="2024-01-09")], 8, True),
        ([happened("registration.suspended", 5, until="2024-01-09")], 9, False),
        ([happened("registration.suspended", 5), happened("registration.resumed", 6)], 7, False),
        ([happened("registration.suspended", 5), happened("registration.resumed", 4)], 7, True),
    ],
)
def test_a_suspension_ends_with_resumed_or_with_the_end_of_its_day(raws: list[Raw], now: int, suspended: bool) -> None:
    # Midnight in Shanghai is 16:00 in UTC: day 8 ends within the 9th of January there.
    tick = event("clock", "clock.ticked", at(now, -8 * 3600))
    state = History(opened(1), *raws, tick)
    state.engine.flow.judge()
    ref = state.engine.flow.subjects.find("E0001")
    assert state.engine.flow.enterprises.state(ref, state.engine.flow.now).suspended_now is suspended


@pytest.mark.parametrize(
    ("raws", "since"),
    [
        ([happened("registration.suspended", 5), happened("registration.resumed", 9)], 9),
        ([happened("registration.suspended", 5, until="2024-01-08"), happened("registration.resumed", 20)], 8),
        ([happened("registration.suspended", 5), happened("registration.suspended", 7, until="2024-01-08")], 8),
        ([happened("registration.suspended", 5), happened("registration.suspended", 7, until="2024-01-03")], 7),
        ([happened("registration.resumed", 9)], None),
    ],
)
def test_after_a_suspension_an_enterprise_counts_since_its_end(raws: list[Raw], since: int | None) -> None:
    state = History(opened(1), *raws, happened("tax.irregular", 40)).state()
    ended = dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=since or 0)
    if since == 8:  # with the end of the day in Shanghai
        ended -= dt.timedelta(hours=8)
    assert state.resumed == moment(ended) if since else state.resumed < LEAST


def test_a_repair_before_the_listing_repairs_it_all_the_same() -> None:
    listed = happened("enforcement.abnormal_listed", 3, ground="report", document="D1")
    assert History(listed).state().abnormal is not None
    assert History(happened("credit.repaired", 2, documents=["D1"]), listed).state().abnormal is None
    assert History(happened("credit.repaired", 2, documents=["D2"]), listed).state().abnormal is not None


def test_of_several_decisions_on_an_objection_the_latest_holds() -> None:
    penalty = happened("enforcement.penalised", 1, document="D1")
    upheld = happened("objection.decided", 2, document="D1", upheld=True)
    rejected = happened("objection.decided", 3, document="D1", upheld=False)
    assert History(penalty, upheld).state().flagged is None
    assert History(penalty, upheld, rejected).state().flagged is not None
    assert History(penalty, happened("objection.decided", 2, alert="D1", upheld=True)).state().flagged is not None


def test_a_removal_ends_the_listing_of_its_ground_whatever_document_it_names() -> None:
    listed = happened("enforcement.abnormal_listed", 1, ground="report", document="D1")
    other = happened("enforcement.abnormal_removed", 2, ground="falsehood", document="D1")
    removed = happened("enforcement.abnormal_removed", 2, ground="report", document="D9")
    assert History(listed, other).state().abnormal is not None
    assert History(listed, removed).state().abnormal is None


def test_lead_roles_are_those_of_the_contract() -> None:
    assert LEAD_ROLES == {"legal_representative", "principal", "operator"}


@given(st.integers(0, 10_000))
def test_the_order_of_arrival_changes_no_state(seed: int) -> None:
    case = make_case(seed % 40, 50)
    shuffled = case[:]
    random.Random(seed).shuffle(shuffled)
    assert not differences(Engine().take(case).signals(), Engine().take(shuffled).signals())


def test_lines_of_one_enterprise_cost_no_state_of_another() -> None:
    case = lines([opened(1), happened("tax.irregular", 2)])
    assert len(Engine().take(case).flow.subjects) == 1
