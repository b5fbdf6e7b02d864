"""The sender with real servers and a real home: receipts, languages, digests, channels that fail beside others."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, select

from config import channels
from config.moments import SECOND
from monitor.engine.delays import Delays
from monitor.metrics import Pulse, exposition
from monitor.push.sender import Sender
from monitor.store.home import Home
from monitor.store.outgoing import outbox
from monitor.store.outgoing.messages import Message
from monitor.store.outgoing.outbox_schema import PUSH_DELIVERIES
from tests import push_servers
from tests.push_servers import Reply, Server, serving

TOKEN, SIGN = "tok-7f31c0", "SEC0123456789abcdef"


class Clock:
    """The machine's clock, set ahead at will."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("SIGN", SIGN)
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    made = home.writer()
    yield made
    made.dispose()


@pytest.fixture
def robot() -> Iterator[Server]:
    with serving(push_servers.dingtalk(TOKEN, SIGN)) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Server]:
    with serving(push_servers.webhook(SIGN.encode())) as server:
        yield server


def as_robot(server: Server, **more: Any) -> dict[str, Any]:
    keys = {"access_token": {"env": "TOKEN"}, "secret": {"env": "SIGN"}}
    return {"name": "robot", "kind": "dingtalk", "address": {"url": server.url, **keys}, **_LOCAL, **more}


def as_hook(server: Server, **more: Any) -> dict[str, Any]:
    address = {"url": server.url, "secret": {"env": "SIGN"}}
    return {"name": "hook", "kind": "webhook", "address": address, **_LOCAL, **more}


_LOCAL: dict[str, Any] = {"allow_hosts": ["127.0.0.1"], "timeout": 2}


def sender(engine: Engine, clock: Clock, *written: dict[str, Any], **more: Any) -> Sender:
    return Sender(engine, channels.read(json.dumps({"version": 1, "channels": written, **more}), Path()), clock)


def message(key: str, level: int = 3, **more: Any) -> Message:
    return Message(key, "task", f"T-{key}", "新任务", "new task", "张＊", "Z＊", level, **{"region": "330106", **more})


def say(engine: Engine, clock: Clock, messages: Sequence[Message]) -> None:
    with engine.begin() as connection:
        outbox.enqueue(connection, messages, clock())


def work(sender: Sender) -> None:
    while sender.turn():
        pass


def test_every_channel_gets_it_in_its_language(engine: Engine, clock: Clock, robot: Server, hook: Server) -> None:
    page = {"page": "https://monitor.example"}
    both = sender(engine, clock, as_robot(robot), as_hook(hook, language="both"), **page)
    say(engine, clock, [message("1")])
    work(both)
    work(both)
    assert robot.texts == ["新任务\n张＊\nhttps://monitor.example"]
    (got,) = hook.got
    data = got.json["data"]
    assert (data["title"], data["body"]) == ("新任务 / new task", "张＊\nZ＊\nhttps://monitor.example")
    assert (data["number"], data["level"], data["region"], data["count"]) == ("T-1", 3, "330106", 1)
    with engine.connect() as connection:
        rows = connection.execute(select(PUSH_DELIVERIES).order_by(PUSH_DELIVERIES.c.channel)).all()
    assert [(row.channel, row.status, row.attempts) for row in rows] == [("hook", "sent", 1), ("robot", "sent", 1)]
    assert rows[0].receipt == got.headers["webhook-id"]


def test_reminders_say_which_they_are(engine: Engine, clock: Clock, robot: Server) -> None:
    one = sender(engine, clock, as_robot(robot, language="en"))
    say(engine, clock, [message("1", remind_every=600 * SECOND, reminders=1)])
    for _ in range(4):
        work(one)
        clock.ahead += 601 * SECOND
    assert robot.texts == ["new task\nZ＊", "reminder 1: new task\nZ＊"]


def test_a_digest_says_how_many_and_which(engine: Engine, clock: Clock, robot: Server) -> None:
    one = sender(engine, clock, as_robot(robot, quota={"count": 1, "seconds": 60}), page="https://monitor.example")
    say(engine, clock, [message(f"{n:02}", 1 + n % 4) for n in range(30)])
    work(one)
    (text,) = robot.texts
    assert text.splitlines() == [
        "汇总：30 条消息",
        "红色 7、橙色 7、黄色 8、提示 8",
        "其中：T-03、T-07、T-11、T-15、T-19、T-23、T-27、T-02、T-06、T-10",
        "另有 20 条，见页面",
        "https://monitor.example",
    ]


