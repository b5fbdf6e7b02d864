"""The tests of the outbox once more, over a PostgreSQL database in place of a home; and one sender at a time there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine

from monitor.push.alone import LoneSender
from monitor.store.postgresql.database import Database
from tests.unit import test_outbox

OF_A_HOME = {"test_a_store_without_an_outbox_has_nothing_to_tell", "test_a_storm_leads_to_no_more_than_the_quota"}
"""The first drops tables; the second is the same in each database, and would take a minute here."""

globals().update(
    {
        name: test
        for name, test in vars(test_outbox).items()
        if name.startswith("test_") and callable(test) and name not in OF_A_HOME
    }
)


@pytest.fixture
def engine(database: Database) -> Engine:
    return database.engine


@pytest.fixture
def store(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


class Counted:
    """A sender that says when it sends."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def run(self, should_stop: Callable[[], bool], bell: threading.Event) -> None:
        self.began.set()
        while not should_stop():
            bell.wait(0.02)


def test_one_sends_and_the_next_takes_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.push.alone._TRY", 0.05)
    senders = [Counted(), Counted()]
    stops = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(
            target=LoneSender(database.engine, sender).run,  # type: ignore[arg-type]  # it only runs
            args=(stop.is_set, threading.Event()),
        )
        for sender, stop in zip(senders, stops, strict=True)
    ]
    threads[0].start()
    assert senders[0].began.wait(10)
    threads[1].start()
    assert not senders[1].began.wait(0.5)
    stops[0].set()
    assert senders[1].began.wait(10)
    stops[1].set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
