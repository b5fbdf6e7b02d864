"""`replay-parked` on a cluster: running workers try parked subjects of any stage again, and say what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.engine.clock import SteadyClock
from monitor.store.postgresql.database import Database
from monitor.store.reader import looking
from tests.cluster.running import Cluster, cluster_in
from tests.command import ROOT
from tests.engine import differences, judged_by_stages, run_file, save
from tests.reference import cases

STAGES = {"enterprises", "rooms", "assessment"}


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(2)
        yield running


@contextmanager
def defective_worker(cluster: Cluster, flag: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with a defect for as long as a file exists."""
    settings = {f"CREDIT_MONITOR_{name.upper()}": value for name, value in cluster.commands.settings.items()}
    worker = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.cluster.defective", str(flag)),
            *("worker", "--tick-seconds", "0", "--metrics-port", "0", "--live"),
        ],
        cwd=cluster.folder,
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def parked(database: Database) -> Counter[str]:
    """How many subjects wait, by stage."""
    with looking(database) as reader:
        return Counter(reader.parked_by_stage())


def test_running_workers_try_again(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    events = save(tmp_path / "events.jsonl", cases.make_case(77, 200))
    run_file(tmp_path / "home", events, clock=SteadyClock())
    wanted = judged_by_stages(tmp_path / "home")
    flag = tmp_path / "defect"
    flag.touch()
    cluster.produce(events)
    with defective_worker(cluster, flag):
        assert cluster.settles(lambda: set(parked(database)) == STAGES), parked(database)
        assert differences(cluster.signals(), wanted)
        told = cluster.commands.good("replay-parked")
        before = parked(database)
        assert f"free again 0　仍停放 still parked {before.total():,}" in told
        assert "ZeroDivisionError: a defect of ours" in told
        flag.unlink()
        told = cluster.commands.good("replay-parked")
        assert "still parked 0" in told
        for stage in STAGES:
            assert f"  {stage}：恢复 free again {before[stage]:,}　仍停放 still parked 0" in told
        assert not parked(database)
        assert cluster.settles(lambda: not differences(cluster.signals(), wanted))
        assert "free again 0　仍停放 still parked 0" in cluster.commands.good("replay-parked")
    assert "the workers have not answered" not in told


def test_nobody_answers_where_no_worker_runs(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    """What is asked then is done by the workers that come."""
    events = save(tmp_path / "events.jsonl", cases.make_case(77, 60))
    flag = tmp_path / "defect"
    flag.touch()
    cluster.produce(events)
    with defective_worker(cluster, flag):
        assert cluster.settles(lambda: bool(parked(database)))
    cluster.commands.commands.patches = {"monitor.cluster.supervision.asking._RETRY_PATIENCE": 1.0}
    assert "replay-parked" not in cluster.commands.failed("replay-parked")
    cluster.commands.commands.patches = {}
    cluster.start(1, "--live")
    assert cluster.settles(lambda: not parked(database))
    assert "still parked 0" in cluster.commands.good("replay-parked")
    cluster.stop()
