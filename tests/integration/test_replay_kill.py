"""Replays beside a running writer, and through kills of either side: nothing is lost, nothing done twice."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Call, Commands
from tests.engine import line, opened
from tests.integration.replaying import FIXED, LETTERS, REPLAY, check_counts, early, logged, mended, ran, said, until


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


@pytest.fixture(params=["run", "serve"])
def writing(shell: Commands, request: pytest.FixtureRequest) -> Iterator[Call]:
    """A writer with the fix, live on a home with dead letters of a writer without it."""
    ran(shell, *(early(number) for number in range(1, 41)))
    shell.patches = {**FIXED, "monitor.desk.replay._BATCH": 7}
    more = ("--follow",) if request.param == "run" else ("--port", "0")
    call = shell.start(request.param, "--source", "events.jsonl", "--home", "home", *more)
    until(lambda: (shell.folder / "home" / "lock").read_text() == str(call.pid))
    yield call
    try:
        call.kill()
    except ProcessLookupError:
        return
    call.wait()


def test_a_running_writer_does_it_for_the_command(shell: Commands, writing: Call) -> None:
    out = said(shell.run(*REPLAY))
    assert "came through 40" in out
    assert shell.rows(*LETTERS) == []
    assert "still parked 0" in said(shell.run("replay-parked", "--home", "home"))
    (shell.folder / "wrong.yaml").write_text("mapping: [", encoding="utf-8")
    assert "wrong.yaml" in shell.bad(*REPLAY, "--mapping", "wrong.yaml")
    with (shell.folder / "events.jsonl").open("ab") as file:
        file.write(line(opened("E9999")) + b"\n")
    until(lambda: ("E9999", opened("E9999")["id"]) in logged(shell.folder / "home"))
    writing.kill(signal.SIGTERM)
    assert writing.wait().status == 0
    check_counts(shell)


def test_a_command_takes_over_where_the_writer_was_killed(shell: Commands, writing: Call) -> None:
    home = shell.folder / "home"
    shell.patches = {**shell.patches, "monitor.desk.requests._LOCK_POLL": 0.05}
    replay = shell.start(*REPLAY)
    until(lambda: mended(home) > 0)
    writing.kill()
    out = said(replay.wait())
    assert "came through 40" in out, "what the writer had done is counted, and counted once"
    assert set(logged(home).values()) == {1}
    assert {one["tries"] for one in shell.rows(*LETTERS, "--mended")} == {2}
    check_counts(shell)


def test_a_request_is_withdrawn_with_its_command(shell: Commands, writing: Call) -> None:
    home = shell.folder / "home"
    writing.kill(signal.SIGSTOP)
    replay = shell.start(*REPLAY)
    until(lambda: any((home / "requests").glob("*.json")))
    replay.kill(signal.SIGINT)
    assert replay.wait().status != 0
    assert list((home / "requests").glob("*")) == []
    writing.kill(signal.SIGCONT)
    assert "came through 40" in said(shell.run(*REPLAY)), "the writer goes on"


def test_a_silent_writer_is_told_of(shell: Commands, writing: Call) -> None:
    writing.kill(signal.SIGSTOP)
    shell.patches = {**shell.patches, "monitor.desk.requests._PATIENCE": 1.0}
    assert "the request is withdrawn" in shell.bad(*REPLAY)
    writing.kill(signal.SIGCONT)


@pytest.mark.parametrize("seed", range(6))
def test_a_command_killed_in_the_middle_is_made_good_by_the_next(shell: Commands, seed: int) -> None:
    home = ran(shell, *(early(number) for number in range(1, 201)))
    shell.patches = {**FIXED, "monitor.desk.replay._BATCH": 5}
    replay = shell.start(*REPLAY)
    until(lambda: mended(home) > seed * 25)
    replay.kill()
    replay.wait()
    some = mended(home)
    assert 0 < some < 200
    assert list((home / "requests").glob("*.json")), "the request stays for the next writer"
    if seed % 2:
        said(shell.run(*REPLAY))
        assert shell.rows(*LETTERS) == []
    else:
        shell.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    said(shell.run(*REPLAY))
    assert mended(home) == 200
    assert set(logged(home).values()) == {1}
    shutil.rmtree(home / "requests")
    (home / "requests").mkdir()
    check_counts(shell)
