"""The shipped mappings on the real data they are for: every row accounted for, every event acceptable.

What is acceptable is judged by the product's own intake, and for every tenth event also by the reference
reading of the contract in ``tests/reference``. The French bulletin stays outside this repository: ``tests/bulletin.py``
says where it is looked for.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config.moments import moment
from monitor.events.intake import Intake
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.sources import Position, open_source
from monitor.sources.tables import TableSource
from tests.bulletin import BULLETIN, pytest_generate_tests  # noqa: F401 pytest calls the second
from tests.reference.intake import read

ROOT = Path(__file__).resolve().parents[2]
TAIWAN = ROOT / "tests" / "data" / "tw_polluters"
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)

Events = list[dict[str, Any]]


@cache
def read_all(folder: Path, table: str, mapping: str) -> tuple[Events, TableSource]:
    """All events of a table; each is acceptable, and none has a problem."""
    path = str(folder / table)
    (source,) = open_source(path, ROOT / "config" / "mappings" / mapping)
    assert isinstance(source, TableSource)
    intake = Intake(Pseudonymiser([b"k" * 32]))
    received = moment(RECEIVED)
    position = Position()
    events: Events = []
    while True:
        chunk = source.read(position, 1 << 20)
        assert (chunk.problems, chunk.error) == ({}, "")
        for line in chunk.lines:
            assert intake.read(line, received) is not None
            events.append(json.loads(line))
        assert all(read(line, RECEIVED) for line in chunk.lines[::10])
        position = chunk.position
        if chunk.eof:
            return events, source


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def unique(events: Events) -> bool:
    return len({(event["source"], event["id"]) for event in events}) == len(events)


def test_facilities_of_taiwan_are_stock() -> None:
    events, source = read_all(TAIWAN, "facilities.csv.gz", "tw-facilities.yaml")
    assert Counter(event["type"] for event in events) == {"registration.established": 75_139}
    assert (source.tally.rows, source.notes()) == (75_139, [])
    assert unique(events)
    assert {event["time"] for event in events} == {"1900-01-01T00:00:00+08:00"}
    for event, row in zip(events, rows_of(TAIWAN / "facilities.csv.gz"), strict=True):
        in_estate = row["所屬工業區"] not in ("", "非屬工業區類", "無特定工業區")
        assert event["subject"] == f"tw:{row['file_id']}"
        assert event["data"] == {
            "name": row["name"].strip(),
            "kind": "enterprise",
            "address": {"text": row["地址"].strip()} | ({"kind": "industrial"} if in_estate else {}),
            "persons": [],
        } | ({"industry": row["行業別"].strip()} if row["行業別"] not in ("", "暫無分類") else {})


def test_penalties_of_taiwan_are_penalties() -> None:
    events, source = read_all(TAIWAN, "penalties.csv.gz", "tw-penalties.yaml")
    assert Counter(event["type"] for event in events) == {"enforcement.penalised": 25_797}
    assert (source.tally.rows, source.notes()) == (25_797, [])
    assert unique(events)
    known = {event["subject"] for event in read_all(TAIWAN, "facilities.csv.gz", "tw-facilities.yaml")[0]}
    assert {event["subject"] for event in events} <= known
    for event, row in zip(events, rows_of(TAIWAN / "penalties.csv.gz"), strict=True):
        assert event["subject"] == f"tw:{row['file_id']}"
        assert event["time"] == row["PENALTYDATE"].replace("/", "-") + "T00:00:00+08:00"
        assert event["data"].get("amount") == (int(row["PENALTYMONEY"]) if row["PENALTYMONEY"] != "None" else None)
        assert set(event) == {"specversion", "source", "type", "id", "subject", "time", "data"}
        assert set(event["data"]) <= {"document", "category", "amount"}


def test_a_document_of_taiwan_is_one_decision() -> None:
    events, _ = read_all(TAIWAN, "penalties.csv.gz", "tw-penalties.yaml")
    decisions = defaultdict(set)
    for event in events:
        decisions[event["data"]["document"]].add((event["time"], event["data"].get("amount")))
    assert len(decisions) == 25_185
    assert all(len(decided) == 1 for decided in decisions.values())
    assert len({(event["subject"], event["data"]["document"]) for event in events}) == len(events)


def test_categories_of_taiwan_are_the_acts_named_first() -> None:
    events, _ = read_all(TAIWAN, "penalties.csv.gz", "tw-penalties.yaml")
    acts = Counter(event["data"].get("category", "") for event in events)
    assert [act for act, _ in acts.most_common(3)] == ["廢棄物清理法", "水污染防治法", "空氣污染防制法"]


@pytest.fixture
def bulletin() -> tuple[Events, TableSource]:
    assert BULLETIN is not None, "deselected where it is not there"
    return read_all(BULLETIN / "fr_bodacc", "company_events.csv.gz", "fr-bodacc.yaml")


def notices() -> dict[tuple[str, ...], dict[str, str]]:
    assert BULLETIN is not None
    return {
        (row["date_parution"], row["nojo"], row["num"], row["siren"]): row
        for row in rows_of(BULLETIN / "fr_bodacc" / "company_events.csv.gz")
    }


def notice_of(event: dict[str, Any]) -> tuple[str, ...]:
    return tuple(event["id"].split(":")[1:])


def test_every_notice_of_the_bulletin_is_accounted_for(bulletin: tuple[Events, TableSource]) -> None:
    events, source = bulletin
    assert Counter(event["type"] for event in events) == {
        "registration.established": 66_247,
        "registration.changed": 7_222,
    }
    assert source.tally.events == {
        "registered": 50_625,
        "stock-before-transfer": 7_222,
        "transferred": 7_222,
        "buyer-with-officers": 2_466,
        "buyer": 5_934,
    }
    assert sorted(source.tally.left_out.values()) == [6, 171]
    assert (source.tally.rows, source.tally.no_rule, source.tally.broken) == (66_424, 0, 0)
    assert unique(events)


def test_subjects_and_times_of_the_bulletin(bulletin: tuple[Events, TableSource]) -> None:
    rows = notices()
    for event in bulletin[0]:
        row = rows[notice_of(event)]
        assert event["subject"] == f"fr:{row['siren']}"
        assert event["recordedtime"].startswith(row["date_parution"])
        assert event["time"][:4] == "1900" or event["time"] <= event["recordedtime"]
        if row["act"] == "creation":
            assert event["time"][:10] == (row["date_immat"] or row["date_parution"])


def test_a_transfer_moves_an_enterprise_that_was_there(bulletin: tuple[Events, TableSource]) -> None:
    rows = notices()
    moved = [event for event in bulletin[0] if event["type"] == "registration.changed"]
    for event in moved:
        row = rows[notice_of(event)]
        assert "transfert de son siège" in row["act_cat"]
        assert event["data"].get("address", {}).get("text", "") == row["seat"].strip()
        assert event["time"][:10] == row["date_parution"]
    before = [event for event in bulletin[0] if event["id"].startswith("0:")]
    assert [notice_of(event) for event in before] == [notice_of(event) for event in moved]
    assert {event["data"]["address"]["text"] for event in before} == {""}


def test_of_establishments_at_one_time_the_one_that_knows_more_holds(
    bulletin: tuple[Events, TableSource],
) -> None:
    at_once = defaultdict(list)
    for event in bulletin[0]:
        # What stands behind a transfer is completed by the transfer itself.
        if event["type"] == "registration.established" and event["id"][0] != "0":
            at_once[event["subject"], event["time"]].append(event)
    contested = [events for events in at_once.values() if len(events) > 1]
    assert len(contested) > 100
    forgotten = [
        events
        for events in contested
        if not max(events, key=lambda event: str(event["id"]))["data"]["persons"]
        and any(event["data"]["persons"] for event in events)
    ]
    # Later notices whose officers have no function but "Modification de la désignation d'un dirigeant" and the like.
    assert len(forgotten) == 11


def test_officers_of_the_bulletin_have_roles_of_the_closed_list(
    bulletin: tuple[Events, TableSource],
) -> None:
    assert BULLETIN is not None
    events, source = bulletin
    officers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows_of(BULLETIN / "fr_bodacc" / "officers.csv.gz"):
        officers[row["date_parution"], row["nojo"], row["num"], row["siren"]].add(row["officer_loose"])
    roles: Counter[str] = Counter()
    for event in events:
        persons = event["data"].get("persons", [])
        assert {person["id"] for person in persons} <= officers[notice_of(event)]
        roles.update(person["role"] for person in persons)
    assert {role for role, count in roles.items() if count > 100} == {
        "legal_representative", "principal", "director", "supervisor", "manager", "shareholder",
        "beneficial_owner", "agent",
    }  # fmt: skip
    named = sum(bool(event["data"].get("persons")) for event in events if event["id"][0] in "234")
    assert named > 58_000
    assert source.tally.persons_left_out < 250


def test_the_largest_hubs_of_the_bulletin(bulletin: tuple[Events, TableSource]) -> None:
    at, led = defaultdict(set), defaultdict(set)
    for event in bulletin[0]:
        at[folded(event["data"].get("address", {}).get("text", ""))].add(event["subject"])
        for person in event["data"].get("persons", ()):
            led[person["id"]].add(event["subject"])
    del at[""]
    assert max(map(len, at.values())) == 185
    assert max(map(len, led.values())) == 273


def folded(text: str) -> str:
    """An address without case, accents and punctuation, as the data's own README counts them."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^0-9a-z]+", " ", "".join(one for one in plain if not unicodedata.combining(one))).strip()
