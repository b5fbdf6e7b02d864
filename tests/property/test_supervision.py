"""Cuts: the same log gives the same alerts, whatever the order between two cuts, and through kills and rebuilds."""

from __future__ import annotations

import datetime as dt
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from config import scorecards
from config.moments import DAY
from config.scorecards import Cards
from monitor.events import acts
from monitor.events.envelope import Event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.work import alertreader, hosts, taskreader
from monitor.supervision.alerts import Refused
from monitor.supervision.hosts import content_hash, host_id
from tests.engine import CLOCK, KEY, exported, read_home, shipped_rules
from tests.reference.cases import make_case

Shown = dict[str, Any]
DERIVED = ("alerts", "signal_changes", "objections", "notice_groups", "tasks", "task_alerts", "todos", "hosts")


class Clock:
    """A clock that goes on by some hours with each look, and by days where it is told to."""

    def __init__(self) -> None:
        self.now = CLOCK

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def strict_cards() -> Cards:
    """Scorecards by which more enterprises are of class D."""
    texts = scorecards.load().texts
    changed = texts["general.yaml"].replace("{B: 5, C: 18, D: 36}", "{B: 3, C: 9, D: 18}")
    assert changed != texts["general.yaml"]
    return Cards({**texts, "general.yaml": changed})


def monitored(home: Path, parts: Sequence[Sequence[bytes]], seed: int) -> None:
    """Some lines before the monitor goes live and others after it, with cuts, ticks and acts of officers between. From
    the third part on other scorecards are in force.
    """
    clock, chance = Clock(), random.Random(seed)
    path = home.parent / "events.jsonl"
    path.write_bytes(b"")
    for number, part in enumerate(parts):
        with path.open("ab") as file:
            file.writelines(one + b"\n" for one in part)
        cards = strict_cards() if number >= 2 else scorecards.load()
        runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), cards=cards, clock=clock)
        try:
            assert runner.drain(open_source(str(path), None)) == []
            runner.go_live()
            clock.now += number * chance.randrange(2 * DAY)
            runner.tick()
            list_some_host(runner, random.Random(seed + number))
            for alert in chance.sample(alerts_of(home), 5):
                act_on_alert(runner, alert, chance)
            for _ in range(20):
                act_on_task(runner, chance.choice(tasks_of(home)), chance)
        finally:
            runner.close()


def list_some_host(runner: EmbeddedRunner, chance: random.Random) -> None:
    """Lists or ends the room of some alert."""
    with runner.reading() as connection:
        rooms = sorted(
            {one["subject"]["label"] for one in alertreader.read(connection) if "address" in one["detector"]}
        )
        standing = [one for one in hosts.entries(connection) if not one.ended]
    if standing and chance.random() < 0.4:
        ended = acts.HostDelistedData(officer="甲", reason="注销", content_hash=standing[0].content_hash)
        runner.act(acts.HostDelisted, standing[0].id, ended)
        return
    text, until = (chance.choice(rooms) if rooms else ""), dt.date(2025, 12, 31)
    number = host_id(text, None)
    if number is not None:
        digest = content_hash(text, None, "market", until)
        data = acts.HostListedData(
            officer="甲", reason="市场", content_hash=digest, text=text, kind="market", until=until
        )
        with suppress(Refused):
            runner.act(acts.HostListed, number, data)


def act_on_alert(runner: EmbeddedRunner, alert: Shown, chance: random.Random) -> None:
    base: Shown = {"officer": "甲", "seen": alert["seen"]}
    until = dt.date(2025, 12, 31)
    kind, data = chance.choice(
        [
            (acts.AlertAcknowledged, acts.Act(**base)),
            (acts.AlertSnoozed, acts.SnoozeData(**base, reason="等材料", until=until)),
            (acts.AlertReopened, acts.ReasonedAct(**base, reason="再看")),
            (acts.AlertDispatched, acts.Act(**base)),
        ]
    )
    with suppress(Refused):
        runner.act(kind, alert["id"], data)


def act_on_task(runner: EmbeddedRunner, task: Shown, chance: random.Random) -> None:
    """Something that its status allows, most of the time."""
    base: Shown = {"officer": (task["assignees"] or ["甲"])[0], "seen": task["seen"]}
    reasoned = acts.ReasonedAct(**base, reason="材料不全")
    by_hand = acts.CreationData(officer="甲", reason="举报", region="330106", enterprises=["91330100716105852F"])
    ways: dict[str, list[tuple[type[Event], Any]]] = {
        "proposed": [
            (acts.TaskDispatched, acts.Act(**base)),
            (acts.TaskAssigned, acts.AssignmentData(**base, assignees=["甲", "乙"])),
            (acts.TaskExempted, reasoned),
            (acts.TaskCreated, by_hand),
        ],
        "dispatched": [(acts.TaskAccepted, acts.Act(**base)), (acts.TaskReturned, reasoned)],
        "accepted": [(acts.TaskVisited, acts.Act(**base)), (acts.TaskReturned, reasoned)],
        "visited": [(acts.TaskReviewed, acts.Act(**base))],
        "reviewed": [(acts.TaskClosed, acts.ClosingData(**base, outcome="corrected"))],
        "closed": [(acts.TaskClosed, acts.ClosingData(**base, outcome="false_alarm", reason="同名"))],
    }
    kind, data = chance.choice(ways.get(task["status"], [(acts.TaskCreated, by_hand)]))
    with suppress(Refused):
        runner.act(kind, "330106" if kind is acts.TaskCreated else task["id"], data)


