"""Stories about one enterprise's own events: 查无下落, 频繁变更, 投诉激增, and noise of every type.

Called by `cases`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.reference.cases_maker import NAMES, RECEIVED, Maker, days, morning

RESULTS = ("none_found", "not_disclosed", "false_disclosure", "unreachable", "corrected", "uncooperative", "pending")


def someone(maker: Maker) -> str:
    """An enterprise established long ago, now and then a branch."""
    return maker.enterprise(maker.moment(1500, 900), kind="branch" if maker.random.random() < 0.15 else None)


def contact(maker: Maker, subject: str, at: datetime) -> None:
    """Something that is a contact, or only looks like one."""
    match maker.random.randrange(11):
        case 0:
            maker.emit(subject, "enforcement.letter_delivered", at, number=maker.document())
        case 1 | 2:
            maker.emit(subject, "enforcement.visited", at, found=True)
        case 3:
            maker.emit(subject, "enforcement.inspected", at, results=["none_found"], plan="", random=True)
        case 4:
            maker.emit(subject, "enforcement.inspected", at, results=[])
        case 5:
            maker.emit(subject, "report.filed", at, year=2023)
        case 6:
            maker.emit(subject, "registration.changed", at, address=maker.address(maker.room()))
        case 7:
            same_room_again(maker, subject, at)
        case 8:
            ground = maker.random.choice(("unreachable", "unreachable", "report"))
            maker.emit(subject, "enforcement.abnormal_removed", at, ground=ground)
        case 9:
            maker.emit(subject, "tax.regular", at)
        case _:
            maker.emit(subject, "complaint.received", at, number=maker.document(), reachable=True)


def same_room_again(maker: Maker, subject: str, at: datetime) -> None:
    """An address told anew that is no other room, beside one that names no room at all."""
    room = maker.room()
    maker.emit(subject, "registration.changed", at - days(400), address=maker.address(room))
    maker.emit(subject, "registration.changed", at, address=maker.address(room))
    if maker.random.random() < 0.5:
        before = at - days(maker.random.choice((1, 1, 0)))
        maker.emit(subject, "registration.changed", before, address=maker.unlocatable())


def evidence(maker: Maker, subject: str, at: datetime) -> None:
    """Something that is evidence, or only nearly."""
    match maker.random.randrange(7):
        case 0 | 1:
            maker.emit(subject, "enforcement.visited", at, found=False)
        case 2:
            results = maker.random.choice((["unreachable"], ["unreachable", "pending"], ["not_operating"]))
            maker.emit(subject, "enforcement.inspected", at, results=results)
        case 3:
            number = maker.document()
            maker.emit(subject, "complaint.received", at, number=number, reachable=False)
            if maker.random.random() < 0.5:
                reachable = maker.random.random() < 0.8
                maker.emit(subject, "complaint.received", at - days(9), number=number, reachable=reachable)
        case 4:
            irregular(maker, subject, at)
        case 5:
            maker.emit(subject, "enforcement.letter_returned", at, number=maker.document())
        case _:
            maker.emit(subject, "enforcement.abnormal_listed", at, ground="unreachable", document="listed")


def irregular(maker: Maker, subject: str, at: datetime) -> None:
    """Irregular taxes, regular again before, at the same moment or after."""
    first = maker.emit(subject, "tax.irregular", at)
    if maker.random.random() < 0.6:
        step = maker.random.choice((-5, 0, 0, 5))
        then = maker.emit(subject, "tax.regular", at + days(step))
        if step == 0:
            maker.after(first, then, reverse=maker.random.random() < 0.5)


def gone(maker: Maker) -> None:
    """Evidence and contacts before, after and at one another's moment."""
    subject = someone(maker)
    at = maker.moment(400, 30)
    evidence(maker, subject, at)
    if maker.random.random() < 0.7:
        contact(maker, subject, at + days(maker.random.choice((-3, 0, 0, 3))))
    if maker.random.random() < 0.3:
        evidence(maker, subject, at + days(6))


