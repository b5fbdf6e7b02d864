"""Push as an operator meets it: `push test`, `push list`, and `serve` that is killed while it sends."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.moments import SECOND
from monitor.store.home import Home
from monitor.store.outgoing import outbox
from monitor.store.outgoing.messages import Message
from tests import push_servers
from tests.command import Commands
from tests.push_servers import Reply, Server, serving

TOKEN, SIGN = "tok-7f31c0", "SEC0123456789abcdef"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    made = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return made


@pytest.fixture
def commands(command: Commands, tmp_path: Path) -> Commands:
    command.folder = tmp_path
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "sign").write_text(SIGN)
    command.patches = {}
    return command


@pytest.fixture
def robot() -> Iterator[Server]:
    with serving(push_servers.dingtalk(TOKEN, SIGN)) as server:
        yield server


def write(commands: Commands, server: Server, **more: Any) -> None:
    """The file of channels, with its secrets beside it."""
    address = {"url": f"{server.url}/robot/send", "access_token": {"file": "token"}, "secret": {"file": "sign"}}
    robot = {"name": "robot", "kind": "dingtalk", "allow_hosts": ["127.0.0.1"], "timeout": 2, "address": address}
    pages = {"name": "pages", "kind": "in-app"}
    (commands.folder / "channels.yaml").write_text(json.dumps({"version": 1, "channels": [pages, {**robot, **more}]}))


def say(folder: Path, keys: list[str]) -> None:
    home = Home(folder / "home")
    home.create()
    engine = home.writer()
    with engine.begin() as connection:
        new = [Message(key, "task", key, f"任务 {key}", f"task {key}", "", "", 3, "330106") for key in keys]
        outbox.enqueue(connection, new, time.time_ns() // 1000)
    engine.dispose()


def test_a_channel_is_tried(commands: Commands, robot: Server) -> None:
    write(commands, robot)
    said = commands.good("push", "test", "robot", "--push", "channels.yaml")
    assert '{"errcode": 0, "errmsg": "ok"}' in said
    (text,) = robot.texts
    assert text.startswith("测试消息 T-")
    assert commands.good("push", "test", "robot", push="channels.yaml")
    assert "pages" in commands.good("push", "test", "pages", "--push", "channels.yaml")
    assert "nothing is sent" in commands.good("push", "test", "in-app")


def test_what_is_wrong_is_one_line(commands: Commands, robot: Server) -> None:
    write(commands, robot)
    assert "there are: pages、robot" in commands.bad("push", "test", "none", "--push", "channels.yaml")
    (commands.folder / "sign").write_text("another")
    told = commands.bad("push", "test", "robot", "--push", "channels.yaml")
    assert "310000" in told
    assert TOKEN not in told
    (commands.folder / "sign").unlink()
    assert "file:sign" in commands.bad("push", "test", "robot", "--push", "channels.yaml")
    (commands.folder / "sign").write_text(SIGN)
    write(commands, robot, allow_hosts=[])
    assert "allow_hosts" in commands.bad("push", "test", "robot", "--push", "channels.yaml")
    (commands.folder / "channels.yaml").write_text("version: 2")
    for call in (("push", "list"), ("push", "test", "robot"), ("serve", "--home", "home")):
        assert "file of channels is wrong" in commands.bad(*call, "--push", "channels.yaml")
    assert not (commands.folder / "home").exists()


def test_channels_are_listed_with_what_became_of_them(commands: Commands, robot: Server) -> None:
    write(commands, robot)
    before = commands.good("push", "list", "--push", "channels.yaml", "--home", "home")
    assert ("robot" in before, "pages" in before) == (True, True)
    say(commands.folder, ["T-1", "T-2"])
    running = commands.start("serve", "--home", "home", "--port", "0", "--push", "channels.yaml")
    wait_for(robot, 2)
    running.kill(signal.SIGTERM)
    ended = running.wait()
    assert ended.status == 0, ended.told
    assert not list((commands.folder / "home").glob("*-wal"))
    listed = commands.good("push", "list", "--push", "channels.yaml", "--home", "home").splitlines()
    by_name = {line.split()[0]: line.split() for line in listed}
    assert by_name["robot"][:6] == ["robot", "dingtalk", "0", "2", "0", "0"]
    assert by_name["pages"] == ["pages", "in-app", "2"]
    assert "未配置 not configured" in commands.good("push", "list", "--home", "home")


def test_kills_lose_nothing_and_repeat_one_message_at_most(commands: Commands, robot: Server) -> None:
    write(commands, robot, quota={"count": 1000, "seconds": 1}, timeout=2)
    commands.patches = {"monitor.push.sender._FIRST_BACK_OFF": SECOND // 10, "monitor.push.sender._SLACK": 0.0}
    judge = robot.judge

    def slowly(got: push_servers.Got) -> Reply:
        reply = judge(got)
        return Reply(reply.status, reply.body, wait=0.05)

    robot.judge = slowly
    keys = [f"T-{n:02}" for n in range(40)]
    say(commands.folder, keys)
    kills = 0
    for already in (1, 8, 15, 22):
        running = commands.start("serve", "--home", "home", "--port", "0", "--push", "channels.yaml")
        wait_for(robot, already)
        running.kill()
        assert running.wait().status == -signal.SIGKILL
        kills += 1
    running = commands.start("serve", "--home", "home", "--port", "0", "--push", "channels.yaml")
    wait_for_all(robot, keys)
    time.sleep(0.5)
    running.kill(signal.SIGTERM)
    ended = running.wait()
    assert ended.status == 0, ended.told
    times = Counter(text.removeprefix("任务 ") for text in robot.texts)
    assert set(times) == set(keys)
    assert times.total() <= len(keys) + kills
    assert max(times.values()) <= 2


def wait_for(server: Server, count: int) -> None:
    until = time.monotonic() + 60
    while len(server.got) < count:
        assert time.monotonic() < until, f"{len(server.got)} of {count}"
        time.sleep(0.01)


def wait_for_all(server: Server, keys: list[str]) -> None:
    until = time.monotonic() + 60
    while missing := set(keys) - {text.removeprefix("任务 ") for text in server.texts}:
        assert time.monotonic() < until, missing
        time.sleep(0.05)
