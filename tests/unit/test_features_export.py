"""Features of a home beside its writer: from the snapshot and the log, as of now and as of a day."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config.moments import end_of_day
from models.features.registry import names
from monitor.cli import app
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.exporting import feature_rows
from monitor.modelling.gathering import facts_of
from monitor.modelling.reading import read_flow
from monitor.store.home import Home
from tests.engine import KEY, Engine, Raw, read_home, run_file, save, shipped_rules
from tests.reference.cases import make_case

DAY = dt.date(2024, 6, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that two runs have filled, with a snapshot of the first."""
    folder = tmp_path_factory.mktemp("features")
    case = make_case(6, 80)
    run_file(folder / "home", save(folder / "one.jsonl", case[:600]))
    run_file(folder / "home", save(folder / "two.jsonl", case[600:]))
    return folder / "home"


def rows(home: Path, now: int | None, *, snapshots: Path | None = None) -> list[Raw]:
    folder, keys = snapshots or Home(home).snapshots, Pseudonymiser([KEY])
    flow, codes = read_home(home, lambda reader: read_flow(reader.connection, folder, keys, shipped_rules()))
    return list(feature_rows(facts_of(flow), codes, flow.now if now is None else now, flat=False))


def by_subject(found: list[Raw]) -> dict[str, Raw]:
    return {row["subject"]: row for row in found}


def test_a_reader_finds_what_the_writer_has(home: Path, tmp_path: Path) -> None:
    engine = Engine().take(make_case(6, 80))
    wanted = feature_rows(facts_of(engine.flow), engine.codes, engine.flow.now, flat=False)
    found = by_subject(rows(home, None))
    assert found == by_subject(list(wanted))
    assert list(Home(home).snapshots.glob("*.snapshot"))
    assert found == by_subject(rows(home, None, snapshots=tmp_path)), "without a snapshot"


def test_a_damaged_snapshot_is_read_around(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "000000000001.snapshot").write_bytes(b"nothing")
    assert by_subject(rows(home, None, snapshots=tmp_path)) == by_subject(rows(home, None))
    assert "快照不可用" in caplog.text


def test_the_command_prints_features_as_of_a_day(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDIT_MONITOR_PSEUDONYM_KEY", KEY.hex())
    ended = CliRunner().invoke(app, ["export", "features", "--home", str(home), "--as-of", f"{DAY}"])
    assert ended.exit_code == 0, ended.output
    found: list[Any] = [json.loads(one) for one in ended.stdout.splitlines()]
    assert found == rows(home, end_of_day(DAY) - 1)
    assert all(row["as_of"].startswith(f"{DAY}T23:59:59") for row in found)
    assert tuple(found[0]["features"]) == names()


def test_the_command_writes_tables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDIT_MONITOR_PSEUDONYM_KEY", KEY.hex())
    ended = CliRunner().invoke(app, ["export", "features", "--home", str(home), "--format", "csv"])
    header, *lines = ended.stdout.splitlines()
    assert header.split(",") == ["subject", "as_of", "live", "county", "peers", *names()]
    assert len(lines) == len(rows(home, None))


def test_wrong_use_is_told(home: Path) -> None:
    for wrong in (["signals", "--as-of", "2024-06-30"], ["features", "--as-of", "yesterday"]):
        ended = CliRunner().invoke(app, ["export", wrong[0], "--home", str(home), *wrong[1:]])
        assert ended.exit_code == 2
