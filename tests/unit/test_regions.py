"""County codes of today, the retired ones and what became of them."""

from __future__ import annotations

import pytest

from monitor.identifiers import regions


def test_zhejiang_has_ninety_counties_in_eleven_cities() -> None:
    counties = regions.zhejiang()
    assert len(counties) == 90
    assert len({county.city_code for county in counties}) == 11
    assert [county.code for county in counties] == sorted(county.code for county in counties)


@pytest.mark.parametrize(
    ("code", "today"),
    [
        ("330106", "330106"),
        ("330103", "330105"),  # 下城 into 拱墅
        ("330104", "330102"),  # 江干: most of it into 上城
        ("330183", "330111"),
        ("330185", "330112"),
        ("330204", "330212"),
        ("330283", "330213"),
        ("330322", "330305"),
        ("330621", "330603"),
        ("330682", "330604"),
        ("331021", "331083"),
        ("330191", "330114"),
        ("330721", None),  # 金华县 was divided with no main successor
        ("330100", None),  # a city
        ("330000", None),
        ("999999", None),
        ("", None),
        ("320106", "320106"),
    ],
)
def test_a_code_is_translated_to_today(code: str, today: str | None) -> None:
    assert regions.current(code) == today


def test_names_of_living_and_retired_counties() -> None:
    assert regions.name("330106") == "西湖区"
    assert regions.name("330204") == "江东区"
    assert regions.name("123456") == "123456"


@pytest.mark.parametrize(("code", "inside"), [("330106", True), ("330104", True), ("320106", False), ("339999", False)])
def test_what_belongs_to_zhejiang(code: str, inside: bool) -> None:
    assert regions.is_zhejiang(code) is inside


def test_everything_abolished_went_to_counties_of_today() -> None:
    assert regions.ABOLISHED
    for gone in regions.ABOLISHED:
        assert gone.successors, gone.name
        assert all(code in regions.COUNTIES for code in gone.successors), gone.name
        assert gone.code not in regions.COUNTIES
        assert gone.today is None or gone.successors[0] == gone.today


@pytest.mark.parametrize(
    ("table", "columns"),
    [("moved_townships.csv", (0, 2)), ("zones.csv", (2,)), ("roads.csv", (4,)), ("buildings.csv", (0,))],
)
def test_the_tables_of_places_name_counties_of_today(table: str, columns: tuple[int, ...]) -> None:
    rows = list(regions.table(table))
    assert len(rows) > 50
    unknown = [row for row in rows for column in columns if row[column] not in regions.COUNTIES]
    assert unknown == []
