"""The detectors whose subject is a room, from the contract alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from tests.reference.findings import Happening, Signal, burst, level_of, lowest, text_of
from tests.reference.thresholds import (
    ADDRESS_BURST,
    AT_RISK_EVER,
    AT_RISK_PER_CENT,
    BURST_DAYS,
    BURST_FORCE,
    ONE_ADDRESS,
)
from tests.reference.world import Enterprise, World, place


def find(world: World) -> Iterator[Signal]:
    """All signals on rooms."""
    yield from one_address_many_licences(world)
    yield from address_burst(world)
    yield from address_at_risk(world)


def about_room(
    detector: str, world: World, room: str, level: int, value: float, counted: Iterable[Enterprise], since: str
) -> Signal:
    """A signal on a room."""
    return {
        "detector": detector,
        "level": level,
        "value": value,
        "enterprises": sorted({one.code for one in counted}),
        "subject": {"kind": "address", "key": room},
        "region": world.room_regions[room],
        "since": since,
        "weak_identity": False,
    }


def one_address_many_licences(world: World) -> Iterator[Signal]:
    """Live, not suspended, non-branch enterprises at a room that is no host's."""
    for room, present in world.present_in.items():
        if world.exempt(room):
            continue
        counted = [one for one in present if one.live and not one.suspended(world.now)]
        level = level_of(len(counted), ONE_ADDRESS)
        if level:
            since = sorted(entry(one) for one in counted)[lowest(ONE_ADDRESS) - 1]
            yield about_room("one-address-many-licences", world, room, level, len(counted), counted, text_of(since))


def entry(one: Enterprise) -> datetime:
    """From when an enterprise counts at its room: established, there, and its suspensions over."""
    assert one.establishment
    suspended = [one.suspension_end(event) for event in one.of("registration.suspended")]
    return max([one.establishment.time, one.room_since(), *(end for end in suspended if end)])


def address_burst(world: World) -> Iterator[Signal]:
    """Establishments at the room of the establishment's event, ended and cancelled ones included."""
    happenings = defaultdict(list)
    for one in world.non_branches:
        if one.establishment:
            address = place(one.establishment.data["address"])
            if address and address.room_key:
                happenings[address.room_key].append(Happening(one.establishment.time, one))
    for room, established in happenings.items():
        if world.exempt(room):
            continue
        found = burst(established, ADDRESS_BURST, BURST_DAYS, BURST_FORCE, world.now)
        if found:
            counted = [happening.one for happening in found.window]
            yield about_room("address-burst", world, room, found.level, found.value, counted, text_of(found.since))


def address_at_risk(world: World) -> Iterator[Signal]:
    """The share of those ever registered at the room, hosts too, that are revoked or at present listed abnormal."""
    for room, ever in world.ever_in.items():
        bad = [one for one in ever if one.revocations or one.abnormal]
        if len(ever) < AT_RISK_EVER:
            continue
        level = level_of_share(len(bad), len(ever))
        if level:
            least = math.ceil(AT_RISK_PER_CENT[-1][0] * len(ever) / 100)
            since = max(
                sorted(first_at(one, room) for one in ever)[AT_RISK_EVER - 1],
                sorted(max(first_at(one, room), bad_since(one)) for one in bad)[least - 1],
            )
            yield about_room("address-at-risk", world, room, level, len(bad) / len(ever), bad, text_of(since))


def level_of_share(part: int, whole: int) -> int:
    """The level of a share, compared without rounding."""
    return next((level for least, level in AT_RISK_PER_CENT if part * 100 >= least * whole), 0)


def first_at(one: Enterprise, room: str) -> datetime:
    """When some event first gave it this room."""
    return min(step.event.time for step in one.room_steps if step.after.value == room)


def bad_since(one: Enterprise) -> datetime:
    """Since when it is revoked or listed abnormal: the earliest of what holds."""
    return min(event.time for event in (*one.revocations, *one.abnormal))
