"""How long boards wait for the cut that begins a month, on a cluster: `python -m benchmarks.monthly [ENTERPRISES]`
(default 2,000, with five years of history each).

Against the plainest way, all classes within that cut, in the same run over the same tables; and how long a piece takes,
for which officers wait. The server is the tests' own, made durable.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final
from uuid import uuid4

from sqlalchemy import text

from benchmarks.machine import described, say
from config import scorecards
from config.moments import SECOND
from config.ruleset import load
from models.population import write_province
from monitor.cluster.hosts.board import batch_of
from monitor.cluster.snapshots import SnapshotStore
from monitor.cluster.supervision.book import SupervisionBook
from monitor.store.postgresql.conduct_schema import LIVE
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.postgresql.versions import upgrade
from tests.hosts import MemoryCluster
from tests.postgres import Postgres

_REPEATS: Final = 5


def said(enterprises: int) -> MemoryCluster:
    """What the hosts of a cluster say of a synthetic province."""
    with tempfile.TemporaryDirectory() as folder:
        write_province(enterprises, 5, 9, Path(folder))
        lines = (Path(folder) / "events.jsonl").read_bytes().splitlines()
    made = MemoryCluster(4, load(), SnapshotStore(f"memory://{uuid4().hex}"), random.Random(1))
    made.put(lines)
    asyncio.run(made.run(troubles=0))
    return made


def write(database: Database, cluster: MemoryCluster) -> None:
    """The same in the read model."""
    model = ReadModel(database.writer())
    for (topic, partition), records in sorted(cluster.broker.logs.items()):
        if topic == "signals":
            for start in range(0, len(records), 64):
                some = records[start : start + 64]
                model.apply(batch_of(topic, partition, some, start, start + len(some)))
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO meta VALUES (:key, '1')"), {"key": LIVE})


def cut(book: SupervisionBook, now: int) -> float:
    """One cut; the seconds it took."""
    began = perf_counter()
    book.cut(1, now, now, lambda: True)
    return perf_counter() - began


def wants(database: Database, done: str) -> None:
    """Lets all classes be due: those that hold are good for something else, or (empty) there are none."""
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE meta SET value = :done WHERE key = 'classes'"), {"done": done})


def main(arguments: list[str]) -> None:
    """Measures, and says what came of it."""
    enterprises = int(arguments[0]) if arguments else 2_000
    say(described())
    server = Postgres(settings={"fsync": "on", "full_page_writes": "on"})
    server.start()
    database = Database(server.url)
    try:
        upgrade(database)
        cluster = said(enterprises)
        write(database, cluster)
        book = SupervisionBook(database.writer(), load(), scorecards.load(), None, 4)
        now = cluster.now
        cut(book, now)
        whole, begun, pieces = [], [], []
        for _ in range(_REPEATS):
            now += 60 * SECOND
            wants(database, "")
            whole.append(cut(book, now))
            now += 60 * SECOND
            wants(database, "those of another month")
            begun.append(cut(book, now))
            while book.classes_wait():
                began = perf_counter()
                book.class_some(1)
                pieces.append(perf_counter() - began)
            cut(book, now)
        with database.engine.connect() as connection:
            classed = connection.execute(text("SELECT count(*) FROM classes")).scalar()
        middle = statistics.median
        say(f"{classed:,} enterprises classed, {len(pieces) // _REPEATS} pieces a month")
        say(f"the cut, all classes within it      {middle(whole) * 1e3:8,.0f} ms")
        say(
            f"the cut that begins the pieces      {middle(begun) * 1e3:8,.0f} ms: 1/{middle(whole) / middle(begun):.1f}"
        )
        say(f"a piece: median, longest            {middle(pieces) * 1e3:8,.0f} ms {max(pieces) * 1e3:,.0f} ms")
    finally:
        database.close()
        server.close()


if __name__ == "__main__":
    main(sys.argv[1:])
