"""What the models find on a cluster is what they find in one process over the same log, whatever happens to workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detectors.registry import at_cuts
from models import keeping
from models.population.province import write_province
from monitor.events.data import PromotedData
from monitor.runners.clock import SteadyClock
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import Store, looking
from monitor.store.work import drifts, ranking
from tests.cluster.running import Cluster, cluster_in, read_totals
from tests.cluster.test_supervision import cuts, first_difference, rests, runner_of, state_of, waits
from tests.command import Call, Commands
from tests.engine import KEY, event, lines, run_file, save, shipped_rules

PARTITIONS = 4
OFFICER, REASON = "3301-017", "误报较少"
PROMOTION = ("--officer", OFFICER, "--reason", REASON)
FOUND = tuple(one.id for one in at_cuts())

Row = dict[str, Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A made-up province, and a model that was trained on it in a home: the folder of both, and its hash."""
    folder = tmp_path_factory.mktemp("trained")
    write_province(1_200, 3, 5, folder / "province")
    run_file(folder / "home", folder / "province" / "events.jsonl", clock=SteadyClock())
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    try:
        return folder, commands.good("train", "--home", "home", PSEUDONYM_KEY=KEY.hex()).strip()
    finally:
        commands.close()


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    settings = {"CLUSTER_MODELS": "models"}
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix, **settings) as running:
        running.create(PARTITIONS)
        yield running


@pytest.fixture
def home(trained: tuple[Path, str], tmp_path: Path) -> Path:
    """A home in which the model was promoted before the first cut."""
    folder, model = trained
    found = tmp_path / "wanted"
    source = keeping.find(folder / "home", model)
    card = keeping.card_of(source)
    keeping.keep(found, (source / keeping.MODEL_FILE).read_bytes(), card)
    runner: EmbeddedRunner = runner_of(found)
    try:
        assert runner.drain(list(open_source(str(folder / "province" / "events.jsonl"), None))) == []
        runner.promote(PromotedData("anomaly", model, card.seed, OFFICER, REASON))
        runner.go_live(ended=True)
    finally:
        runner.close()
    return found


def signals_of(store: Store) -> list[Row]:
    """What the models found, in the order of subjects."""
    with looking(store) as reader:
        found = [one for one in reader.signals() if one["detector"] in FOUND]
    return sorted(json.loads(json.dumps(found)), key=lambda one: (one["detector"], one["subject"]["key"]))


def ranked(store: Store) -> list[Row]:
    with looking(store) as reader:
        policy = shipped_rules().document.queue
        return json.loads(json.dumps(list(ranking.ranked(reader.connection, reader.now() or 0, policy))))  # type: ignore[no-any-return]


def drift_of(store: Store) -> dict[tuple[str, str], float]:
    """How far the model has drifted, as metrics tell it; sums in another order differ in their last digits."""
    with looking(store) as reader:
        return {(kind, name): value for kind, name, value in drifts.read(reader.connection)}


def promoted(cluster: Cluster, trained: tuple[Path, str]) -> str:
    """The model brought into force on the cluster, from the home in which it was trained."""
    folder, model = trained
    cluster.commands.but(HOME=str(folder / "home")).good("promote", model[:12], *PROMOTION)
    return model


