"""Members of rooms and persons: the codec gives back every fact, and a view is the same packed, kept, or restored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.views import CourtEvent, End, Leadership, Occupant, PersonView, RoomView
from monitor.stages import membership
from monitor.stages.members import (
    alone,
    count_in,
    members_in,
    pack_leadership,
    pack_occupant,
    unpack_leadership,
    unpack_occupant,
    with_member,
)
from monitor.stages.persons import Persons
from monitor.stages.rooms import Rooms
from tests.engine import Board, contents

moments = st.integers(-(2**61), 2**61) | st.integers(0, 3)
texts = st.text(min_size=1, max_size=6)
event_names = st.tuples(st.integers(1, 300), texts)
no_event = (0, "")
refs = st.integers(1, 2**32 - 1)


@st.composite
def occupants(draw: st.DrawFn, ref: st.SearchStrategy[int] = refs) -> Occupant:
    """Any fact that an enterprise can send to a room."""
    number = draw(ref)
    present, live = draw(st.booleans()), draw(st.booleans())
    bad, risk = draw(st.none() | moments), draw(st.none() | moments)
    entry, entry_event = (draw(moments), draw(event_names)) if present else (0, no_event)
    opening = draw(st.none() | st.just((entry, *entry_event)) | st.tuples(moments, st.integers(1, 9), texts))
    return Occupant(
        ref=number,
        present=present,
        branch=draw(st.booleans()),
        live=live,
        counts=live and draw(st.booleans()),
        entry=entry,
        entry_event=entry_event,
        first=draw(moments | st.just(entry)),
        established=None if opening is None or not opening[2] else (*opening, number),
        bad_since=bad,
        bad_event=no_event if bad is None else draw(event_names),
        risk_since=risk,
        risk_event=no_event if risk is None else draw(event_names),
        declared=draw(st.none() | st.tuples(moments, texts, texts, st.integers(1, 8))),
        shown=draw(st.integers(0, 2**9 - 1).map(lambda bits: bits & ~1)),
        resumed=draw(st.just(0) | moments) if present else 0,
    )


ends = st.builds(End, moments, st.booleans(), st.integers(0, 9), st.sampled_from(("", "F51")), st.integers(1, 9), texts)
court_events = st.builds(CourtEvent, moments, st.integers(1, 9), texts, st.booleans(), st.booleans())


@st.composite
def leaderships(draw: st.DrawFn, ref: st.SearchStrategy[int] = refs) -> Leadership:
    """Any fact that an enterprise can send to a person."""
    number = draw(ref)
    leads = draw(st.booleans())
    since, since_event = (draw(moments), draw(event_names)) if leads else (0, no_event)
    entry = draw(moments | st.just(since)) if leads else 0
    opening = draw(st.none() | st.just((entry, *since_event)) | st.tuples(moments, st.integers(1, 9), texts))
    established = None if opening is None or not opening[2] else (*opening, number)
    flagged, risk = draw(st.none() | moments), draw(st.none() | moments)
    return Leadership(
        ref=number,
        leads=leads,
        branch=draw(st.booleans()),
        cancelled=draw(st.booleans()),
        live=draw(st.booleans()),
        since=since,
        since_event=since_event,
        entry=entry,
        county=draw(st.sampled_from((None, "330106", "010101", "331181"))),
        established=established,
        room=draw(st.integers(0, 9)) if established else 0,
        division=draw(st.sampled_from(("", "F51"))) if established else "",
        ends=tuple(draw(st.lists(ends, max_size=2))),
        flagged_since=flagged,
        flagged_event=no_event if flagged is None else draw(event_names),
        risk_since=risk,
        risk_event=no_event if risk is None else draw(event_names),
        court=tuple(draw(st.lists(court_events, max_size=2))),
    )


@given(st.lists(occupants(), max_size=5, unique_by=lambda one: one.ref))
def test_occupants_come_back_from_their_bytes(facts: list[Occupant]) -> None:
    record = b""
    for fact in facts:
        record = with_member(record, fact.ref, pack_occupant(fact)) or record
    assert [unpack_occupant(ref, values) for ref, values in (members_in(record) if facts else ())] == facts


@given(st.lists(leaderships(), max_size=5, unique_by=lambda one: one.ref))
def test_leaderships_come_back_from_their_bytes(facts: list[Leadership]) -> None:
    record = b""
    for fact in facts:
        record = with_member(record, fact.ref, pack_leadership(fact)) or record
    assert [unpack_leadership(ref, values) for ref, values in (members_in(record) if facts else ())] == facts


@given(st.lists(occupants(st.integers(1, 4)), min_size=1, max_size=12))
def test_a_member_is_replaced_where_it_stands_and_a_repeat_changes_nothing(facts: list[Occupant]) -> None:
    record, wanted = b"", dict[int, Occupant]()
    for fact in facts:
        found = with_member(record, fact.ref, pack_occupant(fact))
        assert (found is None) is (wanted.get(fact.ref) == fact)
        record = record if found is None else found
        wanted[fact.ref] = fact
        assert count_in(record) == len(wanted)
    assert {ref: unpack_occupant(ref, values) for ref, values in members_in(record)} == wanted


# --- views


Said = dict[int, Any]
"""What each enterprise says at present, as its history would tell; None where histories are not at hand."""


def rooms(said: Said | None = None) -> Rooms:
    recall = None if said is None else lambda room, enterprise: said[enterprise]
    return Rooms(Board(), lambda enterprise, sender, tie: None, lambda room: "330106", recall)


def persons(said: Said | None = None) -> Persons:
    recall = None if said is None else lambda person, enterprise: said[enterprise]
    return Persons(
        Board(), lambda enterprise, sender, tie: None, lambda person: False, lambda source: f"//{source}", recall
    )


@pytest.mark.parametrize("recalled", [False, True])
@pytest.mark.parametrize("unpacked", [1, 3, 1000])
@given(data=st.data())
def test_a_view_built_bit_by_bit_equals_one_built_at_once(unpacked: int, recalled: bool, data: st.DataObject) -> None:
    few = st.integers(1, 6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(membership, "UNPACKED", unpacked)
        for make, facts, empty in (
            (rooms, data.draw(st.lists(occupants(few), min_size=1, max_size=20)), RoomView("330106")),
            (persons, data.draw(st.lists(leaderships(few), min_size=1, max_size=20)), PersonView(weak=False)),
        ):
            said: Said | None = {} if recalled else None
            check_view(make(said), make(said), facts, empty, said)


def check_view(
    stage: Rooms | Persons,
    restored: Rooms | Persons,
    facts: list[Any],
    at_once: RoomView | PersonView,
    said: Said | None,
) -> None:
    for fact in facts:
        if said is not None:
            said[fact.ref] = fact
        stage.update(1, fact)
    for fact in {fact.ref: fact for fact in facts}.values():
        at_once.add(fact)
    assert stage.count(1) == len({fact.ref for fact in facts})
    assert contents(stage.view(1)) == contents(at_once)
    restored.load(list(stage.dump()))
    assert contents(restored.view(1)) == contents(at_once)
    for fact in facts:
        restored.update(1, fact)
        restored.update(1, {one.ref: one for one in facts}[fact.ref])
    assert contents(restored.view(1)) == contents(at_once)


def test_of_an_only_member_from_which_nothing_follows_the_number_is_kept() -> None:
    occupant, leadership = Occupant(ref=5, present=True, live=True), Leadership(ref=5, leads=True, live=True)
    listed = leadership._replace(court=(CourtEvent(1, 1, "a", True, False),))
    cases: list[tuple[Any, Any]] = [(rooms({5: occupant}), occupant), (persons({5: leadership}), leadership)]
    for stage, fact in cases:
        stage.update(1, fact)
        stage.update(1, fact)
        assert list(stage.dump()) == [(1, alone(5))]
        assert (stage.count(1), stage.count(2)) == (1, 0)
        assert not stage.dirty
    named = persons({5: listed})
    for only in (leadership, listed, leadership):
        named.update(1, only)
        assert (list(named.dump()) == [(1, alone(5))]) is (not named.dirty)
    assert list(named.dirty.take()) == [1]


def test_an_only_member_of_which_more_is_known_is_kept_whole() -> None:
    fact = Occupant(ref=5, present=True, live=True)
    stage = rooms({5: fact})
    stage.remember_tie(1, 5)
    stage.update(1, fact)
    assert list(stage.dump()) != [(1, alone(5))]
    assert list(stage.dirty.take()) == [1]


def test_a_repeated_fact_asks_for_no_judgement() -> None:
    stage = rooms()
    fact = Occupant(ref=5, present=True, live=True, counts=True, entry=7, entry_event=(1, "a"))
    stage.update(3, fact)
    assert list(stage.dirty.take()) == [3]
    stage.update(3, fact)
    assert not stage.dirty


def test_what_changed_is_told_until_it_was_published() -> None:
    stage = rooms()
    facts = [
        Occupant(ref=ref, present=True, live=True, counts=True, entry=ref, entry_event=(1, "a"))
        for ref in range(1, membership.UNPACKED + 2)
    ]
    for fact in facts:
        stage.update(9, fact)
    assert stage.changed(9) is None
    stage.told(9)
    stage.update(9, facts[0]._replace(counts=False))
    stage.update(9, facts[1]._replace(counts=False))
    assert stage.changed(9) == stage.changed(9) == {1, 2}
    stage.told(9)
    assert stage.changed(9) == set()
