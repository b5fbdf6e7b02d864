"""Live sources: they grow, stall, rotate, come and go; the monitor goes on, and every event counts once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.store import log as eventlog
from monitor.store.home import Home, HomeError
from tests.command import ROOT, Commands
from tests.engine import event, line, opened
from tests.integration.sending import ids_in_log

PATIENCE = 60.0


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    commands.patches = {"monitor.sources.files.LAST_WORDS": 0.3, "monitor.runners.live._STALLED": 0.5}
    return commands


def tax(number: int) -> bytes:
    return line({**event(f"E{number:04d}", "tax.irregular", "2025-03-01T00:00:00Z"), "id": f"i{number}"}) + b"\n"


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def ids(home: Path) -> Counter[str]:
    return Counter({one: count for one, count in ids_in_log(home).items() if one.startswith("i")})


def wait_for(numbers: range, home: Path) -> None:
    wanted = Counter(f"i{number}" for number in numbers)
    until = time.monotonic() + PATIENCE
    while (found := ids(home)) != wanted:
        assert time.monotonic() < until, found
        time.sleep(0.02)


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("command", ["run", "serve"])
def test_sources_grow_stall_and_rotate(commands: Commands, tmp_path: Path, command: str) -> None:
    home = tmp_path / "home"
    one, folder = tmp_path / "one.jsonl", tmp_path / "folder"
    folder.mkdir()
    append(one, tax(0) + tax(1)[:30])
    append(folder / "a.jsonl", tax(2))
    append(folder / "notes.txt", b"not events")
    last = ("--follow",) if command == "run" else ("--port", "0")
    flags = ("--source", "one.jsonl", "--source", "-", "--source", "folder", "--home", "home", *last)
    running = commands.start(command, *flags)
    wait_until(lambda: set(ids(home)) == {"i0", "i2"})
    append(one, tax(1)[30:])
    append(folder / "b.jsonl", tax(3))
    wait_for(range(4), home)
    one.rename(tmp_path / "one.jsonl.1")
    append(tmp_path / "one.jsonl.1", tax(4))
    append(one, tax(5))
    wait_for(range(6), home)
    one.write_bytes(b"")
    append(one, tax(6))
    wait_for(range(7), home)
    running.kill()
    running.wait()
    append(one, tax(7))
    one.rename(tmp_path / "one.jsonl.2")
    append(one, tax(8))
    running = commands.start(command, *flags)
    wait_for(range(9), home)
    (folder / "a.jsonl").unlink()
    append(folder / "c.jsonl", tax(9))
    wait_for(range(10), home)
    wait_until(lambda: "a.jsonl" in running.told())  # told once, and it holds nobody back
    running.kill(signal.SIGTERM)
    ended = running.wait()
    assert ended.status == 0, ended.told
    assert ended.told.count("无法读取") == 1
    assert ended.told.count("notes.txt") == 1
    assert commands.rows("export", "dead-letters", "--home", "home") == []


def test_a_silent_pipe_does_not_keep_others_from_going_live(tmp_path: Path) -> None:
    append(tmp_path / "one.jsonl", b"".join(line(opened(f"E{number:04d}")) + b"\n" for number in range(5)))
    home = tmp_path / "home"
    command = [sys.executable, "-m", "monitor", "run", "--source", "-", "--source", str(tmp_path / "one.jsonl")]
    with subprocess.Popen([*command, "--follow", "--home", str(home)], cwd=ROOT, stdin=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write(line(opened("E0005")) + b"\n" + line(opened("E0006"))[:50])
        running.stdin.flush()  # half a line, and then nothing more
        wait_until(lambda: "Cut" in _types(home))
        assert Counter(_types(home)) == {"Established": 6, "ConfigActivated": 2, "MonitorLive": 1, "Cut": 1}
        append(tmp_path / "one.jsonl", line(opened("E0007")) + b"\n")
        wait_until(lambda: _types(home).count("Established") == 7)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


def _types(home: Path) -> list[str]:
    try:
        engine = Home(home).reader()
    except HomeError:
        return []
    try:
        with engine.connect() as connection:
            return [type(one).__name__ for block in eventlog.read_blocks(connection) for one in block.events]
    finally:
        engine.dispose()
