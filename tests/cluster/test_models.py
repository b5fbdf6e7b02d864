"""What the models find on a cluster is what they find in one process over the same log, whatever happens to workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from detectors.registry import at_cuts
from models import keeping
from models.population.province import write_province
from monitor.engine.clock import SteadyClock
from monitor.events.data import PromotedData
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import Store, looking
from monitor.store.work import drifts, forecasts, ranking, shadows
from monitor.store.work.shadows import Shadow
from tests.cluster.running import Cluster, cluster_in, read_totals
from tests.cluster.test_supervision import cuts, first_difference, rests, runner_of, state_of, waits
from tests.command import Call, Commands
from tests.engine import KEY, event, lines, run_file, save, shipped_rules
from tests.forecasting import population, write

PARTITIONS = 4
OFFICER, REASON = "3301-017", "误报较少"
PROMOTION = ("--officer", OFFICER, "--reason", REASON)
BY = {"officer": OFFICER, "reason": REASON}
FOUND = tuple(one.id for one in at_cuts())

Row = dict[str, Any]


class Trained(NamedTuple):
    """A folder with a made-up province, a `home` in which an anomaly model and its challenger were trained on it, and
    `elsewhere`, a home in which a forecast was.
    """

    folder: Path
    model: str
    challenger: str
    forecast: str

    @property
    def province(self) -> Path:
        """Its events."""
        return self.folder / "province" / "events.jsonl"

    def named(self) -> list[tuple[Path, PromotedData]]:
        """What is brought into force before the first cut, and where its model is."""
        found = []
        for home, kind, model in (
            ("home", "anomaly", self.model),
            ("home", "anomaly-challenger", self.challenger),
            ("elsewhere", "forecast", self.forecast),
        ):
            folder = keeping.find(self.folder / home, model)
            data = {"kind": kind, "model": model, "seed": keeping.card_of(folder).seed, **BY}
            found.append((folder, msgspec.convert(data, PromotedData)))
        return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The forecast comes from enterprises of which much can be foretold: one of the province would beat no baseline."""
    folder = tmp_path_factory.mktemp("trained")
    write_province(1_200, 3, 5, folder / "province")
    run_file(folder / "home", folder / "province" / "events.jsonl", clock=SteadyClock())
    run_file(folder / "elsewhere", write(folder / "penalties.jsonl", population(900, 6, 10)), clock=SteadyClock())
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))

    def train(home: str, *flags: str) -> str:
        return commands.good("train", "--home", home, *flags, PSEUDONYM_KEY=KEY.hex()).strip()

    forecast = train("elsewhere", "--kind", "forecast")
    return Trained(folder, train("home"), train("home", "--seed", "11"), forecast)


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    settings = {"CLUSTER_MODELS": "models"}
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix, **settings) as running:
        running.create(PARTITIONS)
        yield running


@pytest.fixture
def home(trained: Trained, tmp_path: Path) -> Path:
    """A home in which the models were promoted before the first cut."""
    found = tmp_path / "wanted"
    runner: EmbeddedRunner = runner_of(found)
    try:
        assert runner.drain(list(open_source(str(trained.province), None))) == []
        for folder, data in trained.named():
            keeping.keep(found, (folder / keeping.MODEL_FILE).read_bytes(), keeping.card_of(folder))
            runner.promote(data)
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
    """By what the forecast said at the last daily cut."""
    with looking(store) as reader:
        policy, said = shipped_rules().document.queue, forecasts.of_all(reader.connection)
        rows = ranking.ranked(reader.connection, reader.now() or 0, policy, chances=said)
        return json.loads(json.dumps(list(rows)))  # type: ignore[no-any-return]


def foretold(store: Store) -> dict[str, Row | None]:
    """What is told of each enterprise that the forecast gives a chance; the last digits of shares may differ."""
    with looking(store) as reader:
        said = forecasts.of_all(reader.connection) or {}
        return {code: forecasts.told(reader.connection, code) for code, chance in said.items() if chance}


def in_shadow(store: Store, challenger: str) -> list[Shadow]:
    with looking(store) as reader:
        found = shadows.read(reader.connection, challenger)
    return [msgspec.structs.replace(one, correlation=round(one.correlation, 9)) for one in found]


def drift_of(store: Store) -> dict[tuple[str, str], float]:
    """How far the model has drifted, as metrics tell it; sums in another order differ in their last digits."""
    with looking(store) as reader:
        return {(kind, name): value for kind, name, value in drifts.read(reader.connection)}


def promoted(cluster: Cluster, trained: Trained) -> str:
    """The models brought into force on the cluster, from the homes in which they were trained; the anomaly model."""
    home, elsewhere = (cluster.commands.but(HOME=str(trained.folder / one)) for one in ("home", "elsewhere"))
    home.good("promote", trained.model[:12], *PROMOTION)
    home.good("models", "shadow", trained.challenger[:12], *PROMOTION)
    assert "anomaly" in elsewhere.failed("models", "shadow", trained.forecast[:12], *PROMOTION)
    elsewhere.good("promote", trained.forecast[:12], *PROMOTION)
    return trained.model


