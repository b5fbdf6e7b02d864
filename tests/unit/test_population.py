"""The synthetic province: every line is acceptable, the planted truth holds, and the rest is quiet.

What must be found in a province is asked of the reference (`tests/reference`), which shares no code with the
generator; rooms are compared by their plain spelling, so that the normaliser is not judged here as well.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.population import Summary, plot, registrations, write_province
from models.population.block import Hosts
from models.population.identities import Codes, People, phone
from models.population.lines import SOURCES, TYPES
from models.population.places import HOSTS, PLAIN, VARIANTS, Places, Style, zhejiang_counties
from monitor.addresses import normalise
from monitor.identifiers import credit_code, resident_id
from tests.reference import intake, naive, world

RECEIVED = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
END = "2025-12-31T23:59:00+08:00"
COUNTIES = zhejiang_counties()

Event = dict[str, Any]


class Province(NamedTuple):
    """A generated folder, read."""

    summary: Summary
    lines: list[bytes]
    events: list[Event]
    truth: list[dict[str, Any]]


def read(folder: Path, summary: Summary) -> Province:
    lines = (folder / summary.events_file).read_bytes().splitlines(keepends=True)
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_bytes().splitlines()]
    return Province(summary, lines, [json.loads(line) for line in lines], truth)


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    folder = tmp_path_factory.mktemp("province")
    return read(folder, write_province(6_000, 5, 1, folder))


class Spelt(NamedTuple):
    """What the reference asks of an address."""

    region_code: str | None
    room_key: str | None
    shown_kind: str | None


def read_plainly(text: str, region: str | None = None) -> Spelt:
    """The room of a text in plain spelling: what is left without brackets and desks."""
    county = next(county for county in COUNTIES if text.startswith(county.heads[PLAIN]))
    marks = {
        "集群注册": "cluster",
        "托管": "cluster",
        "孵化": "incubator",
        "众创": "incubator",
        "市场": "market",
    }
    shown = next((kind for mark, kind in marks.items() if mark in text), None)
    if text.endswith("对面"):
        return Spelt(county.code, None, None)
    room = re.sub(r"（(?!网络).*?）|(?<=室)-A\d+", "", text)
    return Spelt(county.code, room, "platform" if "://" in room else shown)


def judged(monkeypatch: pytest.MonkeyPatch, folder: Path, enterprises: int, years: int, seed: int) -> Province:
    """A province spelt plainly, and the reference told how to read it."""
    monkeypatch.setattr(registrations, "VARIANTS", PLAIN + 1)
    monkeypatch.setattr(plot, "VARIANTS", PLAIN + 1)
    monkeypatch.setattr(world, "normalise", read_plainly)
    monkeypatch.setattr(world, "_PLACES", {})
    return read(folder, write_province(enterprises, years, seed, folder))


def test_every_line_is_acceptable_to_intake(province: Province) -> None:
    for line in province.lines:
        assert intake.read(line, RECEIVED) is not None


def test_the_summary_counts_what_is_in_the_file(province: Province) -> None:
    summary, events = province.summary, {(event["source"], event["id"]): event for event in province.events}
    assert len(province.lines) == summary.lines
    assert len(events) == summary.events == summary.lines - summary.repeats
    assert Counter(event["type"] for event in events.values()) == summary.types
    established = {event["subject"] for event in events.values() if event["type"] == "registration.established"}
    assert len(established) == summary.enterprises == 6_000
    assert {event["subject"] for event in events.values()} == established | {"clock"}
    assert len(province.truth) == summary.truths
    assert sum(summary.planted.values()) == len({row["plot"] for row in province.truth if row["plot"] >= 0})


def test_every_type_but_the_monitors_own_occurs(province: Province) -> None:
    assert set(province.summary.types) == set(TYPES)
    assert len(TYPES) == 33


def test_about_ten_events_an_enterprise_of_which_reports_are_most(province: Province) -> None:
    summary = province.summary
    assert 9 < summary.events / summary.enterprises < 11
    assert summary.types["report.filed"] == max(summary.types.values())


def test_times_are_whole_seconds_in_shanghai_up_to_the_last_tick(province: Province) -> None:
    for event in province.events:
        for name in ("time", "recordedtime"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", event.get(name, END))
            assert event.get(name, END) <= END
        assert event["time"] <= event.get("recordedtime", END)
    assert [event["type"] for event in province.events if event["time"] == END] == ["clock.ticked"]
    assert 0.02 < sum("recordedtime" in event for event in province.events) / len(province.events) < 0.04
    window = [event for event in province.events if event["type"] not in ("registration.established", "clock.ticked")]
    assert sum(event["time"] < "2020-12-31" for event in window) < 0.002 * len(window)


def test_ids_are_short_and_sources_few(province: Province) -> None:
    assert {len(event["id"]) for event in province.events} == {6}
    assert {event["source"] for event in province.events} == set(SOURCES.values())
    assert len(set(SOURCES.values())) == 7


def test_repeats_are_exact_and_half_a_percent(province: Province) -> None:
    times = Counter(province.lines)
    assert len(times) == province.summary.events  # an id twice is a line twice
    assert 0.004 < province.summary.repeats / province.summary.events < 0.006


def test_order_in_the_file_says_nothing(province: Province) -> None:
    place = np.arange(len(province.events))
    for of_event in (lambda event: int(event["id"], 36), lambda event: event["time"]):
        rank = np.argsort(np.argsort([of_event(event) for event in province.events]))
        assert abs(float(np.corrcoef(place, rank)[0, 1])) < 0.02


def test_most_are_individual_businesses_in_all_90_counties(province: Province) -> None:
    data = [event["data"] for event in province.events if event["type"] == "registration.established"]
    kinds = Counter(one["kind"] for one in data)
    assert 0.55 < kinds["individual"] / len(data) < 0.68
    assert set(kinds) == {"individual", "enterprise", "cooperative", "branch"}
    assert {one["address"].get("region") for one in data} - {None} == {county.code for county in COUNTIES}
    assert {one["address"].get("kind") for one in data} - {None} == {
        "office", "residential", "market", "cluster", "incubator", "industrial", "rural", "platform"
    }  # fmt: skip
    forms = Counter(
        person.get("id_type") or ("id" if "id" in person else "name") for one in data for person in one["persons"]
    )
    assert forms["resident_id"] > 0.85 * forms.total()
    assert set(forms) == {
        "resident_id",
        "passport",
        "hk_macau_permit",
        "taiwan_permit",
        "other",
        "id",
        "name",
    }


def test_everything_says_that_it_is_made_up(tmp_path: Path, province: Province) -> None:
    data = [event["data"] for event in province.events if event["type"] == "registration.established"]
    assert all("虚构" in one["name"] for one in data)
    write_province(3, 1, 1, tmp_path)
    about = json.loads((tmp_path / "ABOUT.json").read_bytes())
    assert about["made_up"] is True
    assert "虚构" in about["zh"]
    assert "made up" in about["en"]
    assert about["zh"] in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert about["en"] in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_numbers_belong_to_nobody(province: Province) -> None:
    text = b"".join(province.lines).decode("utf-8")
    numbers = set(re.findall(r'"id_number":"(\w{18})"', text))
    assert len(numbers) > 5_000
    counties = {county.code for county in COUNTIES}
    assert all(resident_id.is_valid(number) and number[:6] not in counties for number in numbers)
    assert all(number.startswith("3399") for number in numbers)
    assert all(local.startswith("0") for local in re.findall(r'"phone":"057\d-(\d{8})"', text))
    assert text.count('"phone":') == len(re.findall(r'"phone":"057\d-\d{8}"', text))


def test_codes_are_unique_and_one_in_ten_thousand_is_wrong() -> None:
    size = 200_000
    rng = np.random.default_rng(1)
    codes = Codes(tuple(county.code for county in COUNTIES), seed=1).make(
        np.arange(size), rng.integers(4, size=size), rng.integers(90, size=size)
    )
    assert len(set(codes)) == size
    assert sum(credit_code.is_suspect(code) for code in codes) == size // 10_000
    assert all(code[16] == credit_code.organisation_check(code[8:16]) for code in codes)
    assert all(code[8] == "Q" for code in codes)


def test_persons_differ_and_stay_the_same() -> None:
    people = People(seed=1)
    identities = [people.identity(number) for number in range(50_000)]
    assert [people.identity(number) for number in range(50_000)] == identities
    strong = [identity for identity in identities if not identity.startswith('"name"')]
    assert len(set(strong)) == len(strong)
    assert len({phone(number) for number in range(10_000)}) == 10_000


@given(
    st.lists(st.tuples(st.integers(0, 89), st.sampled_from(Style)), min_size=1, max_size=300),
    st.integers(0, 9),
)
def test_a_room_is_given_once(wanted: list[tuple[int, Style]], seed: int) -> None:
    places = Places(1_000, COUNTIES, seed)
    county, style = np.array([one for one, _ in wanted]), np.array([int(two) for _, two in wanted])
    rooms = [
        room
        for _ in range(3)
        for room in zip(county.tolist(), style.tolist(), places.take(county, style).tolist(), strict=True)
    ]
    assert len(set(rooms)) == len(rooms)


def test_no_two_rooms_share_a_spelling_and_each_has_many() -> None:
    places = Places(2_000, COUNTIES, seed=1)
    rng = np.random.default_rng(1)
    owner: dict[str, tuple[int, int, int]] = {}
    spellings: dict[int, int] = defaultdict(int)
    for style in Style:
        county = rng.integers(90, size=60)
        for room in zip(county.tolist(), places.take(county, np.full(60, int(style))).tolist(), strict=True):
            for variant in {PLAIN, *rng.integers(VARIANTS, size=40).tolist()}:
                # County-only beginnings are told apart by the county code that always goes with them.
                address = json.loads(places.address(room[0], style, room[1], variant))
                text = address["text"] + address.get("region", "")
                spellings[style] += text not in owner
                assert owner.setdefault(text, (room[0], style, room[1])) == (room[0], style, room[1])
    assert min(spellings.values()) > 5 * 60


def test_the_normaliser_sees_one_room_in_all_its_spellings() -> None:
    places = Places(2_000, COUNTIES, seed=2)
    rng = np.random.default_rng(2)
    owner: dict[str, tuple[int, int, int]] = {}
    for style in Style:
        county = rng.integers(90, size=30)
        for where, unit in zip(county.tolist(), places.take(county, np.full(30, int(style))).tolist(), strict=True):
            keys = set()
            for variant in {PLAIN, *rng.integers(VARIANTS, size=10).tolist()}:
                desk = registrations.seat(style, variant) if style in HOSTS else ""
                address = json.loads(places.address(where, style, unit, variant, suffix=desk))
                read_as = normalise(address["text"], address.get("region"))
                assert read_as.region_code == COUNTIES[where].code
                keys.add(read_as.room_key)
            if style == Style.NOWHERE:
                assert keys == {None}
                continue
            (key,) = keys
            assert key is not None
            assert owner.setdefault(key, (where, style, unit)) == (where, style, unit)


def test_hosts_are_few_and_very_large_in_a_large_province() -> None:
    hosts = Hosts.draw(1_000_000, Places(1_000_000, COUNTIES, seed=1), np.random.default_rng(1))
    sizes = np.diff(hosts.reach, prepend=0) * 100_000
    assert 5_000 < sizes.max() <= 10_000
    assert (sizes > 1_000).sum() < 20
    assert np.median(sizes) < 40
    assert set(hosts.style.tolist()) == set(HOSTS)


@pytest.mark.parametrize(("enterprises", "years", "seed"), [(1_500, 5, 1), (1_500, 1, 2), (1_500, 3, 3)])
def test_the_truth_is_what_the_contract_demands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, enterprises: int, years: int, seed: int
) -> None:
    province = judged(monkeypatch, tmp_path, enterprises, years, seed)
    found = naive.signals(province.lines, received=RECEIVED)
    assert found.dead_letters == []
    assert found.now == dt.datetime.fromisoformat(END)
    planted = [row for row in province.truth if row["plot"] >= 0]
    in_plots = {code for row in planted for code in row["enterprises"]}

    def told(detector: str, subject: dict[str, Any], level: int | None, codes: list[str]) -> tuple[Any, ...]:
        return (
            detector,
            subject["kind"],
            subject["key"] if subject["kind"] == "enterprise" else "",
            level,
            tuple(codes),
        )

    wanted = Counter(
        told(row["detector"], row["subject"], row["level"], row["enterprises"])
        for row in planted
        if row["fires"] and row["detector"] != "shell-cluster"
    )
    present = Counter(
        told(signal["detector"], signal["subject"], signal["level"], signal["enterprises"])
        for signal in found.signals
        if in_plots & {*signal["enterprises"], signal["subject"]["key"]}
    )
    # Equality says three things: all that was planted is found, at its level, and its look-alikes are silent.
    assert present == wanted
    noise = [signal for signal in found.signals if not in_plots & set(signal["enterprises"])]
    under = {code for signal in noise for code in signal["enterprises"]}
    assert len(under) < 0.03 * (enterprises - province.summary.planted_enterprises)


def test_a_small_province_holds_every_kind_of_plot(province: Province) -> None:
    fires = {row["detector"] for row in province.truth if row["fires"]}
    assert fires == {
        "one-address-many-licences", "address-burst", "address-at-risk", "one-person-many-enterprises",
        "person-burst", "barred-person-appointed", "untraceable", "phoenix", "frequent-changes",
        "shell-cluster", "linked-risk", "complaint-surge",
    }  # fmt: skip
    levels = {(row["detector"], row["level"]) for row in province.truth if row["fires"]}
    assert {("one-address-many-licences", level) for level in (1, 2, 3, 4)} <= levels
    assert {("one-person-many-enterprises", level) for level in (1, 2, 3)} <= levels
    assert {("untraceable", level) for level in (1, 2, 3, 4)} <= levels
    assert {row["kind"] for row in province.truth if not row["fires"]} >= {
        "host", "alike-host", "alike-branches", "alike-family", "alike-clients-of-an-agent"
    }  # fmt: skip
    assert any(row.get("weak_identity") for row in province.truth)
