"""The normaliser against the labelled sets, cases of our own, and the worked cases of the contract."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from monitor.addresses import Address, normalise
from monitor.addresses.normaliser import read

DATA = Path(__file__).resolve().parents[1] / "data"


def labelled(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "addresses" / name).read_text("utf-8").splitlines()]


GOLD = labelled("zhejiang_gold.jsonl")
SECOND = labelled("zhejiang_second.jsonl")
HELD_OUT = ("3302", "3304", "3306", "3308", "3310")
SETS = {
    "gold": GOLD,
    "second": SECOND,
    "second, five cities": [row for row in SECOND if (row["region_code"] or "").startswith(HELD_OUT)],
}
BAR = 0.97


def scores(rows: list[dict[str, Any]], label: str, key: str) -> tuple[float, float, float]:
    """Precision, recall and F1 over all pairs of rows, as the gold set's README says."""
    found = [(row[label], getattr(normalise(row["text"]), key)) for row in rows]
    both = predicted = wanted = 0
    for (gold, own), (other_gold, other_own) in combinations(found, 2):
        if gold is None and other_gold is None:
            continue
        same = gold == other_gold
        joined = own is not None and own == other_own
        wanted += same
        predicted += joined
        both += same and joined
    precision, recall = both / predicted, both / wanted
    return precision, recall, 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("label", "key"), [("room_key_id", "room_key"), ("building_key_id", "building_key")])
def test_the_bar_is_reached(name: str, label: str, key: str) -> None:
    precision, _, f1 = scores(SETS[name], label, key)
    assert f1 >= BAR
    assert precision >= 0.995, "two places under one key accuse the innocent"


@pytest.mark.parametrize("name", SETS)
def test_regions_of_the_labelled_sets(name: str) -> None:
    rows = SETS[name]
    right = sum(normalise(row["text"]).region_code == row["region_code"] for row in rows)
    assert right / len(rows) >= BAR


def test_what_the_labels_call_unlocated_has_no_keys() -> None:
    for row in GOLD + SECOND:
        if row["room_key_id"] is None:
            found = normalise(row["text"])
            assert (found.building_key, found.room_key) == (None, None), row["text"]


class Room(NamedTuple):
    group: str
    building: str
    region: str | None
    texts: list[tuple[str, str | None]]


