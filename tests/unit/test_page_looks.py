"""Looks at what is opened on a page are on record: who, at what, once an hour, and nobody who cannot be told apart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from config.settings import account
from monitor.desk.recording import hand_in
from monitor.engine.delays import Delays
from monitor.metrics import Pulse
from monitor.store.audit import chain
from monitor.store.audit.chain import AuditEntry
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.web import looks
from monitor.web.app import create_app
from monitor.web.looks import Record
from monitor.web.server import PageServer, address_of, listen
from monitor.web.shield import LOOPBACK_HOSTS
from tests.unit.web_home import filled

ALERT, OTHER, TASK = "a-" + "1" * 32, "a-" + "2" * 32, "t-" + "3" * 32
ME = f"local user {account()}"


@contextmanager
def page(home: Home, record: Record, *, header: str | None = None, here: bool = True) -> Iterator[httpx.Client]:
    """A visitor of a page whose looks are recorded."""
    listener = listen("127.0.0.1", 0, fallback=False)
    hosts = LOOPBACK_HOSTS if here else None
    app = create_app(home, Pulse(), Delays(), hosts=hosts, made_up=False, record=record, user_header=header)
    with PageServer(app, listener), httpx.Client(base_url=address_of(listener), trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("looks"))


class Kept:
    """Keeps what it is to record."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def __call__(self, entries: Sequence[AuditEntry]) -> None:
        self.entries += entries

    def wait(self, count: int) -> list[tuple[str, str, str]]:
        """So many, and no more that follow at once."""
        until = time.monotonic() + 10
        while len(self.entries) < count and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        return [(one.officer, one.action, one.key) for one in self.entries]


def seen(client: httpx.Client, path: str, *opened: str, **headers: str) -> None:
    answer = client.get(path, params={"open": list(opened)}, headers=headers)
    assert answer.status_code == 200


def test_what_is_opened_is_recorded_once_however_often_the_page_refreshes(home: Home) -> None:
    kept = Kept()
    with page(home, kept) as client:
        seen(client, "/supervision")
        seen(client, "/supervision", ALERT)
        for _ in range(3):
            seen(client, "/supervision/parts", ALERT, OTHER)
        seen(client, "/tasks", TASK, ALERT)
        seen(client, "/supervision", "11010519491231002X", TASK)
        assert kept.wait(3) == [
            (ME, "page.alert", ALERT),
            (ME, "page.alert", OTHER),
            (ME, "page.task", TASK),
        ]


def test_a_look_is_recorded_again_after_an_hour(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    monkeypatch.setattr(looks, "AGAIN", 0.0)
    with page(home, kept) as client:
        seen(client, "/supervision", ALERT)
        seen(client, "/supervision", ALERT)
        assert kept.wait(2) == [(ME, "page.alert", ALERT)] * 2


def test_a_proxy_names_who_looks(home: Home) -> None:
    kept = Kept()
    with page(home, kept, header="X-User", here=False) as client:
        seen(client, "/supervision", ALERT, **{"X-User": "li.lei"})
        seen(client, "/supervision", ALERT, **{"x-user": "han.meimei"})
        seen(client, "/supervision", ALERT)
        seen(client, "/supervision", ALERT, **{"X-User": "x" * 65})
        assert kept.wait(2) == [("li.lei", "page.alert", ALERT), ("han.meimei", "page.alert", ALERT)]


def test_a_header_that_is_not_trusted_names_nobody(home: Home) -> None:
    kept = Kept()
    with page(home, kept, here=False) as client:
        seen(client, "/supervision", ALERT, **{"X-User": "li.lei"})
        assert kept.wait(0) == []


def test_looks_come_into_the_audit_log_of_a_home(home: Home) -> None:
    with page(home, partial(hand_in, home)) as client:
        seen(client, "/supervision", ALERT)
        until = time.monotonic() + 20
        rows: list[Any] = []
        while not rows and time.monotonic() < until:
            time.sleep(0.1)
            with looking(home) as reader:
                rows = [one for one in chain.exported(reader.connection) if one["action"] == "page.alert"]
    assert [(one["officer"], one["kind"], one["key"], one["outcome"]) for one in rows] == [(ME, "alert", ALERT, "seen")]


def test_a_log_that_cannot_be_written_is_told_of_and_the_page_goes_on(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Sequence[AuditEntry]) -> None:
        raise OSError("no space")

    with page(home, fail) as client:
        seen(client, "/supervision", ALERT)
        seen(client, "/supervision", OTHER)
        time.sleep(0.2)
    assert "no space" in caplog.text
