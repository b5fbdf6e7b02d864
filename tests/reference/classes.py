"""Credit-risk classes by brute force: every item of every card asked of all events of one enterprise.

Written from the cards and the words of docs/classes.md; shares no code with `monitor/classing`. Ties and signals come
from the naive findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import yaml

from tests.reference.intake import Event
from tests.reference.world import SHANGHAI, Enterprise, World, is_weak, shanghai_date

Counted = tuple[date, bool, int, tuple[str, ...], bool]
"""Date from which it lapses, whether it holds, level, ids of events, whether disputed."""

HEAVY = ("停产", "停业", "吊销", "暂扣", "降低资质", "限制", "关闭", "禁业", "禁止从业", "撤销许可")
GROUNDS = ("report", "disclosure", "falsehood", "unreachable")


class Cards:
    """The cards as plain values."""

    def __init__(self, texts: dict[str, str]) -> None:
        values = {name.removesuffix(".yaml"): yaml.safe_load(text) for name, text in texts.items()}
        self.general = values.pop("general")
        values.pop("repair")
        self.industries = values


def anniversary(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def undecided(one: Enterprise, document: str | None) -> bool:
    """Whether the latest word on an objection to a document is its filing."""
    about = [e for e in one.of("objection.filed", "objection.decided") if e.data.get("document") == document]
    return document is not None and bool(about) and about[-1].type == "objection.filed"


def platform(one: Enterprise) -> bool:
    given = one.value("address")
    return given.get("kind") == "platform" or bool(one.address and one.address.shown_kind == "platform")


def is_in(one: Enterprise, industries: Iterable[str]) -> bool:
    """Whether the GB/T 4754 code of an enterprise begins with one of some."""
    code = (one.value("industry") or "").strip().upper()
    return any(code.startswith(industry) for industry in industries)


def listings(
    one: Enterprise, what: str, keep: Callable[[Event], bool]
) -> tuple[Event | None, list[tuple[Event, Event]]]:
    """The listing that no removal followed, and those that a removal ended."""
    now, past = None, []
    for event in one.of(f"{what}_listed", f"{what}_removed"):
        if not keep(event):
            continue
        if event.type.endswith("_listed"):
            now = event
        elif now is not None:
            past.append((now, event))
            now = None
    return now, past


def penalty(event: Event, card: dict[str, Any]) -> str:
    category, amount = event.data.get("category"), event.data.get("amount")
    bounds = card["penalties"]
    known = category is not None and any(word in category for word in ("罚", "没收", "警告", "通报批评"))
    if category is not None and any(word in category for word in HEAVY):
        return "penalty.severe"
    if amount is None:
        return "penalty.minor" if known else "penalty.ordinary"
    if amount >= bounds["severe_from"]:
        return "penalty.severe"
    return "penalty.ordinary" if amount >= bounds["ordinary_from"] else "penalty.minor"


def facts(one: Enterprise, card: dict[str, Any]) -> Iterable[tuple[str, Counted]]:
    """What an enterprise's own events give a card to count."""

    def tell(fact: str, when: Event, *events: Event, holds: bool = False, by: Event | None = None) -> Any:
        about = by or when
        document = about.data.get("document")
        if document is not None and document in one.repaired:
            return
        ids = tuple(event.id for event in events or (when,))
        yield fact, (shanghai_date(when.time), holds, 0, ids, undecided(one, document))

    for event in one.of("enforcement.penalised"):
        yield from tell(penalty(event, card), event)
    for event in one.of("enforcement.inspected"):
        for result in sorted(set(event.data["results"]) - {"none_found", "unreachable"}):
            yield f"inspection.{result}", (shanghai_date(event.time), False, 0, (event.id,), False)
    for kind in ("sampling.failed", "commitment.breached"):
        for event in one.of(kind):
            yield from tell(kind, event)
    for kind, fact in (("sampling.passed", "sampling.passed"), ("honour.awarded", "honour")):
        for event in one.of(kind):
            yield fact, (shanghai_date(event.time), False, 0, (event.id,), False)
    said: dict[str, Event] = {}
    for event in one.of("complaint.received"):
        if "verified" in event.data:
            said[event.data["number"]] = event
    for event in said.values():
        if event.data["verified"]:
            yield "complaint.verified", (shanghai_date(event.time), False, 0, (event.id,), False)
    for year in {event.data["year"] for event in one.of("report.missed")}:
        missed = [event for event in one.of("report.missed") if event.data["year"] == year][-1]
        filed = [event for event in one.of("report.filed") if event.data["year"] == year]
        if filed and filed[-1].time >= missed.time:
            yield "report.late", (shanghai_date(filed[-1].time), False, 0, (missed.id, filed[-1].id), False)
        else:
            yield "report.missing", (shanghai_date(missed.time), False, 0, (missed.id,), False)
    tax = one.of("tax.irregular", "tax.regular")
    ended = max((place + 1 for place, event in enumerate(tax) if event.type == "tax.regular"), default=0)
    if ended < len(tax):
        yield "tax.irregular", (shanghai_date(tax[ended].time), True, 0, (tax[ended].id,), False)
    lists: list[tuple[str, str, Callable[[Event], bool]]] = [
        ("enforcement.dishonest", "dishonest.{}", lambda event: True),
        ("court.defaulter", "defaulter.{}", lambda event: "person" not in event.data),
    ]
    for ground in GROUNDS:
        lists.append(
            ("enforcement.abnormal", f"abnormal.{{}}.{ground}", lambda event, g=ground: event.data["ground"] == g)  # type: ignore[misc]
        )
    for what, name, keep in lists:
        now, past = listings(one, what, keep)
        for listed, removed in past:
            yield from tell(name.format("past"), removed, listed, removed, by=listed)
        if now is not None:
            yield from tell(name.format("now"), now, holds=True)


