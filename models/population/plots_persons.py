"""Recipes about who leads: many enterprises, barred persons, reopened enterprises, ties to bad ones."""

from __future__ import annotations

from models.population import words
from models.population.block import ENTERPRISE, INDIVIDUAL
from models.population.lines import DAY
from models.population.places import Style
from models.population.plot import Firm, Person, Plot

_THREE_YEARS = 1_096


def leads_many(plot: Plot, least: int, most: int, tail: float = 0.0, *, weak: bool = False) -> None:
    """一人多企: somebody leads so many live enterprises; `weak`: known by name alone, within one county.

    With a `tail` the number is drawn from a Pareto law that begins at `least`: nominees.
    """
    person = plot.person("name") if weak else plot.person(plot.pick(("resident_id", "resident_id", "passport")))
    count = plot.between(least, most) if not tail else min(most, plot.tail(least, tail))
    for _ in range(count):
        room = plot.room(away=not weak and plot.chance(0.3))
        if plot.chance(0.2):
            plot.appoint(plot.firm(room, [plot.person()], plot.old()), plot.ago(190, 480), person)
        else:
            plot.firm(room, [person], plot.old())
    if plot.chance(0.4):
        plot.finish(plot.firm(plot.room(), [person], plot.old()), plot.ago(30, 400), "deregistered")


def person_burst(plot: Plot, least: int, most: int, *, lapsed: bool = False) -> None:
    """短期多设: so many establishments by one person within 25 days; `lapsed`: long ago."""
    person = plot.person()
    last = plot.ago(300, 700) if lapsed else plot.ago(2, 140)
    for _ in range(plot.between(least, most)):
        plot.firm(plot.room(), [person], plot.before(last, 0, 24))
    if lapsed:
        plot.record("person-burst", None, plot.person_of(person), plot.firms, fires=False)


def barred_by_revocation(plot: Plot, *, appointed: bool) -> None:
    """任职限制: somebody led an enterprise when it was revoked and leads another within three years."""
    person = plot.person()
    revoked = plot.ago(220, 800)
    old = _ended(plot, person, revoked, "revoked")
    taken = plot.between(revoked + 190 * DAY, min(revoked + 1_000 * DAY, plot.end - 3 * DAY))
    if appointed:
        new = plot.firm(plot.room(), [plot.person()], plot.before(revoked, 10, 1_000))
        plot.appoint(new, taken, person)
    else:
        new = plot.firm(plot.room(), [person], taken)
    plot.expect("barred-person-appointed", 3, new, [old])


def barred_by_court(plot: Plot) -> None:
    """任职限制: a court lists somebody who leads live enterprises."""
    person = plot.person()
    for _ in range(plot.between(1, 2)):
        plot.firm(plot.room(), [person], plot.old())
    named = f'"document":"{plot.paper("执")}","person":{{{person.identity}}}'
    plot.tell(plot.firms[0], "court.defaulter_listed", plot.ago(10, 600), named)
    for firm in plot.firms:
        plot.expect("barred-person-appointed", 3, firm)


def phoenix(plot: Plot, *, same_room: bool, revoked: bool = False) -> None:
    """注销重开: ended after a penalty or listing, opened again by the same person, same room or trade."""
    old, new = _reopen(plot, same_room=same_room, revoked=revoked, gap=(3, 170))
    if plot.chance(0.6):
        plot.tell(old, "enforcement.penalised", plot.before(_end(old), 20, 150), _fine(plot))
    else:
        plot.list_abnormal(old, plot.before(_end(old), 20, 150))
    plot.expect("phoenix", 3, new, [old])
    if revoked:
        plot.expect("barred-person-appointed", 3, new, [old])


def linked_by_person(plot: Plot, bad: int) -> None:
    """关联风险: one person leads so many listed enterprises, and clean ones beside them."""
    person = plot.person()
    for number in range(bad + plot.between(1, 2)):
        firm = plot.firm(plot.room(), [person], plot.old())
        if number < bad:
            _list(plot, firm)


def linked_by_room(plot: Plot) -> None:
    """关联风险: two listed enterprises and a clean one share a room."""
    room = plot.room()
    for number in range(plot.between(3, 4)):
        firm = plot.firm(room, [plot.person()], plot.old())
        if number < 2:
            _list(plot, firm)


# What looks alike and must stay silent.


def family(plot: Plot) -> None:
    """A person with three or four shops, opened over the years."""
    person = plot.person()
    for _ in range(plot.between(3, 4)):
        plot.firm(plot.room(Style.SHOP), [person], plot.old(), INDIVIDUAL)
    for detector in ("one-person-many-enterprises", "person-burst"):
        plot.record(detector, None, plot.person_of(person), plot.firms, fires=False)


def stolen_name(plot: Plot) -> None:
    """Somebody leads four enterprises; others under the same name were cancelled as false."""
    person = plot.person()
    for number in range(7):
        firm = plot.firm(plot.room(), [person], plot.old() if number < 4 else plot.ago(100, 160))
        if number >= 4:
            plot.finish(firm, plot.ago(20, 90), "cancelled")
    for detector in ("one-person-many-enterprises", "person-burst"):
        plot.record(detector, None, plot.person_of(person), plot.firms, fires=False)


