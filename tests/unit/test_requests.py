"""What commands ask of the writer of a home through files: taken up in order, answered once, never lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.desk import requests
from monitor.desk.requests import Answer, Desk, Request, Work, ask
from monitor.store.home import Home, HomeError, HomeHeldError


class Counting:
    """Work in some steps; fails where it is asked to."""

    def __init__(self, writer: Writer, request: Request) -> None:
        self._left = request.body["steps"]
        self._fails = request.body.get("fails")
        self._writer = writer

    def step(self) -> dict[str, Any] | None:
        if self._fails is not None:
            self._writer.ahead = bool(self._fails)
            raise OSError("the disk is full")
        self._left -= 1
        self._writer.steps += 1
        return {"done": True} if self._left == 0 else None

    def close(self) -> None:
        self._writer.closed += 1


class Writer:
    """A writer that does nothing else."""

    def __init__(self, home: Home) -> None:
        self.ahead = False
        self.steps = 0
        self.closed = 0
        self.desk: Desk[Writer] = Desk(home, KINDS)
        self._lock = home.lock()

    def answer_requests(self) -> bool:
        return self.desk.turn(self)

    def close(self) -> None:
        self.desk.close()
        self._lock.release()


KINDS: dict[str, Callable[[Writer, Request], Work]] = {"count": Counting}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def put(home: Home, name: str, content: bytes | Request) -> Path:
    folder = home.path / "requests"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
    return path


def left(home: Home) -> list[str]:
    return sorted(path.name for path in (home.path / "requests").glob("*"))


def answer(home: Home, name: str) -> Answer:
    return msgspec.json.decode((home.path / "requests" / f"{name}.answer.json").read_bytes(), type=Answer)


def never() -> Writer:
    raise HomeHeldError("somebody else")


def test_a_home_of_which_nothing_is_asked_costs_nothing(home: Home) -> None:
    writer = Writer(home)
    assert not writer.answer_requests()
    (home.path / "requests").mkdir()
    began = time.perf_counter()
    for _ in range(1000):
        assert not writer.answer_requests()
    assert time.perf_counter() - began < 1.0, "some microseconds each; a thousand times that fails"
    writer.close()


def test_a_command_without_a_writer_becomes_it(home: Home) -> None:
    assert ask(home, "count", {"steps": 3}, lambda: Writer(home), print) == {"done": True}
    assert left(home) == []
    assert oct((home.path / "requests").stat().st_mode & 0o777) == "0o700"
    home.lock().release()


def test_a_request_is_its_owner_s_alone(home: Home) -> None:
    seen: list[tuple[str, str]] = []

    def become() -> Writer:
        seen.extend((path.name, oct(path.stat().st_mode & 0o777)) for path in (home.path / "requests").iterdir())
        return Writer(home)

    ask(home, "count", {"steps": 1}, become, print)
    ((name, mode),) = seen
    assert name.endswith(".json")
    assert mode == "0o600"


def test_a_writer_answers_the_oldest_first_and_each_once(home: Home) -> None:
    for name in ("2", "1", "3"):
        put(home, name, Request(name, "count", {"steps": 2}))
    writer = Writer(home)
    for _ in range(2):
        assert writer.answer_requests()
    assert left(home) == ["1.answer.json", "1.json", "2.json", "3.json"]
    while writer.answer_requests():
        pass
    assert (writer.steps, writer.closed) == (6, 3)
    assert not writer.answer_requests(), "what is answered waits for its command, and is not done again"
    writer.close()


def test_what_another_process_asks_is_answered_while_it_waits(home: Home) -> None:
    writer = Writer(home)
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            writer.answer_requests()
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ask(home, "count", {"steps": 5}, never, print) == {"done": True}
        with pytest.raises(HomeError, match="disk is full"):
            ask(home, "count", {"steps": 1, "fails": 0}, never, print)
        with pytest.raises(HomeError, match="does not know such a request: dance"):
            ask(home, "dance", {}, never, print)
        assert ask(home, "count", {"steps": 1}, never, print) == {"done": True}, "the writer goes on"
    finally:
        ended.set()
        thread.join()
        writer.close()
    assert left(home) == []


def test_a_writer_whose_state_is_ahead_of_its_store_ends(home: Home) -> None:
    put(home, "1", Request("1", "count", {"steps": 1, "fails": 1}))
    writer = Writer(home)
    with pytest.raises(OSError, match="disk is full"):
        writer.answer_requests()
    assert left(home) == ["1.json"], "the next writer takes it up"
    writer.close()


def test_a_withdrawn_request_is_laid_down(home: Home) -> None:
    path = put(home, "1", Request("1", "count", {"steps": 100}))
    writer = Writer(home)
    writer.answer_requests()
    path.unlink()
    assert writer.answer_requests()
    assert (writer.steps, writer.closed) == (1, 1)
    assert not writer.answer_requests()
    writer.close()


def test_what_is_no_request_is_told_so(home: Home) -> None:
    put(home, "1", b"{")
    (home.path / "requests" / ".2.json.9.new").write_text("half")
    writer = Writer(home)
    assert not writer.answer_requests()
    assert "cannot be read" in answer(home, "1").error
    writer.close()


def test_an_answer_that_nobody_fetches_goes_after_a_day(home: Home) -> None:
    put(home, "1", Request("1", "count", {"steps": 1}))
    writer = Writer(home)
    writer.answer_requests()
    assert not writer.answer_requests()
    long_ago = time.time() - 25 * 3600
    os.utime(home.path / "requests" / "1.answer.json", (long_ago, long_ago))
    assert not writer.answer_requests()
    assert left(home) == []
    writer.close()


def test_a_command_says_that_it_waits_and_gives_up_in_the_end(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_TOLD_AFTER", 0.1)
    monkeypatch.setattr(requests, "_PATIENCE", 0.5)
    told: list[str] = []
    with pytest.raises(HomeError, match="withdrawn"):
        ask(home, "count", {"steps": 1}, never, told.append)
    assert len(told) == 1
    assert "still waiting" in told[0]
    assert left(home) == []
