"""Places of the synthetic province: rooms in real counties and townships, each spelt in many ways.

A room is three numbers: county, style and unit. `Places.text` turns them into an address, so that no list of
addresses is ever held. Equal numbers are one room whatever the spelling, other numbers are another: houses of
different styles never share a road number, and a road or village lies in one township of its county.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import numpy as np
import numpy.typing as npt

from models.population.words import FULL_WIDTH, PLACES, ROADS, VILLAGES, chinese_number

Ints = npt.NDArray[np.int64]

# Rough shares of the province's enterprises, from the order of published stocks; Yiwu alone has a tenth.
_CITY_SHARES: Final = {
    "3301": 0.21, "3302": 0.14, "3303": 0.14, "3304": 0.07, "3305": 0.05, "3306": 0.08,
    "3307": 0.09, "3308": 0.03, "3309": 0.02, "3310": 0.09, "3311": 0.04,
}  # fmt: skip
_YIWU: Final = ("330782", 0.09)
# Counties that only changed their kind: an old name means the same area, so it may stand in an address.
_OLD_NAMES: Final = {
    "富阳区": "富阳市", "临安区": "临安市", "奉化区": "奉化市", "上虞区": "上虞市", "玉环市": "玉环县",
}  # fmt: skip


class Style(IntEnum):
    """What a room looks like. The order is part of the output: append only."""

    OFFICE = 0
    TOWER = 1
    SHOP = 2
    WORKSHOP = 3
    CLUSTER = 4
    INCUBATOR = 5
    HALL = 6
    COMPOUND = 7
    VILLAGE = 8
    STALL = 9
    LINK = 10
    NOWHERE = 11


DECLARED: Final = (
    "office", "office", "", "industrial", "cluster", "incubator", "market", "residential", "rural", "market",
    "platform", "",
)  # fmt: skip
"""The kind that a source may declare for a room, by style; empty: none."""

HOSTS: Final = (Style.CLUSTER, Style.INCUBATOR, Style.HALL)
PLAIN: Final = 0
"""The spelling in full; every other number below `VARIANTS` is another way to write the same room."""
VARIANTS: Final = 10_000


@dataclass(frozen=True)
class County:
    """A county of today: its code, names, the beginnings of an address in it, and its townships."""

    code: str
    name: str
    city: str
    heads: tuple[str, ...]
    towns: tuple[str, ...]


Spelling = tuple[str, str, str]
"""Township, place and the part inside it."""


def _house(county: County, building: int, style: Style) -> tuple[str, str]:
    """Township, and road with number, of the nth building of a style."""
    way = building % len(ROADS)
    number = 8 * (building // len(ROADS)) + style + 1
    return county.towns[(5 * way + int(county.code)) % len(county.towns)], f"{ROADS[way]}{number}号"


def _office(county: County, unit: int, way: int) -> Spelling:
    building, inner = divmod(unit, 96)
    town, house = _house(county, building, Style.OFFICE)
    block, room = inner // 48 + 1, inner % 48
    floor, door = room // 8 + 1, room % 8 + 1
    tail = (
        f"{block}幢{floor}{door:02d}室", f"{block}号楼{floor}{door:02d}室",
        f"{block}幢{floor}楼{floor}{door:02d}室", f"{block}栋{floor}{door:02d}",
        f"{chinese_number(block)}幢{floor}{door:02d}室",
    )[way % 5]  # fmt: skip
    return town, house, tail


def _tower(county: County, unit: int, way: int) -> Spelling:
    building, inner = divmod(unit, 120)
    town, house = _house(county, building, Style.TOWER)
    floor, door = inner // 6 + 3, inner % 6 + 1
    name = f"{PLACES[(building * 7 + int(county.code)) % len(PLACES)]}大厦"
    tail = (
        f"{name}{floor}{door:02d}室", f"{floor}{door:02d}室", f"{name}{floor}楼{floor}{door:02d}室",
        f"{floor}层{floor}{door:02d}室", f"{name}{floor}{door:02d}",
    )[way % 5]  # fmt: skip
    return town, house, tail


def _shop(county: County, unit: int, way: int) -> Spelling:
    building, sub = divmod(unit, 4)
    town, house = _house(county, building, Style.SHOP)
    if sub:
        house = f"{house[:-1]}-{sub}号" if way % 3 else f"{house}附{sub}号"
    return town, house, ""


def _workshop(county: County, unit: int, way: int) -> Spelling:
    building, inner = divmod(unit, 24)
    town, house = _house(county, building, Style.WORKSHOP)
    block, floor = inner // 4 + 1, inner % 4 + 1
    tail = (
        f"{block}幢{floor}楼", f"{block}号楼{floor}层",
        f"{block}幢{chinese_number(floor)}楼", f"{block}#楼{floor}楼",
    )[way % 4]  # fmt: skip
    return town, house, tail


def _cluster(county: County, unit: int, way: int) -> Spelling:
    town, house = _house(county, unit, Style.CLUSTER)
    return (
        town,
        house,
        (f"{unit % 3 + 1}幢401室", f"{unit % 3 + 1}号楼401室", f"{unit % 3 + 1}幢4楼401室")[way % 3],
    )


def _incubator(county: County, unit: int, way: int) -> Spelling:
    town, house = _house(county, unit, Style.INCUBATOR)
    name = PLACES[(unit * 11 + int(county.code)) % len(PLACES)] + ("孵化器", "众创空间")[unit % 2]
    return town, house, name + ("2幢301室", "2号楼301室", "2幢3楼301室")[way % 3]


def _hall(county: County, unit: int, way: int) -> Spelling:
    town, house = _house(county, unit, Style.HALL)
    name = f"{PLACES[(unit * 13 + int(county.code)) % len(PLACES)]}市场"
    return town, house, name + ("2楼", "二楼", "2层")[way % 3]


def _compound(county: County, unit: int, way: int) -> Spelling:
    place, inner = divmod(unit, 240)
    layer, place = divmod(place, 4 * len(PLACES))
    name = PLACES[place % len(PLACES)] + ("花园", "小区", "苑", "新村")[place // len(PLACES)]
    if layer:
        name += f"{chinese_number(layer + 1)}区"
    block, inner = divmod(inner, 24)
    stairs, flat = divmod(inner, 12)
    block, stairs, room = block + 1, stairs + 1, f"{flat // 2 + 1}0{flat % 2 + 1}"
    tail = (
        f"{block}幢{stairs}单元{room}室", f"{block}-{stairs}-{room}", f"{block}栋{stairs}单元{room}室",
        f"{block}幢{chinese_number(stairs)}单元{room}室", f"{block}号楼{stairs}单元{room}",
    )[way % 5]  # fmt: skip
    return county.towns[place % len(county.towns)], name, tail


def _village(county: County, unit: int, way: int) -> Spelling:
    place, inner = divmod(unit, 720)
    layer, place = divmod(place, len(VILLAGES))
    group, number = inner % 12 + 1, inner // 12 + 1 + 60 * layer
    tail = (f"{group}组{number}号", f"第{group}组{number}号", f"{chinese_number(group)}组{number}号")[way % 3]
    return county.towns[7 * place % len(county.towns)], VILLAGES[place], tail


def _stall(county: County, unit: int, way: int) -> Spelling:
    place, inner = divmod(unit, 600)
    layer, place = divmod(place, 4 * len(PLACES))
    name = PLACES[place % len(PLACES)] + ("小商品", "农贸", "建材", "服装")[place // len(PLACES)] + "市场"
    if layer:
        name += f"{chinese_number(layer + 1)}区"
    floor, zone, number = inner // 200 + 1, "ABCDE"[inner // 40 % 5], inner % 40 + 1
    tail = (
        f"{floor}楼{zone}{number:02d}号摊位", f"{chinese_number(floor)}楼{zone}{number:02d}号",
        f"{floor}楼{zone}{number:02d}摊位",
    )[way % 3]  # fmt: skip
    return county.towns[11 * place % len(county.towns)], name, tail


def _link(county: County, unit: int, way: int) -> Spelling:
    link = f"shop.example.com/mall?id={county.code}{unit:07d}"
    return "", "", (f"（网络经营场所：https://{link}）", f"网络经营场所：{link}")[way % 2]


def _nowhere(county: County, unit: int, way: int) -> Spelling:
    town, house = _house(county, unit, Style.NOWHERE)
    return town, house, ("对面", "旁")[way % 2]


_SPELLERS: Final[tuple[Callable[[County, int, int], Spelling], ...]] = (
    _office, _tower, _shop, _workshop, _cluster, _incubator, _hall,
    _compound, _village, _stall, _link, _nowhere,
)  # fmt: skip


class Places:
    """All counties, and the next free room of each style in each of them.

    `population` is the number of enterprises: it sets how far apart rooms lie, so that a small province is
    spread over many streets and a large one fills its buildings.
    """

    def __init__(self, population: int, counties: tuple[County, ...], seed: int) -> None:
        self.counties = counties
        self.shares = _shares(counties)
        self._used: Ints = np.zeros((len(counties), len(Style)), dtype=np.int64)
        self._space: Ints = 2 ** np.clip(np.ceil(np.log2(16 * population * self.shares)), 16, 21).astype(np.int64)
        self._shift: Ints = np.random.default_rng([seed, 0]).integers(2**20, size=self._used.shape)

    def take(self, county: Ints, style: Ints) -> Ints:
        """Units of fresh rooms, one for each pair of county and style."""
        key = county * len(Style) + style
        order = np.argsort(key, kind="stable")
        counts = np.bincount(key, minlength=self._used.size)
        rank = np.empty_like(key)
        rank[order] = np.arange(len(key)) - np.repeat(np.cumsum(counts) - counts, counts)
        serial = self._used[county, style] + rank
        self._used += counts.reshape(self._used.shape)
        space = self._space[county]
        # An odd factor modulo a power of two meets every unit once.
        scattered = (serial * 2_654_435_761 + self._shift[county, style]) % space
        units: Ints = scattered + space * (serial // space)
        return units

    def text(self, county: int, style: int, unit: int, variant: int) -> str:
        """The address of a room, spelt in the way of a number below `VARIANTS`."""
        where = self.counties[county]
        town, place, inner = _SPELLERS[style](where, unit, variant // 100 % 10)
        head = where.heads[variant % 10]
        if variant // 10 % 10 >= 7 and town.endswith("街道") and style != Style.VILLAGE:
            town = ""  # townships may each have a road of that name, the streets of a town share theirs
        manner = variant // 1000
        if variant % 10 == 9 and place:
            text = f"{head}{town} {place} {inner}"
        else:
            text = f"{head}{town}{place}{inner}"
        if manner == 8 and style != Style.LINK:
            return text.translate(FULL_WIDTH)
        if manner == 9 and style not in (*HOSTS, Style.LINK):
            return f"{text}（自主申报）"
        return text

    def address(
        self,
        county: int,
        style: int,
        unit: int,
        variant: int,
        *,
        declared: bool | None = None,
        suffix: str = "",
    ) -> str:
        """The address as JSON: text, mostly the county code, its kind where declared (None: by chance)."""
        text = self.text(county, style, unit, variant) + suffix
        if declared is None:
            declared = variant // 13 % 3 == 0
        kind = f',"kind":"{DECLARED[style]}"' if declared and DECLARED[style] else ""
        if variant % 10 < 6 and variant // 7 % 7 == 0:
            return f'{{"text":"{text}"{kind}}}'
        return f'{{"text":"{text}","region":"{self.counties[county].code}"{kind}}}'


@lru_cache(maxsize=1)
def zhejiang_counties() -> tuple[County, ...]:
    """The province's 90 counties in the order of their codes, with their townships, from `config/regions`."""
    return read_counties(files("config") / "regions")


