"""What docs/cluster.md says of losses: snapshots or the database gone, with and without the beginnings of topics."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in
from tests.engine import Signal, differences, judged_by_stages, run_file, save
from tests.reference.cases import make_case

PARTITIONS = 2


@pytest.fixture
def wanted(tmp_path: Path) -> list[Signal]:
    """The signals of the events that every test begins with."""
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", make_case(5, 60)))
    return judged_by_stages(tmp_path / "home")


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str, wanted: list[Signal]) -> Iterator[Cluster]:
    """A cluster that has processed them, its workers ended."""
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as found:
        found.create(PARTITIONS)
        found.produce(tmp_path / "events.jsonl")
        found.start()
        assert found.settles(lambda: not differences(found.signals(), wanted))
        found.stop()
        yield found


def cut(kafka: str, topic: str) -> None:
    """Deletes all messages of a topic, as retention does in time."""
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    ends = consumer.end_offsets(places)
    consumer.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records(ends)
    admin.close()
    assert sum(ends.values()) > 0


def refused(cluster: Cluster) -> str:
    """Starts a worker that must not work; the last line that it says when it ends."""
    (worker,) = cluster.start()
    ended = worker.wait()
    cluster.workers.remove(worker)
    assert ended.status == 1, ended.told
    told = ended.told.splitlines()[-1]
    assert told.startswith("credit-monitor: "), ended.told
    assert "docs/cluster.md" in told
    return told


def test_lost_snapshots_are_rebuilt_while_topics_are_whole(cluster: Cluster, wanted: list[Signal]) -> None:
    shutil.rmtree(cluster.folder / "snapshots")
    cluster.start()
    assert cluster.settles(lambda: any((cluster.folder / "snapshots").rglob("*.snapshot")))
    cluster.stop()
    assert not differences(cluster.signals(), wanted)


def test_lost_snapshots_behind_retention_hold_workers_up_until_a_backup_is_back(
    cluster: Cluster, kafka: str, prefix: str, wanted: list[Signal], tmp_path: Path
) -> None:
    shutil.copytree(cluster.folder / "snapshots", tmp_path / "backup")
    cut(kafka, f"{prefix}intake")
    shutil.rmtree(cluster.folder / "snapshots")
    assert f"{prefix}intake/" in refused(cluster)
    shutil.rmtree(cluster.folder / "snapshots", ignore_errors=True)
    shutil.copytree(tmp_path / "backup", cluster.folder / "snapshots")
    more = save(tmp_path / "more.jsonl", make_case(6, 60))
    run_file(tmp_path / "home", more)
    cluster.start()
    cluster.produce(more)
    both = judged_by_stages(tmp_path / "home")
    assert differences(both, wanted)
    assert cluster.settles(lambda: not differences(cluster.signals(), both))
    cluster.stop()


def test_a_lost_database_is_filled_while_topics_are_whole(
    cluster: Cluster, databases: Callable[[], Database], wanted: list[Signal]
) -> None:
    fresh = databases()
    cluster.commands = cluster.commands.but(DATABASE_SCHEMA=fresh.schema or "")
    cluster.start()
    assert cluster.settles(lambda: not differences(cluster.signals(), wanted))
    cluster.stop()


def test_a_lost_database_behind_retention_holds_workers_up(
    cluster: Cluster, databases: Callable[[], Database], kafka: str, prefix: str
) -> None:
    cut(kafka, f"{prefix}signals")
    fresh = databases()
    cluster.commands = cluster.commands.but(DATABASE_SCHEMA=fresh.schema or "")
    assert f"{prefix}signals/" in refused(cluster)