def letters(maker: Maker) -> None:
    """Two or three mailings around 15 and 30 days apart by date, returned, repeated, some never sent."""
    subject = someone(maker)
    first_day = maker.moment(300, 120).date()
    # One hour before midnight in Shanghai and one after it are two dates but one in UTC, and the other way round.
    hours = (0, 1, 7, 8, 9, 23)
    first = morning(first_day, maker.random.choice(hours))
    gap = timedelta(days=maker.random.choice((14, 15, 15, 16, 29, 30, 30, 31)))
    second = morning(first_day + gap, maker.random.choice(hours))
    numbers = (maker.document(), maker.document())
    for number, sent in zip(numbers, (first, second), strict=True):
        if maker.random.random() < 0.93:
            maker.emit(subject, "enforcement.letter_sent", sent, number=number)
        if maker.random.random() < 0.1:
            maker.emit(subject, "enforcement.letter_sent", sent - days(12), number=number)
        if maker.random.random() < 0.9:
            maker.emit(subject, "enforcement.letter_returned", sent + days(9), number=number)
        if maker.random.random() < 0.25:
            maker.emit(subject, "enforcement.letter_returned", sent + days(4), number=number)
    if maker.random.random() < 0.5:
        contact(maker, subject, second + days(maker.random.choice((-12, -9, 8, 9, 10))))
    if maker.random.random() < 0.3:
        maker.emit(subject, "enforcement.letter_sent", first + days(60), number=numbers[0])
    if maker.random.random() < 0.2:
        listed_unreachable(maker, subject, second + days(30))


def listed_unreachable(maker: Maker, subject: str, at: datetime) -> None:
    """Listed for `unreachable`, perhaps removed, repaired, listed again, or contacted after."""
    document = maker.document()
    listing = maker.emit(subject, "enforcement.abnormal_listed", at, ground="unreachable", document=document)
    match maker.random.randrange(6):
        case 0:
            maker.mend(subject, document, at)
        case 1:
            maker.emit(subject, "enforcement.abnormal_removed", at + days(9), ground="unreachable", document="x")
        case 2:
            removed = maker.emit(subject, "enforcement.abnormal_removed", at, ground="unreachable")
            maker.after(listing, removed, reverse=maker.random.random() < 0.5)
        case 3:
            again = maker.document()
            maker.emit(subject, "enforcement.abnormal_listed", at + days(9), ground="unreachable", document=again)
            maker.mend(subject, maker.random.choice((document, again)), at)
        case 4:
            contact(maker, subject, at + days(9))
        case _:
            maker.emit(subject, "enforcement.abnormal_removed", at + days(9), ground="report")


def listed(maker: Maker) -> None:
    """The listing alone."""
    listed_unreachable(maker, someone(maker), maker.moment(300, 30))


def misses(maker: Maker) -> None:
    """Two years running, or with a gap, missed, missed again and filed before, at or after the miss."""
    subject = someone(maker)
    years = maker.random.choice(((2022, 2023), (2022, 2023), (2021, 2023), (2021, 2022, 2023), (2023,)))
    for year in years:
        missed = morning(date(year + 1, 7, 1))
        maker.emit(subject, "report.missed", missed, year=year)
        form = maker.random.random()
        if form < 0.25:
            step = maker.random.choice((-60, 0, 40))
            maker.emit(subject, "report.filed", missed + days(step), year=year)
        elif form < 0.4:
            maker.emit(subject, "report.missed", missed + days(60), year=year)
            maker.emit(subject, "report.filed", missed + days(maker.random.choice((30, 60, 90))), year=year)
    if maker.random.random() < 0.4:
        contact(maker, subject, morning(date(2024, 7, 1)) + days(maker.random.choice((-200, 0, 100))))


def changes(maker: Maker) -> None:
    """Around 3 and 5 changes within 180 days: real ones, back and forth, of nothing, several at one moment."""
    branch = "branch" if maker.random.random() < 0.1 else None
    room, other_room = maker.room(), maker.room()
    people = [maker.person(), maker.person(), {"name": maker.random.choice(NAMES)}]
    subject = maker.enterprise(maker.moment(1500, 900), address=maker.address(room), leads=people[:1], kind=branch)
    last = maker.near(RECEIVED, -180, -60, -20)
    first = maker.near(last, -180)
    count = maker.random.choice((2, 3, 3, 4, 5, 6, 7))
    moments = [first, last] + [maker.moment_between(first, last) for _ in range(count - 2)]
    if count > 3 and maker.random.random() < 0.3:
        moments[2] = moments[3]
    for at in sorted(moments):
        new: dict[str, Any] = {}
        if maker.random.random() < 0.6:
            new["address"] = maker.address(maker.random.choice((room, other_room, maker.room())))
            if maker.random.random() < 0.1:
                new["address"] = maker.unlocatable()
        if not new or maker.random.random() < 0.3:
            chosen = maker.random.sample(people, maker.random.choice((1, 1, 2)))
            new["persons"] = maker.leads(*chosen, others=(people[0],))
        if maker.random.random() < 0.04:
            maker.enterprise(at, address=maker.address(maker.room()), leads=people[1:2], code=subject, kind=branch)
        maker.emit(subject, "registration.changed", at, **new)
        if maker.random.random() < 0.1:
            maker.emit(subject, "registration.changed", at + days(1), capital=1, phone="2")
    if maker.random.random() < 0.2:
        late_stock(maker)


