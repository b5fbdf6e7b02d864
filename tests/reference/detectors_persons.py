"""The detectors whose subject is a person, from the contract alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.reference.findings import Happening, Signal, burst, county_of_most, level_of, lowest, text_of
from tests.reference.thresholds import BURST_DAYS, BURST_FORCE, ONE_PERSON, PERSON_BURST, WEAK_LEVEL
from tests.reference.world import Enterprise, Who, World, is_weak


def find(world: World) -> Iterator[Signal]:
    """All signals on persons."""
    yield from one_person_many_enterprises(world)
    yield from person_burst(world)


def about_person(
    detector: str, who: Who, level: int, value: int, counted: Sequence[Enterprise], since: datetime
) -> Signal:
    """A signal on a person; a bare name is capped."""
    return {
        "detector": detector,
        "level": min(level, WEAK_LEVEL) if is_weak(who) else level,
        "value": value,
        "enterprises": sorted({one.code for one in counted}),
        "subject": {"kind": "person", "key": ":".join(who)},
        "region": county_of_most(counted),
        "since": text_of(since),
        "weak_identity": is_weak(who),
    }


def one_person_many_enterprises(world: World) -> Iterator[Signal]:
    """Live non-branch enterprises that the person leads at present."""
    for who, led in world.led_by.items():
        counted = [one for one in led if one.live]
        level = level_of(len(counted), ONE_PERSON)
        if level:
            since = sorted(leads_live_since(one, who) for one in counted)[lowest(ONE_PERSON) - 1]
            yield about_person("one-person-many-enterprises", who, level, len(counted), counted, since)


def leads_live_since(one: Enterprise, who: Who) -> datetime:
    """From when the person leads this live enterprise."""
    assert one.establishment
    return max(one.establishment.time, one.led_since(who))


def person_burst(world: World) -> Iterator[Signal]:
    """Establishments led by the person, by the establishment's event; not those of cancelled registrations."""
    happenings = defaultdict(list)
    for one in world.non_branches:
        if one.establishment and not one.cancelled:
            for who in one.who(one.establishment.data["persons"]):
                happenings[who].append(Happening(one.establishment.time, one))
    for who, established in happenings.items():
        found = burst(established, PERSON_BURST, BURST_DAYS, BURST_FORCE, world.now)
        if found:
            counted = [happening.one for happening in found.window]
            yield about_person("person-burst", who, found.level, found.value, counted, found.since)