def test_a_channel_that_is_down_holds_no_other_up(engine: Engine, clock: Clock, robot: Server, hook: Server) -> None:
    both = sender(engine, clock, as_robot(robot), as_hook(hook))
    hook.judge = lambda got: Reply(500, {"down": True})
    say(engine, clock, [message(str(n)) for n in range(5)])
    work(both)
    assert len(robot.got) == 5
    assert len(hook.asked) == 1
    hook.judge = push_servers.webhook(SIGN.encode())(hook)
    for _ in range(4):
        clock.ahead += 90 * SECOND
        work(both)
    assert sorted(got.json["data"]["number"] for got in hook.got) == [f"T-{n}" for n in range(5)]
    assert len(robot.got) == 5


def test_retry_after_is_honoured(engine: Engine, clock: Clock, hook: Server) -> None:
    one = sender(engine, clock, as_hook(hook))
    hook.judge = lambda got: Reply(429, {}, {"Retry-After": "300"})
    say(engine, clock, [message("1"), message("2")])
    work(one)
    hook.judge = push_servers.webhook(SIGN.encode())(hook)
    clock.ahead += 290 * SECOND
    work(one)
    assert len(hook.asked) == 1
    clock.ahead += 15 * SECOND
    work(one)
    assert len(hook.got) == 2


def test_secrets_stand_neither_in_the_home_nor_in_what_is_told(
    home: Home, engine: Engine, clock: Clock, robot: Server, caplog: pytest.LogCaptureFixture
) -> None:
    robot.judge = lambda got: Reply(body={"errcode": 1, "errmsg": f"no robot {TOKEN} {SIGN} 13800138000"})
    one = sender(engine, clock, as_robot(robot))
    say(engine, clock, [message("1")])
    with caplog.at_level(logging.DEBUG):
        work(one)
        robot.close()
        clock.ahead += 600 * SECOND
        work(one)
    assert "robot" in caplog.text
    engine.dispose()
    kept = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    assert b"no robot" in kept
    for secret in (TOKEN, SIGN, "13800138000"):
        assert secret not in caplog.text
        assert secret.encode() not in kept
        assert secret not in repr(one) + repr(vars(one))


def test_a_missing_secret_is_told_and_nothing_is_sent(
    engine: Engine, clock: Clock, robot: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("TOKEN")
    one = sender(engine, clock, as_robot(robot))
    say(engine, clock, [message("1"), message("2")])
    work(one)
    assert "env:TOKEN" in caplog.text
    monkeypatch.setenv("TOKEN", TOKEN)
    clock.ahead += 60 * SECOND
    work(one)
    assert len(robot.got) == 2


def test_a_store_that_is_busy_is_waited_for(
    home: Home, engine: Engine, clock: Clock, robot: Server, caplog: pytest.LogCaptureFixture
) -> None:
    say(engine, clock, [message("1")])
    stop, bell = threading.Event(), threading.Event()
    one = sender(engine, clock, as_robot(robot))
    with engine.connect() as writer:
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        thread = threading.Thread(target=one.run, args=(stop.is_set, bell))
        thread.start()
        time.sleep(0.5)
        assert robot.got == []
        writer.rollback()
    began = time.monotonic()
    while not robot.got and time.monotonic() - began < 20:
        time.sleep(0.02)
    stop.set()
    bell.set()
    thread.join(20)
    assert not thread.is_alive()
    assert robot.texts == ["新任务\n张＊"]
    with engine.connect() as connection:
        assert outbox.standings(connection)[0].totals == {"sends_sent": 1, "sent": 1}


def test_a_storm_sends_no_more_than_the_quota_and_counts_the_rest(
    home: Home, engine: Engine, clock: Clock, robot: Server
) -> None:
    one = sender(engine, clock, as_robot(robot))
    say(engine, clock, [message(f"{n:05}", 1 + n % 4) for n in range(10_000)])
    work(one)
    assert len(robot.got) == len(robot.asked) == 20
    assert robot.texts[-1].startswith("汇总：9,981 条消息")
    say(engine, clock, [message("late")])
    work(one)
    samples = scraped(home)
    assert samples["credit_monitor_pushes_total", "robot", "sent"] == 20
    assert samples["credit_monitor_pushes_total", "robot", "failed"] == 0
    assert samples["credit_monitor_push_messages_total", "robot", "sent"] == 19
    assert samples["credit_monitor_push_messages_total", "robot", "joined"] == 9_981
    assert samples["credit_monitor_push_waiting", "robot"] == 1
    assert samples["credit_monitor_push_not_acknowledged",] == 10_001
    assert abs(samples["credit_monitor_push_last_success_seconds", "robot"] - time.time()) < 60
    assert samples["credit_monitor_push_oldest_waiting_seconds", "robot"] < 60


def scraped(home: Home) -> dict[tuple[str, ...], float]:
    """Samples by name and labels' values, in the order of the labels' names."""
    text = exposition(home, Pulse(), Delays()).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
