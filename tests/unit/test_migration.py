"""A home of the previous version is brought up in place, by whoever comes first."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from monitor.store import deadletters
from monitor.store.home import Home, HomeError
from monitor.store.work import alertreader
from tests.engine import dead_letters, exported, read_home, run_file, save
from tests.reference.cases import make_case, poisoned


def made_old(home: Path) -> None:
    """Takes back what versions 2 and 3 brought: the first home knew no cuts."""
    database = sqlite3.connect(home / "monitor.db")
    database.execute("delete from log where seq = (select value from meta where key = 'block of the last cut')")
    database.execute("delete from meta where key in ('block of the last cut', 'cuts', 'queue day')")
    for name in ("alerts", "signal_changes", "objections", "notice_groups", "tasks", "task_alerts", "todos"):
        database.execute(f"drop table {name}")
    for name in ("reason", "source"):
        database.execute(f"drop index open_dead_letters_by_{name}")
    for name in ("tries", "mended_at", "mended_by", "mended_from", "became"):
        database.execute(f"alter table dead_letters drop column {name}")
    for name in ("dead_letter_counts", "open_dead_letters"):
        database.execute(f"drop table {name}")
    database.execute("update meta set value = '1' where key = 'schema'")
    database.commit()
    database.close()


def shape(home: Path) -> set[tuple[object, ...]]:
    """Columns and indexes of all tables."""
    database = sqlite3.connect(home / "monitor.db")
    names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    found: set[tuple[object, ...]] = set()
    for name in names:
        columns = database.execute(f"pragma table_info({name})").fetchall()
        found |= {(name, column[1], column[2], column[3], column[5]) for column in columns}
        found |= {(name, index[1]) for index in database.execute(f"pragma index_list({name})") if index[3] == "c"}
    database.close()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", poisoned(make_case(3, 80), 3)))
    return tmp_path / "home"


@pytest.mark.parametrize("first", ["writer", "reader"])
def test_a_home_of_the_previous_version_opens(home: Path, first: str) -> None:
    wanted, signals, now = dead_letters(home), exported(home), shape(home)
    counts = read_home(home, lambda reader: list(deadletters.counts(reader.connection, deadletters.ANY)))
    still_open = read_home(home, lambda reader: deadletters.open_counts(reader.connection))
    alerts = opening_stock(home)
    assert len(alerts) == len(signals)
    made_old(home)
    if first == "writer":
        run_file(home, home.parent / "events.jsonl")
    assert dead_letters(home) == wanted
    assert exported(home) == signals
    assert shape(home) == now
    assert read_home(home, lambda reader: list(deadletters.counts(reader.connection, deadletters.ANY))) == counts
    assert read_home(home, lambda reader: deadletters.open_counts(reader.connection)) == still_open
    assert Counter(one["reason"] for one in wanted).total() == sum(still_open.values()) > 10
    run_file(home, home.parent / "events.jsonl")
    assert opening_stock(home) == alerts


def opening_stock(home: Path) -> set[str]:
    found = read_home(home, lambda reader: list(alertreader.read(reader.connection)))
    return {one["id"] for one in found if "opening_stock" in one["flags"]}


def test_a_reader_beside_an_older_writer_is_told_so(home: Path) -> None:
    made_old(home)
    lock = Home(home).lock()
    with pytest.raises(HomeError, match="stop the older program"):
        Home(home).reader()
    lock.release()
    assert dead_letters(home)
