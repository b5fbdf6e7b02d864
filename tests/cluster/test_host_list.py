"""The host list on a cluster: listed and ended as in a home, heeded by every partition of rooms, kept over restarts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detectors.example import several
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in
from tests.cluster.test_supervision import first_difference, settled, state_of, waits
from tests.engine import KEY, Signal, differences, exported, lines, save

PARTITIONS = 3
ROOMS = ("1幢101室", "1幢102室", "1幢103室", "1幢104室")
OFFICER = ("--officer", "3301-017")


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(PARTITIONS)
        yield running


def crowded() -> list[bytes]:
    """Six enterprises in each of the rooms."""
    raws = [
        {**raw, "subject": f"{raw['subject']}{place}", "id": f"{raw['id']}-{place}"}
        for place, room in enumerate(ROOMS)
        for raw in several(6, 0, room=room)
    ]
    return lines(raws)


def text_of(room: str) -> str:
    return f"浙江省杭州市西湖区文三路90号{room}"


class Both:
    """A cluster, and a home to which the same happens."""

    def __init__(self, cluster: Cluster, database: Database) -> None:
        self.cluster, self.database = cluster, database
        self.home = cluster.folder / "home"

    def do(self, *arguments: str) -> None:
        """Runs a command on both."""
        plain = self.cluster.commands.commands
        plain.good(*arguments, *OFFICER, "--home", "home", pseudonym_key=KEY.hex())
        self.cluster.commands.good(*arguments, *OFFICER)

    def signals(self) -> list[Signal]:
        """What is in force in the home."""
        return [one for one in exported(self.home) if one["detector"] not in ("anomaly", "shell-cluster")]

    def differences(self) -> str:
        """How signals, alerts, tasks and to-dos differ."""
        here, there = settled(state_of(self.database)), settled(state_of(Home(self.home)))
        return differences(self.cluster.signals(), self.signals()) or first_difference(here, there)

    def are_equal(self) -> bool:
        return not self.differences()

    def listed(self) -> list[list[str]]:
        """The list as both show it, without who changed it when."""
        shown = self.cluster.commands.good("host", "list", "--all")
        plain = self.cluster.commands.commands.good("host", "list", "--all", "--home", "home")
        assert shown == plain
        return [row.split() for row in shown.splitlines() if row.startswith("h-")]

    def crowds(self) -> int:
        """Rooms of the cluster that count as crowded."""
        return sum(one["detector"] == "one-address-many-licences" for one in self.cluster.signals())


def test_as_in_a_home(cluster: Cluster, database: Database) -> None:
    both = Both(cluster, database)
    events = save(cluster.folder / "events.jsonl", crowded())
    cluster.commands.commands.good(
        *("run", "--source", str(events), "--home", "home", "--once"), pseudonym_key=KEY.hex()
    )
    cluster.produce(events)
    cluster.start(2, "--live")
    assert waits(cluster, both.are_equal), both.differences()
    assert both.crowds() == len(ROOMS)

    for room in ROOMS[:3]:
        both.do(
            *("host", "add", text_of(room), "--region", "330106", "--kind", "cluster"),
            *("--until", "2099-12-31", "--reason", "集群备案"),
        )
    assert waits(cluster, lambda: both.crowds() == 1 and both.are_equal()), both.differences()
    assert len(both.listed()) == 3

    # Another owner knows the list, from its snapshot or from the log; a later entry reaches it too.
    cluster.kill(cluster.workers[0])
    cluster.start(1, "--live")
    both.do("host", "remove", both.listed()[0][0], "--reason", "备案已注销")
    assert waits(cluster, lambda: both.crowds() == 2 and both.are_equal()), both.differences()
    cluster.stop()
    shutil.rmtree(cluster.folder / "snapshots")
    cluster.start(1, "--live")
    both.do("host", "remove", both.listed()[2][0], "--reason", "备案已注销")
    assert waits(cluster, lambda: both.crowds() == 3 and both.are_equal()), both.differences()

    refused = cluster.commands.failed("host", "remove", both.listed()[0][0], "--reason", "再次", *OFFICER)
    assert "no such entry is in force" in refused
    assert "whole" in cluster.commands.good("audit", "verify")
    on_record = cluster.commands.good("export", "audit")
    for action, outcome in (("host.listed", "accepted"), ("host.delisted", "accepted"), ("host.delisted", "refused")):
        assert any(action in row and outcome in row for row in on_record.splitlines()), (action, outcome)
    cluster.stop()
