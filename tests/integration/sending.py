"""A monitor that serves, as a real process, and a sender that talks to it over HTTP."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from monitor.store import log as eventlog
from monitor.store.home import Home, HomeError
from tests.command import Call, Commands

SINGLE = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


class Served:
    """A running `serve`: its process and its address."""

    def __init__(self, commands: Commands, *arguments: str, **settings: Any) -> None:
        self.call: Call = commands.start("serve", "--port", "0", *arguments, **settings)
        until = time.monotonic() + 60
        while not (address := self.call.printed()).endswith("\n"):
            assert time.monotonic() < until, self.call.told()
            time.sleep(0.01)
        self.address = address.strip()

    def wait_for_live(self) -> None:
        """Waits until what was there has been read."""
        until = time.monotonic() + 60
        while httpx.get(f"{self.address}healthz").json()["doing"] != "live":
            assert time.monotonic() < until, self.call.told()
            time.sleep(0.01)

    def end(self) -> str:
        """Ends it as an operator does; what it told."""
        self.call.kill(signal.SIGTERM)
        ended = self.call.wait()
        assert ended.status == 0, ended.told
        return ended.told


@contextmanager
def serving(commands: Commands, *arguments: str, **settings: Any) -> Iterator[Served]:
    """A `serve` that is ended at the end."""
    served = Served(commands, *arguments, **settings)
    try:
        yield served
    finally:
        served.end()


def token(commands: Commands, *arguments: str) -> dict[str, str]:
    """The header with a new token of the home `home`."""
    made = commands.good("token", "create", "--name", "registry", "--home", "home", *arguments)
    assert made.count("\n") == 1
    return {"Authorization": f"Bearer {made.strip()}"}


def batch_of(events: Sequence[bytes]) -> bytes:
    """The body of a batch."""
    return b"[" + b",".join(events) + b"]"


def ids_in_log(home: Path) -> Counter[str]:
    """How often each id stands in the log of a home; none where there is no home yet."""
    try:
        engine = Home(home).reader()
    except HomeError:
        return Counter()
    with engine.connect() as connection:
        found = Counter(one.id for block in eventlog.read_blocks(connection) for one in block.events)
    engine.dispose()
    return found


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem+json of an answer that must have a status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(answer.content)
    assert {"type", "title", "detail"} <= found.keys()
    assert found["status"] == status
    return found
