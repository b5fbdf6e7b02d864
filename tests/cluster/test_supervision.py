"""Alerts, tasks, classes and acts on a cluster: those of one process over the same log, whatever happens to workers."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from config.moments import SECOND, shanghai_date
from config.settings import Settings
from monitor.cluster.supervision import monthly
from monitor.cluster.supervision.asking import Asking
from monitor.cluster.supervision.requests import Act
from monitor.engine.clock import SteadyClock
from monitor.events.acts import ACTS, SnoozeData
from monitor.events.acts import Act as ActData
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import Reader, Store, looking
from monitor.store.work import alertreader, taskreader
from monitor.store.work.task_schema import TODOS
from tests.cluster.running import Cluster, cluster_in, read_totals
from tests.engine import KEY, event, lines, run_file, save, shipped_rules
from tests.integration.sending import serving
from tests.reference import cases

PARTITIONS = 4
OFFICER = "3301-017"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def case() -> list[bytes]:
    """The lines of a case, in order of time."""
    return cases.make_case(77, 300)


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(PARTITIONS)
        yield running


@pytest.fixture
def asking(kafka: str, database: Database, prefix: str) -> Asking:
    """Asks the supervision of the cluster."""
    return Asking(Settings(kafka_bootstrap=kafka, kafka_prefix=prefix, database_url=SecretStr("unused")), database)


# --- what is compared


def state_of(store: Store) -> dict[str, list[Row]]:
    """Alerts, tasks, duties and classes."""

    def rows(reader: Reader) -> dict[str, list[Row]]:
        connection = reader.connection
        todos = connection.execute(select(TODOS.c.id, TODOS.c.about, TODOS.c.due, TODOS.c.done)).mappings()
        return {
            "alerts": sorted(map(unnamed, alertreader.read(connection)), key=lambda one: str(one["id"])),
            "tasks": sorted(taskreader.read(connection), key=lambda one: str(one["id"])),
            "todos": sorted(map(dict, todos), key=lambda one: str(one["id"])),
            "classes": sorted(map(of_class, reader.classes()), key=lambda one: str(one["subject"])),
        }

    with looking(store) as reader:
        return json.loads(json.dumps(rows(reader), default=str))  # type: ignore[no-any-return]


def unnamed(row: Row) -> Row:
    """An alert without what its room or person is called: of several spellings whichever came first."""
    return {**row, "subject": {**row["subject"], "label": ""}}


def of_class(row: Row) -> Row:
    """A class whose items of one moment stand in an order that does not depend on numbers."""
    return {**row, "items": sorted(row["items"], key=lambda one: json.dumps(one, default=str))}


def settled(found: dict[str, list[Row]]) -> dict[str, list[Any]]:
    """What remains equal where acts moved Now, each by its own clock."""
    return {
        "alerts": [
            (
                one["id"],
                one["status"],
                one["level"],
                one["flags"],
                one["task"] is None,
                [(step["what"], step["level"], step.get("officer")) for step in one["history"]],
            )
            for one in found["alerts"]
        ],
        "tasks": sorted(
            (one["target"], one["status"], one["class"], one["mode"], one["enterprises"], one["alerts"])
            for one in found["tasks"]
        ),
        "todos": [(one["id"], one["done"]) for one in found["todos"]],
    }


def waits(cluster: Cluster, wanted: Callable[[], bool]) -> bool:
    """Waits until something is so, as long as the workers run."""

    def is_over() -> bool:
        ended = [
            line
            for worker in cluster.workers
            for line in worker.told().splitlines()
            if line.startswith("credit-monitor: ")
        ]
        assert not ended, ended
        return wanted()

    return cluster.settles(is_over)


def cuts(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text("SELECT value FROM meta WHERE key = 'cuts'")).scalar() or 0)


def rests(database: Database) -> bool:
    """Whether nothing has happened since the last cut, and no classes are worked out in pieces."""
    with database.engine.connect() as connection:
        values = {row.key: row.value for row in connection.execute(text("SELECT key, value FROM meta"))}
        waiting = connection.execute(text("SELECT count(*) FROM signal_changes")).scalar()
    going_on = {"acted since the last cut", monthly.GOING_ON} & values.keys()
    return not waiting and not going_on and values["now"] == values["now of the last cut"]


def open_alerts(database: Database) -> list[Row]:
    return [one for one in state_of(database)["alerts"] if one["status"] == "open"]


def logged_acts(database: Database) -> int:
    """How many acts of officers the log holds."""
    names = {str(kind.__struct_config__.tag) for kind in ACTS}
    return sum(count for (name, kind), count in read_totals(database).items() if name == "events" and kind in names)


def runner_of(home: Path) -> EmbeddedRunner:
    return EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=SteadyClock())


# --- tests


def test_as_in_one_process(
    cluster: Cluster, database: Database, asking: Asking, case: list[bytes], tmp_path: Path
) -> None:
    first = save(tmp_path / "first.jsonl", case)
    run_file(tmp_path / "home", first, clock=SteadyClock())
    wanted = state_of(Home(tmp_path / "home"))
    assert all(wanted.values())
    cluster.produce(first)
    cluster.start(2, "--live")
    there = waits(cluster, lambda: cuts(database) > 0)
    assert there, cluster.workers[0].told()
    found = state_of(database)
    assert found == wanted, first_difference(found, wanted)

    # What officers do: the same, here and there.
    open_alerts = [one for one in wanted["alerts"] if one["status"] == "open" and not one["flags"]]
    stock = [one for one in wanted["alerts"] if one["status"] == "open"]
    chosen = (open_alerts + stock)[:3]
    until = shanghai_date(SteadyClock()() + 30 * 86_400 * SECOND)
    asked: list[tuple[str, str, Any]] = [
        ("alert_acknowledged", chosen[0]["id"], ActData(officer=OFFICER, seen=chosen[0]["seen"])),
        (
            "alert_snoozed",
            chosen[1]["id"],
            SnoozeData(officer=OFFICER, seen=chosen[1]["seen"], reason="等", until=until),
        ),
        ("alert_dispatched", chosen[2]["id"], ActData(officer=OFFICER, seen=chosen[2]["seen"])),
    ]
    subject = next(one["subject"]["key"] for one in wanted["alerts"] if one["subject"]["kind"] == "enterprise")
    document = next(json.loads(one)["data"]["document"] for one in case if json.loads(one)["data"].get("document"))
    more = lines(
        [
            event(subject, "objection.filed", "2025-04-11T02:00:00Z", document=document, id="o-1"),
            *(
                event(subject, "complaint.received", f"2025-04-11T0{hour}:00:00Z", number=f"N-{hour}", id=f"c-{hour}")
                for hour in range(6)
            ),
        ]
    )
    second = save(tmp_path / "second.jsonl", more)
    runner = runner_of(tmp_path / "home")
    for name, alert, data in asked:
        runner.act(kind_of(name), alert, data)
    runner.close()
    run_file(tmp_path / "home", first, second, clock=SteadyClock())
    wanted = settled(state_of(Home(tmp_path / "home")))
    for name, alert, data in asked[:-1]:
        cluster.commands.good(*command_of(name, alert, data))
    act_at_the_page(cluster, *asked[-1])
    cluster.produce(second)
    there = waits(cluster, lambda: settled(state_of(database)) == wanted)
    assert there, first_difference(settled(state_of(database)), wanted)
    assert waits(cluster, lambda: logged_acts(database) == len(asked))
    refused = cluster.commands.failed("alert", "acknowledge", chosen[0]["id"], "--officer", OFFICER)
    assert "签收" in refused or "acknowledged" in refused
    assert "whole" in cluster.commands.good("audit", "verify")
    on_record = [
        (one["action"], one["outcome"])
        for one in map(json.loads, cluster.commands.good("export", "audit").splitlines())
    ]
    for kind in ("config.activated", "monitor.live", *(f"supervision.{name}" for name, _, _ in asked)):
        assert (kind, "accepted") in on_record, kind
    assert ("supervision.alert_acknowledged", "refused") in on_record
    assert ("export", "seen") in on_record
    assert len(cluster.commands.good("export", "tasks").splitlines()) == len(wanted["tasks"])
    assert cluster.commands.good("rank").splitlines()
    cluster.stop()


def act_at_the_page(cluster: Cluster, name: str, alert: str, data: Any) -> None:
    """An act at the page of the cluster, which a second time comes too late."""
    act = {"type": f"supervision.{name}", "subject": alert, "data": msgspec.to_builtins(data)}
    settings = {**cluster.commands.settings, "HOME": "page"}
    with (
        serving(cluster.commands.commands, **settings) as served,
        httpx.Client(base_url=served.address, timeout=60) as client,
    ):
        answer = client.post("/api/v1/acts", json=act)
        assert (answer.status_code, answer.json().get("status")) == (200, "dispatched"), answer.text
        assert client.post("/api/v1/acts", json=act).status_code == 409


def first_difference(found: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> str:
    for name in wanted:
        for here, there in zip(found[name], wanted[name], strict=False):
            if here != there:
                return f"{name}: {here} is not {there}"
        if len(found[name]) != len(wanted[name]):
            return f"{name}: {len(found[name])} are not {len(wanted[name])}"
    return ""


def kind_of(name: str) -> Any:
    return next(kind for kind in ACTS if kind.__struct_config__.tag == f"supervision.{name}")


def command_of(name: str, alert: str, data: Any) -> tuple[str, ...]:
    verb = {"alert_acknowledged": "acknowledge", "alert_snoozed": "snooze"}[name]
    more = ("--until", data.until.isoformat(), "--reason", data.reason) if name == "alert_snoozed" else ()
    return "alert", verb, alert, "--officer", data.officer, *more


def test_the_owner_is_killed_while_officers_act(
    cluster: Cluster, database: Database, asking: Asking, case: list[bytes], tmp_path: Path
) -> None:
    cluster.produce(save(tmp_path / "events.jsonl", case))
    cluster.start(2, "--live")
    assert waits(cluster, lambda: cuts(database) > 0)
    kind, first = "supervision.alert_acknowledged", open_alerts(database)[0]
    asking.ask(Act(secrets.token_hex(8), kind, first["id"], {"officer": OFFICER, "seen": first["seen"]}))
    assert waits(cluster, lambda: rests(database))  # the act moved Now, and old signals went with it
    alerts = open_alerts(database)[:20]
    assert len(alerts) == 20
    requests = [Act(secrets.token_hex(8), kind, one["id"], {"officer": OFFICER, "seen": one["seen"]}) for one in alerts]
    answers: dict[str, dict[str, Any]] = {}

    def ask_all() -> None:
        for one in requests:
            answers[one.id] = asking.ask(one)

    people = threading.Thread(target=ask_all)
    people.start()
    waits(cluster, lambda: len(answers) >= 4)
    owner = next(
        worker
        for worker, port in zip(list(cluster.workers), cluster.ports, strict=True)
        if 'credit_monitor_cluster_agent_up{partition="0",stage="supervision"}' in cluster.metrics(port)
    )
    cluster.kill(owner)
    people.join(120)
    assert len(answers) == len(requests)
    assert asking.ask(requests[0]) == answers[requests[0].id]  # asked again, as where an answer was lost
    after = {one["id"]: one for one in state_of(database)["alerts"]}
    for one in alerts:
        steps = [step for step in after[one["id"]]["history"] if step["what"] == "acknowledged"]
        assert len(steps) == 1, after[one["id"]]
    assert waits(cluster, lambda: logged_acts(database) == len(requests) + 1), logged_acts(database)
    cluster.stop()
    assert logged_acts(database) == len(requests) + 1
