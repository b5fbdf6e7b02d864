"""Recipes about rooms: many licences at one address, mass registration, addresses gone bad, shells."""

from __future__ import annotations

import math

from models.population.block import BRANCH, ENTERPRISE
from models.population.lines import DAY
from models.population.places import HOSTS, Style
from models.population.plot import Firm, Plot, Room
from models.population.registrations import agent_of


def licences(plot: Plot, least: int, most: int, tail: float = 0.0) -> None:
    """一址多照: so many live enterprises in one room, and others there that do not count.

    With a `tail` the number is drawn from a Pareto law that begins at `least`.
    """
    room = plot.room()
    count = plot.between(least, most) if not tail else min(most, plot.tail(least, tail))
    for _ in range(count):
        if plot.chance(0.15):
            firm = plot.firm(plot.room(), [plot.person()], plot.old())
            plot.move(firm, plot.ago(190, 480), room)
        else:
            plot.firm(room, [plot.person()], plot.old())
    if plot.chance(0.4):
        plot.firm(room, [plot.person()], plot.old(), BRANCH)
    if plot.chance(0.4):
        plot.suspend(plot.firm(room, [plot.person()], plot.old()), plot.ago(20, 400))
    if plot.chance(0.4):
        plot.finish(plot.firm(room, [plot.person()], plot.old()), plot.ago(20, 400), "deregistered")


def address_burst(plot: Plot, least: int, most: int, *, lapsed: bool = False) -> None:
    """集中注册: so many establishments in one room within 25 days; `lapsed`: long ago."""
    room = plot.room(plot.pick((Style.OFFICE, Style.TOWER)))
    last = plot.ago(300, 700) if lapsed else plot.ago(2, 140)
    for _ in range(plot.between(least, most)):
        plot.firm(room, [plot.person()], plot.before(last, 0, 24))
    if lapsed:
        plot.record("address-burst", None, plot.address_of(room), plot.firms, fires=False)


def address_at_risk(plot: Plot, share: float, *, host: bool) -> None:
    """高危地址: at least such a share of all that ever registered at a room or host is revoked or listed."""
    room = plot.room(plot.pick(HOSTS) if host else None)
    count = plot.between(6, 14) if host else plot.between(5, 8)
    bad = math.ceil(count * share)
    for number in range(count):
        firm = plot.firm(room, [plot.person()], plot.old())
        if number >= bad:
            if not host and plot.chance(0.6):
                leave(plot, firm)
        elif plot.chance(0.4):
            plot.finish(firm, plot.ago(60, 480), "revoked")
        else:
            plot.list_abnormal(firm, plot.ago(20, 300), plot.pick(("disclosure", "falsehood", "report")))


def leave(plot: Plot, firm: Firm) -> None:
    """The enterprise moves away or ends; its first room keeps it among those ever registered."""
    if plot.chance(0.5):
        plot.move(firm, plot.ago(190, 480), plot.room())
    else:
        plot.finish(firm, plot.ago(60, 480), "deregistered")


def shells(plot: Plot) -> None:
    """空壳团伙: few persons and rooms, one agent and telephone, one day, tiny equal capital, no report."""
    recent = plot.chance(0.5)
    day = plot.ago(10, 150) if recent else plot.before(plot.end, 900, 1_200)
    persons = [plot.person() for _ in range(plot.between(2, 3))]
    rooms = [plot.room(Style.OFFICE) for _ in range(plot.between(2, 3))]
    agent, telephone = agent_of(10_000 + plot.number)
    extras = f',"type_code":"1130","capital":1000,"phone":"{telephone}","agent":"{agent}"'
    for number in range(plot.between(6, 16)):
        firm = plot.firm(
            rooms[number % len(rooms)],
            [persons[number // 2 % len(persons)]],
            plot.before(day, 0, 2),
            ENTERPRISE,
            extras=extras,
        )
        firm.ordinary_until = firm.born
    if not recent:
        listed = plot.chance(0.5)
        for firm in plot.firms:
            missed = plot.miss_two_years(firm)
            if listed:
                plot.list_abnormal(firm, plot.after(missed, 3, 8), "report")
            plot.expect("untraceable", 1, firm)
    plot.record("shell-cluster", None, {"kind": "group"}, plot.firms)


# What looks alike and must stay silent.


def lawful_host(plot: Plot) -> None:
    """A host, declared or shown by brackets: many enterprises, some in a burst, all in order."""
    marked = plot.chance(0.4)
    room: Room = plot.room(Style.OFFICE, mark="（集群注册）") if marked else plot.room(plot.pick(HOSTS))
    day = plot.ago(5, 140)
    for number in range(plot.between(12, 30)):
        plot.firm(room, [plot.person()], plot.before(day, 0, 24) if number % 2 else plot.old())
    for detector in ("one-address-many-licences", "address-burst", "address-at-risk"):
        plot.record(detector, None, plot.address_of(room), plot.firms, fires=False)


def branches(plot: Plot) -> None:
    """A chain: one enterprise and its branches, led by one person, several of them in one room."""
    person, room = plot.person(), plot.room()
    head = plot.firm(room, [person], plot.old(), ENTERPRISE)
    day = plot.ago(5, 140)
    for number in range(plot.between(6, 12)):
        place = room if number < 5 else plot.room(Style.SHOP, away=number % 2 == 0)
        plot.firm(place, [person], plot.before(day, 0, 20), BRANCH)
    for detector in ("one-address-many-licences", "address-burst"):
        plot.record(detector, None, plot.address_of(room), plot.firms, fires=False)
    for detector in ("one-person-many-enterprises", "person-burst"):
        plot.record(detector, None, plot.person_of(person), plot.firms, fires=False)
    plot.silent("linked-risk", head)


def mostly_suspended(plot: Plot) -> None:
    """Four live enterprises in a room, and others there that are suspended, gone or have moved away."""
    room = plot.room()
    for _ in range(4):
        plot.firm(room, [plot.person()], plot.old())
    for _ in range(plot.between(1, 3)):
        plot.suspend(plot.firm(room, [plot.person()], plot.old()), plot.ago(20, 300))
    for _ in range(plot.between(1, 3)):
        leave(plot, plot.firm(room, [plot.person()], plot.old()))
    plot.record("one-address-many-licences", None, plot.address_of(room), plot.firms, fires=False)


def clients_of_an_agent(plot: Plot) -> None:
    """Honest enterprises with nothing in common but the agent who registered them, and its telephone."""
    agent, telephone = agent_of(10_000 + plot.number)
    for _ in range(plot.between(6, 10)):
        plot.firm(
            plot.room(),
            [plot.person()],
            plot.old(),
            ENTERPRISE,
            extras=f',"capital":{plot.between(1, 40) * 50_000},"phone":"{telephone}","agent":"{agent}"',
        )
    plot.record("shell-cluster", None, {"kind": "group"}, plot.firms, fires=False)


def spaced_establishments(plot: Plot) -> None:
    """Four establishments in a room this year, 40 days and more apart."""
    room = plot.room()
    for number in range(4):
        plot.firm(room, [plot.person()], plot.end - (10 + 42 * number) * DAY - plot.between(0, 30_000))
    plot.record("address-burst", None, plot.address_of(room), plot.firms, fires=False)
