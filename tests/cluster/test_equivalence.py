"""The same 50,000 events, once in one process and once through Kafka with three workers: the same signals and counts,
in whatever order and company they come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detectors.registry import all_detectors, at_cuts
from models.population import write_province
from monitor.engine.clock import SteadyClock
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in, counts, letters_of, read_totals
from tests.engine import Signal, dead_letters, differences, judged_by_stages, read_home, run_file, save
from tests.reference import cases

PARTITIONS = 12
WORKERS = 3
EVENTS = 50_000
SEED = 9


@dataclass(frozen=True)
class Province:
    """A small province: its lines as they were generated, in random order, and what one process finds in them."""

    lines: list[bytes]
    signals: list[Signal]


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    folder = tmp_path_factory.mktemp("province")
    write_province(5_100, 5, SEED, folder)
    path = folder / "events.jsonl"
    run_file(folder / "home", path, clock=SteadyClock())
    lines = path.read_bytes().splitlines()
    assert len(lines) >= EVENTS
    signals = judged_by_stages(folder / "home")
    assert {one["detector"] for one in signals} == {one.id for one in all_detectors()} - {one.id for one in at_cuts()}
    return Province(lines, signals)


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(PARTITIONS)
        yield running


def in_order(lines: list[bytes]) -> list[bytes]:
    """By the time of the events."""
    return sorted(lines, key=lambda line: cases.moment_of(json.loads(line)))


def late(lines: list[bytes]) -> list[bytes]:
    """Many of them days late."""
    return cases.late(lines, SEED)


def shuffled(lines: list[bytes]) -> list[bytes]:
    """In random order."""
    return cases.shuffled(lines, SEED)


def repeated_and_poisoned(lines: list[bytes]) -> list[bytes]:
    """In random order, every fifth again in other words, among lines of every kind that intake must refuse."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # the workers' clock goes on while the test runs
    return cases.poisoned(cases.repeated(shuffled(lines), SEED), SEED, tomorrow)


@pytest.mark.parametrize("arrival", [in_order, shuffled, late, repeated_and_poisoned])
def test_identical_signals_and_counts(
    cluster: Cluster,
    database: Database,
    province: Province,
    tmp_path: Path,
    arrival: Callable[[list[bytes]], list[bytes]],
) -> None:
    path = save(tmp_path / "events.jsonl", arrival(province.lines))
    cluster.start(WORKERS - 1)
    cluster.produce(path)
    cluster.start(1)
    wanted = province.signals
    assert cluster.settles(lambda: not differences(cluster.signals(), wanted)), differences(cluster.signals(), wanted)
    cluster.stop()
    assert not differences(cluster.signals(), wanted)
    run_file(tmp_path / "home", path, clock=SteadyClock())
    assert not differences(judged_by_stages(tmp_path / "home"), wanted)
    assert counts(read_totals(database)) == counts(read_home(tmp_path / "home", lambda reader: reader.totals()))
    found = letters_of(cluster.commands.good("export", "dead-letters"))
    letters = dead_letters(tmp_path / "home")
    assert [one[:2] for one in found] == sorted((one["line"], one["reason"]) for one in letters)
    assert bool(found) == (arrival is repeated_and_poisoned)
