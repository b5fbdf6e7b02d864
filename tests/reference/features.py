"""Every feature by brute force, from the events known at a moment: what `models.features` is compared with.

Asks `World` like the detectors of the reference; nothing is shared with the columns of the product.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property

from tests.reference.intake import Event
from tests.reference.thresholds import EXEMPT_KINDS
from tests.reference.world import Enterprise, Who, World, place, shanghai_date

HUB = 200
UNKNOWN_BEFORE = datetime(1901, 1, 1, tzinfo=UTC)
CAPITAL_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8)
AMOUNTS = (1_000, 5_000, 10_000, 50_000, 100_000, 200_000, 1_000_000)
FOUND_BAD = ("enforcement.penalised", "enforcement.abnormal_listed", "enforcement.dishonest_listed")
ADVERSE = (*FOUND_BAD, "sampling.failed", "commitment.breached", "report.missed")

Row = dict[str, float | None]


def known_at(events: Iterable[Event], now: datetime) -> list[Event]:
    """The events with both times at or before a moment."""
    return [event for event in events if event.time <= now and (event.recorded is None or event.recorded <= now)]


def features(events: Iterable[Event], now: datetime) -> dict[str, Row]:
    """The features of every enterprise of which anything that counts is known at a moment, by code and name."""
    events = list(events)
    here, before = (Scene(known_at(events, at), at) for at in (now, now - timedelta(days=365)))
    return {code: _row(here, before, one) for code, one in here.enterprises.items()}


def _row(here: Scene, before: Scene, one: Enterprise) -> Row:
    return {**_registered(here, one), **_conduct(here, one), **_checks(here, one), **_links(here, before, one)}


class Scene(World):
    """A world as the features ask it."""

    def days(self, at: datetime | None) -> float | None:
        """Whole days since a moment."""
        return None if at is None else (self.now - at) // timedelta(days=1)

    def within(self, events: Iterable[Event], days: int, before: int = 0) -> list[Event]:
        """Those that took effect in the last so many days, or so many before those."""
        last = self.now - timedelta(days=before)
        return [event for event in events if last - timedelta(days=days) < event.time <= last]

    @cached_property
    def risky(self) -> set[str]:
        """Those revoked or listed abnormal or dishonest."""
        return {code for code, one in self.enterprises.items() if bad(one) or one.dishonest}

    @cached_property
    def groups(self) -> list[list[Enterprise]]:
        """Rooms and persons that tie, each with its enterprises."""
        rooms = [ones for ones in self.present_in.values() if not any(shown(one) & EXEMPT_KINDS for one in ones)]
        return [ones for ones in (*rooms, *self.led_by.values()) if len(ones) <= HUB]

    def tied(self, one: Enterprise) -> list[Enterprise]:
        """The others of its groups, once for each group."""
        return [other for ones in self.groups if one in ones for other in ones if other is not one]

    @cached_property
    def cores(self) -> dict[str, int]:
        """Core numbers by taking away whoever has too few ties, again and again."""
        found: dict[str, int] = {}
        for k in range(1, 21):
            groups = [set(one.code for one in ones) for ones in self.groups]
            while True:
                degree: Counter[str] = Counter()
                for ones in groups:
                    for code in ones:
                        degree[code] += len(ones) - 1
                weak = {code for code, number in degree.items() if number < k}
                if not weak:
                    break
                groups = [ones - weak for ones in groups]
            found |= {code: k for ones in groups for code in ones}
        return found

    @cached_property
    def defaulters(self) -> set[Who]:
        """Persons whose latest court event is a listing that is not repaired; at equal times a removal is the later,
        and of several listings one that is not repaired."""
        latest: dict[Who, tuple[datetime, bool, bool]] = {}
        for one in self.enterprises.values():
            for event in one.of("court.defaulter_listed", "court.defaulter_removed"):
                if "person" in event.data and (who := one.known_as(event.data["person"]["identity"])):
                    order = (event.time, event.type.endswith("removed"), not one.is_repaired(event))
                    latest[who] = max(latest.get(who, order), order)
        return {who for who, (_, removed, holds) in latest.items() if holds and not removed}

    def rate(self, one: Enterprise, alike: Callable[[Enterprise], bool], wider: float) -> float:
        """The adverse rate of those alike, drawn to a wider one."""
        live = [other for other in self.enterprises.values() if other is not one and other.live and alike(other)]
        adverse = sum(
            any(not other.is_repaired(event) for event in self.within(other.of(*FOUND_BAD), 1_095))
            or bool(self.within(other.of("registration.revoked"), 1_095))  # which no repair touches
            for other in live
        )
        return (adverse + 20 * wider) / (len(live) + 20)


def bad(one: Enterprise) -> bool:
    """Revoked, or listed abnormal."""
    return bool(one.revocations or one.abnormal)


def shown(one: Enterprise) -> set[str]:
    """Kinds that the event with its present address declares or shows."""
    given = one.value("address")
    address = place(given)
    if given is None or address is None:
        return set()
    return {kind for kind in (given.get("kind"), address.shown_kind) if kind}


def kept(one: Enterprise, *types: str) -> list[Event]:
    """Its events of these types that are not repaired."""
    return [event for event in one.of(*types) if not one.is_repaired(event)]


def band(capital: float | None) -> int | None:
    """The band of a capital, None for none."""
    if not capital or capital <= 0:
        return None
    return 1 + sum(bool(capital >= step * 100 * 10**decade) for decade in range(1, 11) for step in CAPITAL_STEPS)


def _registered(scene: Scene, one: Enterprise) -> Row:
    opened = one.establishment.time if one.establishment else None
    dated = opened is not None and opened >= UNKNOWN_BEFORE
    name = one.value("name")
    kinds = shown(one)
    return {
        "age_years": scene.days(opened) / 365.25 if dated and opened else None,  # type: ignore[operator]
        "is_individual": one.value("kind") == "individual",
        "capital_band": band(one.value("capital")),
        "name_length": None if name is None else min(len(name), 31),
        "name_digits": None if name is None else bool(re.search("[0-9A-Za-z]", name)),
        "address_found": one.room is not None,
        "address_residential": "residential" in kinds,
        "address_hosted": bool(kinds & EXEMPT_KINDS),
    }


def _changes(one: Enterprise) -> tuple[list[Event], list[Event]]:
    moves = [
        step.event
        for step in one.room_steps
        if step.before and step.before != step.after and step.event.type == "registration.changed"
    ]
    before: set[tuple[str, ...]] | None = None
    manned = []
    for event in one.events:
        if "persons" not in event.data:
            continue
        leads = {
            person["identity"]
            for person in event.data["persons"]
            if person["role"] in ("legal_representative", "principal", "operator") and person["identity"] != ("nobody",)
        }
        if before is not None and leads != before and event.type == "registration.changed":
            manned.append(event)
        before = leads
    return moves, sorted({event.order: event for event in moves + manned}.values(), key=lambda event: event.order)


def _reports(one: Enterprise) -> tuple[int, int]:
    missed = {event.data["year"]: event.time for event in one.of("report.missed")}
    filed = {event.data["year"]: event.time for event in one.of("report.filed")}
    late = sum(year in filed and filed[year] >= at for year, at in missed.items())
    return len(missed) - late, late


def _points(event: Event) -> float:
    category, amount = event.data.get("category", ""), event.data.get("amount")
    form = 1.0
    if re.search("停产|停业|吊销|暂扣|限制|关闭", category):
        form = 3.0
    elif not re.search("罚|没收", category) and re.search("警告|通报批评", category):
        form = 0.5
    return form + 0.25 * (0 if amount is None else 1 + sum(amount >= bound for bound in AMOUNTS))


def _conduct(scene: Scene, one: Enterprise) -> Row:
    moves, changes = _changes(one)
    missing, late = _reports(one)
    taxes, filed = one.of("tax.irregular", "tax.regular"), one.of("report.filed")
    penalties, adverse = kept(one, "enforcement.penalised"), kept(one, *ADVERSE)
    recent = scene.within(adverse, 365)
    row: Row = {
        "changes_180": len(scene.within(changes, 180)),
        "moves_1095": len(scene.within(moves, 1_095)),
        "reports_missing": missing,
        "reports_late": late,
        "days_since_report": scene.days(filed[-1].time if filed else None),
        "tax_irregular": bool(taxes) and taxes[-1].type == "tax.irregular",
        "penalties": len(penalties),
        "penalties_trend": len(scene.within(penalties, 365)) - len(scene.within(penalties, 365, 365)),
        "days_since_penalty": scene.days(penalties[-1].time if penalties else None),
        "abnormal_now": len(one.abnormal),
        "abnormal_days": max((scene.days(event.time) or 0 for event in one.abnormal), default=0),
        "abnormal_1095": len(scene.within(kept(one, "enforcement.abnormal_listed"), 1_095)),
        "dishonest_now": one.dishonest is not None,
        "defaulter_now": _defaults(one),
        "adverse_burst": max(
            (sum(timedelta(0) <= last.time - event.time <= timedelta(days=30) for event in recent) for last in recent),
            default=0,
        ),
    }
    for days in (365, 1_095):
        row[f"penalties_{days}"] = len(scene.within(penalties, days))
    for days in (90, 365, 1_095):
        row[f"adverse_{days}"] = len(scene.within(adverse, days))
        row[f"penalties_weighted_{days}"] = sum(
            _points(event) * 0.5 ** ((scene.days(event.time) or 0) / days) for event in penalties
        )
    return row


def _defaults(one: Enterprise) -> bool:
    own = [e for e in one.of("court.defaulter_listed", "court.defaulter_removed") if "person" not in e.data]
    return bool(own) and own[-1].type == "court.defaulter_listed" and not one.is_repaired(own[-1])


def _checks(scene: Scene, one: Enterprise) -> Row:
    inspected = [event for event in one.of("enforcement.inspected") if event.data["results"]]
    absent = [event for event in inspected if "unreachable" in event.data["results"]]
    visited = one.of("enforcement.visited")
    returned = {event.data["number"]: event for event in one.of("enforcement.letter_returned")}
    contacts = [
        *(event for event in inspected if event not in absent),
        *(event for event in visited if event.data["found"]),
        *one.of("report.filed", "enforcement.letter_delivered"),
        *(event for event in one.of("enforcement.abnormal_removed") if event.data["ground"] == "unreachable"),
        *_changes(one)[0],
    ]
    contact = max((event.time for event in contacts), default=None)
    taxes = one.of("tax.irregular", "tax.regular")
    regular = max((place for place, event in enumerate(taxes) if event.type == "tax.regular"), default=-1)
    complaints = one.of("complaint.received")
    evidence = [
        *absent,
        *(event for event in visited if not event.data["found"]),
        *returned.values(),
        *(event for event in complaints if event.data.get("reachable") is False),
        *taxes[regular + 1 :],
    ]
    first: dict[str, Event] = {}
    said: dict[str, Event] = {}
    for event in complaints:
        first.setdefault(event.data["number"], event)
        if "verified" in event.data:
            said[event.data["number"]] = event
    true = [event for event in said.values() if event.data["verified"]]
    return {
        "inspections_1095": len(scene.within(inspected, 1_095)),
        "inspection_faults_1095": sum(
            set(event.data["results"]) != {"none_found"} for event in scene.within(inspected, 1_095)
        ),
        "days_since_inspection": scene.days(inspected[-1].time if inspected else None),
        "days_since_contact": scene.days(contact),
        "evidence_since_contact": sum(contact is None or event.time > contact for event in evidence),
        "complaints_30": len(scene.within(first.values(), 30)),
        "complaints_365": len(scene.within(first.values(), 365)),
        "complaints_true_1095": len(scene.within(true, 1_095)),
        "honours_1095": len(scene.within(one.of("honour.awarded"), 1_095)),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _links(scene: Scene, before: Scene, one: Enterprise) -> Row:
    counted = not one.branch and one.room is not None
    room = [other for other in scene.present_in[one.room] if other is not one] if counted and one.room else []
    ever = {other.code for other in scene.ever_in[one.room]} - {one.code} if counted and one.room else set()
    led = [] if one.branch or one.cancelled else [scene.led_by[who] for who in one.leads]
    others = [[other for other in ones if other is not one] for ones in led]
    tied = scene.tied(one)
    earlier = before.enterprises.get(one.code)
    own_band = band(one.value("capital"))
    row: Row = dict.fromkeys(("room_live", "room_ever", "room_same_capital"))
    if one.room:
        row["room_live"] = sum(other.live for other in room)
        row["room_ever"] = len(ever)
        row["room_same_capital"] = sum(own_band is not None and band(o.value("capital")) == own_band for o in room)
    return row | {
        "room_bad_share": _share(sum(map(bad, room)), len(room)),
        "same_day": max((_same_day(one, ones) for ones in (room, *others)), default=0),
        "lead_load": max((sum(other.live for other in ones) for ones in others), default=0),
        "lead_bad": sum(other.code in scene.risky for ones in others for other in ones),
        "lead_defaulters": len(one.leads & scene.defaulters),
        "ties": len(tied),
        "ties_risk_share": _share(sum(other.code in scene.risky for other in tied), len(tied)),
        "ties_change_365": len(tied) - (len(before.tied(earlier)) if earlier else 0),
        "core": scene.cores.get(one.code, 0),
        "agent_clients": _same(scene, one, lambda other: registered_by(other)),
        "phone_others": _same(scene, one, lambda other: other.value("phone") or None),
        **_rates(scene, one),
    }


def registered_by(one: Enterprise) -> str | None:
    """The agent of the latest establishment, None for none."""
    return (one.establishment.data.get("agent") or None) if one.establishment else None


def _same(scene: Scene, one: Enterprise, key: Callable[[Enterprise], str | None]) -> int | None:
    own = key(one)
    return None if own is None else sum(key(other) == own for other in scene.enterprises.values()) - 1


def _same_day(one: Enterprise, others: list[Enterprise]) -> int:
    days: dict[str, object] = defaultdict(object)
    for each in (one, *others):
        if each.establishment and each.establishment.time >= UNKNOWN_BEFORE:
            days[each.code] = shanghai_date(each.establishment.time)
    return sum(days[other.code] == days[one.code] for other in others) if one.code in days else 0


def division(one: Enterprise) -> str:
    """What tells its industry from others: letter and two digits, or less where there is no more."""
    code = (one.value("industry") or "").strip().upper()
    found = re.match(r"[A-T]\d\d", code)
    return found[0] if found else code


def county(one: Enterprise) -> str | None:
    """Its county, or the beginning of an address that names none."""
    address = one.value("address")
    if address is None or one.county:
        return one.county
    text = "".join(address["text"].split())
    return text[:3] if len(text) >= 3 else None


def _rates(scene: Scene, one: Enterprise) -> Row:
    everywhere = scene.rate(one, lambda other: True, 0.0)
    in_county = scene.rate(one, lambda other: county(other) == county(one), everywhere)
    in_trade = scene.rate(one, lambda other: division(other) == division(one), everywhere)
    both = scene.rate(
        one,
        lambda other: county(other) == county(one) and division(other) == division(one),
        (in_county + in_trade) / 2,
    )
    return {
        "county_rate": in_county if county(one) else None,
        "industry_rate": in_trade if division(one) else None,
        "peer_rate": both,
    }
