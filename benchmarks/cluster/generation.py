"""One generation of the product's own topics, tables and snapshots, and its workers, as operators run them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from benchmarks.cluster.servers import COMMAND, ROOT, Servers, Worker, wait
from monitor.events.types import OWN_TYPES
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.versions import upgrade
from monitor.store.reader import Reader

PATIENCE: Final = 3600.0
STAGES: Final = ("intake", "enterprises", "rooms", "persons", "assessment")
_KEY: Final = bytes(32).hex()
_LAG: Final = "credit_monitor_cluster_lag_messages{"
_TOOK: Final = "credit_monitor_cluster_recovery_seconds{"
"""0 until a host has been taken over and has said what it had to say."""

_COUNTED: Final = ("events", "repeats", "dead_letters")


class Generation:
    """Topics under a prefix, a schema and a folder of snapshots of the same name; `settings` go to every process."""

    def __init__(self, servers: Servers, name: str, partitions: int, **settings: str) -> None:
        """Makes them."""
        self._place = servers.folder / name
        self._place.mkdir()
        self.topic = f"{name}.intake"
        self.partitions = partitions
        self.database = Database(servers.database, name.replace("-", "_"))
        upgrade(self.database)
        self.workers: list[Worker] = []
        self._settings = {
            "KAFKA_BOOTSTRAP": servers.kafka,
            "KAFKA_PREFIX": f"{name}.",
            "DATABASE_URL": servers.database,
            "DATABASE_SCHEMA": name.replace("-", "_"),
            "PSEUDONYM_KEY": _KEY,
            "CLUSTER_SNAPSHOTS": str(self._place / "snapshots"),
            **settings,
        }
        self._command("topics", "create", "--partitions", str(partitions))

    def produce(self, path: Path) -> None:
        """Sends a file to `intake`."""
        self._command("produce", str(path), "--state", str(self._place / "produce"))

    def _command(self, *arguments: str) -> None:
        environment = {f"CREDIT_MONITOR_{name}": value for name, value in self._settings.items()}
        subprocess.run(
            [COMMAND, *arguments], cwd=ROOT, check=True, capture_output=True, env={**os.environ, **environment}
        )

    def start(self, count: int = 1, profile: Path | None = None) -> list[Worker]:
        """Starts workers."""
        begun = len(self.workers)
        for number in range(begun, begun + count):
            self.workers.append(Worker(self._place / f"worker-{number}.log", profile, **self._settings))
        return self.workers[begun:]

    def metrics(self) -> dict[str, float]:
        """What all workers tell, the greater where two tell of one thing."""
        found: dict[str, float] = {}
        for worker in self.workers:
            for name, value in worker.metrics().items():
                found[name] = max(value, found.get(name, 0.0))
        return found

    def comes_up(self) -> dict[str, float]:
        """Waits until every host works, and gives the metrics."""
        found: dict[str, float] = {}

        def is_up() -> bool:
            nonlocal found
            found = self.metrics()
            up = [name for name, value in found.items() if name.startswith(_TOOK) and value]
            return sum(f'stage="{stage}"' in name for name in up for stage in STAGES) == len(STAGES) * self.partitions

        wait(is_up, "hosts that work", PATIENCE)
        return found

    def settles(self, lines: int) -> tuple[float, float]:
        """Waits until so many lines are in the read model and nothing is under way; the processor time of all workers
        and the moment (`time.monotonic`) at which that was first so.
        """
        since: tuple[float, float] | None = None

        def is_settled() -> bool:
            nonlocal since
            before = sum(worker.processor for worker in self.workers), time.monotonic()
            lags = [value for name, value in self.metrics().items() if name.startswith(_LAG)]
            if not lags or any(lags) or self.counted() < lines:
                since = None
                return False
            since = since or before
            # The ends of partitions are looked at every two seconds.
            return time.monotonic() - since[1] > 5.0

        # What workers tell is their work as well: they are asked as seldom as Prometheus would ask, or nearly.
        wait(is_settled, f"{lines:,} lines in the read model", PATIENCE, 2.0)
        if since is None:
            raise RuntimeError("nothing settled")
        if self.counted() != lines:
            raise RuntimeError(f"{self.counted():,} lines are in the read model instead of {lines:,}")
        return since

    def counted(self) -> int:
        """Lines that the read model knows of: events, repeats and dead letters, but the monitor's own."""
        with self.database.reader().connect() as connection:
            totals = Reader(connection).totals()
        return sum(value for (name, label), value in totals.items() if name in _COUNTED and label not in OWN_TYPES)

    def signals(self) -> int:
        """Signals in force."""
        with self.database.reader().connect() as connection:
            return sum(Reader(connection).signal_counts().values())

    def ask(self, question: str) -> list[Any]:
        """The rows that a statement gives."""
        with self.database.reader().connect() as connection:
            return list(connection.execute(text(question)))

    def stop(self) -> None:
        """Ends the workers in order, their snapshots written."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.stop()
            worker.kill()

    def kill(self) -> None:
        """Ends the workers without a word."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.kill()


@contextmanager
def generation(servers: Servers, name: str, partitions: int, **settings: str) -> Iterator[Generation]:
    """A generation whose workers are gone at the end."""
    made = Generation(servers, name, partitions, **settings)
    try:
        yield made
    finally:
        made.kill()
        made.database.close()
