"""Live updates: what an open page is sent while the writer works, and how serving begins and ends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from detectors.example import event, several
from monitor.engine.delays import Delays
from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.web.app import create_app
from monitor.web.render import PARTS
from monitor.web.server import PageError, PageServer, address_of, listen
from monitor.web.watch import Watch
from tests.unit.web_home import HOSTILE, filled, happenings, take_in, visiting, writing


def messages(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """The parts sent in each server-sent event, as they come."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_an_open_page_is_sent_what_changes(tmp_path: Path) -> None:
    home, pulse = Home(tmp_path / "home"), Pulse()
    with writing(home) as runner, visiting(home, pulse) as client, client.stream("GET", "/updates") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        sent = messages(answer)
        first = next(sent)
        assert tuple(first) == PARTS
        assert "暂无信号" in first["newest"]
        take_in(runner, tmp_path, happenings())
        second = next(sent)
        assert 'data-total="events">27<' in second["totals"]
        if "newest" not in second:  # the events were seen before what follows from them
            second = next(sent)
        assert "一址多照" in second["newest"]
        pulse.turn_to("live")
        third = next(sent)
        assert list(third) == ["status"], "what did not change is not sent again"
        assert "实时监测中" in third["status"]


def test_updates_speak_the_language_of_the_page(tmp_path: Path) -> None:
    with visiting(filled(tmp_path), Pulse()) as client:
        for language, word in (("zh", "信号"), ("en", "Signals")):
            with client.stream("GET", f"/updates?lang={language}") as answer:
                assert word in next(messages(answer))["totals"]


def test_hostile_names_stay_text_in_updates(tmp_path: Path) -> None:
    with visiting(filled(tmp_path), Pulse()) as client, client.stream("GET", "/updates") as answer:
        newest = next(messages(answer))["newest"]
    assert HOSTILE not in newest
    assert "<script" not in newest
    assert "&lt;script&gt;" in newest


def test_many_pages_cost_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, looks = filled(tmp_path), []
    real = Watch._changed  # noqa: SLF001 (counts how often the database is read)

    def counted(watch: Watch) -> Any:
        found = real(watch)
        looks.append(found is not None)
        return found

    monkeypatch.setattr(Watch, "_changed", counted)
    with visiting(home, Pulse()) as client:
        for _ in range(20):
            assert client.get("/").status_code == 200
        time.sleep(1.2)
    assert sum(looks) == 1, "nothing was written, so it is read once"


def test_streams_end_with_the_server(tmp_path: Path) -> None:
    home, ended = filled(tmp_path), threading.Event()

    def follow(client: httpx.Client) -> None:
        with client.stream("GET", "/updates") as answer:
            begun.set()
            for _ in answer.iter_bytes():
                pass
        ended.set()

    begun = threading.Event()
    with httpx.Client(trust_env=False) as other:
        with visiting(home, Pulse()) as client:
            other.base_url = client.base_url
            thread = threading.Thread(target=follow, args=(other,))
            thread.start()
            assert begun.wait(10)
            started = time.monotonic()
        assert time.monotonic() - started < 5
        thread.join(10)
    assert ended.is_set(), "the stream ended as a stream does, not by a broken connection"


def test_a_taken_port_is_left_for_a_free_one_only_where_that_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listen("127.0.0.1", port, fallback=True) as listener:
            assert listener.getsockname()[1] not in (0, port)
            assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(PageError, match=f"{port}.*--port"):
            listen("127.0.0.1", port, fallback=False)


def test_a_host_that_cannot_be_resolved_is_told() -> None:
    with pytest.raises(PageError, match="--host"):
        listen("no such host", 0, fallback=True)


# uvicorn ends its thread by SystemExit then, which Python ignores and pytest does not.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_page_that_cannot_start_is_told(tmp_path: Path) -> None:
    listener = listen("127.0.0.1", 0, fallback=False)

    @asynccontextmanager
    async def broken(app: object) -> AsyncIterator[None]:
        if app is not None:
            raise RuntimeError("broken")
        yield

    app = create_app(Home(tmp_path), Pulse(), Delays(), hosts=None, made_up=False)
    app.router.lifespan_context = broken
    with pytest.raises(PageError), PageServer(app, listener):
        pytest.fail("it does not start")


def test_the_page_reads_beside_the_writer(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with writing(home) as runner, visiting(home, Pulse()) as client, client.stream("GET", "/updates"):
        for number in range(3):
            take_in(runner, tmp_path, several(6, number * 10, room=f"1幢{number}室")[number:])
            take_in(runner, tmp_path, [event(f"E00{number}", "tax.irregular", 30)])
            assert client.get("/").status_code == 200
        assert runner.progress.dead_letters == 0