def late_stock(maker: Maker) -> None:
    """Changes told of an enterprise before the establishment that makes it live; the first ones are first values."""
    subject = maker.code()
    at = maker.moment(170, 120)
    maker.emit(subject, "registration.changed", at, address=maker.address(maker.room()))
    maker.emit(subject, "registration.changed", at + days(1), persons=maker.random.choice(([], maker.leads())))
    maker.emit(subject, "registration.changed", at + days(2), address=maker.address(maker.room()))
    maker.emit(subject, "registration.changed", at + days(3), persons=maker.leads(maker.person()))
    maker.enterprise(at + days(maker.random.choice((-1, 2, 4))), code=subject)
    maker.emit(subject, "registration.changed", at + days(5), address=maker.address(maker.room()))
    maker.codes.append(subject)


def complaints(maker: Maker) -> None:
    """Around 5 and 15 numbers within 30 days, some told twice, the last around 90 days ago or lately."""
    subject = someone(maker)
    last = maker.near(RECEIVED, -90, -60, -9)
    first = maker.near(last, -30)
    count = maker.random.choice((4, 5, 5, 6, 14, 15, 16))
    moments = [first, last] + [maker.moment_between(first, last) for _ in range(count - 2)]
    if maker.random.random() < 0.3:
        moments += [at + days(35) for at in moments if at + days(35) <= RECEIVED][:6]
    for at in moments:
        number = maker.document()
        extra = maker.random.choice(({}, {"verified": False}, {"verified": True}, {"reachable": True, "category": ""}))
        maker.emit(subject, "complaint.received", at, number=number, **extra)
        if maker.random.random() < 0.15:
            step = maker.random.choice((-40, 1, 40))
            maker.emit(subject, "complaint.received", at + days(step), number=number)


def noise(maker: Maker) -> None:
    """An enterprise of the background, with rooms and persons that others have, and events of any type."""
    kind = "branch" if maker.random.random() < 0.05 else None
    address = maker.address(maker.room(shared=0.35), maker.random.choice((None,) * 12 + ("office", "market")))
    if maker.random.random() < 0.04:
        address = maker.unlocatable()
    at = maker.moment(2000, 20)
    subject = maker.enterprise(at, address=address, leads=(maker.person(shared=0.25),), kind=kind)
    for _ in range(maker.random.randrange(5)):
        anything(maker, maker.random.choice((subject, subject, maker.random.choice(maker.codes))))


def anything(maker: Maker, subject: str) -> None:
    """One event of any type on an enterprise."""
    at = maker.moment(900, 1)
    document = maker.document()
    roll = maker.random.randrange(13)
    if roll == 0:
        contact(maker, subject, at)
    elif roll == 1:
        evidence(maker, subject, at)
    elif roll == 2:
        maker.blacken(subject, at)
    elif roll == 3:
        maker.emit(subject, "registration.changed", at, address=maker.address(maker.room(shared=0.5)))
    elif roll == 4:
        maker.emit(subject, "registration.changed", at, persons=maker.leads(maker.person(shared=0.5)))
    elif roll == 5:
        maker.emit(subject, "enforcement.penalised", at, document=document)
    elif roll == 6:
        maker.emit(subject, maker.random.choice(("sampling.failed", "sampling.passed")), at, document=document)
    elif roll == 7:
        maker.emit(subject, maker.random.choice(("commitment.made", "commitment.breached", "honour.awarded")), at)
    elif roll == 8:
        maker.emit(subject, "registration.changed", at, industry="C1810", name="新名", capital=2.5)
    elif roll == 9:
        maker.emit(subject, "objection.filed", at, alert="alert-1")
    elif roll == 10:
        results = maker.random.sample(RESULTS, maker.random.randrange(3))
        maker.emit(subject, "enforcement.inspected", at, results=results)
    elif roll == 11:
        maker.end(subject, at)
    else:
        maker.emit(subject, "report.filed", at, year=at.year - 1)
