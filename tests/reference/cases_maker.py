"""The hand that writes made-up events: codes, rooms, persons, moments, lines.

Under `cases`: the stories of `cases_rooms`, `cases_ties` and `cases_conduct` call it. Nothing here is a real
enterprise, address or person; everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

RECEIVED = datetime(2025, 4, 12, 1, 0, tzinfo=UTC)
"""The receiver's clock the cases are made for: they end here, with some events up to 23 hours ahead of it."""

SHANGHAI = ZoneInfo("Asia/Shanghai")
SOURCES = ("//12315.example/330000", "//court.example/330000", "//credit.example/330000", "//registry.example/330000")
OFFSETS = (timezone(timedelta(hours=8)),) * 4 + (UTC, timezone(timedelta(hours=-5)))
COUNTIES = (
    ("330106", "杭州市", "西湖区"),
    ("330108", "杭州市", "滨江区"),
    ("330110", "杭州市", "余杭区"),
    ("330203", "宁波市", "海曙区"),
    ("330212", "宁波市", "鄞州区"),
    ("330302", "温州市", "鹿城区"),
    ("330381", "温州市", "瑞安市"),
    ("330402", "嘉兴市", "南湖区"),
    ("330602", "绍兴市", "越城区"),
    ("330681", "绍兴市", "诸暨市"),
    ("330782", "金华市", "义乌市"),
    ("331081", "台州市", "温岭市"),
)
ROADS = (
    "文三路",
    "解放路",
    "工农路",
    "学院路",
    "凤起路",
    "锦绣路",
    "兴业大道",
    "体育场路",
    "市场路",
    "孵化园路",
    "商场街",
)
INDUSTRIES = ("F5191", "F5179", "F5299", "I6513", "I6510", "L7299", "L7212", "C1713", "C1791", "M7590", "A0141")
LOOSE_INDUSTRIES = ("F", "F5", "", "51", "批发业")
LEAD_ROLES = ("legal_representative", "principal", "operator")
OTHER_ROLES = ("director", "supervisor", "manager", "shareholder", "liaison", "agent", "beneficial_owner")
NAMES = ("王芳", "李伟", "张敏", "刘洋", "陈静")
CODE_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"

SECOND = timedelta(seconds=1)
Person = dict[str, str]


def days(number: float) -> timedelta:
    """So many times 24 hours."""
    return timedelta(days=number)


def morning(day: date, hour: int = 9) -> datetime:
    """A full hour of a date in Shanghai."""
    return datetime.combine(day, time(hour), SHANGHAI).astimezone(UTC)


@dataclass(frozen=True)
class Room:
    """A place that can be written in several ways."""

    region: str
    city: str
    county: str
    road: str
    rest: str
    mark: str = ""


