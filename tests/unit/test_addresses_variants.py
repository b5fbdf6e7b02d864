"""Places of every county, each written in several ways: one place has one key, two places have two.

The places are drawn, the ways of writing follow the labelling rules of the gold set. So what holds for the cities
of the gold set is asked of all 90 counties and of all their townships.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest

from monitor.addresses import normalise
from monitor.addresses.gazetteer import ROADS, SEATS, TOWNSHIPS
from monitor.identifiers.regions import County, zhejiang

DIGITS = "零一二三四五六七八九"
ROAD_NAMES = sorted({road for _, road in ROADS if road[0] not in "一二三四五六七八九十"})
VILLAGES = (
    "孙家村 后陈村 石门村 大岭村 蔡宅村 下洋村 双溪村 金坑村 龙潭村 楼下村 "
    "前洋村 西岙村 塘头村 高桥村 三联村 五村 六石村 十里村 黄泥岭村"
).split()
COMPOUNDS = (
    "祥和花园 翠湖小区 世纪家园 阳光公寓 东方名苑 锦绣江南 水岸华庭 "
    "金色港湾 天元新村 香樟雅苑 御景湾 紫薇公馆 碧水云天 城市之星"
).split()
BUILDINGS = "恒大大厦 创新中心 财富广场 国贸大厦 东方商务中心 时代广场 金融中心 明珠商厦 总部大楼".split()
MARKS: tuple[str, ...] = ("（集群注册）", "(自主申报)", "（托管：某某商务秘书有限公司）", "（一址多照）")
WORKPLACES: tuple[str, ...] = ("-3工位", "A区12号", "B区H0123", "-A018", "5号工位")


class Place(NamedTuple):
    county: County
    township: str
    level: str
    name: str
    house: tuple[str, ...]
    building: str
    block: str
    unit: int
    floor: int
    room: str


def rural(place: Place) -> bool:
    return not place.level.endswith("街道") and (place.county.code, place.township) not in SEATS


def in_words(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words = f"{DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        words += ("" if tens == 1 and not hundreds else DIGITS[tens]) + "十"
    elif hundreds and ones:
        words += "零"
    return words + (DIGITS[ones] if ones else "")


def draw(draws: Random) -> Place:
    county = draws.choice(zhejiang())
    township, level = draws.choice(list(TOWNSHIPS.get(county.code, {"龙港": "镇"}).items()))
    kind = draws.choice(("road", "road", "road", "village", "compound", "building"))
    house: tuple[str, ...] = ()
    building = block = room = ""
    unit = floor = 0
    number = draws.randint(1, 999)
    if kind == "road":
        name = draws.choice(ROAD_NAMES)
        house = draws.choice(
            (
                (str(number),),
                (str(number),),
                ("sub", str(number), str(draws.randint(1, 9))),
                ("range", str(number), str(number + draws.choice((2, 4, 6)))),
                ("lane", str(number), str(draws.randint(1, 60))),
            )
        )
        building = draws.choice(("", *BUILDINGS))
        block = draws.choice(("", "", "1", "2", "8", "12", "A", "B"))
    elif kind == "village":
        name = draws.choice(VILLAGES)
        house = draws.choice(((str(number),), ("group", str(draws.randint(1, 20)), str(number))))
    elif kind == "compound":
        name, block, unit = draws.choice(COMPOUNDS), str(draws.randint(1, 60)), draws.randint(0, 3)
    else:
        name, block = draws.choice(BUILDINGS), draws.choice(("", "A", "B", "1"))
    if kind != "village":
        floor = draws.randint(1, 25)
        if draws.random() < 0.8:
            room = f"{floor}{draws.randint(1, 30):02d}"
    return Place(county, township, level, name, house, building, block, unit, floor, room)


def written(place: Place, draws: Random) -> str:
    """One way to write a place."""
    words = draws.random() < 0.2
    text = divisions(place, draws) + place.name + house_number(place.house, words, draws)
    if place.building and draws.random() < 0.5:
        text += place.building
    text += units(place, words, draws)
    if draws.random() < 0.2:
        text = "".join(chr(ord(mark) + 0xFEE0) if "!" <= mark <= "~" else mark for mark in text)
    if draws.random() < 0.1:
        text = " ".join(text)
    return text + draws.choice(("", "", "", "。"))


def divisions(place: Place, draws: Random) -> str:
    city, county = place.county.city, place.county.name
    text = draws.choice(
        (
            f"浙江省{city}{county}",
            f"{city}{county}",
            county,
            f"浙江省{county}",
            f"{city[:-1]}{county}",
            f"浙江省{city}{city}{county}",
            f"{city}{county}{county}",
            f"浙江省{city}浙江省{city}{county}",
            f"中国浙江省{city}{county}",
        )
    )
    if rural(place) or draws.random() < 0.5:
        text += (place.township + place.level) * draws.choice((1, 1, 1, 1, 2))
    return text


def house_number(house: tuple[str, ...], words: bool, draws: Random) -> str:
    if not house:
        return ""
    if len(house) == 1:
        return (in_words(int(house[0])) if words else house[0]) + "号"
    form, first, second = house
    if form == "sub":
        ways = (
            f"{first}-{second}号",
            f"{first}号之{DIGITS[int(second)]}",
            f"{first}号附{second}号",
            f"{first}—{second}号",
        )
    elif form == "range":
        ways = (f"{first}-{second}号", f"{first}号-{second}号", f"{first}号至{second}号", f"{first}至{second}号")
    elif form == "lane":
        ways = (f"{first}弄{second}号", f"{in_words(int(first))}弄{in_words(int(second))}号") * 2
    else:
        ways = (
            f"{first}组{second}号",
            f"第{first}组{second}号",
            f"{in_words(int(first))}组{second}号",
            f"{first}组{second}号",
        )
    return draws.choice(ways)


def units(place: Place, words: bool, draws: Random) -> str:
    block = place.block
    if block.isdigit() and place.unit and place.room and draws.random() < 0.3:
        return f"{block}-{place.unit}-{place.room}" + draws.choice(("", "室"))
    text = ""
    if block.isdigit():
        text += draws.choice(("幢", "栋", "号楼", "座", "#")).join((block, ""))
    elif block:
        text += draws.choice((block, block.lower())) + draws.choice(("幢", "座", "栋", "号楼"))
    if place.unit:
        text += f"{DIGITS[place.unit] if words else place.unit}单元"
    floor = in_words(place.floor) if words else str(place.floor)
    if not place.room:
        return text + (f"{floor}{draws.choice('楼层')}" if place.floor else "")
    if draws.random() < 0.3:
        text += f"{floor}{draws.choice('楼层')}"
    room = "".join(DIGITS[int(digit)] for digit in place.room) if words else place.room
    suffix = draws.choice(("室", "", "房", "号房"))
    ends: tuple[str, ...] = ("", "", *MARKS)
    if suffix in ("室", "房"):
        ends += WORKPLACES
    return text + room + suffix + draws.choice(ends)


def identity(place: Place) -> tuple[object, ...]:
    floor = 0 if place.room else place.floor
    return (place.county.code, place.name, place.house, place.block, place.unit, floor, place.room)


@pytest.mark.parametrize("seed", range(8))
def test_a_place_has_one_key_however_it_is_written(seed: int) -> None:
    draws = Random(seed)
    places_of_key: dict[str, tuple[object, ...]] = {}
    for _ in range(400):
        place = draw(draws)
        texts = [written(place, draws) for _ in range(4)]
        found = [normalise(text) for text in texts]
        assert {one.region_code for one in found} == {place.county.code}, texts
        keys = {one.room_key for one in found}
        assert len(keys) == 1, (texts, keys)
        key = keys.pop()
        assert key is not None, texts
        assert places_of_key.setdefault(key, identity(place)) == identity(place), texts


@pytest.mark.parametrize("near", ["对面", "旁", "旁边", "附近", "隔壁", "斜对面", "后面", "路口"])
def test_near_a_place_is_no_place(near: str) -> None:
    draws = Random(1)
    for _ in range(50):
        place = draw(draws)._replace(block="", unit=0, floor=0, room="", building="")
        if place.house:
            found = normalise(written(place, draws).rstrip("。") + near)
            assert (found.building_key, found.room_key) == (None, None)
            assert found.region_code == place.county.code
