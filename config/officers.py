"""The officers' directory: who may be sent, and who must not. Read from YAML or CSV, checked by a JSON Schema.

`eligible` and `assign` are pure: the queue and the random draws of inspections use the same rules. Two officers make a
visit (行政处罚法 art. 42); who is on leave, has a conflict of interest (回避) or is full is not taken.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from config import signed

PER_VISIT: Final = 2
_LISTS: Final = ("counties", "trades", "conflicts")


class OfficersError(ValueError):
    """A directory that cannot be used; the message says where and what to do."""


class Leave(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A time of absence, both days included (Asia/Shanghai)."""

    from_: dt.date
    until: dt.date


class Officer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One officer. `id` is opaque, such as a staff number; `name` is masked wherever it is published.

    `counties`: 6-digit codes of the jurisdiction. `trades`: what the officer is qualified to inspect. `conflicts`:
    codes of enterprises and pseudonyms of persons of whom the officer keeps away. `workload_limit`: open visits.
    """

    id: str
    name: str
    agency: str
    counties: tuple[str, ...]
    trades: tuple[str, ...] = ()
    leave: tuple[Leave, ...] = ()
    conflicts: tuple[str, ...] = ()
    workload_limit: int = 20


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A directory as written; `synthetic` where everybody in it is made up."""

    version: int
    owner: str
    valid_from: dt.date
    officers: tuple[Officer, ...]
    synthetic: bool = False


class Obstacle(StrEnum):
    """Why an officer cannot go."""

    COUNTY = "county"
    AGENCY = "agency"
    TRADE = "trade"
    LEAVE = "leave"
    CONFLICT = "conflict"
    WORKLOAD = "workload"


_TOLD: Final = {
    Obstacle.COUNTY: ("不在辖区", "of another county"),
    Obstacle.AGENCY: ("不属本部门", "of another agency"),
    Obstacle.TRADE: ("无相应资格", "not qualified"),
    Obstacle.LEAVE: ("请假", "on leave"),
    Obstacle.CONFLICT: ("须回避", "with a conflict of interest"),
    Obstacle.WORKLOAD: ("任务已满", "full"),
}


class Visit(msgspec.Struct, frozen=True):
    """What officers are wanted for: enterprises of a county, on a day. `persons`: pseudonyms of those who lead them;
    `trades`: qualifications that each officer needs; `agency`: None for any.
    """

    county: str
    codes: frozenset[str]
    day: dt.date
    persons: frozenset[str] = frozenset()
    trades: frozenset[str] = frozenset()
    agency: str | None = None


class Pair(msgspec.Struct, frozen=True):
    """The two officers of a visit."""

    first: Officer
    second: Officer


class TooFew(msgspec.Struct, frozen=True):
    """Fewer than two officers qualify, so nobody is assigned. `obstacles`: how many of the county fail by what."""

    county: str
    qualified: tuple[str, ...]
    obstacles: dict[Obstacle, int]

    @property
    def reason(self) -> str:
        """One line for people."""
        zh = "、".join(f"{_TOLD[one][0]} {count}" for one, count in self.obstacles.items())
        en = ", ".join(f"{count} {_TOLD[one][1]}" for one, count in self.obstacles.items())
        return (
            f"{self.county}：合格人员 {len(self.qualified)} 名，不足两名（{zh or '名录中无人'}），请增派或移交 / "
            f"{len(self.qualified)} officers qualify, two are needed ({en or 'nobody in the directory'}): "
            "add officers or hand the task over"
        )


def obstacle(officer: Officer, visit: Visit, load: int = 0) -> Obstacle | None:
    """Why an officer with so many open visits cannot make a visit; None where nothing stands against it."""
    if visit.county not in officer.counties:
        return Obstacle.COUNTY
    if visit.agency is not None and officer.agency != visit.agency:
        return Obstacle.AGENCY
    if not visit.trades.issubset(officer.trades):
        return Obstacle.TRADE
    if not (visit.codes | visit.persons).isdisjoint(officer.conflicts):
        return Obstacle.CONFLICT
    if any(one.from_ <= visit.day <= one.until for one in officer.leave):
        return Obstacle.LEAVE
    return Obstacle.WORKLOAD if load >= officer.workload_limit else None


def eligible(officers: Iterable[Officer], visit: Visit, loads: Mapping[str, int]) -> list[Officer]:
    """The officers who can make a visit, by id. `loads`: open visits by officer's id; who is not in it has none."""
    found = [one for one in officers if obstacle(one, visit, loads.get(one.id, 0)) is None]
    return sorted(found, key=lambda one: one.id)


