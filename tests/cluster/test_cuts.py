"""Cuts over days and months, each at a tick of the log: alerts, tasks, to-dos and classes as in one process at each.

One worker starts once everything before a tick has arrived, so that one cut sees it, as one does in the home. Of
several one may still read while a cut is made: it is right for what was there, and the next puts the rest to it, but
an alert that both changed was seen twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.moments import parse_moment
from monitor.cluster.supervision.monthly import GOING_ON
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home, meta
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in
from tests.cluster.test_supervision import Row, cuts, rests, runner_of, state_of, waits
from tests.engine import event, line, save
from tests.property.test_monthly import cuts_of
from tests.reference import cases

TICKS = (
    "2025-02-10T12:00:00+08:00",
    "2025-03-03T12:00:00+08:00",
    "2025-03-04T12:00:00+08:00",
    "2025-04-08T12:00:00+08:00",
    "2025-04-12T08:00:00+08:00",
)
"""In three months, two of them on successive days, and the last at the end."""


State = dict[str, list[Row]]


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(3)
        running.commands.commands.patches = {"monitor.cluster.supervision.monthly._ENTERPRISES": 40}
        yield running


def parts(folder: Path) -> list[Path]:
    """The events of a case up to each tick, with the tick."""
    left = sorted(cases.make_case(77, 300), key=at)
    found = []
    for number, tick in enumerate(TICKS):
        until = parse_moment(tick)
        part = [one for one in left if at(one) <= until]
        left = left[len(part) :]
        part.append(line(event("clock", "clock.ticked", tick, id=f"tick-{number}")))
        found.append(save(folder / f"part-{number}.jsonl", part))
    return found


def at(one: bytes) -> int:
    return parse_moment(json.loads(one)["time"])


def test_equal_at_each(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    seen: list[State] = []
    for number, part in enumerate(parts(tmp_path)):
        runner = runner_of(tmp_path / "home")
        runner.gradual = True
        assert runner.drain(open_source(str(part), None)) == []
        if number == 0:
            runner.go_live()
        runner.cut()
        work_out_classes(runner, tmp_path / "home")
        runner.close()
        wanted = state_of(Home(tmp_path / "home"))

        before = cuts(database)
        cluster.produce(part)
        cluster.start(1, "--live")

        def is_equal(before: int = before, wanted: State = wanted) -> bool:
            return cuts(database) > before and whole(database) and state_of(database) == wanted

        there = waits(cluster, is_equal)
        made = cuts(database) - before
        assert there, f"{TICKS[number]}: {made} cuts, {difference(state_of(database), wanted)}; {standing(cluster)}"
        cluster.stop()
        seen.append(wanted)
    assert all(all(one.values()) for one in seen)
    for name in ("alerts", "tasks", "classes"):
        assert len({json.dumps(one[name]) for one in seen}) > 2, name
    assert "2025-04" in {str(one["as_of"])[:7] for one in seen[-1]["classes"]}


def standing(cluster: Cluster) -> list[str]:
    """What no worker has, and what waits."""
    found = []
    for port in cluster.ports[-1:]:
        for name, value in cluster.metrics(port).items():
            if (
                ("lag_messages" in name and value)
                or ("agent_up" in name and not value)
                or 'stage="supervision"' in name
            ):
                found.append(f"{port} {name} {value:g}")
    return found


def difference(found: State, wanted: State) -> str:
    """The first row that is another, by what of it is."""
    for name, rows in wanted.items():
        for here, there in zip(found[name], rows, strict=False):
            other = {key: (here.get(key), there.get(key)) for key in {*here, *there} if here.get(key) != there.get(key)}
            if other:
                return f"{name} {there.get('id') or there.get('subject')}: {other}"
        if len(found[name]) != len(rows):
            return f"{name}: {len(found[name])} are not {len(rows)}"
    return ""


def work_out_classes(runner: EmbeddedRunner, home: Path) -> None:
    """The classes of a month, where a cut has begun them, until a cut lets them hold."""
    while sum(one.begun for one in cuts_of(home)) > sum(one.taken for one in cuts_of(home)):
        runner.work_some()
        runner.cut()


def whole(database: Database) -> bool:
    """Whether nothing happened since the last cut, and no classes are being worked out."""
    with database.engine.connect() as connection:
        return rests(database) and meta(connection, GOING_ON) is None
