"""Whatever happens to workers, brokers, database and snapshots: the same signals, and exact counts."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.engine.clock import SteadyClock
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.versions import upgrade
from tests.cluster.running import Cluster, cluster_in, counts, read_totals
from tests.engine import Signal, differences, judged_by_stages, read_home, run_file, save
from tests.kafka.broker import Broker
from tests.postgres import Postgres
from tests.reference import cases

PARTITIONS = 4
PARTS = 10


class Case:
    """A case in parts, with what one process finds in it."""

    def __init__(self, folder: Path) -> None:
        lines = cases.shuffled(cases.make_case(31, 300), 3)
        self.parts = [save(folder / f"part-{part}.jsonl", lines[part::PARTS]) for part in range(PARTS)]
        run_file(folder / "home", *self.parts, clock=SteadyClock())
        self.signals: list[Signal] = judged_by_stages(folder / "home")
        self.counts = counts(read_home(folder / "home", lambda reader: reader.totals()))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("case"))


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(PARTITIONS)
        yield running


def check(cluster: Cluster, database: Database, case: Case) -> None:
    """Waits until everything is there, then ends the workers: nothing more, nothing less."""

    def is_there() -> bool:
        return counts(read_totals(database)) == case.counts and not differences(cluster.signals(), case.signals)

    there = cluster.settles(is_there)
    assert there, (differences(cluster.signals(), case.signals), counts(read_totals(database)), case.counts)
    cluster.stop()
    assert is_there()


def test_a_worker_killed_ten_times(cluster: Cluster, database: Database, case: Case) -> None:
    chance = random.Random(1)
    cluster.start(2)
    for part in case.parts:
        cluster.produce(part)
        time.sleep(chance.uniform(0.5, 5))
        cluster.kill(cluster.workers[0])
        cluster.start()
    check(cluster, database, case)


def test_workers_come_and_go(cluster: Cluster, database: Database, case: Case) -> None:
    for number, part in enumerate(case.parts):
        cluster.produce(part)
        if number in (0, 1, 4):
            cluster.start()
        if number in (3, 6):
            leaving = cluster.workers.pop(0)
            started = time.monotonic()
            leaving.kill(signal.SIGTERM)
            assert leaving.wait().status == 0
            assert time.monotonic() - started < 10  # 5 s on a machine of its own
        time.sleep(2)
    check(cluster, database, case)


def test_a_frozen_worker_wakes_up(cluster: Cluster, database: Database, case: Case) -> None:
    cluster.start(2)
    for number, part in enumerate(case.parts):
        cluster.produce(part)
        time.sleep(1)
        if number == 3:
            cluster.workers[0].kill(signal.SIGSTOP)
            time.sleep(12)  # twice its session: the other has its partitions
        if number == 6:
            cluster.workers[0].kill(signal.SIGCONT)
    check(cluster, database, case)


def test_snapshots_deleted(cluster: Cluster, database: Database, case: Case) -> None:
    cluster.start(1)
    for part in case.parts[:6]:
        cluster.produce(part)
    assert cluster.settles(lambda: any((cluster.folder / "snapshots").rglob("*.snapshot")))
    cluster.kill(cluster.workers[0])
    shutil.rmtree(cluster.folder / "snapshots")
    cluster.start(2)
    for part in case.parts[6:]:
        cluster.produce(part)
    check(cluster, database, case)


def test_the_broker_is_killed(tmp_path: Path, databases: Callable[[], Database], prefix: str, case: Case) -> None:
    (tmp_path / "broker").mkdir()
    broker, database = Broker(tmp_path / "broker"), databases()
    broker.start()
    try:
        with cluster_in(tmp_path / "cluster", tmp_path / "streams", broker.address, database, prefix) as cluster:
            cluster.create(PARTITIONS)
            cluster.start(2)
            assert cluster.settles(lambda: all(map(cluster.is_well, cluster.ports)))
            for number, part in enumerate(case.parts):
                cluster.produce(part)
                if number in (2, 6):
                    broker.kill()
                    time.sleep(8)
                    broker.start()
            check(cluster, database, case)
    finally:
        broker.stop()


def test_the_database_is_gone_for_half_a_minute(tmp_path: Path, kafka: str, prefix: str, case: Case) -> None:
    server = Postgres()
    server.start()
    database = Database(server.url)
    upgrade(database)
    try:
        with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as cluster:
            cluster.create(PARTITIONS)
            cluster.start(2)
            for number, part in enumerate(case.parts):
                cluster.produce(part)
                if number == 4:
                    server.stop()
                    time.sleep(30)
                    server.start()
            check(cluster, database, case)
    finally:
        database.close()
        server.close()