def unspelled(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """A state without what the rooms and persons of a group are called: of several spellings whichever came first."""
    ties = [tie for one in found["alerts"] for tie in one.get("subgraph", {}).get("ties", ())]
    assert ties
    assert all(tie["name"] for tie in ties if tie["by"] == "room")
    for tie in ties:
        tie["name"] = ""
    return found


def agrees(database: Database, home: Path) -> None:
    """Fails where the cluster differs from the home in what the models found, in what came of it, or in the ranking."""
    here, there = signals_of(database), signals_of(Home(home))
    assert {one["detector"] for one in there} == set(FOUND)
    for one, other in zip(here, there, strict=False):
        assert one == other
    assert len(here) == len(there)
    found, wanted = unspelled(state_of(database)), unspelled(state_of(Home(home)))
    assert found == wanted, first_difference(found, wanted)
    assert ranked(database) == ranked(Home(home))
    assert drift_of(database) == pytest.approx(drift_of(Home(home)))


def next_day(home: Path, path: Path) -> Path:
    """Events of the day after: complaints about whom the model found, so that what it finds is another thing then."""
    odd = [one["subject"]["key"] for one in signals_of(Home(home)) if one["detector"] == "anomaly"][:3]
    more = [
        event(code, "complaint.received", f"2026-01-01T0{hour}:00:00Z", number=f"{code}-{hour}", id=f"{code}-{hour}")
        for code in odd
        for hour in range(1, 7)
    ]
    return save(path, lines(more))


def working(worker: Call) -> int | None:
    """The process of the models below a worker, while it works."""
    for task in Path(f"/proc/{worker.pid}/task").glob("*/children"):
        for child in task.read_text().split():
            try:
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
            except FileNotFoundError:
                continue
    return None


def models_cuts(database: Database) -> int:
    """How many cuts the log holds."""
    return read_totals(database)["events", "monitor.cut"]


def test_as_in_one_process_day_by_day(
    cluster: Cluster, database: Database, trained: tuple[Path, str], home: Path, tmp_path: Path
) -> None:
    province = trained[0] / "province" / "events.jsonl"
    cluster.produce(province)
    cluster.start(2)
    model = promoted(cluster, trained)
    (listed,) = map(json.loads, cluster.commands.good("models", "list").splitlines())
    assert (listed["model"], listed["in_force"]) == (model, True)
    assert [(one["officer"], one["reason"]) for one in listed["promoted"]] == [(OFFICER, REASON)]
    assert model in cluster.commands.good("models", "show", model[:12])
    cluster.stop()
    cluster.start(2, "--live")
    assert waits(cluster, lambda: cuts(database) > 0), [one.told() for one in cluster.workers]
    agrees(database, home)
    second = next_day(home, tmp_path / "second.jsonl")
    before = signals_of(Home(home))
    run_file(home, province, second, clock=SteadyClock())
    assert signals_of(Home(home)) != before
    cluster.produce(second)
    assert waits(cluster, lambda: rests(database) and signals_of(database) != before)
    agrees(database, home)
    assert ("model.promoted", "accepted") in [
        (one["action"], one["outcome"])
        for one in map(json.loads, cluster.commands.good("export", "audit").splitlines())
    ]
    cluster.stop()
    assert models_cuts(database) == cuts(database)
    assert list((cluster.folder / "snapshots" / "models" / "0").glob("*.snapshot"))


def test_the_owner_is_killed_while_the_models_work(
    cluster: Cluster, database: Database, trained: tuple[Path, str], home: Path
) -> None:
    cluster.produce(trained[0] / "province" / "events.jsonl")
    cluster.start(2)
    model = promoted(cluster, trained)
    refused = cluster.commands.failed("promote", "feedbeef", *PROMOTION)
    assert "models list" in refused
    own = cluster.commands.good("train", "--seed", "7").strip()
    told = {
        one["model"]: one["in_force"] for one in map(json.loads, cluster.commands.good("models", "list").splitlines())
    }
    assert told == {model: True, own: False}
    assert json.loads(cluster.commands.good("models", "compare", own[:12]))["correlation"] > 0.5
    cluster.stop()
    workers = cluster.start(2, "--live")
    assert waits(cluster, lambda: any(working(one) for one in workers))
    owner = next(one for one in workers if working(one))
    process = working(owner)
    assert cuts(database) == 0
    cluster.kill(owner)
    assert cluster.settles(lambda: not Path(f"/proc/{process}").exists())
    assert waits(cluster, lambda: cuts(database) > 0), [one.told() for one in cluster.workers]
    agrees(database, home)
    cluster.stop()
    assert models_cuts(database) == cuts(database)