def unspelled(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """A state without what the rooms and persons of a group are called: of several spellings whichever came first."""
    ties = [tie for one in found["alerts"] for tie in one.get("subgraph", {}).get("ties", ())]
    assert ties
    assert all(tie["name"] for tie in ties if tie["by"] == "room")
    for tie in ties:
        tie["name"] = ""
    return found


def agrees(database: Database, home: Path, trained: Trained) -> None:
    """Fails where the cluster differs from the home in what the models found and foretold, in what came of it, or in
    the ranking.
    """
    here, there = signals_of(database), signals_of(Home(home))
    assert {one["detector"] for one in there} == set(FOUND)
    for one, other in zip(here, there, strict=False):
        assert one == other
    assert len(here) == len(there)
    found, wanted = unspelled(state_of(database)), unspelled(state_of(Home(home)))
    assert found == wanted, first_difference(found, wanted)
    assert any(one["parts"].get("forecast") for one in wanted["tasks"])
    said, foreseen = foretold(database), foretold(Home(home))
    assert said == foreseen
    assert any(one is not None and one.get("reasons") for one in foreseen.values())
    assert {one["model"] for one in foreseen.values() if one is not None} == {trained.forecast}
    assert ranked(database) == ranked(Home(home))
    record = in_shadow(Home(home), trained.challenger)
    assert record
    assert in_shadow(database, trained.challenger) == record
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
    cluster: Cluster, database: Database, trained: Trained, home: Path, tmp_path: Path
) -> None:
    province = trained.province
    cluster.produce(province)
    cluster.start(2)
    model = promoted(cluster, trained)
    listed = {one["model"]: one for one in map(json.loads, cluster.commands.good("models", "list").splitlines())}
    assert {name: (one["kind"], one["in_force"], one["in_shadow"]) for name, one in listed.items()} == {
        model: ("anomaly", True, False),
        trained.challenger: ("anomaly", False, True),
        trained.forecast: ("forecast", True, False),
    }
    assert [(one["officer"], one["reason"]) for one in listed[model]["promoted"]] == [(OFFICER, REASON)]
    assert model in cluster.commands.good("models", "show", model[:12])
    cluster.stop()
    cluster.start(2, "--live")
    assert waits(cluster, lambda: cuts(database) > 0), [one.told() for one in cluster.workers]
    agrees(database, home, trained)
    rows = list(map(json.loads, cluster.commands.good("rank", "--explained", "2000").splitlines()))
    assert [(row["subject"], row["score"]) for row in rows] == [
        (row["subject"], row["score"]) for row in ranked(Home(home))
    ]
    said = foretold(Home(home))
    for row in rows:
        (reason,) = [one for one in row["reasons"] if one["part"] == "forecast"]
        told = said.get(row["subject"]) or {"chance": 0.0}
        assert reason["chance"] == told["chance"]
        assert (reason.get("reasons"), reason.get("way_out")) == (told.get("reasons"), told.get("way_out"))
    second = next_day(home, tmp_path / "second.jsonl")
    before = signals_of(Home(home))
    run_file(home, province, second, clock=SteadyClock())
    assert signals_of(Home(home)) != before
    cluster.produce(second)
    assert waits(cluster, lambda: rests(database) and signals_of(database) != before)
    agrees(database, home, trained)
    assert len(in_shadow(database, trained.challenger)) == 2
    assert ("model.promoted", "accepted") in [
        (one["action"], one["outcome"])
        for one in map(json.loads, cluster.commands.good("export", "audit").splitlines())
    ]
    cluster.stop()
    assert models_cuts(database) == cuts(database)
    assert list((cluster.folder / "snapshots" / "models" / "0").glob("*.snapshot"))


def test_the_owner_is_killed_while_the_models_work(
    cluster: Cluster, database: Database, trained: Trained, home: Path
) -> None:
    cluster.produce(trained.province)
    cluster.start(2)
    model = promoted(cluster, trained)
    refused = cluster.commands.failed("promote", "feedbeef", *PROMOTION)
    assert "models list" in refused
    own = cluster.commands.good("train", "--seed", "7").strip()
    told = {
        one["model"]: one["in_force"] for one in map(json.loads, cluster.commands.good("models", "list").splitlines())
    }
    assert told == {model: True, trained.challenger: False, trained.forecast: True, own: False}
    assert json.loads(cluster.commands.good("models", "compare", own[:12]))["correlation"] > 0.5
    weak = cluster.commands.good("train", "--kind", "forecast").strip()
    assert "baselines" in cluster.commands.good("models", "show", weak[:12])
    assert "does not beat" in cluster.commands.failed("promote", weak[:12], *PROMOTION)
    cluster.stop()
    workers = cluster.start(2, "--live")
    assert waits(cluster, lambda: any(working(one) for one in workers))
    owner = next(one for one in workers if working(one))
    process = working(owner)
    assert cuts(database) == 0
    cluster.kill(owner)
    assert cluster.settles(lambda: not Path(f"/proc/{process}").exists())
    assert waits(cluster, lambda: cuts(database) > 0), [one.told() for one in cluster.workers]
    agrees(database, home, trained)
    cluster.stop()
    assert models_cuts(database) == cuts(database)
