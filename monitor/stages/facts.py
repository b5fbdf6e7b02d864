"""The facts that an enterprise sends to its rooms and persons, made from its folded state.

They are absolute values: sent again, they change nothing; sent newer, they replace the older.
"""

from __future__ import annotations

from collections.abc import Callable

from detectors.views import Leadership, Occupant
from monitor.stages.fold import Enterprise
from monitor.stages.history import division_of


def occupants(state: Enterprise) -> dict[int, Occupant]:
    """The fact for each room that the enterprise was ever given."""
    if not state.stays:
        return {}
    live, opened = state.live, state.opened
    since = state.room_since
    entry: tuple[int, int, str] = since
    if opened is not None and opened[2] > entry[0]:
        entry = (opened[2], opened[0], opened[1])
    bad = _earliest(state.revoked, state.abnormal)
    risk = _earliest(bad, state.dishonest)
    found = {}
    for room, stay in state.stays.items():
        present = room == state.room
        established = None
        if opened is not None and opened[5] == room and not state.branch:
            established = (opened[2], opened[0], opened[1], state.ref)
        found[room] = Occupant(
            ref=state.ref,
            present=present,
            branch=state.branch,
            live=live,
            counts=live and not state.suspended_now,
            entry=entry[0] if present else 0,
            entry_event=(entry[1], entry[2]) if present else (0, ""),
            first=stay.first,
            established=established,
            bad_since=max(bad[0], stay.first) if bad else None,
            bad_event=(bad[1], bad[2]) if bad else (0, ""),
            risk_since=max(risk[0], since[0]) if risk and present else None,
            risk_event=(risk[1], risk[2]) if risk and present else (0, ""),
            declared=stay.declared,
            shown=stay.shown,
            resumed=state.resumed if present and live and state.resumed > entry[0] else 0,
        )
    return found


def leaderships(
    state: Enterprise, weak: Callable[[int], bool], weak_in: Callable[[int, int], int]
) -> dict[int, Leadership]:
    """The fact for each person that ever led the enterprise or was named by a court event of it.

    A bare name identifies a person only within the county of the enterprise's present address: `weak_in(person,
    county)` numbers that person; in the other counties the enterprise ever was in, nothing is said of it now.
    """
    found: dict[int, Leadership] = {}
    for person in state.ever_led.union(state.court):
        if not weak(person):
            found[person] = _leadership(state, person)
            continue
        for county in state.counties:
            holds = county == state.county
            found[weak_in(person, county)] = _leadership(state, person) if holds else Leadership(state.ref)
    return found


def _leadership(state: Enterprise, person: int) -> Leadership:
    opened = state.opened
    since = (state.leads or {}).get(person)
    led_at_opening = opened is not None and person in opened[9]
    risk = _earliest(state.revoked, state.abnormal, state.dishonest) if since else None
    flagged = state.flagged
    entry = since[0] if since else 0
    return Leadership(
        ref=state.ref,
        leads=since is not None,
        branch=state.branch,
        cancelled=state.cancelled,
        live=state.live,
        since=since[0] if since else 0,
        since_event=(since[1], since[2]) if since else (0, ""),
        entry=max(entry, opened[2]) if since and opened is not None else entry,
        county=state.view.county,
        established=(opened[2], opened[0], opened[1], state.ref) if opened is not None and led_at_opening else None,
        room=(opened[5] or 0) if opened is not None and led_at_opening else 0,
        division=division_of(opened[10] or "") if opened is not None and led_at_opening else "",
        ends=tuple(end for end, leads in state.ends if person in leads),
        flagged_since=flagged[0] if flagged else None,
        flagged_event=(flagged[1], flagged[2]) if flagged else (0, ""),
        risk_since=risk[0] if risk else None,
        risk_event=(risk[1], risk[2]) if risk else (0, ""),
        court=tuple(state.court.get(person, ())),
    )


def _earliest(*moments: tuple[int, int, str] | None) -> tuple[int, int, str] | None:
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None
