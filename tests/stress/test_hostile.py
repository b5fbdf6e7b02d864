"""Hostile events through the monitor, read and sent: no crash, and each is accepted or dead as the check says.

In short runs with the other tests; `make stress` sets STRESS_EVENTS to a million.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.command import ROOT, Commands
from tests.integration.sending import BATCH, SINGLE, batch_of, serving, token
from tests.stress.hostile import Check, Verdict, hostile, received_now

EVENTS = int(os.environ.get("STRESS_EVENTS", "6000"))
SEED = int(os.environ.get("STRESS_SEED", "4"))


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    text = (ROOT / "config" / "rules" / "default.yaml").read_text(encoding="utf-8")
    remembering = text.replace("content_memory_days: 90", "content_memory_days: 1000000")  # the check forgets nothing
    assert remembering != text
    (tmp_path / "rules.yaml").write_text(remembering, encoding="utf-8")
    return commands


def accepted(home: Path) -> int:
    """Events in the log but the monitor's own."""
    own = ("config.activated", "monitor.live", "monitor.cut")
    with closing(sqlite3.connect(home / "monitor.db")) as database:
        rows = database.execute("select label, value from counters where name = 'events'").fetchall()
    return sum(value for label, value in rows if label not in own)


def test_read_from_a_file(commands: Commands, tmp_path: Path) -> None:
    check = Check(received_now())
    counts: Counter[str] = Counter()
    refused: list[int] = []
    with (tmp_path / "events.jsonl").open("wb") as file:
        number = 0
        for line in hostile(SEED, EVENTS):
            status = check(line).status
            if status == "undecided":
                continue
            number += 1
            file.write(line + b"\n")
            counts[status] += 1
            if status == "refused":
                refused.append(number)
    assert min(counts[status] for status in ("accepted", "refused", "repeat")) > EVENTS // 1000, counts
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--rules", "rules.yaml", "--once")
    letters = commands.rows("export", "dead-letters", "--home", "home")
    found = sorted(one["line"] for one in letters)
    lines = (tmp_path / "events.jsonl").read_bytes().split(b"\n")
    differing = sorted(set(found) ^ set(refused))
    assert not differing, [(number, number in found, lines[number - 1][:600]) for number in differing[:5]]
    assert found == refused
    assert accepted(commands.folder / "home") == counts["accepted"]


def test_sent_over_http(commands: Commands) -> None:
    check = Check(received_now())
    good = token(commands)
    commands.patches = {"monitor.runners.live.TICK_SECONDS": 1e9}  # no events but those that are sent
    chance = random.Random(SEED)
    counts: Counter[str] = Counter()
    waiting: list[Verdict] = []
    with serving(commands, "--home", "home", "--rules", "rules.yaml") as served:
        with httpx.Client(base_url=served.address, headers=good, timeout=120) as client:

            def send(verdicts: list[Verdict], *, alone: bool) -> None:
                body = verdicts[0].line if alone else batch_of([one.line for one in verdicts])
                answer = client.post("/api/v1/events", content=body, headers=SINGLE if alone else BATCH)
                assert answer.status_code in (200, 413, 422), answer.text
                wanted = Counter(one.status for one in verdicts)
                if answer.status_code == 413:
                    assert alone
                    assert verdicts[0].status == "refused"
                    return
                told = answer.json()
                got = {"accepted": told["accepted"], "repeat": told["repeats"], "refused": told["refused"]}
                statuses = [one["status"] for one in told.get("events", [])]
                pairs = zip(verdicts, statuses, strict=bool(statuses))
                differing = [(one, status) for one, status in pairs if one.status != status]
                assert got == {status: wanted[status] for status in got}, differing
                assert not differing
                counts.update(wanted)

            size = chance.randrange(1, 200)
            for line in hostile(SEED + 1, EVENTS):
                verdict = check(line)
                if verdict.status in ("blank", "undecided"):
                    continue
                if not stands_alone(line):
                    if waiting:
                        send(waiting, alone=False)  # first, so that the order stays
                        waiting = []
                    send([verdict], alone=True)
                    continue
                waiting.append(verdict)
                if len(waiting) >= size:
                    send(waiting, alone=False)
                    waiting, size = [], chance.randrange(1, 200)
            if waiting:
                send(waiting, alone=False)
    assert accepted(commands.folder / "home") == counts["accepted"]
    assert min(counts.values()) > EVENTS // 1000


def stands_alone(line: bytes) -> bool:
    """Whether a line can stand in a JSON array without harm to its neighbours."""
    try:
        json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return not line.startswith(b"\xef\xbb\xbf")
