"""A storm of signals from end to end: file, signals, alerts, tasks, outbox, a robot with its quota.

In short runs with the other tests; `make stress` sets STORM_SIGNALS to a hundred thousand.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from config import channels
from config.moments import DAY, as_text
from monitor.engine import supervising
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.identifiers.regions import zhejiang
from monitor.push.sender import Sender
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.outgoing.outbox_schema import PUSH_DELIVERIES, PUSH_MESSAGES
from monitor.store.work import alertreader, taskreader
from tests import push_servers
from tests.engine import KEY, event, line, opened, read_home, shipped_rules

SIGNALS_WANTED = int(os.environ.get("STORM_SIGNALS", "3600"))
ENTERPRISES = SIGNALS_WANTED // 2
"""Each gets two signals: many complaints, and one of them says that nobody was reached."""
COUNTIES = [county.code for county in zhejiang()][: max(ENTERPRISES // 300, 1)]
NOW = time.time_ns() // 1000
QUOTA = 20
"""Messages that a robot takes in a minute (contract of the channel)."""
WORSE = 10
"""Every tenth enterprise has so many complaints that its level is higher."""


def code(number: int) -> str:
    return f"{COUNTIES[number % len(COUNTIES)]}:{number:06d}"


def stock() -> Iterator[dict[str, Any]]:
    for number in range(ENTERPRISES):
        region = COUNTIES[number % len(COUNTIES)]
        yield opened(code(number), address={"text": f"大庆路{number + 1}号", "region": region})


def storm() -> Iterator[dict[str, Any]]:
    at = as_text(NOW - DAY)
    for number in range(ENTERPRISES):
        complaints = 15 if worse(number) else 5
        for complaint in range(complaints):
            more: dict[str, Any] = {"reachable": False} if complaint == complaints - 1 else {}
            name = f"{number}-{complaint}"
            yield event(code(number), "complaint.received", at, id=name, number=name, **more)


def worse(number: int) -> bool:
    """So that the worse ones spread over all counties."""
    return number // len(COUNTIES) % WORSE == 0


def test_a_storm_leads_to_the_cap_of_tasks_and_the_quota_of_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CUT_SECONDS", 3600.0)  # one cut sees all of it, on a slow machine too
    monkeypatch.setenv("TOKEN", "tok")
    monkeypatch.setenv("SIGN", "sign")
    path, home = tmp_path / "events.jsonl", tmp_path / "home"
    path.write_bytes(b"".join(line(one) + b"\n" for one in stock()))
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: NOW)
    try:
        assert runner.drain(open_source(str(path), None)) == []
        runner.go_live()
        with path.open("ab") as file:
            file.writelines(line(one) + b"\n" for one in storm())
        assert runner.drain(open_source(str(path), None)) == []
        runner.tick()
        runner.tick()
    finally:
        runner.close()

    cap = shipped_rules().document.queue.new_tasks_a_day
    assert read_home(home, lambda reader: Counter(one["detector"] for one in reader.signals())) == {
        "complaint-surge": ENTERPRISES,
        "untraceable": ENTERPRISES,
    }
    made = read_home(home, lambda reader: list(taskreader.read(reader.connection)))
    last = max(one["proposed_at"][:10] for one in made)
    tasks = [one for one in made if one["proposed_at"].startswith(last) and one["status"] != "exempted"]
    assert Counter(one["region"] for one in tasks) == dict.fromkeys(COUNTIES, cap)
    worst = {code(number) for number in range(ENTERPRISES) if worse(number)}
    assert {one["target"] for one in tasks if not one["control"]} <= worst, "those of highest priority"
    alerts = read_home(home, lambda reader: Counter(one["status"] for one in alertreader.read(reader.connection)))
    assert sum(alerts.values()) == 2 * ENTERPRISES, "nobody's alert is lost"
    held = read_home(home, lambda reader: taskreader.held(reader.connection))
    inside = sum(len(one["alerts"]) for one in made)
    assert inside + sum(held.values()) == 2 * ENTERPRISES, "what is no task is counted, with the reason"

    with push_servers.serving(push_servers.dingtalk("tok", "sign")) as robot:
        keys = {"access_token": {"env": "TOKEN"}, "secret": {"env": "SIGN"}}
        written = {
            "name": "robot",
            "kind": "dingtalk",
            "address": {"url": robot.url, **keys},
            "allow_hosts": ["127.0.0.1"],
            "quota": {"count": QUOTA, "seconds": 60},
        }
        engine = Home(home).writer()
        sender = Sender(
            engine,
            channels.read(json.dumps({"version": 1, "channels": [written]}), Path()),
            lambda: time.time_ns() // 1000,
        )
        for _ in range(3 * QUOTA):  # within the minute
            sender.turn()
        with engine.connect() as connection:
            messages = connection.execute(select(func.count()).select_from(PUSH_MESSAGES)).scalar_one()
            standing = Counter(connection.execute(select(PUSH_DELIVERIES.c.status)).scalars())
        engine.dispose()
        assert 0 < len(robot.got) <= QUOTA
        assert standing.total() == messages, "every message is accounted for"
        assert set(standing) <= {"sent", "joined"}, standing
