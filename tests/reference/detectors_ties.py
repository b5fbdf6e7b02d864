"""The detectors on an enterprise that rest on other ones: 任职限制, 注销重开, 关联风险; from the contract alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from tests.reference.findings import Signal, about_enterprise, level_of, lowest, strong_first
from tests.reference.intake import Event
from tests.reference.thresholds import (
    BAR_YEARS,
    BARRED_LEVEL,
    LINKED,
    PHOENIX_DAYS,
    PHOENIX_FORCE,
    PHOENIX_LEVEL,
)
from tests.reference.world import Enterprise, Who, World, is_weak, place, shanghai_date


def find(world: World) -> Iterator[Signal]:
    """All signals of these three on live non-branch enterprises."""
    revoked = {who: list(ones) for who, ones in revoked_under(world).items()}
    ended = [one for one in world.non_branches if not one.cancelled and exits(one) and bad_records(one)]
    for one in world.non_branches:
        if not one.live:
            continue
        for signal in (
            strong_first(lambda weak, one=one: barred(world, one, revoked, weak=weak)),  # type: ignore[misc]
            strong_first(lambda weak, one=one: phoenix(world, one, ended, weak=weak)),  # type: ignore[misc]
            strong_first(lambda weak, one=one: linked(world, one, weak=weak)),  # type: ignore[misc]
        ):
            if signal:
                yield signal


def admitted(leads: Iterable[Who], *, weak: bool) -> set[Who]:
    """Strong identities, and bare names only where they are asked for."""
    return {who for who in leads if weak or not is_weak(who)}


# --- barred-person-appointed


def revoked_under(world: World) -> dict[Who, list[tuple[Enterprise, Event]]]:
    """Person to the revocations of enterprises they led then; cancelled registrations and branches apart."""
    found: dict[Who, list[tuple[Enterprise, Event]]] = {}
    for one in world.non_branches:
        if not one.cancelled:
            for revocation in one.revocations:
                for who in one.who(one.value("persons", revocation)):
                    found.setdefault(who, []).append((one, revocation))
    return found


def years_after(day: date, years: int) -> date:
    """The same date some years later; from 29 February to 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def bars(revocation: Event, took_up: datetime) -> bool:
    """Whether a role taken up then falls under the bar of a revocation."""
    last_day = years_after(shanghai_date(revocation.time), BAR_YEARS)
    return took_up >= revocation.time and shanghai_date(took_up) <= last_day


def barred(
    world: World, one: Enterprise, revoked: dict[Who, list[tuple[Enterprise, Event]]], *, weak: bool
) -> Signal | None:
    """Lead persons barred by a revocation elsewhere or at present listed by a court."""
    assert one.establishment
    barring: set[Enterprise] = set()
    since: dict[Who, datetime] = {}
    for who in admitted(one.leads, weak=weak):
        took_up = one.led_since(who)
        causes = []
        if not world.hub_person(who):
            for other, revocation in revoked.get(who, ()):
                if other is not one and bars(revocation, took_up):
                    barring.add(other)
                    causes.append(took_up)
        if who in world.court_listed:
            causes.append(max(took_up, world.court_listed[who].time))
        if causes:
            since[who] = min(causes)
    if not since:
        return None
    return about_enterprise(
        "barred-person-appointed",
        one,
        level=BARRED_LEVEL,
        value=len(since),
        others=barring,
        since=max(one.establishment.time, min(since.values())),
        weak=weak,
    )


# --- phoenix


def exits(one: Enterprise) -> list[Event]:
    """Its deregistrations and revocations."""
    return [end for end in one.ends if end.type != "registration.cancelled"]


def bad_records(one: Enterprise) -> list[Event]:
    """Its penalties and abnormal listings, whenever they came, without the repaired ones."""
    return [
        event for event in one.of("enforcement.penalised", "enforcement.abnormal_listed") if not one.is_repaired(event)
    ]


def division(industry: str | None) -> str | None:
    """The GB/T 4754 division: the letter and the next two digits; None where a code has them not."""
    found = re.match(r"[A-Z][0-9]{2}", industry or "")
    return found.group() if found else None


def phoenix(world: World, one: Enterprise, ended: list[Enterprise], *, weak: bool) -> Signal | None:
    """Established soon after the end of another with a record, same lead person, same room or industry."""
    new = one.establishment
    assert new
    if world.now - new.time > PHOENIX_FORCE:
        return None
    leads = {who for who in admitted(one.who(new.data["persons"]), weak=weak) if not world.hub_person(who)}
    address = place(new.data["address"])
    room = address.room_key if address else None
    industry = division(new.data.get("industry"))
    since: dict[Enterprise, datetime] = {}
    for other in ended:
        if other is one:
            continue
        for end in exits(other):
            if not end.time <= new.time <= end.time + PHOENIX_DAYS:
                continue
            if not leads & other.who(other.value("persons", end)):
                continue
            old_address = place(other.value("address", end))
            same_room = room is not None and old_address is not None and old_address.room_key == room
            if same_room or (industry and division(other.value("industry", end)) == industry):
                since[other] = max(new.time, min(event.time for event in bad_records(other)))
    if not since:
        return None
    return about_enterprise(
        "phoenix",
        one,
        level=PHOENIX_LEVEL,
        value=len(since),
        others=since,
        since=min(since.values()),
        weak=weak,
    )


# --- linked-risk


def at_risk_since(other: Enterprise) -> datetime | None:
    """Since when it is revoked or at present listed abnormal or dishonest; None: it is not."""
    facts = [*other.revocations, *other.abnormal, *([other.dishonest] if other.dishonest else [])]
    return min((event.time for event in facts), default=None)


def linked(world: World, one: Enterprise, *, weak: bool) -> Signal | None:
    """Others tied to it by a lead person or a room that are revoked or listed."""
    assert one.establishment
    tied: dict[Enterprise, list[datetime]] = {}
    if one.room and not world.exempt(one.room) and not world.hub_room(one.room):
        for other in world.present_in[one.room]:
            tied.setdefault(other, []).append(max(one.room_since(), other.room_since()))
    for who in admitted(one.leads, weak=weak):
        if not world.hub_person(who):
            for other in world.led_by[who]:
                tied.setdefault(other, []).append(max(one.led_since(who), other.led_since(who)))
    entries = {
        other: max(min(moments), risk)
        for other, moments in tied.items()
        if other is not one and (risk := at_risk_since(other))
    }
    level = level_of(len(entries), LINKED)
    if not level:
        return None
    return about_enterprise(
        "linked-risk",
        one,
        level=level,
        value=len(entries),
        others=entries,
        since=max(one.establishment.time, sorted(entries.values())[lowest(LINKED) - 1]),
        weak=weak,
    )