class Maker:
    """Collects events; stories ask it for enterprises, persons, rooms and moments."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.events: list[dict[str, Any]] = []
        self.codes: list[str] = []
        self.rooms: list[Room] = []
        self.persons: list[Person] = []
        self._number = 0

    # --- names of things

    def number(self) -> int:
        """A number given out once."""
        self._number += 1
        return self._number

    def document(self) -> str:
        return f"测市监文〔2024〕{self.number()}号"

    def code(self) -> str:
        """A new subject: mostly a social credit code, now and then with a wrong check character or of another kind."""
        form = self.random.random()
        if form < 0.03:
            return f"zj:{self.number():05d}.x-{self.random.randrange(10)}"
        digits = "9" + self.random.choice("11123") + self.random.choice(COUNTIES)[0]
        body = digits + organisation(f"{self.number():06d}" + self.letters(2))
        check = check_character(body)
        return body + (check if form > 0.05 else self.random.choice(CODE_LETTERS))

    def letters(self, number: int) -> str:
        return "".join(self.random.choice(CODE_LETTERS) for _ in range(number))

    def person(self, *, shared: float = 0.0) -> Person:
        """An identity; with the chance `shared` one that others have already."""
        if self.persons and self.random.random() < shared:
            return self.random.choice(self.persons)
        number = self.number()
        forms: tuple[Person, ...] = (
            {"id": f"p{number:020x}"},
            {"id": f"p{number:020x}", "name": "赵某"},
            {"id_number": f"3301061980{number:08d}", "id_type": "resident_id"},
            {"id_number": f"g{number:08d}", "id_type": "passport"},
        )
        made = self.random.choice(forms)
        self.persons.append(made)
        return made

    def spelled(self, person: Person) -> Person:
        """The same identity, written another way where that is possible."""
        if "id" in person and self.random.random() < 0.3:
            return {**person, "id_number": f"3301061970{self.number():08d}", "id_type": "resident_id"}
        if "id_number" in person and self.random.random() < 0.3:
            return {**person, "id_number": f" {person['id_number'].lower()} ", "name": "钱某"}
        return person

    def room(self, *, shared: float = 0.0, mark: str = "", region: str | None = None) -> Room:
        """A room; with the chance `shared` one that others have already."""
        if self.rooms and self.random.random() < shared:
            return self.random.choice(self.rooms)
        counties = [county for county in COUNTIES if region in (None, county[0])]
        code, city, county = self.random.choice(counties)
        block, floor, door = (self.random.randrange(1, 30) for _ in range(3))
        rest = f"{self.number()}号{block}幢{floor}{door:02d}室"
        made = Room(code, city, county, self.random.choice(ROADS), rest, mark)
        self.rooms.append(made)
        return made

    def address(self, room: Room, kind: str | None = None) -> dict[str, str]:
        """One way of writing a room."""
        rest = room.rest
        if self.random.random() < 0.2:
            rest = "".join(chr(ord(mark) + 0xFEE0) if mark.isdigit() else mark for mark in rest)
        if self.random.random() < 0.2:
            rest = rest.replace("幢", self.random.choice("栋幢"))
        gap = self.random.choice(("", "", "", " ", "\u3000"))
        found = {"text": gap.join((room.city + room.county, room.road, rest)) + room.mark}
        form = self.random.random()
        if form < 0.6:
            found["text"] = "浙江省" + found["text"]
        if form < 0.1:
            found["text"] = f" {found['text']}  "
        if form > 0.5:
            found["region"] = room.region
        if kind:
            found["kind"] = kind
        return found

    def unlocatable(self) -> dict[str, str]:
        """A text that names no room, or a bare road."""
        room = self.room()
        ending = self.random.choice((f"{self.number()}号对面", "与解放路交叉路口", f"{self.number()}号旁", ""))
        return {"text": f"浙江省{room.city}{room.county}{room.road}{ending}"}

    # --- moments

    def moment(self, first: float = 1800, last: float = 10) -> datetime:
        """Some moment so many days before the end, often at nine in the morning, so that many are equal."""
        found = RECEIVED - days(self.random.uniform(last, first))
        if self.random.random() < 0.5:
            return morning(found.date())
        return found.replace(microsecond=0)

    def near(self, moment: datetime, *steps: float) -> datetime:
        """A moment so many days off, one of `steps`, exactly or a second to either side."""
        return (
            moment + days(self.random.choice(steps)) + self.random.choice((-SECOND, timedelta(), timedelta(), SECOND))
        )

    def moment_between(self, first: datetime, last: datetime) -> datetime:
        """A whole second between two moments."""
        return (first + (last - first) * self.random.random()).replace(microsecond=0)

    # --- events

    def emit(self, subject: str, kind: str, at: datetime, /, **data: Any) -> dict[str, Any]:
        """Appends an event; `source` and `id` may be replaced in what is returned."""
        event = {
            "specversion": "1.0",
            "id": f"{self.number():08d}",
            "source": self.random.choice(SOURCES),
            "type": kind,
            "subject": subject,
            "time": self.written(at),
            "data": data,
        }
        if self.random.random() < 0.1:
            event["recordedtime"] = self.written(at + days(self.random.choice((0, 1, 40))))
        self.events.append(event)
        return event

    def written(self, at: datetime) -> str:
        """A moment in RFC 3339, with one offset or another."""
        local = at.astimezone(self.random.choice(OFFSETS))
        text = local.isoformat(timespec="milliseconds" if at.microsecond or self.random.random() < 0.1 else "seconds")
        return text.replace("+00:00", "Z") if self.random.random() < 0.7 else text

    def after(self, first: dict[str, Any], then: dict[str, Any], *, reverse: bool = False) -> None:
        """Gives two events of one time the order first, then (or the reverse) by source, or by id alone."""
        low, high = (then, first) if reverse else (first, then)
        if self.random.random() < 0.5:
            low["source"], high["source"] = SOURCES[0], SOURCES[-1]
        else:
            low["source"] = high["source"] = SOURCES[1]
            low["id"], high["id"] = sorted((low["id"], high["id"]))

    def leads(self, *persons: Person, others: Iterable[Person] = ()) -> list[dict[str, str]]:
        """A persons value with these in lead roles and perhaps some in others, in any order."""
        found = [{"role": self.random.choice(LEAD_ROLES), **self.spelled(one)} for one in persons]
        found += [{"role": self.random.choice(OTHER_ROLES), **one} for one in others]
        if self.random.random() < 0.2:
            found.append({"role": self.random.choice(OTHER_ROLES), **self.person(shared=0.7)})
        self.random.shuffle(found)
        return found

    def enterprise(
        self,
        at: datetime | None = None,
        *,
        address: Mapping[str, str] | None = None,
        leads: Iterable[Person] | None = None,
        kind: str | None = None,
        industry: str | None = None,
        code: str | None = None,
        without_industry: bool = False,
    ) -> str:
        """Emits an establishment, by default of a new enterprise at a room and with a person of its own."""
        subject = code or self.code()
        data: dict[str, Any] = {
            "name": f"测试{subject[-6:]}商行",
            "kind": kind or self.random.choice(("enterprise", "enterprise", "individual", "cooperative")),
            "address": dict(address or self.address(self.room())),
            "persons": self.leads(*(leads if leads is not None else (self.person(),))),
        }
        if not without_industry and (industry or self.random.random() < 0.9):
            data["industry"] = industry or self.random.choice(INDUSTRIES)
        if self.random.random() < 0.3:
            data |= {
                "capital": self.random.choice((0, 5e6, 100.5)),
                "phone": "0571-1",
                "agent": "",
                "type_code": "1130",
            }
        self.emit(subject, "registration.established", at or self.moment(), **data)
        if code is None:
            self.codes.append(subject)
        return subject

    def end(self, subject: str, at: datetime, how: str | None = None) -> dict[str, Any]:
        """Ends an enterprise."""
        kind = how or self.random.choice(("deregistered", "revoked", "cancelled"))
        data = {"mode": "simple"} if kind == "deregistered" else {"document": self.document()}
        return self.emit(subject, f"registration.{kind}", at, **data)

    def blacken(self, subject: str, at: datetime) -> None:
        """Makes it revoked, or listed as abnormal or dishonest, or nearly so."""
        document = self.document()
        match self.random.randrange(8):
            case 0 | 1:
                self.end(subject, at, "revoked")
            case 2 | 3 | 4:
                ground = self.random.choice(("report", "disclosure", "falsehood", "unreachable"))
                self.emit(subject, "enforcement.abnormal_listed", at, ground=ground, document=document)
                if self.random.random() < 0.3:
                    other = self.random.choice((ground, "report"))
                    self.emit(subject, "enforcement.abnormal_removed", self.near(at, 0, 9), ground=other)
            case 5:
                self.emit(subject, "enforcement.dishonest_listed", at, document=document)
                if self.random.random() < 0.3:
                    self.emit(subject, "enforcement.dishonest_removed", self.near(at, 0, 9), document=document)
            case 6:
                self.emit(subject, "enforcement.abnormal_listed", at, ground="report", document=document)
                self.mend(subject, document, at)
            case _:
                self.end(subject, at, "revoked")
                self.end(subject, at + days(1), "deregistered")

    def mend(self, subject: str, document: str, at: datetime) -> None:
        """Repairs a document, or decides objections to it once or twice, before or after."""
        form = self.random.randrange(4)
        if form == 0:
            when = at + days(self.random.choice((-30, 0, 5)))
            self.emit(subject, "credit.repaired", when, documents=[self.document(), document])
            return
        for step in range(form):
            upheld = self.random.random() < 0.5
            self.emit(subject, "objection.decided", at + days(step), document=document, upheld=upheld)
        if form == 3:
            self.emit(subject, "objection.decided", at + days(9), alert="a-1", upheld=True)


def organisation(first8: str) -> str:
    """Eight characters with their check digit by GB 11714."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(mark, 36) * weight for mark, weight in zip(first8, weights, strict=True))
    return first8 + "0123456789X0"[(11 - total % 11)]


def check_character(first17: str) -> str:
    """The last character of a social credit code by GB 32100."""
    total = sum(CODE_LETTERS.index(mark) * 3**place % 31 for place, mark in enumerate(first17))
    return CODE_LETTERS[(31 - total % 31) % 31]
