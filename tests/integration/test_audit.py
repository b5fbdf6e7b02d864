"""Who saw and did what, by real processes: it is on record, beside a writer or without, and proven whole."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import Call, Commands
from tests.engine import opened
from tests.integration.replaying import FIXED, REPLAY, RESIDENT, ask, early, mended, ran, said, until

ME = pwd.getpwuid(os.getuid()).pw_name
EXPORT = ("export", "audit", "--home", "home")
VERIFY = ("audit", "verify", "--home", "home")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    """The command in an empty folder, unpatched."""
    commands.folder = tmp_path
    commands.patches = {}
    return commands


@pytest.fixture
def writing(shell: Commands) -> Iterator[Call]:
    """A live writer of a home with an enterprise in it."""
    ran(shell, opened("E0001"))
    call = shell.start("run", "--source", "events.jsonl", "--home", "home", "--follow")
    until(lambda: (shell.folder / "home" / "lock").read_text() == str(call.pid))
    yield call
    try:
        call.kill()
    except ProcessLookupError:
        return
    call.wait()


def recorded(shell: Commands) -> list[tuple[Any, ...]]:
    """Officer, action, kind, key and outcome of every entry but those of the exports that ask."""
    names = ("officer", "action", "kind", "key", "outcome")
    rows = shell.rows(*EXPORT)
    assert [one["number"] for one in rows] == list(range(1, len(rows) + 1))
    return [tuple(one[name] for name in names) for one in rows if one["kind"] != "audit"]


def change(home: Path, *statements: str) -> None:
    """Does to the database of a home what its owner could."""
    with sqlite3.connect(home / "monitor.db") as database:
        for name in ("audit_no_update", "audit_no_delete", "audit_in_order"):
            database.execute(f"drop trigger if exists {name}")
        for statement in statements:
            database.execute(statement)
    database.close()


# --- what is on record


def test_what_is_done_and_seen_is_on_record_with_who_did(shell: Commands) -> None:
    token = shell.good(
        "token", "create", "--name", "court", "--source", "//court/*", "--home", "home", officer="韩梅梅"
    )
    name = token.split("_")[1]
    ran(shell, opened("E0001"), b"broken")
    shell.good("explain", "E0001", "--home", "home", "--officer", "li.lei")
    shell.good("export", "signals", "--home", "home")
    shell.good("export", "dead-letters", "--home", "home", "--reason", "not_json", "--source", "events.jsonl")
    shell.good("export", "dead-letters", "--home", "home", "--counts")
    shell.good("token", "withdraw", name, "--home", "home")
    found = recorded(shell)
    rules, cards = [one[3] for one in found if one[1] == "config.activated"]
    assert found == [
        ("韩梅梅", "token.created", "token", name, "accepted"),
        (ME, "config.activated", "config", rules, "accepted"),
        (ME, "config.activated", "config", cards, "accepted"),
        (ME, "monitor.live", "monitor", "monitor", "accepted"),
        ("li.lei", "explain", "enterprise", "E0001", "seen"),
        (ME, "export", "signals", "", "seen"),
        (ME, "export", "dead-letters", "", "seen"),
        (ME, "token.withdrawn", "token", name, "accepted"),
    ]
    rows = shell.rows(*EXPORT)
    assert [one["kind"] for one in rows[-2:]] == ["audit", "audit"], "whoever exports the log is in it"
    assert {one["detail"]["account"] for one in rows if one["action"] not in ("config.activated", "monitor.live")} == {
        ME
    }, "whatever officer is named"
    (letters,) = [one["detail"] for one in rows if one["kind"] == "dead-letters"]
    assert (letters["reasons"], letters["which"]) == (["not_json"], "open")
    assert "events.jsonl" not in json.dumps(rows)
    assert "//court" not in json.dumps(rows)
    assert "rows 10" in shell.good(*VERIFY)


def test_what_was_typed_is_not_kept_where_it_is_no_enterprise(shell: Commands) -> None:
    home = ran(shell, opened("E0001"))
    assert "no event" in shell.bad("explain", "11010519491231002X", "--home", "home")
    assert (ME, "explain", "enterprise", "", "seen") in recorded(shell)
    shell.good(*EXPORT)
    assert [path for path in home.rglob("*") if path.is_file() and b"11010519491231002X" in path.read_bytes()] == []


def test_looks_at_alerts_and_tasks_are_on_record(shell: Commands) -> None:
    led = {"role": "operator", "id_number": RESIDENT, "id_type": "resident_id", "name": "王小明"}
    ran(shell, *(opened(f"E{number:04d}", persons=[led]) for number in range(12)))
    (alert, *_) = [one["id"] for one in shell.rows("export", "alerts", "--home", "home")]
    shell.good("alert", "show", alert, "--home", "home", "--officer", "li.lei")
    shell.good("alert", "list", "--region", RESIDENT, "--home", "home", "--officer", "han")
    shell.good("alert", "acknowledge", alert, "--home", "home", "--officer", "han")
    shell.good("task", "list", "--home", "home", "--officer", "li.lei")
    assert [one for one in recorded(shell) if one[2] in ("alert", "task")] == [
        ("li.lei", "alert.show", "alert", alert, "seen"),
        ("han", "alert.list", "alert", "", "seen"),
        ("han", "supervision.alert_acknowledged", "alert", alert, "accepted"),
        ("li.lei", "task.list", "task", "", "seen"),
    ]
    assert RESIDENT not in shell.good(*EXPORT)
    assert "whole" in shell.good(*VERIFY)


def test_an_officer_has_a_name(shell: Commands) -> None:
    ran(shell, opened("E0001"))
    assert "officer" in shell.bad("explain", "E0001", "--home", "home", "--officer", " ")
    assert "officer" in shell.bad("explain", "E0001", "--home", "home", officer="a\tb")
    assert [one for one in recorded(shell) if one[1] == "explain"] == []


def test_a_running_writer_records_for_the_commands(shell: Commands, writing: Call) -> None:
    shell.good("explain", "E0001", "--home", "home", "--officer", "li.lei")
    shell.good("token", "create", "--name", "court", "--home", "home", "--officer", "han")
    assert [one[:2] for one in recorded(shell)[-2:]] == [("li.lei", "explain"), ("han", "token.created")]
    assert "whole" in shell.good(*VERIFY), "beside the writer"
    writing.kill(signal.SIGTERM)
    assert writing.wait().status == 0
    assert list((shell.folder / "home" / "requests").iterdir()) == []


def test_a_look_waits_for_no_writer_that_is_busy_and_is_recorded_later(shell: Commands, writing: Call) -> None:
    shell.patches = {"monitor.desk.recording._BUSY": 0.2}
    writing.kill(signal.SIGSTOP)
    ended = shell.run("explain", "E0001", "--home", "home", "--officer", "li.lei")
    assert (ended.status, ended.out.decode().splitlines()[0][:5]) == (0, "E0001")
    assert "will record this look later" in ended.told
    writing.kill(signal.SIGCONT)
    until(lambda: ask(shell.folder / "home", "select count(*) from audit where officer = 'li.lei'") == 1)


def test_a_look_that_a_killed_writer_left_is_recorded_once_by_the_next(shell: Commands, writing: Call) -> None:
    shell.patches = {"monitor.desk.recording._BUSY": 0.2}
    writing.kill(signal.SIGSTOP)
    shell.good("explain", "E0001", "--home", "home", "--officer", "first")
    shell.good("explain", "E0001", "--home", "home", "--officer", "second")
    writing.kill()
    shell.good("explain", "E0001", "--home", "home", "--officer", "third")
    assert [one[0] for one in recorded(shell) if one[1] == "explain"] == ["first", "second", "third"]


def test_a_look_that_cannot_be_recorded_is_told_and_goes_on(shell: Commands) -> None:
    """Nobody can lock this home, as where a user may read it and not write it."""
    home = ran(shell, opened("E0001"))
    (home / "lock").unlink()
    (home / "lock").mkdir()
    ended = shell.run("explain", "E0001", "--home", "home")
    assert ended.status == 0
    assert ended.out.decode().startswith("E0001")
    assert "could not be recorded in the audit log" in ended.told
    assert "lock" in ended.told
    (home / "requests").rmdir()
    (home / "requests").touch()
    assert "could not be recorded" in shell.run("export", "signals", "--home", "home").told
    refused = shell.run("token", "create", "--name", "court", "--home", "home")
    assert (refused.status, refused.out) == (1, b""), "a token that is not on record is not given out"
    with sqlite3.connect(home / "access.db") as access:
        assert access.execute("select count(*) from tokens where withdrawn_at is null").fetchone() == (0,)
    access.close()


def test_many_look_at_once_while_a_writer_starts(shell: Commands) -> None:
    ran(shell, opened("E0001"))
    calls = [shell.start("explain", "E0001", "--home", "home", "--officer", f"officer.{number}") for number in range(8)]
    run = shell.start("run", "--source", "events.jsonl", "--home", "home", "--once")
    assert [call.wait().status for call in calls] == [0] * 8
    assert run.wait().status == 0, "who writes for a moment keeps no writer out"
    looked = [one[0] for one in recorded(shell) if one[1] == "explain"]
    assert sorted(looked) == [f"officer.{number}" for number in range(8)]
    assert "whole" in shell.good(*VERIFY)


# --- replays


def test_a_replay_is_on_record_and_a_look_leaves_its_request_alone(shell: Commands) -> None:
    home = ran(shell, *(early(number) for number in range(1, 41)))
    shell.patches = {**FIXED, "monitor.desk.replay._BATCH": 7}
    replay = shell.start(*REPLAY, officer="li.lei")
    until(lambda: mended(home) > 0)
    replay.kill()
    replay.wait()
    left = [path.name for path in (home / "requests").glob("*.json")]
    shell.good("explain", "E0001", "--home", "home")
    assert [path.name for path in (home / "requests").glob("*.json")] == left, "it waits for a writer that can"
    said(shell.run(*REPLAY, officer="han"))
    steps = [one for one in shell.rows(*EXPORT) if one["action"] == "dead-letters.replayed"]
    assert sum(one["detail"]["mended"] for one in steps) == mended(home) == 40
    assert {one["officer"] for one in steps} == {"li.lei"}, "the killed command's request was completed first"
    assert "whole" in shell.good(*VERIFY)


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_in_the_middle_leaves_a_whole_chain(shell: Commands, seed: int) -> None:
    home = ran(shell, *(early(number) for number in range(1, 201)))
    shell.patches = {**FIXED, "monitor.desk.replay._BATCH": 3}
    head = shell.good("audit", "head", "--home", "home")
    (shell.folder / "heads").write_text(head)
    replay = shell.start(*REPLAY)
    until(lambda: mended(home) > 20 + 31 * seed)
    replay.kill()
    replay.wait()
    shell.good(*VERIFY, "--heads", "heads")
    steps = [one["detail"] for one in shell.rows(*EXPORT) if one["action"] == "dead-letters.replayed"]
    assert sum(one["mended"] for one in steps) == mended(home)
    assert [one["to"] for one in steps] == [one["from"] + 2 for one in steps]


# --- the proof


def test_the_first_wrong_row_is_named(shell: Commands) -> None:
    home = ran(shell, opened("E0001"))
    for _ in range(4):
        shell.good("explain", "E0001", "--home", "home")
    (shell.folder / "heads").write_text(shell.good("audit", "head", "--home", "home"))
    whole = shell.good(*VERIFY, "--heads", "heads")
    assert "rows 7" in whole
    assert "heads 1" in whole
    assert json.loads(whole.splitlines()[1])["number"] == 7
    assert "without heads a cut-off end cannot be seen" in shell.run(*VERIFY).told
    change(home, "delete from audit where number > 4")
    assert "rows 4" in shell.good(*VERIFY)
    assert "cut off before head 7: row 5" in shell.bad(*VERIFY, "--heads", "heads")
    change(home, "update audit set officer = 'somebody' where number = 3")
    assert "row 3 was changed" in shell.bad(*VERIFY)
    change(home, "delete from audit where number = 2")
    assert "row 2 is missing" in shell.bad(*VERIFY)
    change(home, "drop table audit")
    assert "rows 0" in shell.good(*VERIFY)
    assert "cut off before head 7: row 1" in shell.bad(*VERIFY, "--heads", "heads")


def test_heads_of_another_home_and_what_is_no_head_are_told(shell: Commands) -> None:
    ran(shell, opened("E0001"))
    (shell.folder / "home").rename(shell.folder / "other")
    theirs = shell.good("audit", "head", "--home", "other")
    ran(shell, opened("E0001"))
    ours = shell.good("audit", "head", "--home", "home")
    (shell.folder / "theirs").write_text(theirs)
    assert "not of this home" in shell.bad(*VERIFY, "--heads", "theirs")
    (shell.folder / "torn").write_text(ours + ours[:40] + "\n")
    ended = shell.run(*VERIFY, "--heads", "torn")
    assert ended.status == 0
    assert "these lines are no heads: 2" in ended.told
    (shell.folder / "none").write_text("nothing\n")
    assert "there are no heads in it" in shell.bad(*VERIFY, "--heads", "none")
    assert "nowhere" in shell.bad(*VERIFY, "--heads", "nowhere")
    assert "credit-monitor run" in shell.bad("audit", "verify", "--home", "nothing")


def test_heads_are_kept_where_the_settings_say(shell: Commands) -> None:
    (shell.folder / "worm").mkdir()
    (shell.folder / "events.jsonl").write_bytes(b"")
    run = ("run", "--source", "events.jsonl", "--home", "home", "--once")
    shell.good(*run, audit_heads="worm")
    (file,) = (shell.folder / "worm").iterdir()
    assert [json.loads(one)["number"] for one in file.read_text().splitlines()] == [1, 3]
    assert "heads 2" in shell.good(*VERIFY, audit_heads="worm")
    change(shell.folder / "home", "delete from audit where number = 3")
    assert "cut off before head 3" in shell.bad(*VERIFY, audit_heads="worm")
    assert "there are no heads yet" in shell.run(*VERIFY, audit_heads="elsewhere").told


def test_a_place_for_heads_that_is_gone_stops_no_run(shell: Commands) -> None:
    (shell.folder / "events.jsonl").write_bytes(b"")
    ended = shell.run("run", "--source", "events.jsonl", "--home", "home", "--once", audit_heads="gone/heads")
    assert ended.status == 0
    assert "could not be written to" in " ".join(ended.told.split())
    counted = "select value from counters where name = 'audit_heads' and label = 'failed'"
    assert ask(shell.folder / "home", counted) >= 1
