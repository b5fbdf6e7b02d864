"""A cluster as its operators run it: topics, tables, workers as processes of the command, and what came of it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.events.types import OWN_TYPES
from monitor.store.postgresql.database import Database
from monitor.store.reader import Reader
from tests.cluster.commands import ClusterCommands
from tests.command import Call, Commands
from tests.engine import KEY, Signal
from tests.postgres import free_port

PATIENCE = 240.0


class Cluster:
    """Commands with the settings of one cluster, in a folder of its own, and its workers."""

    def __init__(self, commands: Commands, kafka: str, database: Database, prefix: str, **settings: str) -> None:
        self.folder = commands.folder
        self.commands = ClusterCommands(
            commands,
            KAFKA_BOOTSTRAP=kafka,
            KAFKA_PREFIX=prefix,
            DATABASE_URL=database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
            PSEUDONYM_KEY=KEY.hex(),
            CLUSTER_SNAPSHOTS="snapshots",
            SNAPSHOT_SECONDS="2",
            **({"DATABASE_SCHEMA": database.schema} if database.schema else {}),
            **settings,
        )
        self.workers: list[Call] = []
        self.ports: list[int] = []

    def create(self, partitions: int) -> None:
        """Makes the topics."""
        self.commands.good("topics", "create", "--partitions", str(partitions))

    def produce(self, path: Path) -> None:
        """Sends a file."""
        self.commands.good("produce", str(path))

    def start(self, count: int = 1, *flags: str) -> list[Call]:
        """Starts workers."""
        started = []
        for _ in range(count):
            port = free_port()
            started.append(self.commands.start("worker", "--tick-seconds", "0", "--metrics-port", str(port), *flags))
            self.ports.append(port)
        self.workers += started
        return started

    def is_well(self, port: int) -> bool:
        """Whether a worker says that it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Ends all workers; each must end well."""
        running, self.workers = self.workers, []
        for worker in running:
            worker.kill(15)
        for worker in running:
            ended = worker.wait()
            assert ended.status == 0, ended.told

    def kill(self, worker: Call) -> None:
        """Ends a worker without a word."""
        self.workers.remove(worker)
        worker.kill()
        worker.wait()

    def signals(self) -> list[Signal]:
        """What the read model says is in force."""
        return [json.loads(line) for line in self.commands.good("export", "signals").splitlines()]

    def settles(self, wanted: Callable[[], bool]) -> bool:
        """Waits until something is so; whether it came to be."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if wanted():
                return True
            time.sleep(0.5)
        return wanted()

    def metrics(self, port: int) -> dict[str, float]:
        """What a worker tells Prometheus, by name with labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}


@contextmanager
def cluster_in(
    folder: Path, streams: Path, kafka: str, database: Database, prefix: str, **settings: str
) -> Iterator[Cluster]:
    """A cluster whose workers are gone at the end, however a test ends."""
    folder.mkdir(parents=True, exist_ok=True)
    streams.mkdir(parents=True, exist_ok=True)
    commands = Commands(folder, streams)
    cluster = Cluster(commands, kafka, database, prefix, **settings)
    try:
        yield cluster
    finally:
        for worker in cluster.workers:
            worker.kill()


def read_totals(database: Database) -> dict[tuple[str, str], int]:
    """The running totals of the read model."""
    with database.reader().connect() as connection:
        return Reader(connection).totals()


def letters_of(rows: str) -> list[tuple[Any, ...]]:
    """Exported dead letters: what must be the same however they came."""
    return sorted((one["line"], one["reason"], one["text"]) for one in map(json.loads, rows.splitlines()))


def counts(totals: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """What is counted of events, but the monitor's own."""
    names = ("events", "repeats", "dead_letters")
    return {key: value for key, value in totals.items() if key[0] in names and key[1] not in OWN_TYPES}
