"""How the tests of replays get homes with dead letters, and look at what became of them.

The fix of the program is a longer time that an event may lie ahead of the clock.
"""

from __future__ import annotations

import datetime as dt
import gzip
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from monitor.store import log as eventlog
from monitor.store.home import Home
from tests.command import Commands, Ended
from tests.engine import Raw, line, opened

FIXED = {"monitor.events.intake.MAX_AHEAD": 10**18}
AHEAD = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).isoformat()
RESIDENT = "11010519491231002X"
REPLAY = ("replay-dead-letters", "--home", "home")
LETTERS = ("export", "dead-letters", "--home", "home")


def early(number: int, **members: Any) -> Raw:
    """An establishment that lies too far ahead, as long as the program is not fixed."""
    person = {"role": "operator", "id_number": RESIDENT, "id_type": "resident_id", "name": "王小明"}
    return {**opened(f"E{number:04d}", persons=[person]), "time": AHEAD, **members}


def ran(shell: Commands, *raws: Raw | bytes, name: str = "events.jsonl") -> Path:
    """The home of a run over some events."""
    content = b"".join((one if isinstance(one, bytes) else line(one)) + b"\n" for one in raws)
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = zstandard.compress(content)
    (shell.folder / name).write_bytes(content)
    ended = shell.run("run", "--source", name, "--home", "home", "--once")
    assert ended.status == 0, ended.told
    return shell.folder / "home"


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)


def ask(home: Path, question: str) -> Any:
    """One value of the database."""
    connection = sqlite3.connect(f"file:{home / 'monitor.db'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(question).fetchone()[0]
    finally:
        connection.close()


def mended(home: Path) -> int:
    return int(ask(home, "select count(*) from dead_letters where mended_at is not null"))


def logged(home: Path) -> Counter[tuple[str, str]]:
    """Subject and id of every event of the log that is not the monitor's own."""
    engine = Home(home).reader()
    with engine.connect() as connection:
        events = [one for block in eventlog.read_blocks(connection) for one in block.events]
    engine.dispose()
    return Counter((one.subject, one.id) for one in events if one.source != "//credit-monitor")


def check_counts(shell: Commands) -> None:
    """What is counted is what is there, and nothing is left in the folder of requests."""
    wanted: Counter[tuple[str, ...]] = Counter()
    left: Counter[tuple[str, ...]] = Counter()
    for one in shell.rows(*LETTERS, "--all"):
        key = (one["received"][:10], one["source"], one["reason"])
        wanted[key] += 1
        left[key] += one["mended_at"] is None
    counts = shell.rows(*LETTERS, "--counts")
    assert {(one["day"], one["source"], one["reason"]): one["count"] for one in counts} == wanted
    assert {(one["day"], one["source"], one["reason"]): one["open"] for one in counts} == dict(left)
    assert list((shell.folder / "home" / "requests").glob("*")) == []


def said(ended: Ended, *, status: int = 0) -> str:
    assert ended.status == status, ended.told
    return ended.out.decode()
