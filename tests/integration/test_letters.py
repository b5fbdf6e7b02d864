"""查无下落: the duty to send a second letter is done at the first cut after it was sent in time."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.moments import as_text, parse_moment, shanghai_date
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.work.taskbook import TaskBook
from monitor.supervision.todos import Todo
from tests.engine import KEY, event, line, opened, shipped_rules

CODE = "330106:0001"
FIRST = "2025-03-03T10:00:00+08:00"


class Letters:
    """A live home with an enterprise whose first letter came back."""

    def __init__(self, folder: Path) -> None:
        self.path, self.home = folder / "events.jsonl", Home(folder / "home")
        self.now = parse_moment(FIRST)
        self.path.write_bytes(b"")
        self.runner = self.open()
        self.runner.go_live()
        self.take(
            opened(CODE, address={"text": "杭州市西湖区文三路1号", "region": "330106"}),
            event(CODE, "enforcement.letter_sent", FIRST, id="S1", number="L1"),
            event(CODE, "enforcement.letter_returned", as_text(self.now + 1), id="R1", number="L1"),
        )

    def open(self) -> EmbeddedRunner:
        return EmbeddedRunner(self.home, shipped_rules(), Pseudonymiser([KEY]), clock=lambda: self.now)

    def restart(self) -> None:
        self.runner.close()
        self.runner = self.open()

    def write(self, *raws: Any) -> None:
        """Events that no cut has seen yet."""
        with self.path.open("ab") as file:
            file.writelines(line(raw) + b"\n" for raw in raws)
        self.runner._core.supervising._due_at = float("inf")  # noqa: SLF001 - no cut is due yet
        assert self.runner.drain(open_source(str(self.path), None)) == []

    def take(self, *raws: Any) -> None:
        self.write(*raws)
        self.runner.tick()

    def days_on(self, days: int) -> str:
        self.now = parse_moment(FIRST) + days * 86_400_000_000
        return as_text(self.now)

    def todo(self) -> Todo:
        with self.runner.reading() as connection:
            ids = [row[0] for row in connection.exec_driver_sql("SELECT about FROM todos")]
            (found,) = TaskBook(connection, lambda *_: 0).todos(ids)
        return found


@pytest.fixture
def letters(tmp_path: Path) -> Any:
    found = Letters(tmp_path)
    yield found
    found.runner.close()


@pytest.mark.parametrize(("days", "done"), [(14, False), (15, True), (30, True), (31, False)])
def test_a_second_letter_is_one_that_was_sent_in_its_window(letters: Letters, days: int, done: bool) -> None:
    assert (letters.todo().opens, letters.todo().due) == (dt.date(2025, 3, 18), dt.date(2025, 4, 2))
    sent = letters.days_on(days)
    letters.take(event(CODE, "enforcement.letter_sent", sent, id="S2", number="L2"))
    assert letters.todo().status(shanghai_date(letters.now)) == (
        "done" if done else "overdue" if days > 30 else "waiting"
    )
    assert letters.todo().done_at == (letters.now if done else None)


def test_the_first_cut_after_a_restart_finds_a_letter_that_came_before(letters: Letters) -> None:
    sent = letters.days_on(20)
    letters.write(event(CODE, "enforcement.letter_sent", sent, id="S2", number="L2"))
    assert letters.todo().done_at is None
    letters.restart()
    letters.runner.tick()
    assert letters.todo().done_at == letters.now


def test_a_replay_of_the_log_finds_it_done_at_the_same_moment(letters: Letters) -> None:
    letters.take(event(CODE, "enforcement.letter_sent", letters.days_on(20), id="S2", number="L2"))
    letters.days_on(21)
    letters.runner.tick()
    before = letters.todo()
    letters.runner.close()
    with closing(sqlite3.connect(letters.home.database)) as database, database:
        for table in ("alerts", "signal_changes", "todos", "tasks", "task_alerts"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
        database.execute("DELETE FROM meta WHERE key IN ('cuts', 'block of the last cut', 'queue day')")
    for snapshot in letters.home.snapshots.iterdir():
        snapshot.unlink()
    letters.runner = letters.open()
    assert letters.todo() == before
    assert before.done_at is not None
    assert before.done_at < letters.now
