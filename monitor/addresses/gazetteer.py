"""Names that an address may hold, ready to be looked up: divisions, townships, zones, roads, buildings.

Read once from ``config/regions``. Only Zhejiang is known below the county; of other provinces the counties are.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.identifiers.regions import ABOLISHED, COUNTIES, ZHEJIANG, Abolished, table

_TOWNSHIP_LEVEL: Final = re.compile("(?:畲族)?(?:街道|镇|乡)$")

# The 镇 that is, or was, the county seat: its roads are the county's, with or without the name of the 镇.
SEATS: Final = frozenset(
    {
        ("330127", "千岛湖"),
        ("330326", "昆阳"),
        ("330327", "灵溪"),
        ("330328", "大峃"),
        ("330329", "罗阳"),
        ("330503", "南浔"),
        ("330921", "高亭"),
        ("330922", "菜园"),
        ("330824", "华埠"),
        ("330383", "龙港"),
        ("331083", "珠港"),
        ("330225", "丹城"),
        ("330324", "上塘"),
        ("330881", "须江"),
        ("330382", "乐城"),
    }
)


def _provinces() -> dict[str, str]:
    found: dict[str, str] = {}
    for county in COUNTIES.values():
        full = county.province
        bare = re.sub("(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)$", "", full)
        found[full] = found[bare] = county.code[:2]
    return found


def _cities() -> dict[str, str]:
    found: dict[str, str] = {}
    for county in COUNTIES.values():
        if county.city.endswith(("市", "州", "地区", "盟")):
            found[county.city] = county.city_code
            if county.city.endswith("市"):
                found.setdefault(county.city[:-1], county.city_code)
    return found


def _counties() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for county in COUNTIES.values():
        found[county.name] = (*found.get(county.name, ()), county.code)
    found["景宁县"] = ("331127",)
    return found


def _county_stems() -> dict[str, str]:
    return {
        ("景宁" if county.code == "331127" else county.name[:-1]): county.code
        for county in COUNTIES.values()
        if county.code[:2] == ZHEJIANG
    }


def _counties_of_city() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for county in COUNTIES.values():
        found[county.city_code] = (*found.get(county.city_code, ()), county.name)
    return found


def _townships() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for _, name, county, _, _ in table("zhejiang_townships.csv"):
        level = _TOWNSHIP_LEVEL.search(name)
        if level:
            found.setdefault(county, {})[name[: level.start()]] = level[0]
    return found


def _counties_of_townships() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for county, townships in TOWNSHIPS.items():
        for stem in townships:
            found[stem] = (*found.get(stem, ()), county)
    for (_, stem), county in MOVED.items():
        if county not in found.get(stem, ()):
            found[stem] = (*found.get(stem, ()), county)
    return found


def _roads() -> dict[tuple[str, str], tuple[tuple[int, int, str], ...]]:
    found: dict[tuple[str, str], tuple[tuple[int, int, str], ...]] = {}
    for city, road, first, last, county in table("roads.csv"):
        stretch = (int(first or 0), int(last or 10**9), county)
        found[(city, road)] = (*found.get((city, road), ()), stretch)
    return found


def _moved() -> dict[tuple[str, str], str]:
    return {(county, township): today for county, township, today, _ in table("moved_townships.csv")}


def _receivers() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for (county, _), today in MOVED.items():
        found.setdefault(county, set()).add(today)
    return {county: frozenset(receivers) for county, receivers in found.items()}


PROVINCES: Final = _provinces()
"""Two digits of a province by its name, with and without 省."""

CITIES: Final = _cities()
"""Four digits of a prefecture by its name, with and without 市."""

COUNTIES_BY_NAME: Final = _counties()
"""Codes of all counties of a name, over the whole country."""

COUNTY_STEMS: Final = _county_stems()
"""Code of a county of Zhejiang by its name without 区, 县, 市."""

COUNTIES_OF_CITY: Final = _counties_of_city()
"""Names of the counties of a prefecture."""

RETIRED: Final[dict[str, Abolished]] = {gone.name: gone for gone in ABOLISHED}
"""Abolished divisions by name."""

TOWNSHIPS: Final = _townships()
"""Of each county of Zhejiang its townships: name without level, and the level (街道, 镇, 乡)."""

MOVED: Final = _moved()
"""County of today of a township that an existing county gave away, by that county and the township."""

RECEIVERS: Final = _receivers()
"""Counties that got a township of an existing county."""

COUNTIES_OF_TOWNSHIP: Final = _counties_of_townships()
"""Counties that have, or got, a township of a name."""

ZONES: Final = {(city, name): county for city, name, county in table("zones.csv")}
"""County of a development zone or new town, by prefecture and name without the prefecture's."""

ZONE_NAMES: Final = frozenset(name for _, name in ZONES)
ROADS: Final = _roads()
"""Of a road of a prefecture its stretches: first and last house number, and the county they lie in."""

BUILDINGS: Final = {(county, name): (road, number) for county, name, road, number in table("buildings.csv")}
"""Road and house number of a well-known building."""
