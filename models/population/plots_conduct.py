"""Recipes about conduct: enterprises that cannot be found, that change often, that draw complaints."""

from __future__ import annotations

from models.population import words
from models.population.lines import DAY
from models.population.plot import Firm, Plot


def untraceable(plot: Plot, stage: int) -> None:
    """查无下落: one enterprise, at a stage from suspicion (1) to its listing (4)."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old())
    sent = plot.ago(55, 110)
    firm.ordinary_until = sent
    if stage == 1:
        _sign_of_absence(plot, firm, sent)
    elif stage == 2:
        _letter_back(plot, firm, sent)
        if plot.chance(0.4):  # the second one too early to count as the second attempt
            _letter_back(plot, firm, plot.after(sent, 3, 12))
    else:
        _letter_back(plot, firm, sent)
        back = _letter_back(plot, firm, plot.after(sent, 15, 30))
        if stage == 4:
            plot.list_abnormal(firm, plot.after(back, 2, 9), "unreachable")
    plot.expect("untraceable", stage, firm)


def missed_two_years(plot: Plot) -> None:
    """查无下落: no report for two years running, and no other sign of life."""
    firm = plot.firm(plot.room(), [plot.person()], plot.before(plot.end, 1_200, 4_000))
    firm.ordinary_until = firm.born
    plot.miss_two_years(firm)
    plot.expect("untraceable", 1, firm)


def frequent_changes(plot: Plot, least: int, most: int, *, lapsed: bool = False) -> None:
    """频繁变更: so many real changes of address or leader within 140 days; `lapsed`: long ago."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old())
    last = plot.ago(300, 330) if lapsed else plot.ago(2, 140)
    count = plot.between(least, most)
    for number in range(count):
        moment = last - (count - 1 - number) * 23 * DAY + plot.between(0, 3_600)
        if plot.chance(0.5):
            plot.move(firm, moment, plot.room())
        else:
            plot.appoint(firm, moment, plot.person())
    if lapsed:
        plot.silent("frequent-changes", firm)
    else:
        plot.expect("frequent-changes", 1 if count < 5 else 2, firm)


def complaint_surge(plot: Plot, least: int, most: int, *, lapsed: bool = False) -> None:
    """投诉激增: so many complaints within 25 days; `lapsed`: more than 90 days ago."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old())
    last = plot.ago(100, 330) if lapsed else plot.ago(2, 80)
    count = plot.between(least, most)
    for _ in range(count):
        _complain(plot, firm, plot.before(last, 0, 24), plot.paper("诉"))
    if lapsed:
        plot.silent("complaint-surge", firm)
    else:
        plot.expect("complaint-surge", 2 if count < 15 else 3, firm)


# What looks alike and must stay silent.


def found_again(plot: Plot) -> None:
    """Absent at first, then found: a letter that arrives, a visit, a tax status put right."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old())
    sent = plot.ago(60, 110)
    firm.ordinary_until = sent
    match plot.between(0, 2):
        case 0:
            _letter_back(plot, firm, sent)
            again, number = plot.after(sent, 15, 30), f'"number":"{plot.paper("函")}"'
            plot.tell(firm, "enforcement.letter_sent", again, number)
            plot.tell(firm, "enforcement.letter_delivered", plot.after(again, 3, 9), number)
        case 1:
            plot.tell(firm, "enforcement.visited", sent, '"found":false')
            plot.tell(firm, "enforcement.visited", plot.after(sent, 5, 40), '"found":true')
        case _:
            plot.tell(firm, "tax.irregular", sent)
            plot.tell(firm, "tax.regular", plot.after(sent, 5, 40))
    plot.silent("untraceable", firm)


def harmless_changes(plot: Plot) -> None:
    """Many changes of capital, the same room spelt anew, other persons than those who lead."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old(), 1)
    for _ in range(plot.between(4, 6)):
        plot.tell(firm, "registration.changed", plot.ago(5, 140), f'"capital":{plot.between(2, 90) * 100_000}')
    for _ in range(plot.between(2, 4)):
        plot.move(firm, plot.ago(5, 140), firm.room)
        plot.add_supervisor(firm, plot.ago(5, 140))
    plot.silent("frequent-changes", firm)


def one_complaint_told_often(plot: Plot) -> None:
    """A complaint under one number, of which the source keeps sending news."""
    firm = plot.firm(plot.room(), [plot.person()], plot.old())
    last, number = plot.ago(2, 80), plot.paper("诉")
    for _ in range(plot.between(6, 12)):
        _complain(plot, firm, plot.before(last, 0, 24), number)
    plot.silent("complaint-surge", firm)


def _sign_of_absence(plot: Plot, firm: Firm, moment: int) -> None:
    match plot.between(0, 3):
        case 0:
            plot.tell(firm, "enforcement.visited", moment, '"found":false')
        case 1:
            plot.tell(firm, "enforcement.inspected", moment, '"results":["unreachable"],"random":true')
        case 2:
            members = f'"number":"{plot.paper("诉")}","category":"预付卡","verified":false,"reachable":false'
            plot.tell(firm, "complaint.received", moment, members)
        case _:
            plot.tell(firm, "tax.irregular", moment)


def _letter_back(plot: Plot, firm: Firm, sent: int) -> int:
    """A letter that comes back within two weeks; gives when."""
    number, back = f'"number":"{plot.paper("函")}"', plot.after(sent, 6, 13)
    plot.tell(firm, "enforcement.letter_sent", sent, number)
    plot.tell(firm, "enforcement.letter_returned", back, number)
    return back


def _complain(plot: Plot, firm: Firm, moment: int, number: str) -> None:
    reached = plot.pick(("", ',"verified":true', ',"verified":false,"reachable":true'))
    members = f'"number":"{number}","category":"{plot.pick(words.COMPLAINTS)}"{reached}'
    plot.tell(firm, "complaint.received", moment, members)