def own_cases() -> list[Room]:
    rooms: list[Room] = []
    group = ""
    for line in (DATA / "addresses" / "own_cases.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line.startswith(">"):
            words = line[1:].split()
            region = next((word[1:] for word in words if word.startswith("@")), None)
            building = next((word for word in words if not word.startswith("@")), "-")
            rooms.append(Room(group, building, region, []))
        elif line and not line.startswith("#"):
            text, _, declared = line.partition("\t")
            rooms[-1].texts.append((text, declared or None))
    return rooms


OWN_CASES = own_cases()


def test_there_are_several_hundred_cases_of_our_own() -> None:
    assert sum(len(room.texts) for room in OWN_CASES) > 450


@pytest.mark.parametrize("group", sorted({room.group for room in OWN_CASES}))
def test_own_cases(group: str) -> None:
    rooms = [room for room in OWN_CASES if room.group == group]
    keys_of_building: dict[str, set[str | None]] = defaultdict(set)
    owner: dict[str, int] = {}
    for number, room in enumerate(rooms):
        for text, declared in room.texts:
            found = normalise(text, declared)
            if room.region:
                assert found.region_code == room.region, text
            if room.building == "-":
                assert (found.building_key, found.room_key) == (None, None), text
                continue
            assert found.room_key is not None, text
            assert owner.setdefault(found.room_key, number) == number, f"{text} is not {rooms[owner[found.room_key]]}"
            keys_of_building[room.building].add(found.building_key)
        joined = {normalise(text, declared).room_key for text, declared in room.texts}
        assert len(joined) <= 1, (joined, room.texts)
    buildings = [keys.pop() for keys in keys_of_building.values() if len(keys) == 1]
    assert len(buildings) == len(keys_of_building), "one building has several keys"
    named = [building for building in buildings if building is not None]
    assert len(set(named)) == len(named), "two buildings have one key"


@pytest.mark.parametrize("case", ["plain", "nasty", "hubs"])
def test_rooms_of_the_worked_cases_come_together(case: str) -> None:
    rooms: dict[str, set[str]] = defaultdict(set)
    with gzip.open(DATA / "example_cases" / case / "events.jsonl.gz", "rb") as lines:
        for line in lines:
            for subject, address in addresses_of(line):
                found = normalise(address["text"], address.get("region")).room_key
                assert found is not None, address
                rooms[subject].add(found)
    expected = (DATA / "example_cases" / case / "signals.jsonl").read_text("utf-8").splitlines()
    on_rooms = [signal for signal in map(json.loads, expected) if signal["subject"]["kind"] == "address"]
    assert on_rooms
    for signal in on_rooms:
        assert set.intersection(*(rooms[code] for code in signal["enterprises"])), signal


def addresses_of(line: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Subject and address of an event that has them; broken lines have none."""
    try:
        event = json.loads(line)
        address = event["data"]["address"]
        usable = isinstance(address["text"], str) and isinstance(event["subject"], str)
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [(event["subject"], address)] if usable else []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("杭州市西湖区文三路90号501室（集群注册）", "cluster"),
        ("杭州市西湖区文三路90号501室(托管：杭州云某商务秘书有限公司)", "cluster"),
        ("宁波市鄞州区凤起路148号创新孵化器8幢511室", "incubator"),
        ("杭州市余杭区良睦路1399号众创空间2楼", "incubator"),
        ("义乌市稠州北路618号小商品市场28幢1215室", "market"),
        ("永嘉县桥头镇桥头纽扣市场二楼218号", "market"),
        ("杭州市上城区延安路98号商场2楼12号", "market"),
        ("https://shop1.taobao.com", "platform"),
        ("义乌市市场路5号", None),
        ("义乌市市场北路5号2楼", None),
        ("杭州市西湖区孵化路5号", None),
        ("诸暨市市场村5号", None),
        ("乐清市柳青北路88号（市场对面）", None),
        ("杭州市西湖区文三路90号市场监督管理局3楼", None),
        ("杭州市西湖区文三路90号501室（自主申报）", None),
    ],
)
def test_a_kind_is_shown_by_the_place_and_not_by_a_road(text: str, kind: str | None) -> None:
    assert normalise(text).shown_kind == kind


@pytest.mark.parametrize(
    ("text", "declared", "region"),
    [
        ("西湖区文三路90号", "330102", "330106"),  # the text names the county
        ("文三路90号", "330104", "330102"),  # a retired code
        ("仓前街道景兴路9号", "330106", "330110"),  # the township is in one county only
        ("新桥镇人民路6号", "331004", "331004"),  # of several, the declared one
        ("新桥镇人民路6号", "330106", None),  # not one of them
        ("杭州市解放路5号", "330203", None),  # the text names another city
        ("江干区6号大街5号", "330114", "330114"),  # a retired county and one of its successors
        ("文三路90号", None, None),
        ("文三路90号", "no code", None),
    ],
)
def test_where_the_region_comes_from(text: str, declared: str | None, region: str | None) -> None:
    assert normalise(text, declared).region_code == region


def test_a_road_without_its_county_is_found_in_its_city() -> None:
    assert normalise("杭州市江南大道588号").region_code == "330108"
    assert normalise("杭州市延安路98号").region_code == "330102"
    assert normalise("杭州市延安路530号").region_code == "330105"
    assert normalise("杭州市人民路5号").region_code is None


def test_a_well_known_building_is_its_house_number() -> None:
    assert normalise("西湖区东部软件园3幢201室") == normalise("杭州市西湖区文三路90号3幢201室")


def test_a_link_in_brackets_is_a_remark_on_a_door() -> None:
    assert normalise("杭州市西湖区文三路90号501室（网店：https://shop1.taobao.com）") == normalise(
        "杭州市西湖区文三路90号501室"
    )


def test_keys_can_be_read() -> None:
    assert normalise("浙江省杭州市西湖区文三路90号3幢2单元501室") == Address(
        "330106", "330106|文三路|90|3幢", "330106|文三路|90|3幢|2单元|501", None
    )


def test_the_short_way_gives_what_the_long_way_gives() -> None:
    texts = [(row["text"], None) for row in GOLD + SECOND] + [pair for room in OWN_CASES for pair in room.texts]
    for text, declared in texts:
        assert normalise(text, declared) == read(text, declared).address, text
