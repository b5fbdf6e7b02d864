"""What histories keep of a registration in a few bytes."""

from __future__ import annotations

import pytest

from monitor.stages.traits import (
    NAME_DIGITS,
    NAME_LENGTH,
    NAME_NO_FORM,
    NAME_NO_TRADE,
    area_of,
    capital_band,
    industry_code,
    name_shape,
    short_hash,
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [(" f5191 ", "F5191"), ("F51911", "F5191"), ("F51", "F51"), ("F5", "F5"), ("F", "F"), ("", ""), ("  ", "")],
)
def test_an_industry_is_kept_as_its_code(text: str, kept: str) -> None:
    assert industry_code(text) == kept


def test_a_class_of_another_register_is_like_itself_alone() -> None:
    kept = {industry_code(text) for text in ("批发业", "金屬表面處理業", "Z51", "51", "FOOD")}
    assert len(kept) == 5
    assert all(code.startswith("#") and len(code) == 7 for code in kept)
    assert industry_code("批发业 ") in kept


def test_bands_of_capital_grow_with_it_and_fit_a_byte() -> None:
    capitals = (-1.0, 0.0, 0.5, 999.99, 1_000.0, 1_500.0, 99_999.0, 100_000.0, 1e6, 8e12, 1e300)
    bands = [capital_band(capital) for capital in capitals]
    assert bands == sorted(bands)
    assert bands[:4] == [0, 0, 1, 1]
    assert bands[4:6] == [2, 3]
    assert bands[7] == bands[6] + 1
    assert bands[-1] < 128


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("杭州测试餐饮管理有限公司", 0),
        ("杭州 测试 小吃店", 0),
        ("测试A8商贸有限公司", NAME_DIGITS),
        ("杭州测试有限公司", NAME_NO_TRADE),
        ("王记烧烤", NAME_NO_FORM),
        ("张三", NAME_NO_FORM | NAME_NO_TRADE),
    ],
)
def test_oddities_of_a_name(name: str, odd: int) -> None:
    shape = name_shape(name)
    assert shape & ~NAME_LENGTH == odd
    assert shape & NAME_LENGTH == len(name.replace(" ", ""))
    assert name_shape(name + "贸易" * 20) & NAME_LENGTH == NAME_LENGTH


def test_an_address_without_a_county_has_a_beginning() -> None:
    wide, near = (area_of(text) for text in ("桃園市觀音區樹林里1號", "桃園市大園區2號"))
    assert wide is not None
    assert near is not None
    assert wide >> 16 == near >> 16
    assert wide != near
    assert area_of("桃 園 市 觀音區樹林里9號") == wide
    assert area_of("園") is None


def test_an_empty_telephone_is_none() -> None:
    assert short_hash(" ") == 0
    assert short_hash("p1:aa") != short_hash("p1:ab")
