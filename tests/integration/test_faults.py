"""A full disk, a torn write, a folder that cannot be written: a clear message, and nothing lost.

Real processes; a limit on the size of files stands for the full disk, so that no rights are needed.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import ROOT, Commands
from tests.integration.sending import BATCH, batch_of, ids_in_log, token
from tests.integration.test_http import irregular
from tests.reference.cases import make_case

KEY = {"CREDIT_MONITOR_PSEUDONYM_KEY": "3c" * 32}


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(one + b"\n" for one in make_case(31, 300)))
    return path


def command(folder: Path, *arguments: str, blocks: int | None = None) -> subprocess.Popen[str]:
    """A call in which no file may grow beyond so many blocks of 512 bytes."""
    call = shlex.join([sys.executable, "-m", "monitor", *arguments])
    limited = f"ulimit -f {blocks}; exec {call}" if blocks else f"exec {call}"
    return subprocess.Popen(
        ["/bin/sh", "-c", limited],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **KEY, "PYTHONPATH": str(ROOT)},
    )


def run(folder: Path, *, blocks: int | None = None) -> tuple[int, str]:
    with command(folder, "run", "--source", "events.jsonl", "--home", "home", "--once", blocks=blocks) as process:
        told = process.communicate(timeout=120)[1]
    return process.returncode, told


def signals(commands: Commands, home: str = "home") -> list[Any]:
    rows = commands.rows("export", "signals", "--home", home)
    return sorted((one["detector"], one["subject"]["key"], one["level"], one["since"]) for one in rows)


def test_a_full_disk_ends_a_run_and_loses_nothing(commands: Commands, tmp_path: Path, case: Path) -> None:
    whole = case.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert run(tmp_path)[0] == 0
    wanted, logged = signals(commands), ids_in_log(tmp_path / "home")
    (tmp_path / "home").rename(tmp_path / "unbroken")
    failures = 0
    for part in range(1, 9):
        case.write_bytes(b"".join(lines[: len(lines) * part // 8]))
        status, told = run(tmp_path, blocks=150 * part)
        if status:
            failures += 1
            assert status == 1
            assert told.strip().splitlines()[-1].startswith("credit-monitor: ")
            assert "磁盘" in told
            assert "Traceback" not in told
    assert failures
    assert run(tmp_path)[0] == 0
    assert signals(commands) == wanted
    found = ids_in_log(tmp_path / "home")
    assert {one: found[one] for one in logged if not one.startswith(("config", "monitor"))} == {
        one: count for one, count in logged.items() if not one.startswith(("config", "monitor"))
    }


def test_a_full_disk_ends_the_intake_after_a_clear_answer(commands: Commands, tmp_path: Path) -> None:
    good = token(commands)
    answered: list[str] = []
    number = 0
    with command(tmp_path, "serve", "--home", "home", "--port", "0", blocks=1200) as served:
        assert served.stdout is not None
        address = served.stdout.readline().strip()
        with httpx.Client(base_url=address, headers={**good, **BATCH}, timeout=60) as client:
            while True:
                events = [irregular(number + place, subject=f"S{number + place:08d}") for place in range(400)]
                answer = client.post("/api/v1/events", content=batch_of(events))
                if answer.status_code != 200:
                    break
                answered += [f"i{number + place}" for place in range(400)]
                number += 400
                assert number < 100_000
        told = served.communicate(timeout=60)[1]
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert served.returncode == 1
    assert told.strip().splitlines()[-1].startswith("credit-monitor: 数据库出错")
    assert "Traceback" not in told
    found = ids_in_log(tmp_path / "home")
    assert answered
    assert Counter(answered) - found == Counter()
    with command(tmp_path, "serve", "--home", "home", "--port", "0") as served:  # there is room again
        assert served.stdout is not None
        address = served.stdout.readline().strip()
        headers = {**good, **BATCH}
        again = httpx.post(f"{address}api/v1/events", content=batch_of(events), headers=headers, timeout=60)
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=60)
    assert again.status_code == 200
    assert set((ids_in_log(tmp_path / "home") - found).values()) <= {1}
    assert set(ids_in_log(tmp_path / "home").values()) == {1}


def test_a_snapshot_that_cannot_be_written_is_told_of_and_costs_nothing(
    commands: Commands, tmp_path: Path, case: Path
) -> None:
    assert run(tmp_path)[0] == 0
    wanted = signals(commands)
    (tmp_path / "home" / "snapshots").rename(tmp_path / "snapshots")
    (tmp_path / "home" / "snapshots").symlink_to("/proc")  # nobody may write there
    case.write_bytes(case.read_bytes() + irregular(1) + b"\n")
    status, told = run(tmp_path)
    assert status == 0, told
    assert "快照未能写入" in told
    assert signals(commands) == wanted
    assert ids_in_log(tmp_path / "home")["i1"] == 1


def journalled(home: Path) -> tuple[int, int]:
    """Where in the journal of a killed process those pages end that the database has already, and where the last do.

    The former were on the disk before they were copied: no fault tears them. By SQLite's format of the journal's index:
    mxFrame at byte 16, nBackfill at 96; a frame is a page and 24 bytes, after 32 bytes at the beginning.
    """
    index = (home / "monitor.db-shm").read_bytes()
    page = int.from_bytes((home / "monitor.db-wal").read_bytes()[8:12], "big")
    last, copied = (int.from_bytes(index[place : place + 4], sys.byteorder) for place in (16, 96))
    return 32 + copied * (page + 24), 32 + last * (page + 24)


@pytest.mark.parametrize("torn", [1, 4096, 50_000])
def test_a_torn_write_is_as_if_it_had_not_been(commands: Commands, tmp_path: Path, case: Path, torn: int) -> None:
    """The end of the database's own journal is lost, or holds other bytes than were written."""
    assert run(tmp_path)[0] == 0
    wanted = signals(commands)
    lines = case.read_bytes().splitlines(keepends=True)
    case.write_bytes(b"".join(lines[: len(lines) // 2]))
    (tmp_path / "home").rename(tmp_path / "unbroken")
    running = commands.start("run", "--source", "events.jsonl", "--home", "home", "--follow", pseudonym_key="3c" * 32)
    until = time.monotonic() + 60
    while ids_in_log(tmp_path / "home").total() < len(lines) // 3:
        assert time.monotonic() < until
        time.sleep(0.02)
    running.kill()
    running.wait()
    journal = tmp_path / "home" / "monitor.db-wal"
    content, kept, end = journal.read_bytes(), *journalled(tmp_path / "home")
    torn = min(torn, end - kept)
    assert torn
    journal.write_bytes(content[: end - torn] + b"\xa5" * (torn // 2))
    case.write_bytes(b"".join(lines))
    status, told = run(tmp_path)
    assert status == 0, told
    assert signals(commands) == wanted
    assert set(ids_in_log(tmp_path / "home").values()) == {1}


def test_a_home_that_cannot_be_made_is_named(commands: Commands, case: Path) -> None:
    told = commands.bad("run", "--source", case.name, "--home", "/proc/credit-monitor", "--once")
    assert "/proc/credit-monitor" in told
    assert "--home" in told