def read_counties(regions: Traversable) -> tuple[County, ...]:
    """The province's counties from the two tables of a folder."""
    towns: dict[str, list[str]] = {}
    with (regions / "zhejiang_townships.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            if row["name"].endswith(("街道", "镇", "乡")):
                towns.setdefault(row["areaCode"], []).append(row["name"])
    with (regions / "counties.csv").open(encoding="utf-8") as table:
        return tuple(
            County(
                row["county_code"],
                row["county"],
                row["city"],
                _heads(row["province"], row["city"], row["county"]),
                tuple(towns.get(row["county_code"], [""])),  # Longgang has no townships
            )
            for row in csv.DictReader(table)
            if row["province_code"] == "33"
        )


def _heads(province: str, city: str, county: str) -> tuple[str, ...]:
    full, without_province = f"{province}{city}{county}", f"{city}{county}"
    # Districts are never written without their city after the province; counties and county-level cities are.
    short = full if county.endswith("区") else f"{province}{county}"
    former = city + _OLD_NAMES.get(county, county)
    spaced = f"{province} {city} {county} "
    return (full, full, full, full, without_province, without_province, county, short, former, spaced)


def _shares(counties: tuple[County, ...]) -> npt.NDArray[np.float64]:
    in_city: dict[str, int] = {}
    for county in counties:
        in_city[county.code[:4]] = in_city.get(county.code[:4], 0) + 1
    shares = np.array([_CITY_SHARES[county.code[:4]] / in_city[county.code[:4]] for county in counties])
    shares[[county.code for county in counties].index(_YIWU[0])] += _YIWU[1]
    normed: npt.NDArray[np.float64] = shares / shares.sum()
    return normed
