"""The same events, once in one process and once through Kafka with three workers: the same signals and counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.population import write_province
from monitor.runners.clock import SteadyClock
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in, counts, letters_of, read_totals
from tests.engine import dead_letters, differences, judged_by_stages, read_home, run_file, save
from tests.reference import cases

PARTITIONS = 12


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a small province, in random order; its newest events come days late."""
    folder = tmp_path_factory.mktemp("province")
    write_province(5000, 5, 9, folder)
    return (folder / "events.jsonl").read_bytes().splitlines()


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(PARTITIONS)
        yield running


def test_in_order_and_all_at_once(cluster: Cluster, database: Database, province: list[bytes], tmp_path: Path) -> None:
    path = save(tmp_path / "events.jsonl", province)
    run_file(tmp_path / "home", path, clock=SteadyClock())
    wanted = judged_by_stages(tmp_path / "home")
    cluster.produce(path)
    cluster.start(3)
    assert cluster.settles(lambda: not differences(cluster.signals(), wanted)), differences(cluster.signals(), wanted)
    cluster.stop()
    assert not differences(cluster.signals(), wanted)
    assert counts(read_totals(database)) == counts(read_home(tmp_path / "home", lambda reader: reader.totals()))


def test_shuffled_repeated_and_poisoned(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    lines = cases.poisoned(cases.shuffled(cases.make_case(77, 400), 5), 5)
    chance = random.Random(5)
    lines += [cases.rewritten(one, chance) for one in cases.make_case(77, 400)[::7]]
    path = save(tmp_path / "events.jsonl", lines)
    run_file(tmp_path / "home", path, clock=SteadyClock())
    wanted, letters = judged_by_stages(tmp_path / "home"), dead_letters(tmp_path / "home")
    cluster.start(2)
    cluster.produce(path)
    cluster.start(1)
    assert cluster.settles(lambda: not differences(cluster.signals(), wanted)), differences(cluster.signals(), wanted)
    cluster.stop()
    found = letters_of(cluster.commands.good("export", "dead-letters"))
    assert [one[:2] for one in found] == sorted((one["line"], one["reason"]) for one in letters)
