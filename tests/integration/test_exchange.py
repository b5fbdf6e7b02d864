"""A folder of national exchange tables through the whole command: what its rows become, and the signals they plant.

The sample in ``tests/data/cn_exchange`` is made up; its README says what is planted in it.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from monitor.sources import open_source
from monitor.sources.tables import TableSource
from tests.command import Commands
from tests.unit.reading_sources import chunks_of, events_of, told_of

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "data" / "cn_exchange"
MAPPING = ROOT / "config" / "mappings" / "cn-exchange.yaml"

ROOM = "浙江省杭州市西湖区样例路100号2幢301室"


@cache
def everything() -> tuple[dict[str, dict[str, Any]], dict[str, list[tuple[int, str]]], dict[str, TableSource]]:
    """The events of the sample by id, what is told of each table by file name, and the sources."""
    events: dict[str, dict[str, Any]] = {}
    told: dict[str, list[tuple[int, str]]] = {}
    sources: dict[str, TableSource] = {}
    for source in open_source(str(SAMPLE), MAPPING):
        assert isinstance(source, TableSource)
        chunks = chunks_of(source)
        found = events_of(chunks)
        assert not events.keys() & {event["id"] for event in found}
        events |= {event["id"]: event for event in found}
        name = Path(source.name).name
        told[name], sources[name] = told_of(chunks), source
    return events, told, sources


def data(event: str) -> dict[str, Any]:
    found: dict[str, Any] = everything()[0][event]["data"]
    return found


def codes(*numbers: str) -> list[str]:
    """The credit codes of some PRIPID."""
    events = everything()[0]
    return sorted(events[f"est:{number}:1"]["subject"] for number in numbers)


def persons(event: str, *roles: str) -> list[tuple[str, str, bool]]:
    """Name, role and whether there is a number, of the persons in an event."""
    return [
        (one["name"], one["role"], "id_number" in one)
        for one in data(event)["persons"]
        if not roles or one["role"] in roles
    ]


def test_every_row_of_the_sample_is_accounted_for() -> None:
    events, told, sources = everything()
    assert Counter(event["type"] for event in events.values()) == {
        "registration.established": 28,
        "registration.changed": 6,
        "enforcement.inspected": 9,
        "registration.revoked": 2,
        "registration.deregistered": 3,
        "registration.cancelled": 1,
    }
    assert {name: source.tally.rows for name, source in sources.items()} == {
        "E_ALTER_RECODER.csv": 12,
        "E_BASEINFO.csv": 26,
        "E_GT_BASEINFO.csv": 4,
        "E_INSPECT_RESULT.csv": 9,
        "ZJ_INSPECT_RESULT.csv": 5,
    }
    assert {name: [(line, why.split("：")[0]) for line, why in lines] for name, lines in told.items()} == {
        "E_ALTER_RECODER.csv": [(11, "subject (enterprises.UNISCID, businesses.UNISCID)"), (12, "time (ALTDATE)")],
        "E_BASEINFO.csv": [
            (24, "subject (UNISCID)"),
            (25, "time (ESTDATE)"),
            (27, "time (CANDATE)"),
            (28, "应有 21 列，实有 3 列 / 3 fields instead of 21"),
        ],
        "E_GT_BASEINFO.csv": [],
        "E_INSPECT_RESULT.csv": [
            (8, "data.results (INSRES)"),
            (9, "subject (UNISCID, enterprises.UNISCID, businesses.UNISCID)"),
            (10, "time (INSDATE)"),
        ],
        "ZJ_INSPECT_RESULT.csv": [],
    }
    changes = sources["E_ALTER_RECODER.csv"].tally
    # Scope, an unknown code, and capital in dollars give nothing; a change of blanks and width is none.
    assert (sum(changes.left_out.values()), changes.no_rule) == (1, 3)


def test_an_enterprise_with_its_persons() -> None:
    found = data("est:P0001:1")
    assert {key: value for key, value in found.items() if key != "persons"} == {
        "name": "杭州甲样贸易有限公司",
        "kind": "enterprise",
        "address": {"text": ROOM, "region": "330106"},
        "industry": "L7259",
        "type_code": "1130",
        "capital": 1_000_000,
        "phone": "0571-00000000",
    }
    assert persons("est:P0001:1") == [
        ("赵样一", "legal_representative", True),
        ("赵样一", "director", True),
        ("吴样监", "supervisor", True),
    ]
    assert persons("est:P0035:1") == [
        ("Han Sample", "legal_representative", True),
        ("Han Sample", "director", True),
        ("Han Sample", "manager", True),
    ]
    assert {one["id_type"] for one in data("est:P0035:1")["persons"]} == {"passport"}
    # A number that was masked by the sender ties nobody to anybody.
    assert persons("est:P0053:1") == [("施样三", "legal_representative", False)]
    assert [data(f"est:{number}:1")["kind"] for number in ("P0007", "P0034", "G0001", "P0053")] == [
        "branch", "cooperative", "individual", "enterprise",
    ]  # fmt: skip
    assert data("est:P0034:1")["industry"] == "A0111"
    assert data("est:P0011:1")["capital"] == 10_505_000
    assert "capital" not in data("est:P0035:1")


def test_an_establishment_is_told_as_it_was_then() -> None:
    assert data("est:P0006:1")["address"] == {"text": "浙江省杭州市西湖区虚构街6号"}
    assert data("alt:P0006:02:2024-08-01:1") == {"address": {"text": ROOM, "region": "330106"}}
    before = data("est:P0036:1")
    assert (before["name"], before["capital"]) == ("杭州午样旧名有限公司", 500_000)
    assert persons("est:P0036:1", "legal_representative") == [("杨样旧", "legal_representative", False)]
    assert persons("alt:P0036:03:2023-02-01:2") == [
        ("韩样新", "legal_representative", True),
        ("杨样旧", "director", True),
    ]
    assert data("alt:P0036:01:2022-02-01:3") == {"name": "杭州午样有限公司"}
    assert data("alt:P0036:04:2022-02-01:4") == {"capital": 1_000_000}
    assert data("alt:P0036:05:2022-02-01:5") == {"industry": "L7259"}


def test_who_operates_an_individual_business_leads_it() -> None:
    assert persons("est:G0001:1") == [("陈样多", "operator", True)]
    assert persons("est:G0004:1") == [("许样四", "operator", False)]
    assert persons("est:G0003:1") == [("尤样旧", "operator", False)]
    assert persons("alt:G0003:经营者变更:2024-01-05:6") == [("秦样新", "operator", True)]
    assert data("est:G0002:1")["name"] == ""


def test_ends_follow_from_state_and_date() -> None:
    events = everything()[0]
    ends = {key: (event["type"].partition(".")[2], event["time"][:10]) for key, event in events.items()}
    assert {key: end for key, end in ends.items() if key[:3] in ("rev", "can", "ann")} == {
        "can:P0008": ("deregistered", "2023-09-30"),
        "rev:P0031": ("revoked", "2024-04-01"),
        "rev:P0032": ("revoked", "2023-04-01"),
        "can:P0032": ("deregistered", "2024-05-01"),
        "ann:P0033": ("cancelled", "2024-06-01"),
        "can:G0004": ("deregistered", "2024-11-11"),
    }


def test_results_of_inspections_are_sets() -> None:
    found = {key: event["data"]["results"] for key, event in everything()[0].items() if key.startswith("ins:")}
    assert found == {
        "ins:I0001": ["unreachable"],
        "ins:I0002": ["none_found", "unreachable"],
        "ins:I0003": ["none_found", "unreachable"],
        "ins:I0004": ["none_found"],
        "ins:I0005": ["false_disclosure", "corrected"],
        "ins:I0006": ["corrected", "pending"],
        "ins:Z0001": ["false_disclosure", "unreachable"],
        "ins:Z0002": ["pending", "none_found", "not_disclosed"],
        "ins:Z0005": ["corrected", "not_operating"],
    }
    assert (data("ins:I0001")["random"], data("ins:Z0005")["random"]) == (True, False)


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    return commands


def test_the_planted_signals_are_found(shell: Commands) -> None:
    source = ("--source", str(SAMPLE), "--mapping", str(MAPPING))
    assert shell.good("run", *source, "--home", "home", "--once") == ""
    signals = shell.rows("export", "signals", "--home", "home")
    found = {(one["detector"], one["level"], tuple(one["enterprises"])) for one in signals}
    assert found == {
        ("one-address-many-licences", 1, tuple(codes("P0001", "P0002", "P0003", "P0004", "P0005", "P0006"))),
        ("one-person-many-enterprises", 1, tuple(codes("P0011", "P0012", "P0013", "P0014", "G0001"))),
        ("untraceable", 1, tuple(codes("P0021"))),
        ("untraceable", 1, tuple(codes("P0022"))),
        ("untraceable", 1, tuple(codes("P0024"))),
    }
    (people,) = (one for one in signals if one["detector"] == "one-person-many-enterprises")
    assert (people["weak_identity"], people["subject"]["label"]) == (False, "陈*")
    letters = shell.rows("export", "dead-letters", "--home", "home")
    assert Counter(letter["reason"] for letter in letters) == {"unmapped_row": 9}
    assert "330106190001" not in json.dumps([signals, letters])
    # The same folder once more changes nothing.
    ended = shell.run("run", *source, "--home", "home", "--once")
    assert ended.status == 0
    assert shell.rows("export", "signals", "--home", "home") == signals
