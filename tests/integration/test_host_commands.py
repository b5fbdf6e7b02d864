"""`host` and `retention` as a person uses them, and what a command that becomes the writer must not change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from detectors.example import several
from tests.command import ROOT, Commands

TEXT = "浙江省杭州市西湖区文三路90号1幢101室"
BY = ("--officer", "3301-017", "--home", "home")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    """The command in a folder with a home in which six enterprises share a room, by scorecards of its own."""
    commands.folder = tmp_path
    shutil.copytree(ROOT / "config" / "scorecard", tmp_path / "cards")
    card = tmp_path / "cards" / "general.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("D: 36", "D: 35"), encoding="utf-8")
    lines = [json.dumps(one, ensure_ascii=False) for one in several(6, 0, room="1幢101室")]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once", scorecards="cards")
    return commands


def signals(shell: Commands) -> set[str]:
    rows: list[dict[str, Any]] = shell.rows("export", "signals", "--home", "home")
    return {one["detector"] for one in rows if one["subject"]["kind"] == "address"}


def test_a_room_is_listed_shown_and_taken_off_again(shell: Commands) -> None:
    assert "one-address-many-licences" in signals(shell)
    entry = ("host", "add", TEXT, "--region", "330106", "--until", "2099-12-31", "--reason", "集群备案")
    ended = shell.run(*entry, "--kind", "cluster", *BY, scorecards="cards")
    assert ended.status == 0, ended.told
    assert "in force" in ended.told
    assert "one-address-many-licences" not in signals(shell)
    (row,) = [one for one in shell.good("host", "list", "--home", "home").splitlines() if one.startswith("h-")]
    assert TEXT in row
    assert "3301-017" in row
    number = row.split()[0]
    ended = shell.run("host", "remove", number, "--reason", "备案已注销", *BY, scorecards="cards")
    assert ended.status == 0, ended.told
    assert "one-address-many-licences" in signals(shell)
    assert "h-" not in shell.good("host", "list", "--home", "home")
    assert number in shell.good("host", "list", "--all", "--home", "home")
    audit = [one for one in shell.rows("export", "audit", "--home", "home") if one["kind"] == "host"]
    assert [(one["officer"], one["action"]) for one in audit] == [
        ("3301-017", "host.listed"),
        ("3301-017", "host.delisted"),
    ]


def test_wrong_entries_are_told_of(shell: Commands) -> None:
    entry = ("--until", "2099-12-31", "--reason", "集群", *BY)
    assert shell.run("host", "add", TEXT, "--kind", "castle", *entry).status == 2
    assert "names no room" in shell.bad("host", "add", "文三路路口旁", "--kind", "market", *entry)
    assert "host list" in shell.bad("host", "remove", "h-0", "--reason", "无", *BY)


def test_a_command_with_other_scorecards_does_not_become_the_writer(shell: Commands) -> None:
    entry = ("host", "add", TEXT, "--region", "330106", "--until", "2099-12-31", "--reason", "集群备案")
    assert "CREDIT_MONITOR_SCORECARDS" in shell.bad(*entry, "--kind", "cluster", *BY)


def test_retention_counts_applies_and_says_what_is_left_to_do(shell: Commands) -> None:
    event = {
        "specversion": "1.0",
        "id": "P",
        "source": "//example",
        "type": "enforcement.penalised",
        "subject": "E000",
        "time": "2015-01-01T00:00:00+08:00",
        "data": {"document": "D"},
    }
    last = {
        **event,
        "id": "tick",
        "type": "clock.ticked",
        "subject": "clock",
        "time": "2026-01-01T00:00:00Z",
        "data": {},
    }
    (shell.folder / "old.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (event, last)))
    shell.good("run", "--source", "old.jsonl", "--home", "home", "--once", scorecards="cards")
    assert "enforcement.penalised 1" in shell.good("retention", "show", "--home", "home")
    assert "five years" in shell.bad("retention", "apply", "--before", "2025-01-01", *BY, scorecards="cards")
    ended = shell.run("retention", "apply", *BY, scorecards="cards")
    assert ended.status == 0, ended.told
    assert "enforcement.penalised 1" in ended.out.decode()
    assert "backups" in ended.told
    assert "enforcement" not in shell.good("retention", "show", "--home", "home")
    again = shell.run("retention", "apply", *BY, scorecards="cards")
    assert (again.status, again.out) == (0, b"")
    assert "nothing has lapsed" in again.told