def barred_no_longer(plot: Plot) -> None:
    """Took up the role more than three years after the revocation, or had it before."""
    person = plot.person()
    if plot.chance(0.5):
        revoked = plot.before(plot.end, _THREE_YEARS + 120, _THREE_YEARS + 200)
        _ended(plot, person, revoked, "revoked")
        new = plot.firm(plot.room(), [person], plot.after(revoked, _THREE_YEARS + 5, _THREE_YEARS + 100))
    else:
        new = plot.firm(plot.room(), [person], plot.old())
        _ended(plot, person, plot.ago(30, 400), "revoked")
    plot.silent("barred-person-appointed", new)


def no_longer_a_defaulter(plot: Plot) -> None:
    """A court listed the leader and removed the listing."""
    person = plot.person()
    firm = plot.firm(plot.room(), [person], plot.old())
    named = f'"document":"{plot.paper("执")}","person":{{{person.identity}}}'
    listed = plot.ago(100, 700)
    plot.tell(firm, "court.defaulter_listed", listed, named)
    plot.tell(firm, "court.defaulter_removed", plot.after(listed, 20, 90), named)
    plot.silent("barred-person-appointed", firm)


def honest_reopening(plot: Plot) -> None:
    """Reopened by the same person, but nothing was wrong, or it was repaired, or took long, or all is new."""
    match plot.between(0, 3):
        case 0:
            _, new = _reopen(plot, same_room=True, gap=(3, 170))
        case 1:
            old, new = _reopen(plot, same_room=True, gap=(3, 170))
            document = plot.paper("罚")
            fined = plot.before(_end(old), 60, 150)
            plot.tell(old, "enforcement.penalised", fined, _fine(plot, document))
            plot.tell(old, "credit.repaired", plot.after(fined, 20, 50), f'"documents":["{document}"]')
        case 2:
            old, new = _reopen(plot, same_room=True, gap=(181, 260))
            plot.tell(old, "enforcement.penalised", plot.before(_end(old), 20, 150), _fine(plot))
        case _:
            old, new = _reopen(plot, same_room=False, same_trade=False, gap=(3, 170))
            plot.tell(old, "enforcement.penalised", plot.before(_end(old), 20, 150), _fine(plot))
    plot.silent("phoenix", new)


def cleared_relatives(plot: Plot) -> None:
    """Enterprises of one person that were listed and removed again."""
    person = plot.person()
    for _ in range(3):
        firm = plot.firm(plot.room(), [person], plot.old())
        listed = plot.ago(60, 500)
        ground = f'"ground":"{plot.pick(("report", "disclosure", "unreachable"))}"'
        plot.tell(firm, "enforcement.abnormal_listed", listed, f'{ground},"document":"{plot.paper("列")}"')
        plot.tell(firm, "enforcement.abnormal_removed", plot.after(listed, 5, 50), ground)
    for firm in plot.firms:
        plot.silent("linked-risk", firm)


def _ended(plot: Plot, person: Person, moment: int, how: str) -> Firm:
    firm = plot.firm(plot.room(), [person], plot.before(moment, 200, 2_000), ENTERPRISE, industry="C1819")
    plot.finish(firm, moment, "revoked" if how == "revoked" else "deregistered")
    return firm


def _reopen(
    plot: Plot,
    *,
    same_room: bool,
    gap: tuple[int, int],
    revoked: bool = False,
    same_trade: bool | None = None,
) -> tuple[Firm, Firm]:
    """An enterprise that ends, and another by the same person so many days later."""
    person, trade = plot.person(), plot.pick(words.FIRM_INDUSTRIES)
    other = next(code for code in words.FIRM_INDUSTRIES if code[:3] != trade[:3])
    if same_trade is None:
        same_trade = not same_room
    ended = plot.ago(gap[1] + 5, gap[1] + 120)
    old = plot.firm(plot.room(), [person], plot.before(ended, 300, 2_000), ENTERPRISE, industry=trade)
    plot.finish(old, ended, "revoked" if revoked else "deregistered")
    new = plot.firm(
        old.room if same_room else plot.room(),
        [person],
        plot.after(ended, *gap),
        ENTERPRISE,
        industry=trade if same_trade else other,
    )
    return old, new


def _end(firm: Firm) -> int:
    if firm.ended is None:
        msg = f"{firm.code} has not ended"
        raise ValueError(msg)
    return firm.ended


def _fine(plot: Plot, document: str = "") -> str:
    amount = plot.between(1, 40) * 500
    return f'"document":"{document or plot.paper("罚")}","category":"罚款","amount":{amount}'


def _list(plot: Plot, firm: Firm) -> None:
    if plot.chance(0.2):
        plot.list_dishonest(firm, plot.ago(20, 300))
    else:
        plot.list_abnormal(firm, plot.ago(20, 300), plot.pick(("disclosure", "falsehood")))
