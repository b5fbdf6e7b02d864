"""`doctor` on real homes, files and settings: what is sound, what must be mended, and that it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.doctor import homes, machine
from monitor.store.home import Home
from tests.command import Commands
from tests.unit.web_home import KEY, filled

Usage = type(shutil.disk_usage("."))
Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    found = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return found


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    commands.folder = tmp_path
    return commands


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return filled(tmp_path)


def doctor(shell: Commands, *arguments: str, key: str = KEY.hex(), **settings: str) -> tuple[int, Findings]:
    """Its status, and what it found by check."""
    given: dict[str, Any] = {**settings, **({"pseudonym_key": key} if key else {})}
    ended = shell.run("doctor", "--json", *arguments, **given)
    found: Findings = {}
    for line in ended.out.decode().splitlines():
        one = json.loads(line)
        assert " / " in one["told"] or one["check"] in ("rules", "scorecards"), "zh and en"
        found.setdefault(one["check"], []).append(one)
    assert (ended.status == 1) == any(one["state"] == "wrong" for some in found.values() for one in some), ended.told
    return ended.status, found


def contents(home: Home) -> dict[Path, bytes]:
    """What a home holds, but for the lock and what SQLite keeps beside a database for whoever reads it."""
    passing = ("lock", "monitor.db-shm", "monitor.db-wal")
    return {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file() and path.name not in passing}


def state(found: Findings, check: str) -> list[str]:
    return [one["state"] for one in found[check]]


def test_a_sound_home_is_sound_and_stays_as_it_was(shell: Commands, home: Home) -> None:
    before = contents(home)
    status, found = doctor(shell, "--home", str(home), "--whole")
    assert status == 0
    for check in ("rules", "scorecards", "mappings", "home", "writer", "database", "log", "snapshots", "parked"):
        assert state(found, check) == ["ok"], found[check]
    assert found["dead-letters"][0]["state"] == "warning"
    assert contents(home) == before
    text = shell.good("doctor", "--home", str(home), pseudonym_key=KEY.hex())
    assert "✓ writer" in text


def test_a_home_that_is_not_there_yet_is_told_and_not_made(shell: Commands, tmp_path: Path) -> None:
    status, found = doctor(shell, "--home", "later")
    assert (status, state(found, "home")) == (0, ["warning"])
    assert not (tmp_path / "later").exists()


def test_what_is_damaged_is_named(shell: Commands, home: Home) -> None:
    with sqlite3.connect(home.database) as connection:
        connection.execute("UPDATE log SET digest = 'x' WHERE seq = 1")
    status, found = doctor(shell, "--home", str(home))
    assert (status, state(found, "log")) == (1, ["wrong"])
    assert "如第 1 块" in found["log"][0]["told"]
    home.database.write_bytes(b"no database" * 1000)
    status, found = doctor(shell, "--home", str(home))
    assert state(found, "database") == ["wrong"]
    assert "备份" in found["database"][0]["told"]


def test_a_writer_and_its_missing_ticks_are_noticed(shell: Commands, home: Home) -> None:
    lock = home.lock()
    try:
        _, found = doctor(shell, "--home", str(home))
    finally:
        lock.release()
    assert str(os.getpid()) in found["writer"][0]["told"]
    assert state(found, "clock") == ["warning"], "its newest event is of 2024, and somebody writes"
    assert state(doctor(shell, "--home", str(home))[1], "clock") == ["ok"]


def test_events_ahead_of_the_clock_are_an_alarm(shell: Commands, home: Home) -> None:
    ahead = time.time_ns() // 1000 + 3_600_000_000
    with sqlite3.connect(home.database) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'now'", [str(ahead)])
    status, found = doctor(shell, "--home", str(home))
    assert (status, state(found, "clock")) == (1, ["wrong"])
    assert "NTP" in found["clock"][0]["told"]


def test_a_key_that_others_may_read_is_an_alarm(shell: Commands, home: Home) -> None:
    home.key()
    key = home.path / "pseudonym.key"
    for mode, states in ((0o600, ["ok"]), (0o640, ["wrong"]), (0o604, ["wrong"])):
        key.chmod(mode)
        assert state(doctor(shell, "--home", str(home), key="")[1], "key") == states
    key.write_text("no key")
    assert state(doctor(shell, "--home", str(home), key="")[1], "key") == ["wrong"]


def test_a_folder_that_others_may_write_is_an_alarm(shell: Commands, home: Home) -> None:
    for mode, states in ((0o700, ["ok"]), (0o755, ["warning"]), (0o777, ["wrong"])):
        home.path.chmod(mode)
        assert state(doctor(shell, "--home", str(home))[1], "home") == states


def test_files_that_cannot_be_used_are_named_and_the_others_looked_at(shell: Commands, home: Home) -> None:
    (shell.folder / "broken.yaml").write_text("version: [")
    secretive = "version: 1\nchannels:\n  - {name: duty, kind: dingtalk, webhook: {env: NO_SUCH_SECRET}, "
    (shell.folder / "push.yaml").write_text(secretive + "secret: {env: NO_SUCH_SECRET}}\n")
    officers = "version: 1\nowner: o\nvalid_from: 2020-01-01\nofficers:\n"
    officers += '  - {id: O-1, name: n, agency: a, counties: ["330106", "999999"]}\n'
    (shell.folder / "officers.yaml").write_text(officers)
    settings = {"rules": "broken.yaml", "scorecards": "nowhere", "push": "push.yaml", "officers": "officers.yaml"}
    status, found = doctor(shell, "--home", str(home), **settings)
    assert status == 1
    for check in ("rules", "scorecards", "channels"):
        assert state(found, check) == ["wrong"], found[check]
    assert state(found, "officers") == ["warning", "warning", "ok"]
    assert state(found, "database") == ["ok"]


def test_a_cluster_that_does_not_answer_is_named(shell: Commands) -> None:
    url = "postgresql://nobody:hidden@127.0.0.1:1/none"
    status, found = doctor(shell, database_url=url, kafka_bootstrap="127.0.0.1:1", cluster_snapshots="snapshots")
    assert status == 1
    assert state(found, "postgresql") == state(found, "topics") == ["wrong"]
    assert state(found, "codecs") == ["ok"]
    assert "hidden" not in json.dumps(found)
    assert "home" not in found


def test_a_full_disk_is_told_before_it_is_full(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, states in ((homes.GIB * 1024, ["ok"]), (homes.GIB, ["warning"]), (1, ["wrong"])):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(homes.GIB * 1100, 0, free))
        found = [one.state for one in homes.home_findings(home, whole=False) if one.check == "disk"]
        assert found == states


def test_a_clock_that_jumps_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.state for one in machine.machine()] in (["ok"], ["warning"])
    shown = iter((1_000.0, 1_060.3))
    monkeypatch.setattr(time, "time", lambda: next(shown))
    assert [one.state for one in machine.machine()] == ["wrong"]
