"""The detectors on an enterprise by its own events: 查无下落, 频繁变更, 投诉激增; from the contract alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.reference.findings import Happening, Signal, about_enterprise, burst, strong_first
from tests.reference.intake import Event
from tests.reference.thresholds import (
    CHANGE_DAYS,
    CHANGE_FORCE,
    CHANGES,
    COMPLAINT_DAYS,
    COMPLAINT_FORCE,
    COMPLAINTS,
    LETTER_DAYS,
)
from tests.reference.world import Enterprise, World, is_weak, shanghai_date


def find(world: World) -> Iterator[Signal]:
    """All signals of these three on live enterprises, branches included."""
    for one in world.enterprises.values():
        if not one.live:
            continue
        for signal in (
            untraceable(one),
            strong_first(lambda weak, one=one: frequent_changes(world, one, weak=weak)),  # type: ignore[misc]
            complaint_surge(world, one),
        ):
            if signal:
                yield signal


# --- untraceable


def last_by(events: list[Event], field: str) -> dict[object, Event]:
    """Of several events with one value of a field, the last."""
    return {event.data[field]: event for event in events}


def evidence(one: Enterprise) -> list[datetime]:
    """The times of everything that speaks for its being gone."""
    found = [event.time for event in last_by(one.of("enforcement.letter_returned"), "number").values()]
    found += [event.time for event in one.of("enforcement.visited") if not event.data["found"]]
    found += [event.time for event in one.of("enforcement.inspected") if "unreachable" in event.data["results"]]
    found += [event.time for event in one.of("complaint.received") if event.data.get("reachable") is False]
    regular = [event.order for event in one.of("tax.regular")]
    found += [event.time for event in one.of("tax.irregular") if not any(order > event.order for order in regular)]
    return found + missed_two_years(one)


def missed_two_years(one: Enterprise) -> list[datetime]:
    """The later miss of each two years running that were missed and not filed at or after their own miss."""
    filed = last_by(one.of("report.filed"), "year")
    missed = {
        year: miss.time
        for year, miss in last_by(one.of("report.missed"), "year").items()
        if year not in filed or filed[year].time < miss.time
    }
    return [max(missed[year], missed[year + 1]) for year in missed if year + 1 in missed]  # type: ignore[operator]


def contacts(one: Enterprise) -> list[datetime]:
    """The times of everything that shows it was there."""
    found = [event.time for event in one.of("enforcement.letter_delivered", "report.filed")]
    found += [event.time for event in one.of("enforcement.visited") if event.data["found"]]
    found += [
        event.time
        for event in one.of("enforcement.inspected")
        if event.data["results"] and "unreachable" not in event.data["results"]
    ]
    found += [event.time for event in one.of("enforcement.abnormal_removed") if event.data["ground"] == "unreachable"]
    return found + [
        step.event.time
        for step in one.room_steps
        if step.event.type == "registration.changed" and step.before is not None and step.before != step.after
    ]


def untraceable(one: Enterprise) -> Signal | None:
    """Stages 1 to 4; the stage is value and level."""
    last_contact = max(contacts(one), default=None)

    def after_contact(moment: datetime) -> bool:
        return last_contact is None or moment > last_contact

    fresh = [moment for moment in evidence(one) if after_contact(moment)]
    stage = 1 if fresh else 0

    returned = last_by(one.of("enforcement.letter_returned"), "number")
    sent = last_by(one.of("enforcement.letter_sent"), "number")
    counting = [number for number, event in returned.items() if after_contact(event.time)]
    if counting:
        stage = 2
    days = sorted(shanghai_date(sent[number].time) for number in counting if number in sent)
    least, most = LETTER_DAYS
    if any(least <= (later - earlier).days <= most for earlier in days for later in days):
        stage = 3
    listing = one.listed("abnormal", "unreachable")
    if listing:
        stage = 4
    if not stage:
        return None
    since = min(fresh) if fresh else listing.time if listing else None
    assert since
    return about_enterprise("untraceable", one, level=stage, value=stage, since=since)


# --- frequent-changes


def frequent_changes(world: World, one: Enterprise, *, weak: bool) -> Signal | None:
    """Real changes of the room or of the set of lead persons."""
    changed: dict[tuple[datetime, str, str], datetime] = {}
    for step in one.room_steps:
        if step.event.type == "registration.changed" and step.before and step.before != step.after:
            changed[step.event.order] = step.event.time
    for step in one.lead_steps:
        if step.event.type == "registration.changed" and step.before:
            before, after = (
                {who for who in held.value if weak or not is_weak(who)} for held in (step.before, step.after)
            )
            if before != after:
                changed[step.event.order] = step.event.time
    happenings = [Happening(moment, one) for moment in changed.values()]
    found = burst(happenings, CHANGES, CHANGE_DAYS, CHANGE_FORCE, world.now)
    if not found:
        return None
    return about_enterprise("frequent-changes", one, level=found.level, value=found.value, since=found.since, weak=weak)


# --- complaint-surge


def complaint_surge(world: World, one: Enterprise) -> Signal | None:
    """Complaints, each number at the first event that names it."""
    first: dict[str, Event] = {}
    for event in one.of("complaint.received"):
        first.setdefault(event.data["number"], event)
    happenings = [Happening(event.time, one) for event in first.values()]
    found = burst(happenings, COMPLAINTS, COMPLAINT_DAYS, COMPLAINT_FORCE, world.now)
    if not found:
        return None
    return about_enterprise("complaint-surge", one, level=found.level, value=found.value, since=found.since)
