"""A plot: one planted situation with its own enterprises, rooms and persons, told event by event.

The recipes (`plots_*`) write plots with it; `derived` works out what follows from the finished plot, and
`planting` chooses how many of which. A plot shares nothing with the background, so its truth is certain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import msgspec
import numpy as np

from models.population import words
from models.population.block import ENTERPRISE, INDIVIDUAL, KINDS, Province
from models.population.identities import Form, phone
from models.population.lines import DAY, moments, new_year, year_of
from models.population.places import HOSTS, PLAIN, VARIANTS, Style
from models.population.registrations import LEAD_ROLES, enterprise_name, seat

T = TypeVar("T")

_PERSONS: Final = 20
"""Numbers of persons kept for each enterprise of a plot."""
_EXEMPT: Final = (*HOSTS, Style.STALL, Style.LINK)


@dataclass(frozen=True)
class Room:
    """A room by its numbers; `mark` is a bracketed text that all its addresses carry."""

    county: int
    style: int
    unit: int
    mark: str = ""

    @property
    def exempt(self) -> bool:
        """Whether it lawfully holds many."""
        return self.style in _EXEMPT or bool(self.mark)


@dataclass(frozen=True)
class Person:
    """A person as written in `persons`, without role; `weak` is a bare name."""

    identity: str
    weak: bool = False


@dataclass(eq=False)
class Firm:
    """An enterprise of a plot, with what holds of it at the end of the window."""

    number: int
    code: str
    kind: int
    room: Room
    leads: tuple[Person, ...]
    industry: str
    born: int
    first_room: Room
    first_leads: tuple[Person, ...]
    rooms: set[Room] = field(default_factory=set)
    ended: int | None = None
    end: Literal["", "deregistered", "revoked", "cancelled"] = ""
    suspended: bool = False
    listed: set[str] = field(default_factory=set)
    """Grounds of its present listings, and `dishonest`."""
    ordinary_until: int | None = None
    """From here on no ordinary events are added; None: to the end of life or window."""

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.ended is None

    @property
    def abnormal(self) -> bool:
        """At present listed as abnormal."""
        return bool(self.listed - {"dishonest"})

    @property
    def at_risk(self) -> bool:
        """Revoked, or at present listed as abnormal or dishonest."""
        return self.end == "revoked" or bool(self.listed)


class Truth(msgspec.Struct, omit_defaults=True):
    """One line of `truth.jsonl`: what must, or must not, be in force at the end of the window.

    `level` is null where it is not certain. `first` and `last` are the dates of the facts planted for it.
    """

    plot: int
    kind: str
    detector: str
    fires: bool
    level: int | None
    subject: dict[str, str]
    enterprises: list[str]
    first: str
    last: str
    weak_identity: bool = False
    occupants: int = 0


class Plot:
    """Tells one situation. All times are seconds in Asia/Shanghai, see `lines.seconds`."""

    def __init__(self, number: int, kind: str, province: Province, first: int, rng: np.random.Generator) -> None:
        """`first`: the first free running number for its enterprises."""
        self.number = number
        self.kind = kind
        self.firms: list[Firm] = []
        self.truths: list[Truth] = []
        self.start, self.end = province.start, province.end
        self.events: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
        self._province = province
        self._rng = rng
        self._next = first
        self._next_person = province.enterprises * 6 + first * _PERSONS
        self._told: list[int] = []
        self._county = self.between(0, len(province.places.counties) - 1)

    # Chance.

    def between(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(least, most + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self.between(0, len(choices) - 1)]

    def chance(self, share: float) -> bool:
        """Whether something of a given probability happens."""
        return bool(self._rng.random() < share)

    def ago(self, least: int, most: int) -> int:
        """A moment in working hours so many days before the end, inside the window."""
        most = min(most, (self.end - self.start) // DAY - 3)
        day = self.end // DAY - self.between(min(least, most), most)
        return day * DAY + self.between(30_600, 63_000)

    def old(self) -> int:
        """A time of establishment long before any window of days that ends now."""
        return (self.end // DAY - self.between(500, 4_000)) * DAY + self.between(30_600, 63_000)

    def after(self, moment: int, least: int, most: int) -> int:
        """So many days after a moment."""
        return (moment // DAY + self.between(least, most)) * DAY + self.between(30_600, 63_000)

    def before(self, moment: int, least: int, most: int) -> int:
        """So many days before a moment, at an earlier hour."""
        return moment - self.between(least, most) * DAY - self.between(0, 3_600)

    def tail(self, least: int, shape: float) -> int:
        """A number from a Pareto law."""
        return int(least * (1 + self._rng.pareto(shape)))

    # Actors.

    def person(self, form: Form = "resident_id") -> Person:
        """Somebody new."""
        self._next_person += 1
        return Person(self._province.people.identity(self._next_person, form), weak=form == "name")

    def room(self, style: Style | None = None, *, mark: str = "", away: bool = False) -> Room:
        """A new room in the plot's county, or `away` in another."""
        county = (self._county + 7) % len(self._province.places.counties) if away else self._county
        if style is None:
            style = self.pick((Style.OFFICE, Style.TOWER, Style.SHOP, Style.WORKSHOP, Style.COMPOUND))
        unit = self._province.places.take(np.array([county]), np.array([int(style)]))
        return Room(county, int(style), int(unit[0]), mark)

    def firm(
        self,
        room: Room,
        leads: Iterable[Person],
        born: int,
        kind: int | None = None,
        *,
        industry: str = "",
        extras: str = "",
    ) -> Firm:
        """Establishes an enterprise; `extras` are further members of the event's data."""
        if kind is None:
            kind = ENTERPRISE if self.chance(0.7) else INDIVIDUAL
        number, self._next = self._next, self._next + 1
        code = self._province.codes.make(np.array([number]), np.array([kind]), np.array([room.county]))[0]
        industry = industry or self.pick(words.SHOP_INDUSTRIES if kind == INDIVIDUAL else words.FIRM_INDUSTRIES)
        leads = tuple(leads)
        firm = Firm(number, code, kind, room, leads, industry, born, room, leads, {room})
        county = self._province.places.counties[room.county]
        name = enterprise_name(county.name if kind == INDIVIDUAL else county.city, number, kind)
        if not extras:
            extras = f',"capital":{self.between(1, 50) * 100_000},"phone":"{phone(3_000_000 + number)}"'
        self.firms.append(firm)
        self.tell(
            firm,
            "registration.established",
            born,
            f'"name":"{name}","kind":"{KINDS[kind]}","address":{self.address(room)},'
            f'"persons":[{self._persons(firm)}],"industry":"{industry}"{extras}',
        )
        return firm

    def address(self, room: Room) -> str:
        """The room's address as JSON, spelt in some way; hosts and their like declare their kind."""
        variant = self.between(PLAIN, VARIANTS - 1)
        desk = seat(room.style, variant) if room.style in HOSTS else ""
        return self._province.places.address(
            room.county,
            room.style,
            room.unit,
            variant,
            declared=True if room.style in _EXEMPT else None if not room.mark else False,
            suffix=desk + room.mark,
        )

    def text(self, room: Room) -> str:
        """The room's address in full, for people who read the truth."""
        return self._province.places.text(room.county, room.style, room.unit, PLAIN) + room.mark

    def _persons(self, firm: Firm, extra: str = "") -> str:
        role = LEAD_ROLES[firm.kind]
        return ",".join(f'{{"role":"{role}",{lead.identity}}}' for lead in firm.leads) + extra

    # Events.

    def tell(self, firm: Firm, type_: str, moment: int, members: str = "") -> None:
        """An event of the situation."""
        self._told.append(moment)
        self.events[type_].append((firm.code, moment, members))

    def paper(self, kind: str) -> str:
        """The number of a document."""
        return f"浙示{kind}〔{self.number}〕甲{self.between(0, 10**9)}号"

    def move(self, firm: Firm, moment: int, room: Room) -> None:
        """A change of address."""
        firm.room = room
        firm.rooms.add(room)
        self.tell(firm, "registration.changed", moment, f'"address":{self.address(room)}')

    def appoint(self, firm: Firm, moment: int, *leads: Person) -> None:
        """A change of who leads."""
        firm.leads = leads
        self.tell(firm, "registration.changed", moment, f'"persons":[{self._persons(firm)}]')

    def add_supervisor(self, firm: Firm, moment: int) -> None:
        """A change of persons that leaves those who lead."""
        extra = f',{{"role":"supervisor",{self.person().identity}}}'
        self.tell(firm, "registration.changed", moment, f'"persons":[{self._persons(firm, extra)}]')

    def finish(self, firm: Firm, moment: int, end: Literal["deregistered", "revoked", "cancelled"]) -> None:
        """The end of an enterprise."""
        firm.ended, firm.end = moment, end
        members = '"mode":"simple"' if end == "deregistered" else f'"document":"{self.paper("决")}","reason":"依法"'
        self.tell(firm, f"registration.{end}", moment, members)

    def suspend(self, firm: Firm, moment: int) -> None:
        """A suspension that lasts beyond the end of the window."""
        firm.suspended = True
        until = moments(np.array([self.end + 200 * DAY]))[0][:10]
        self.tell(firm, "registration.suspended", moment, f'"until":"{until}"')

    def list_abnormal(self, firm: Firm, moment: int, ground: str = "disclosure") -> str:
        """A listing that stays; returns its document."""
        firm.listed.add(ground)
        document = self.paper("列")
        self.tell(firm, "enforcement.abnormal_listed", moment, f'"ground":"{ground}","document":"{document}"')
        return document

    def list_dishonest(self, firm: Firm, moment: int) -> None:
        """A listing as seriously dishonest that stays."""
        firm.listed.add("dishonest")
        self.tell(firm, "enforcement.dishonest_listed", moment, f'"document":"{self.paper("严")}"')

    def miss_two_years(self, firm: Firm) -> int:
        """No report for the last two years that are due; gives when the second was missed."""
        last = year_of(self.end - 195 * DAY) - 1
        second = 0
        for year in (last - 1, last):
            second = self.after(new_year(year + 1) + 181 * DAY, 0, 8)
            self.tell(firm, "report.missed", second, f'"year":{year}')
        return second

    # Truth.

    def expect(self, detector: str, level: int | None, firm: Firm, others: Iterable[Firm] = ()) -> None:
        """An enterprise must be found, resting on itself and on others."""
        self.record(detector, level, {"kind": "enterprise", "key": firm.code}, [firm, *others])

    def silent(self, detector: str, firm: Firm) -> None:
        """An enterprise must not be found."""
        self.record(detector, None, {"kind": "enterprise", "key": firm.code}, [firm], fires=False)

    def record(
        self,
        detector: str,
        level: int | None,
        subject: dict[str, str],
        firms: Iterable[Firm],
        *,
        fires: bool = True,
        weak: bool = False,
    ) -> None:
        """A line of truth."""
        first, last = (text[:10] for text in moments(np.array([min(self._told), max(self._told)])))
        codes = sorted({firm.code for firm in firms})
        self.truths.append(
            Truth(
                self.number,
                self.kind,
                detector,
                fires,
                level,
                subject,
                codes,
                first,
                last,
                weak_identity=weak,
            )
        )

    def address_of(self, room: Room) -> dict[str, str]:
        """A room as the subject of a line of truth."""
        region = self._province.places.counties[room.county].code
        return {"kind": "address", "text": self.text(room), "region": region}

    @staticmethod
    def person_of(person: Person) -> dict[str, str]:
        """A person as the subject of a line of truth."""
        return {"kind": "person", "identity": f"{{{person.identity}}}"}

    def fill_in(self) -> None:
        """Ordinary events around the told ones, so that planted enterprises do not stand out by silence."""
        for firm in self.firms:
            until = min(firm.ordinary_until or self.end, firm.ended or self.end) // DAY
            since = max(firm.born, self.start) // DAY + 1
            for year in range(year_of(self.start) - 1, year_of(self.end)):
                due = new_year(year + 1)
                day = due // DAY + self.between(60, 178)
                if firm.born < due and since <= day < until:
                    self._add(firm, "report.filed", day, f'"year":{year}')
            for _ in range(int(self._rng.poisson(0.9 * max(0, until - since) / 365))):
                day = self.between(since, until - 1)
                self._add(firm, *self._ordinary(day))

    def _ordinary(self, day: int) -> tuple[str, int, str]:
        match self.between(0, 4):
            case 0:
                return "registration.changed", day, f'"capital":{self.between(1, 90) * 100_000}'
            case 1:
                return "commitment.made", day, f'"document":"{self.paper("诺")}"'
            case 2:
                return "sampling.passed", day, f'"document":"{self.paper("检")}"'
        return "enforcement.inspected", day, '"results":["none_found"],"random":true'

    def _add(self, firm: Firm, type_: str, day: int, members: str) -> None:
        self.events[type_].append((firm.code, day * DAY + self.between(30_600, 63_000), members))
