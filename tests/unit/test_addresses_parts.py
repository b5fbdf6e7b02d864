"""Pairs of texts that the normaliser once joined or once kept apart wrongly: one case for each cause."""

from __future__ import annotations

import pytest

from monitor.addresses import normalise

HOUSE = "杭州市滨江区江陵路1760号"

APART = [
    # Roads of two towns of one county, whatever they are called; with no town it is the county seat's.
    ("定海区白泉镇金山路18号", "定海区金塘镇金山路18号"),
    ("青田县温溪镇港头路119号", "青田县港头路119号"),
    ("萧山区新塘街道104国道168号", "萧山区新塘街道204国道168号"),
    ("椒江区市府大道391号", "椒江区市府大道西段391号"),
    # Every street has a vegetable market.
    ("普陀区东港街道东港农贸市场12号", "普陀区沈家门街道沈家门农贸市场12号"),
    ("普陀区东港街道农贸市场12号", "普陀区沈家门街道农贸市场12号"),
    ("北仑区霞浦街道菜场12号", "北仑区柴桥街道菜场12号"),
    # Letters of stalls and blocks after a floor.
    ("东阳市世贸大道188号中国木雕城1楼A108", "东阳市世贸大道188号中国木雕城1楼B108"),
    (f"{HOUSE}5楼A501室", f"{HOUSE}5楼B501室"),
    (f"{HOUSE}A-B102室", f"{HOUSE}C-B102室"),
    # Parts that words name.
    (f"{HOUSE}辅楼201室", f"{HOUSE}201室"),
    (f"{HOUSE}老楼", HOUSE),
    (f"{HOUSE}甲", f"{HOUSE}乙"),
    (f"{HOUSE}连廊", HOUSE),
    (f"{HOUSE}屋顶", HOUSE),
    (f"{HOUSE}5幢（底层）", f"{HOUSE}5幢"),
    (f"{HOUSE}（3号厂房）201室", f"{HOUSE}201室"),
    ("义乌市国际商贸城一区1楼1234号", "义乌市国际商贸城一区东扩1楼1234号"),
    (f"{HOUSE}1楼东首第2间", f"{HOUSE}1楼西首第2间"),
    ("滨江区梅兰苑12幢车库3号", "滨江区梅兰苑12幢3号"),
    ("海宁市许村镇塘桥村3社12号", "海宁市许村镇塘桥村12社3号"),
]

TOGETHER = [
    # A road that runs through the towns of a city is one with and without them.
    ("杭州市西湖区三墩镇古墩路701号", "杭州市西湖区古墩路701号"),
    ("开化县芹阳办事处芹南路12号", "开化县芹南路12号"),
    # A part of a village, and a works district that writers leave out.
    ("南浔区练市镇花林村强北自然村16号", "南浔区练市镇花林村强北16号"),
    ("缙云县舒洪镇舒洪村下街自然村3号", "缙云县舒洪镇舒洪村下街3号"),
    ("长兴县煤山镇工业集中区煤和路199号", "长兴县煤山镇煤和路199号"),
    ("海宁市许村镇塘桥村三社12号", "海宁市许村镇塘桥村3社12号"),
    # Names of other towns in front of a name.
    ("普陀区东港街道沈家门渔港国际水产城A区108号", "普陀区沈家门渔港国际水产城A区108号"),
    ("余杭区五常街道西溪八方城5幢1011室", "余杭区西溪八方城5幢1011室"),
    ("北仑区霞浦街道霞浦菜市场12号", "北仑区霞浦菜场12号摊位"),
    # Floors and rooms.
    (f"{HOUSE}B1", f"{HOUSE}负一层"),
    (f"{HOUSE}7楼701、702室", f"{HOUSE}701、702室"),
    (f"{HOUSE}25楼2503室", f"{HOUSE}2503-A工位"),
    (f"{HOUSE}A座501室", f"{HOUSE}5楼A501室"),
    (f"{HOUSE}门面房2号", f"{HOUSE}2号门面"),
    ("滨江区梅兰苑12幢3号车库", "滨江区梅兰苑12幢车库3号"),
    ("东阳市世贸大道188号中国木雕城一层A108号商铺", "东阳市世贸大道188号中国木雕城1楼A108"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_places_have_two_keys(one: str, other: str) -> None:
    first, second = normalise(one), normalise(other)
    assert first.room_key is not None
    assert second.room_key is not None
    assert first.room_key != second.room_key


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_one_place_has_one_key(one: str, other: str) -> None:
    first, second = normalise(one), normalise(other)
    assert first.room_key is not None
    assert (first.building_key, first.room_key) == (second.building_key, second.room_key)


@pytest.mark.parametrize("part", ["（东侧）", "（后门）", "后门", "（一楼东首）"])
def test_a_part_of_a_house_is_not_the_house(part: str) -> None:
    assert normalise(HOUSE + part).room_key != normalise(HOUSE).room_key


def test_beside_a_numbered_road_is_no_room() -> None:
    assert normalise("萧山区新塘街道104国道旁").room_key is None
    assert normalise("萧山区新塘街道某某村G104国道旁").room_key is None


def test_sides_of_a_floor_are_in_one_building() -> None:
    east, west = normalise(f"{HOUSE}1楼东首第2间"), normalise(f"{HOUSE}1楼西首第2间")
    assert east.building_key == west.building_key == normalise(HOUSE).building_key


def test_a_community_is_no_group_of_a_village() -> None:
    assert normalise("西湖区翠苑街道翠苑第三社区12号").building_key == "330106|翠苑第三社区|12"


def test_a_building_on_a_road_is_in_the_county_of_the_road() -> None:
    assert normalise("温州市府东路神力大厦1202室").region_code == "330302"
    assert normalise("杭州市文一西路神力大厦1202室").region_code is None  # the road is in two counties
