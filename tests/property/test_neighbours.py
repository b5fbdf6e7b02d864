"""The graph as the stages hold it, against the plain reading of all events (`tests/reference`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.modelling.naming import HomeNaming
from monitor.modelling.neighbours import FlowNeighbours
from tests.cuts import running
from tests.engine import shipped_rules
from tests.reference.cases import make_case
from tests.reference.cases_maker import RECEIVED
from tests.reference.detectors_ties import bad_records
from tests.reference.intake import Intake
from tests.reference.world import Enterprise, World, is_weak


def tied_by(world: World, one: Enterprise) -> dict[tuple[str, bool], set[str]]:
    """The codes that rooms and persons tie with an enterprise, itself among them."""
    found: dict[tuple[str, bool], set[str]] = {}
    if one.branch:
        return found
    if one.room and not world.exempt(one.room) and not world.hub_room(one.room):
        there = {other.code for other in world.present_in.get(one.room, ())}
        found["room", False] = there | {one.code}
    if not one.cancelled:
        for who in one.leads:
            if not world.hub_person(who):
                by_it = {other.code for other in world.led_by.get(who, ()) if not other.cancelled}
                found.setdefault(("person", is_weak(who)), set()).update(by_it)
    return found


def asked(neighbours: FlowNeighbours, ref: int) -> dict[tuple[str, bool], set[str]]:
    found: dict[tuple[str, bool], set[str]] = {}
    for link in neighbours.links_of(ref):
        members = neighbours.members_of(link)
        if members:
            found.setdefault((link.kind, link.weak), set()).update(neighbours.codes_of(members).values())
    return found


@pytest.mark.parametrize(("seed", "size"), [(1, 200), (2, 200), (3, 500)])
def test_ties_are_those_of_the_contract(tmp_path: Path, seed: int, size: int) -> None:
    case = make_case(seed, size)
    world = world_of(case)
    with running(tmp_path / "home", case) as runner, runner.reading() as connection:
        neighbours = FlowNeighbours(runner.flow, HomeNaming(connection), shipped_rules())
        compared = 0
        for one in world.enterprises.values():
            ref = runner.flow.subjects.find(one.code)
            wanted = tied_by(world, one)
            assert asked(neighbours, ref) == wanted, one.code
            compared += any(len(codes) > 1 for codes in wanted.values())
            traits = neighbours.traits_of(ref)
            assert traits.live == one.live
            assert traits.moves == moves(one)
            assert traits.bad == is_bad(one), one.code
            assert traits.missed == missed(one)
            assert (traits.established is None) is (one.establishment is None)
        assert compared > size // 5


def world_of(case: list[bytes]) -> World:
    received = RECEIVED
    intake = Intake(received)
    for line in case:
        intake.receive(line)
    accepted = list(intake.events.values())
    return World(accepted, max(min(event.time, received) for event in accepted))


def moves(one: Enterprise) -> int:
    return sum(
        step.before is not None and step.before.value != step.after.value and step.event.type == "registration.changed"
        for step in one.room_steps
    )


def is_bad(one: Enterprise) -> bool:
    return bool(one.revocations or one.abnormal or one.dishonest or bad_records(one))


def missed(one: Enterprise) -> int:
    years = {name: {event.data["year"] for event in one.of(f"report.{name}")} for name in ("filed", "missed")}
    return len(years["missed"] - years["filed"])
