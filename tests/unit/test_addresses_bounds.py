"""Spelling, and what no text may do: raise, take long, fill the memory, or change what another text gets."""

from __future__ import annotations

import time
import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.addresses import NORMALISER_VERSION, normalise
from monitor.addresses.normaliser import read
from monitor.addresses.spelling import LONGEST, number, numeral, spell, unified

PIECES = (
    "路 桥头 中国 浙江省 号 1 1- 1号 ( ) （ A A1 村 市场 农贸市场 城 1幢 一 十 百千 大道 东 东楼 东路 社区 街道 镇 "
    "桥头镇 1、 # 负 地下1层 之一 附1号 第 至1 旁 Ａ ﷺ 𠮷 a. a.com http:// https://a.com/ . / ３ 工业区 新区 开发区 "
    "文三路 西湖 杭州市 西湖区 1F B1 1-1-1 零 1单元 商铺 号商铺 人民路 \u0301"
).split()


@pytest.mark.parametrize(
    ("chinese", "digits"),
    [
        ("九", "9"),
        ("十", "10"),
        ("十二", "12"),
        ("二十五", "25"),
        ("一百六十九", "169"),
        ("一百零八", "108"),
        ("八百", "800"),
        ("一千二百十六", "1216"),
        ("九九九", "999"),
        ("五〇一", "501"),
        ("廿三", "23"),
        ("壹", "1"),
    ],
)
def test_chinese_numerals(chinese: str, digits: str) -> None:
    assert number(chinese) == digits


@pytest.mark.parametrize(
    ("digits", "chinese"), [("6", "六"), ("10", "十"), ("12", "十二"), ("23", "二十三"), ("20", "二十")]
)
def test_numbers_of_roads(digits: str, chinese: str) -> None:
    assert numeral(digits) == chinese


@pytest.mark.parametrize(
    ("text", "spelt", "brackets"),
    [
        ("文三路９０号　３幢", "文三路90号3幢", ()),
        ("文三路九十号三幢五〇一室", "文三路90号3幢501室", ()),
        ("文三路90号（集群注册）", "文三路90号", ("集群注册",)),
        ("中山东路181号（15-03）", "中山东路181号15-03", ()),
        ("文三路90号（（甲）乙", "文三路90号甲乙", ()),
        ("文三路90号【（甲）乙】3幢", "文三路90号3幢", ("(甲)乙",)),
        ("6号大街452号", "六号大街452号", ()),
        ("文三路36号附1号", "文三路36-1号", ()),
        ("文三路36号之一2层", "文三路36-1号2层", ()),
        ("文三路12号至16号", "文三路12-16号", ()),
        ("文三路12、14、16号", "文三路12、14、16号", ()),
        ("文三路负一楼", "文三路B1层", ()),
        ("文三路5O1室", "文三路501室", ()),
        ("住所：文三路90号。", "文三路90号", ()),
        ("文三路90号\u200b3幢", "文三路90号3幢", ()),
    ],
)
def test_one_spelling(text: str, spelt: str, brackets: tuple[str, ...]) -> None:
    found = spell(unified(text))
    assert (found.text, found.brackets) == (spelt, brackets)


@given(st.text(max_size=120), st.one_of(st.none(), st.text(max_size=8), st.just("330106")))
@settings(max_examples=300, deadline=None)
def test_any_text_is_answered(text: str, region: str | None) -> None:
    assert normalise(text, region) == read(text, region).address


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_heap_of_address_words_is_answered(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = normalise(text)
    assert found == read(text).address
    if found.building_key is not None:
        assert found.room_key is not None
        assert found.room_key.startswith(found.building_key)


def test_hostile_texts_take_no_time() -> None:
    random = Random(7)
    slowest = 0.0
    for _ in range(400):
        piece = "".join(random.choice(PIECES) for _ in range(random.randint(1, 3)))
        for length in (LONGEST - 1, 100_000):
            text = "浙江省杭州市西湖区" + piece * (length // len(piece))
            began = time.process_time()
            normalise(text[:length])
            slowest = max(slowest, time.process_time() - began)
    assert slowest < 0.1


def test_a_text_of_100_kb_is_no_address() -> None:
    assert normalise("浙江省杭州市西湖区文三路90号" + "(" * 100_000).room_key is None


def test_what_is_remembered_stays_below_20_mb() -> None:
    random = Random(5)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for one in range(8_500):
            name = "".join(chr(random.randint(0x4E00, 0x9F00)) for _ in range(70))
            normalise(f"杭州市西湖区{name}路{one + 1}号{one % 9 + 1}幢{one % 900 + 100}室", "330106")
        assert tracemalloc.get_traced_memory()[0] - before < 20e6
    finally:
        tracemalloc.stop()


def test_foreign_addresses_meet_in_their_plain_form() -> None:
    paris = [normalise(text) for text in ("18 Rue de la Paix 75002 Paris", "18, RUE DE LA PAIX - 75002 PARIS")]
    assert paris[0] == paris[1]
    assert paris[0].room_key is not None
    assert paris[0].room_key == paris[0].building_key
    assert normalise("5 avenue de l'Œuvre 69000 Lyon") == normalise("5, AVENUE DE L’OEUVRE, 69000 LYON")
    assert normalise("臺北市中正區杭州南路一段１１１巷2號") == normalise("台北市中正區杭州南路一段111巷２號")
    assert normalise("118 Rue de la Paix 75002 Paris") != paris[0]
    assert normalise("Royaume-Uni").room_key is None
    assert normalise("12345").room_key is None
    assert normalise("").room_key is None


def test_the_version_is_named() -> None:
    assert NORMALISER_VERSION
