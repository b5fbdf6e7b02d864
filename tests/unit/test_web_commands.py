"""`demo` and `serve` as a person uses them: what they print, how they end, what they refuse."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from monitor.store.home import Home
from tests.unit.web_home import KEY, filled, happenings

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from monitor.cli import main; main()")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A command that serves the page, and a visitor."""
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = process.stdout.readline().strip()
            assert address, process.stderr.read()
            with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
                yield process, client
        finally:
            process.kill()


def total(html: str, name: str) -> int:
    found = re.search(rf'data-total="{name}">([\d,]+)<', html)
    assert found is not None
    return int(found[1].replace(",", ""))


def wait_until_live(client: httpx.Client) -> str:
    with client.stream("GET", "/updates") as answer:
        for line in answer.iter_lines():
            if "实时监测中" in line:
                break
    return client.get("/").text


def test_the_demo_in_one_go_tells_what_came_of_it(tmp_path: Path) -> None:
    done = command("demo", "--once", "--enterprises", "300", "--home", str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert "全部由程序虚构" in done.stdout
    assert "made up by a program" in done.stdout
    assert re.search(r"事件\s+events\s+[2-4],\d{3}\n", done.stdout)
    assert re.search(r"经营主体\s+enterprises\s+300\n", done.stdout)
    assert re.search(r"查无下落\s+untraceable\s+\d+", done.stdout)
    assert "http" not in done.stdout + done.stderr, "no server was started"

    again = command("demo", "--once", "--enterprises", "300", "--home", str(tmp_path / "home"))
    assert again.stdout == done.stdout, "what was read is not read again"

    home = ("--home", str(tmp_path / "home"))
    tasks = [json.loads(row) for row in command("export", "tasks", *home).stdout.splitlines()]
    waiting = next(one["id"] for one in tasks if one["status"] == "proposed")
    assert command("task", "dispatch", waiting, *home).returncode == 0
    tasks = [json.loads(row) for row in command("export", "tasks", *home).stdout.splitlines()]
    (given,) = [one["assignees"] for one in tasks if one["id"] == waiting]
    assert len(given) == 2, "two of the made-up officers"

    other = command("demo", "--once", "--enterprises", "400", "--home", str(tmp_path / "home"))
    assert other.returncode == 1
    assert "--enterprises 300" in other.stderr


def test_a_demo_does_not_touch_other_data(tmp_path: Path) -> None:
    home = filled(tmp_path)
    done = command("demo", "--once", "--enterprises", "100", "--home", str(home.path))
    assert done.returncode == 1
    assert "choose another --home" in done.stderr
    assert not (home.path / "province").exists()


def test_serve_follows_its_sources_and_ends_cleanly(tmp_path: Path) -> None:
    path, home = tmp_path / "events.jsonl", tmp_path / "home"
    events = [line if isinstance(line, str) else json.dumps(line) for line in happenings()]
    path.write_text("\n".join(events[:10]) + "\n", encoding="utf-8")
    with serving("serve", "--home", str(home), "--source", str(path), "--port", "0") as (process, client):
        assert total(wait_until_live(client), "enterprises") == 10
        assert client.get("/healthz").json()["doing"] == "live"
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(events[10:]) + "\n")
        with client.stream("GET", "/updates") as answer:
            for line in answer.iter_lines():
                if (
                    line.startswith("data: ")
                    and total(json.loads(line[6:]).get("totals", PENDING), "enterprises") == 18
                ):
                    break
        html = client.get("/").text
        assert total(html, "dead_letters") == 3
        assert "一址多照" in html
        assert "程序虚构" not in html, "these data are not a demo's"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert list((home / "snapshots").glob("*.snapshot"))
    assert not (home / "monitor.db-wal").exists()


PENDING = '<dd data-total="enterprises">0</dd>'


def test_serve_without_sources_is_the_writer_of_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = filled(tmp_path)
    monkeypatch.setenv("CREDIT_MONITOR_PSEUDONYM_KEY", KEY.hex())
    with serving("serve", "--home", str(home.path), "--port", "0") as (_, client):
        assert total(wait_until_live(client), "enterprises") == 18
        second = command("serve", "--home", str(home.path), "--port", "0")
        assert second.returncode == 1
        assert "一个目录只能有一个写入者" in second.stderr


def test_a_port_that_was_asked_for_is_not_changed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("serve", "--home", str(tmp_path / "home"), "--port", port)
        assert done.returncode == 1
        assert "choose another --port" in done.stderr


def test_a_port_of_the_settings_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("CREDIT_MONITOR_PORT", str(port))
        with serving("serve", "--home", str(tmp_path / "home")) as (process, client):
            assert client.base_url.port != port
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert process.stderr is not None
            assert f"port {port} is taken" in process.stderr.read()


def test_a_host_other_than_this_machine_is_warned_of(tmp_path: Path) -> None:
    with serving("serve", "--home", str(tmp_path / "home"), "--host", "0.0.0.0", "--port", "0") as (process, client):  # noqa: S104
        assert client.get("/", headers={"host": "monitor.example"}).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "there is no sign-in yet" in process.stderr.read()


def test_the_home_of_a_demo_stays_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert command("demo", "--once", "--enterprises", "50", "--home", str(home)).returncode == 0
    with serving("serve", "--home", str(home), "--port", "0") as (_, client):
        assert "全部由程序虚构" in client.get("/").text
    assert Home(home).database.exists()