def assign(
    officers: Iterable[Officer],
    loads: Mapping[str, int],
    visit: Visit,
    seed: str,
    last_with: Collection[str] = (),
) -> Pair | TooFew:
    """Two different officers for a visit: who was with the enterprise last comes last, else the least loaded first;
    ties fall by a hash of `seed` (the task's id) and the officer's id, so the answer depends on the arguments alone.

    `last_with`: ids of those who made the last visit there. Never assigns one officer alone.
    """
    everybody = list(officers)
    qualified = eligible(everybody, visit, loads)
    if len(qualified) < PER_VISIT:
        return too_few(everybody, visit, loads)
    first, second = sorted(
        qualified, key=lambda one: (one.id in last_with, loads.get(one.id, 0), _lot(seed, one.id), one.id)
    )[:PER_VISIT]
    return Pair(first, second)


def too_few(officers: Iterable[Officer], visit: Visit, loads: Mapping[str, int]) -> TooFew:
    """What stands against the officers of a county for a visit."""
    qualified, against = [], Counter[Obstacle]()
    for one in officers:
        found = obstacle(one, visit, loads.get(one.id, 0))
        if found is None:
            qualified.append(one.id)
        elif found is not Obstacle.COUNTY:
            against[found] += 1
    return TooFew(visit.county, tuple(sorted(qualified)), {kind: against[kind] for kind in Obstacle if against[kind]})


def load(path: Path) -> Directory:
    """The directory in a file: YAML, or a table where the name ends with `.csv`. Raises OfficersError, OSError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong("不是 UTF-8，请转换编码", "is not UTF-8: convert it") from error
    return from_table(text) if path.suffix.lower() == ".csv" else from_yaml(text)


def from_yaml(text: str) -> Directory:
    """The directory of a YAML text. Raises OfficersError."""
    try:
        plain = signed.plain_of(text)
    except ValueError as error:
        raise _wrong("不是 YAML", f"is not YAML: {error}") from error
    return _checked(plain)


def from_table(text: str) -> Directory:
    """The directory of a CSV text: a column a field; lists are separated by spaces, a leave is FROM/UNTIL.

    A table says neither owner nor date; both are those of the officer who loads it. Raises OfficersError.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    officers: list[dict[str, Any]] = []
    try:
        header = next(reader, [])
        for cells in reader:
            if len(cells) != len(header):
                raise _wrong(
                    f"第 {reader.line_num} 行列数不符", f"has another number of cells in line {reader.line_num}"
                )
            officers.append(_of_cells({name: cell for name, cell in zip(header, cells, strict=True) if cell}))
    except csv.Error as error:
        raise _wrong(f"第 {reader.line_num} 行不成表", f"is no table at line {reader.line_num}: {error}") from error
    return _checked({"version": 1, "owner": "CSV", "valid_from": "1970-01-01", "officers": officers})


def _of_cells(given: Mapping[str, str]) -> dict[str, Any]:
    """An officer as YAML would say it; what is not in order is left as it is, for the schema to name."""
    found: dict[str, Any] = {**given, **{name: given[name].split() for name in _LISTS if name in given}}
    if "leave" in given:
        found["leave"] = [dict(zip(("from", "until"), it.split("/"), strict=False)) for it in given["leave"].split()]
    if given.get("workload_limit", "").isdecimal():
        found["workload_limit"] = int(given["workload_limit"])
    return found


def schema() -> dict[str, Any]:
    """The JSON Schema of directories."""
    return signed.schema_of("officers/officers.schema.json")


def _checked(plain: Any) -> Directory:
    fault = signed.first_fault(plain, schema())
    if fault is not None:
        raise _wrong(f"{fault.where} 处有误", f"is wrong at {fault.where}: {fault.told}")
    try:
        directory = msgspec.convert(plain, Directory, strict=False)
    except msgspec.ValidationError as error:  # a date that matches the form and is none
        raise _wrong("有误", f"is wrong: {error}") from error
    twice = [name for name, count in Counter(one.id for one in directory.officers).items() if count > 1]
    if twice:
        raise _wrong(f"编号重复：{twice[0]}", f"names the id {twice[0]} twice: each officer has one of their own")
    for one in directory.officers:
        for leave in one.leave:
            if leave.until < leave.from_:
                raise _wrong(f"{one.id} 的请假止于开始之前", f"ends a leave of {one.id} before it begins")
    return directory


def _wrong(zh: str, en: str) -> OfficersError:
    return OfficersError(f"执法人员名录{zh} / the officers' directory {en}")


def _lot(seed: str, officer: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{officer}".encode()).digest()