def reckon(
    world: World, code: str, signals: list[dict[str, Any]], cards: Cards, now: datetime
) -> dict[str, Any] | None:
    """Class, score and items of an enterprise; None where it is not live. `signals`: the naive ones in force."""
    one = world.enterprises[code]
    if not one.live or one.establishment is None:
        return None
    today = now.astimezone(SHANGHAI).date()
    general = cards.general
    found = list(facts(one, general))
    opened = shanghai_date(one.establishment.time)
    found.append(("young", (opened, False, 0, (one.establishment.id,), False)))
    for other in tied(world, one):
        found.append(("linked", (today, True, 0, (other,), False)))
    for signal in signals:
        subject = signal["subject"]
        mine = subject["kind"] != "enterprise" or subject["key"] == code
        if code in signal["enterprises"] and mine and not signal["weak_identity"]:
            found.append((f"signal:{signal['detector']}", (today, True, signal["level"], (), False)))
    items = {name: (item, "") for name, item in general["items"].items()}
    for card, industry in cards.industries.items():
        where = industry["matches"]
        hosted = platform(one) and "platform" in where.get("address_kinds", ())
        if hosted or is_in(one, where.get("industries", ())):
            items |= {name: (item, card) for name, item in industry["items"].items()}
    kind = one.value("kind")
    rows: list[tuple[str, int, tuple[str, ...], str | None, bool]] = []
    worst = "A"
    for name, (item, _) in items.items():
        years = item.get("years", general["lapse_years"])
        some = [
            counted
            for fact, counted in found
            if fact in item["facts"]
            and counted[2] in item.get("levels", range(5))
            and (counted[1] or anniversary(counted[0], years) > today)
        ]
        weight = item.get("by_kind", {}).get(kind) or {"points": item["points"], "most": item.get("most")}
        if item.get("once"):
            if len(some) >= item.get("at_least", 1):
                rows.append((name, weight["points"], (), None, False))
                worst = max(worst, item.get("worst_class", "A"))
            continue
        total = len(some) * weight["points"]
        most = weight.get("most")
        if most is not None:
            total = min(total, most) if most > 0 else max(total, most)
        if some:
            worst = max(worst, item.get("worst_class", "A"))
        for place, (day, holds, _, ids, disputed) in enumerate(sorted(some, key=lambda row: row[0])):
            lapses = None if holds else anniversary(day, years).isoformat()
            rows.append((name, total if place == 0 else 0, ids, lapses, disputed))
    score = max(0, sum(row[1] for row in rows))
    by_score = "ABCD"[sum(score >= general["thresholds"][name] for name in "BCD")]
    return {"class": max(by_score, worst), "score": score, "kind": kind, "items": rows}


def tied(world: World, one: Enterprise) -> set[str]:
    """The other enterprises at risk that a strong lead person or a room ties to one."""
    if one.branch:
        return set()
    others: set[str] = set()
    if one.room and not world.exempt(one.room) and not world.hub_room(one.room):
        others |= {other.code for other in world.present_in[one.room]}
    for who in one.leads:
        if not one.cancelled and not is_weak(who) and not world.hub_person(who):
            others |= {other.code for other in world.led_by[who]}
    return {
        code
        for code in others - {one.code}
        if (other := world.enterprises[code]).revocations or other.abnormal or other.dishonest
    }
