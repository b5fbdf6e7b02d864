"""Stories about enterprises that others cast a shadow on: 任职限制, 注销重开, 关联风险, re-establishments.

Called by `cases`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tests.reference.cases_maker import (
    INDUSTRIES,
    LOOSE_INDUSTRIES,
    RECEIVED,
    SECOND,
    SHANGHAI,
    Maker,
    Person,
    days,
    morning,
)

LEAP_DAY = date(2020, 2, 29)


def three_years_later(day: date) -> date:
    """The last day of a bar."""
    return date(day.year + 3, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


def took_up_when(maker: Maker, revoked: datetime) -> datetime:
    """A moment around the start or the end of a bar, or inside; never another hour of the day of revocation."""
    day = revoked.astimezone(SHANGHAI).date()
    last = morning(three_years_later(day), 0)
    return maker.random.choice(
        (
            revoked,
            revoked - days(1),
            revoked + days(1),
            revoked + days(maker.random.randrange(2, 900)),
            last,
            last + timedelta(hours=23, minutes=59),
            last + days(1) - SECOND,
            last + days(1),
            last + days(1) + timedelta(hours=9),
            morning(three_years_later(day), 9),
        )
    )


def barred(maker: Maker) -> None:
    """A person who led a revoked one, and the role elsewhere at the edges of the three years."""
    person = maker.person()
    revoked = morning(LEAP_DAY) if maker.random.random() < 0.3 else maker.moment(1800, 100)
    old = maker.enterprise(revoked - days(400), leads=(person, maker.person()))
    form = maker.random.randrange(8)
    how = "revoked" if form else maker.random.choice(("cancelled", "deregistered"))
    end = maker.end(old, revoked, how)
    if form == 1:
        maker.emit(old, "registration.changed", revoked - days(1), persons=maker.leads(maker.person()))
    elif form == 2:
        given_up = maker.emit(old, "registration.changed", revoked, persons=maker.leads(maker.person()))
        maker.after(given_up, end, reverse=maker.random.random() < 0.5)
    elif form == 3:
        again = maker.enterprise(revoked + days(maker.random.choice((0, 30))), leads=(person,), code=old)
        assert again == old
        if maker.random.random() < 0.5:
            maker.after(maker.events[-1], end, reverse=maker.random.random() < 0.5)
    elif form == 4:
        maker.end(old, revoked + days(60), maker.random.choice(("cancelled", "deregistered", "revoked")))
    elif form == 5:
        maker.emit(old, "registration.changed", revoked + days(5), persons=maker.leads(maker.person()))
    elif form == 6:
        maker.emit(old, "credit.repaired", revoked + days(5), documents=[end["data"].get("document", "-")])
    for _ in range(maker.random.randrange(1, 4)):
        role(maker, person, took_up_when(maker, revoked))


def role(maker: Maker, person: Person, at: datetime) -> str:
    """An enterprise in which the person leads from a moment on, perhaps with a break, or only nearly."""
    at = min(at, RECEIVED)
    form = maker.random.randrange(9)
    if form < 3:
        return maker.enterprise(at, leads=(person,))
    subject = maker.enterprise(at - days(500), kind="branch" if form == 3 else None)
    change = "registration.changed"
    if form == 4:
        maker.emit(subject, change, at, persons=maker.leads(maker.person(), others=(person,)))
        return subject
    maker.emit(subject, change, at, persons=maker.leads(person, maker.person()))
    if form == 5:
        maker.emit(subject, change, at - days(100), persons=maker.leads(person))
        maker.emit(subject, change, at - days(50), persons=maker.leads(maker.person()))
    elif form == 6:
        maker.emit(subject, change, at - days(100), persons=maker.leads(person))
    elif form == 7:
        maker.end(subject, at + days(10), "deregistered")
        maker.enterprise(at + days(20), leads=(person,), code=subject)
    elif form == 8:
        away = maker.emit(subject, change, at + days(9), persons=maker.leads(maker.person()))
        back = maker.emit(subject, change, at + days(9), persons=maker.leads(person))
        maker.after(away, back, reverse=maker.random.random() < 0.5)
    return subject


def court_listed(maker: Maker) -> None:
    """A person listed by a court through one of several enterprises, removed or repaired through another."""
    person = maker.person()
    led = [role(maker, person, maker.moment(900, 100)) for _ in range(maker.random.randrange(1, 4))]
    first, second = maker.random.choice(led), maker.random.choice((*led, maker.code()))
    at = maker.moment(300, 40)
    document = maker.document()
    listed = maker.emit(first, "court.defaulter_listed", at, person=maker.spelled(person), document=document)
    form = maker.random.randrange(9)
    if form == 0:
        maker.emit(second, "court.defaulter_removed", at + days(20), person=maker.spelled(person))
    elif form == 1:
        removed = maker.emit(second, "court.defaulter_removed", at, person=dict(person), document="other")
        maker.after(removed, listed, reverse=maker.random.random() < 0.5)
    elif form == 2:
        maker.mend(maker.random.choice((first, second)), document, at)
    elif form == 3:
        maker.emit(second, "court.defaulter_listed", at + days(9), person=dict(person), document=maker.document())
        maker.mend(maker.random.choice((first, second)), document, at)
    elif form == 4:
        later = maker.document()
        maker.emit(second, "court.defaulter_listed", at + days(9), person=dict(person), document=later)
        maker.mend(second, later, at)
    elif form == 5:
        maker.emit(second, "court.defaulter_removed", at + days(1))
        maker.emit(second, "court.defaulter_listed", at + days(2), document=maker.document())
    elif form == 6:
        maker.emit(second, "court.defaulter_removed", at + days(1), person=dict(person))
        maker.emit(second, "court.defaulter_listed", at + days(2), person=maker.spelled(person))


def phoenix(maker: Maker) -> None:
    """A new one after the end of an old one with a record, at the edges of every condition."""
    name = {"name": f"孙悦{maker.number()}"}
    person = maker.person() if maker.random.random() < 0.85 else name
    ended = maker.moment(500, 40)
    region = "330106"
    room = maker.room(region=region)
    industry = maker.random.choice((*INDUSTRIES, *LOOSE_INDUSTRIES))
    new_at = min(maker.near(ended, 0, 0, 60, 120, 180, 180), RECEIVED)
    if maker.random.random() < 0.2:
        new_at = maker.near(RECEIVED, -365)
        ended = maker.near(new_at, 0, -180, -30)
    old_room = maker.random.choice((room, room, maker.room(region=region)))
    old = maker.enterprise(
        ended - days(500),
        address=maker.address(old_room),
        leads=(person, maker.person()),
        industry=industry or None,
        kind=maker.random.choice(("enterprise", "enterprise", "enterprise", "branch")),
    )
    end = maker.end(
        old, ended, maker.random.choice(("deregistered", "deregistered", "revoked", "revoked", "cancelled"))
    )
    records(maker, old, ended)
    for _ in range(maker.random.choice((1, 1, 2))):
        new = maker.enterprise(
            new_at,
            address=maker.address(maker.random.choice((room, room, maker.room(region=region)))),
            leads=(person,),
            industry=maker.random.choice((industry, industry[:3] + "99", maker.random.choice(INDUSTRIES))) or None,
        )
    established = maker.events[-1]
    if new_at == ended:
        maker.after(end, established, reverse=maker.random.random() < 0.5)
    later = new_at + days(1)
    match maker.random.randrange(9):
        case 6:
            maker.enterprise(
                ended - days(50), address=maker.address(old_room), leads=(person,), code=old, without_industry=True
            )
        case 0:
            maker.emit(new, "registration.changed", later, persons=maker.leads(maker.person()), industry="A0141")
        case 1:
            maker.emit(new, "registration.changed", later, address=maker.address(maker.room()))
        case 2:
            maker.end(old, ended + days(maker.random.choice((20, 170))), "deregistered")
        case 3:
            maker.enterprise(later, leads=(person,), code=old)
        case 4:
            changed = {"persons": maker.leads(maker.person()), "address": maker.address(maker.room())}
            maker.emit(old, "registration.changed", ended + days(maker.random.choice((-1, 1))), **changed)
        case 5:
            maker.end(old, ended + days(7), "cancelled")
        case _:
            pass


def records(maker: Maker, old: str, ended: datetime) -> None:
    """A penalty or listing before or after the end, removed or repaired at times, or none."""
    at = ended + days(maker.random.choice((-100, -1, 0, 10)))
    document = maker.document()
    form = maker.random.randrange(7)
    if form < 3:
        maker.emit(old, "enforcement.penalised", at, document=document, category="罚款", amount=5000)
    elif form < 5:
        maker.emit(old, "enforcement.abnormal_listed", at, ground="report", document=document)
        if form == 4:
            maker.emit(old, "enforcement.abnormal_removed", at + days(3), ground="report")
    elif form == 5:
        maker.emit(old, "enforcement.dishonest_listed", at, document=document)
    if maker.random.random() < 0.3:
        maker.mend(old, document, at)


def linked(maker: Maker) -> None:
    """One tied by person and by room to around 2 or 5 that are revoked or listed, or nearly so."""
    person, room = maker.person(), maker.room(mark=maker.random.choice(("", "", "", "(集群注册)")))
    count = maker.random.choice((1, 2, 2, 3, 4, 5, 6))
    for _ in range(count):
        by_person = maker.random.random() < 0.5
        by_room = not by_person or maker.random.random() < 0.2
        other = maker.enterprise(
            maker.moment(1500, 400),
            leads=(person,) if by_person else None,
            address=maker.address(room) if by_room else None,
            kind="branch" if maker.random.random() < 0.1 else None,
        )
        maker.blacken(other, maker.moment(300, 20))
        form = maker.random.random()
        if form < 0.1:
            maker.end(other, maker.moment(19, 9))
        elif form < 0.2:
            maker.emit(other, "registration.changed", maker.moment(19, 9), persons=maker.leads(maker.person()))
        elif form < 0.25:
            maker.enterprise(maker.moment(19, 9), code=other)
    kind = "branch" if maker.random.random() < 0.1 else None
    maker.enterprise(maker.moment(390, 9), leads=(person, maker.person()), address=maker.address(room), kind=kind)


def revenant(maker: Maker) -> None:
    """Established, ended, established again, at times at the very moment, in one order or the other."""
    person = maker.person(shared=0.5)
    room = maker.room(shared=0.5)
    at = maker.moment(1500, 300)
    subject = maker.enterprise(at, leads=(person,), address=maker.address(room))
    for _ in range(maker.random.randrange(1, 3)):
        at += days(maker.random.randrange(5, 100))
        end = maker.end(subject, at)
        gap = maker.random.choice((0, 0, 1, 40))
        kind = maker.random.choice((None, None, None, "branch"))
        maker.enterprise(at + days(gap), leads=(person,), address=maker.address(room), code=subject, kind=kind)
        if gap == 0:
            maker.after(end, maker.events[-1], reverse=maker.random.random() < 0.5)
    if maker.random.random() < 0.5:
        maker.blacken(subject, at + days(60))


def unestablished(maker: Maker) -> None:
    """Known only by other events: counted where life is not asked, and judged nowhere."""
    person = maker.person(shared=0.5)
    room = maker.room(shared=0.5)
    subject = maker.code()
    at = maker.moment(900, 100)
    maker.emit(subject, "registration.changed", at, persons=maker.leads(person), address=maker.address(room))
    for step in range(maker.random.randrange(4)):
        maker.emit(subject, "registration.changed", at + days(step), address=maker.address(maker.room()))
    maker.blacken(subject, at + days(9))
    maker.enterprise(at + days(30), leads=(person,), address=maker.address(room), industry="F5191")
    maker.emit(subject, "enforcement.visited", at + days(31), found=False)
