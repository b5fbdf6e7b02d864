"""What follows from a finished plot: every finding on its rooms, persons and ties, read off contract §4.

A plot shares nothing with anything else, so a count over its own enterprises is the whole truth. The findings
on conduct (untraceable, phoenix and others) are recorded by the recipes, which planted them on purpose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from models.population.block import BRANCH
from models.population.lines import DAY
from models.population.places import Style
from models.population.plot import Firm, Person, Plot, Room

_HUB: Final = 200
_WINDOW: Final = 30 * DAY
_REMEMBERED: Final = 180 * DAY

_LICENCES: Final = ((5, 1), (10, 2), (20, 3), (50, 4))
_ADDRESS_BURST: Final = ((5, 2), (10, 3))
_LED: Final = ((5, 1), (10, 2), (20, 3))
_PERSON_BURST: Final = ((3, 2), (5, 3))
_TIED: Final = ((2, 1), (5, 2))
_SHARE: Final = ((0.3, 2), (0.6, 3))
_EVER: Final = 5

Steps = Sequence[tuple[float, int]]


def record_consequences(plot: Plot) -> None:
    """Adds to the plot's truth what its rooms, persons and ties amount to at the end of the window."""
    counted = [firm for firm in plot.firms if firm.kind != BRANCH]
    _record_rooms(plot, counted)
    _record_persons(plot, counted)
    _record_ties(plot, counted)


def level_of(value: float, steps: Steps) -> int:
    """The level that a value reaches, 0 where none."""
    return max((level for least, level in steps if value >= least), default=0)


def latest_burst(firms: Iterable[Firm], end: int, steps: Steps) -> tuple[list[Firm], int]:
    """Enterprises of the latest window of establishments in force, and the level of the fullest one."""
    ordered = sorted(firms, key=lambda firm: firm.born)
    latest: list[Firm] = []
    level = 0
    for last in ordered:
        if last.born + _REMEMBERED < end:
            continue
        window = [firm for firm in ordered if last.born - _WINDOW <= firm.born <= last.born]
        if len(window) >= steps[0][0]:
            latest = window
            level = max(level, level_of(len(window), steps))
    return latest, level


def _record_rooms(plot: Plot, firms: Sequence[Firm]) -> None:
    at: dict[Room, list[Firm]] = defaultdict(list)
    began: dict[Room, list[Firm]] = defaultdict(list)
    ever: dict[Room, list[Firm]] = defaultdict(list)
    for firm in firms:
        at[firm.room].append(firm)
        began[firm.first_room].append(firm)
        for room in sorted(firm.rooms, key=lambda room: (room.county, room.style, room.unit)):
            ever[room].append(firm)
    for room, members in ever.items():
        if room.style == Style.NOWHERE:
            continue
        subject = plot.address_of(room)
        if not room.exempt:
            here = [firm for firm in at[room] if firm.live and not firm.suspended]
            if level := level_of(len(here), _LICENCES):
                plot.record("one-address-many-licences", level, subject, here)
            burst, level = latest_burst(began[room], plot.end, _ADDRESS_BURST)
            if burst:
                plot.record("address-burst", level, subject, burst)
        bad = [firm for firm in members if firm.end == "revoked" or firm.abnormal]
        if len(members) >= _EVER and (level := level_of(len(bad) / len(members), _SHARE)):
            plot.record("address-at-risk", level, subject, bad)


def _record_persons(plot: Plot, firms: Sequence[Firm]) -> None:
    leads: dict[Person, list[Firm]] = defaultdict(list)
    began: dict[Person, list[Firm]] = defaultdict(list)
    for firm in firms:
        for person in firm.leads:
            leads[person].append(firm)
        for person in firm.first_leads:
            if firm.end != "cancelled":
                began[person].append(firm)
    for person in leads | began:
        subject = plot.person_of(person)
        most = 1 if person.weak else 3
        live = [firm for firm in leads[person] if firm.live]
        if level := level_of(len(live), _LED):
            plot.record("one-person-many-enterprises", min(level, most), subject, live, weak=person.weak)
        burst, level = latest_burst(began[person], plot.end, _PERSON_BURST)
        if burst:
            plot.record("person-burst", min(level, most), subject, burst, weak=person.weak)


def _record_ties(plot: Plot, firms: Sequence[Firm]) -> None:
    """Ties by a leader (not to cancelled ones) or by a room that is not exempt; hubs tie nobody."""
    groups: dict[Room | Person, list[Firm]] = defaultdict(list)
    for firm in firms:
        if not firm.room.exempt and firm.room.style != Style.NOWHERE:
            groups[firm.room].append(firm)
        if firm.end != "cancelled":
            for person in firm.leads:
                groups[person].append(firm)
    # Only a small part is at risk, so nobody walks through a large group.
    bad: dict[Room | Person, list[Firm]] = {
        tie: [firm for firm in members if firm.at_risk] for tie, members in groups.items() if len(members) <= _HUB
    }
    for firm in firms:
        if firm.live:
            ties: tuple[Room | Person, ...] = (firm.room, *firm.leads)
            tied = {other.code: other for tie in ties for other in bad.get(tie, []) if other is not firm}
            if level := level_of(len(tied), _TIED):
                plot.expect("linked-risk", level, firm, tied.values())