def tasks_of(home: Path) -> list[Shown]:
    return read_home(home, lambda reader: list(taskreader.read(reader.connection)))


def what_follows(home: Path) -> Shown:
    """Everything that cuts and acts have written, as it is shown."""
    return read_home(
        home,
        lambda reader: {
            "alerts": list(alertreader.read(reader.connection)),
            "tasks": list(taskreader.read(reader.connection)),
            "held": taskreader.held(reader.connection),
            "todos": list(taskreader.todos(reader.connection, dt.date(2025, 6, 1))),
            "hosts": hosts.entries(reader.connection),
            "classes": list(reader.classes()),
        },
    )


def alerts_of(home: Path) -> list[Shown]:
    return read_home(home, lambda reader: list(alertreader.read(reader.connection)))


def in_force(home: Path) -> list[str]:
    """The signals, but for when they were raised: where only the state was lost, that is when it was built again."""
    return sorted(json.dumps({**one, "raised": None}, sort_keys=True) for one in exported(home))


def quieters(home: Path) -> dict[str, str]:
    """Which alert is quieted by which, worked out from all signals and alerts by what the policy says."""
    signals = {(one["detector"], one["subject"]["key"]): one["enterprises"] for one in exported(home)}
    alerts = [one for one in alerts_of(home) if one["status"] in ("open", "acknowledged", "dispatched")]
    found = {}
    for alert in alerts:
        loud = [
            other["id"]
            for other in alerts
            for rule in shipped_rules().document.alerts.inhibitions
            if alert["detector"].partition("@")[0] in rule.quiets
            and (detector := other["detector"].partition("@")[0]) in rule.by
            and alert["subject"]["kind"] == "enterprise"
            and alert["subject"]["key"] in signals.get((detector, other["subject"]["key"]), ())
            and other["level"] >= alert["level"]
        ]
        if loud:
            found[alert["id"]] = min(loud)
    return found


def forget_what_follows(home: Path) -> None:
    """Leaves the log alone."""
    with closing(sqlite3.connect(home / "monitor.db")) as database, database:
        for table in DERIVED:
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
        database.execute("DELETE FROM meta WHERE key IN ('cuts', 'block of the last cut', 'queue day')")
    for snapshot in (home / "snapshots").iterdir():
        snapshot.unlink()


def reopened(home: Path) -> None:
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), cards=strict_cards(), clock=Clock())
    runner.close()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_log_gives_the_same_alerts(tmp_path: Path, seed: int) -> None:
    case = make_case(seed, 600)
    parts = [case[:300], case[300:450], case[450:525], case[525:]]
    home = tmp_path / "home"
    monitored(home, parts, seed)
    wanted = what_follows(home)
    before = wanted["alerts"]
    assert len(before) > 30
    assert len({one["status"] for one in wanted["tasks"]}) >= 5
    assert wanted["todos"]
    assert {one["status"] for one in before} > {"open", "acknowledged"}
    assert {flag for one in before for flag in one["flags"]} >= {"opening_stock", "snoozed", "inhibited"}
    assert any(step["what"] != "opened" for one in before for step in one["history"])
    assert quieters(home) == {one["id"]: one["inhibited_by"] for one in before if one["inhibited_by"]}
    assert wanted["hosts"]
    assert {one["card"] for one in wanted["classes"]} == {strict_cards().content_hash}
    signals = in_force(home)
    forget_what_follows(home)
    reopened(home)
    assert what_follows(home) == wanted, "from the log alone"
    assert in_force(home) == signals
    for snapshot in (home / "snapshots").iterdir():
        snapshot.unlink()
    reopened(home)
    assert what_follows(home) == wanted, "a rebuild of the state leaves alerts, tasks and classes as they were"
    assert in_force(home) == signals


@pytest.mark.parametrize("seed", range(3))
def test_the_order_between_two_cuts_changes_nothing(tmp_path: Path, seed: int) -> None:
    case = make_case(seed, 400)
    chance = random.Random(seed)
    found = []
    for name in ("as it came", "shuffled"):
        parts = [case[:250], case[250:400], case[400:]]
        if name == "shuffled":
            parts = [chance.sample(part, len(part)) + part[::7] for part in parts]
        home = tmp_path / name / "home"
        home.parent.mkdir()
        clock = Clock()
        path = home.parent / "events.jsonl"
        for part in parts:
            with path.open("ab") as file:
                file.writelines(one + b"\n" for one in part)
            clock.now = CLOCK
            runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=clock)
            runner.drain(open_source(str(path), None))
            runner.go_live()
            runner.close()
        found.append(alerts_of(home))
    assert found[0]
    one, other = (dict(zip((a["id"] for a in alerts), map(without_labels, alerts), strict=True)) for alerts in found)
    assert one == other


def without_labels(alert: Shown) -> str:
    """A label of a room or person is the one that came first; everything else is compared."""
    return repr({**alert, "subject": {**alert["subject"], "label": ""}})


def test_an_act_that_a_replay_would_refuse_keeps_no_home_from_opening(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    case = make_case(1, 600)
    monitored(home, [case[:400], case[400:]], 1)
    forget_what_follows(home)

    def refuse(*_: Any) -> Any:
        raise Refused("不再允许 / not any more")

    monkeypatch.setattr("monitor.supervision.alerts.acknowledged", refuse)
    monkeypatch.setattr("monitor.supervision.alerts.snoozed", refuse)
    monkeypatch.setattr("monitor.supervision.alerts.dispatched", refuse)
    reopened(home)
    assert "could not be done again" in caplog.text
    assert alerts_of(home)
