"""The audit log: what may be appended, what the database refuses, and heads on other storage."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from config.moments import DAY, HOUR, SECOND
from config.ruleset import load
from monitor.desk.recording import RECORD, Scribe
from monitor.desk.requests import Request
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import heads
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.audit import chain as audit
from monitor.store.audit import heads as audit_heads
from monitor.store.audit.chain import AuditEntry, Head
from monitor.store.audit.proof import Fault, verify
from monitor.store.errors import StoreError
from monitor.store.home import Home
from monitor.store.writer import read_counters
from tests.unit.web_home import CLOCK, KEY

LOOK = AuditEntry(at=1, officer="li.lei", action="explain", kind="enterprise", key="E0001", outcome="seen")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    home = Home(tmp_path / "home")
    home.create()
    engine = home.writer()
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def test_anybody_can_recompute_a_digest_from_what_is_documented(connection: Connection) -> None:
    detail: dict[str, audit.Value] = {"条": "一", "a": [1, "2"], "b": None}
    audit.append(connection, [LOOK, AuditEntry(at=2, officer="韩梅梅", action="x", kind="y", detail=detail)])

    def netstrings(*fields: object) -> bytes:
        return b"".join(b"%d:%s," % (len(str(one).encode()), str(one).encode()) for one in fields)

    home = audit.home_id(connection)
    previous = hashlib.sha256(f"credit-monitor audit log, version 1, of home {home}".encode()).hexdigest()
    for row in audit.exported(connection):
        stored = json.dumps(row["detail"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        at = row["number"]  # the moments of these rows
        fields = (row["number"], at, *(row[name] for name in ("officer", "action", "kind", "key", "outcome")), stored)
        assert row["previous"] == previous
        assert row["digest"] == hashlib.sha256(netstrings(*fields, previous)).hexdigest()
        previous = row["digest"]
    assert audit.head(connection, 0) == Head(home, 2, previous, "1970-01-01T08:00:00+08:00")


@pytest.mark.parametrize(
    "fields",
    [
        {"officer": ""},
        {"action": ""},
        {"kind": ""},
        {"officer": "a\nb"},
        {"key": "a\0b"},
        {"key": "\udce9"},
        {"action": "\u2028"},
    ],
)
def test_an_entry_needs_an_officer_and_shows_what_it_holds(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="printable"):
        AuditEntry(**{"at": 1, "officer": "o", "action": "a", "kind": "k", **fields})


def test_what_a_transaction_takes_back_was_never_there(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        audit.append(connection, [LOOK] * 3)
        transaction.rollback()
    with engine.begin() as connection:
        audit.append(connection, [])
        audit.append(connection, [LOOK])
        assert verify(connection).rows == 1
        assert verify(connection).fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET officer = 'other' WHERE number = 2",
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT 2, 9, officer, action, kind, key, outcome, detail, previous, digest "
        "FROM audit WHERE number = 1",
        "INSERT INTO audit SELECT 5, at, officer, action, kind, key, outcome, detail, previous, digest "
        "FROM audit WHERE number = 1",
    ],
)
def test_the_database_refuses_to_change_it(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        audit.append(connection, [LOOK] * 3)
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    with engine.connect() as connection:
        assert verify(connection).rows == 3


def test_a_long_log_is_read_in_portions(connection: Connection) -> None:
    audit.append(connection, [LOOK] * 2345)
    assert (verify(connection).rows, verify(connection).fault) == (2345, None)
    connection.execute(text("DROP TRIGGER audit_no_update"))
    connection.execute(text("UPDATE audit SET key = CAST(x'ff' AS TEXT) WHERE number = 2222"))
    assert verify(connection).fault == Fault(2222, "changed")
    connection.execute(text("UPDATE audit SET key = 'E0001' WHERE number = 2222"))
    assert verify(connection).fault is None
    connection.execute(text("UPDATE audit SET at = 5 WHERE number = 2001"))
    assert verify(connection).fault == Fault(2001, "changed")


def test_a_home_without_a_log_says_so(connection: Connection) -> None:
    connection.execute(text("DELETE FROM meta WHERE key = 'home'"))
    with pytest.raises(StoreError, match="no audit log here yet"):
        verify(connection)


def test_a_log_that_was_thrown_away_is_cut_off(engine: Engine) -> None:
    with engine.begin() as connection:
        audit.append(connection, [LOOK] * 3)
        newest = audit.head(connection, 0)
        connection.execute(text("DROP TABLE audit"))
    with engine.connect() as connection:
        assert verify(connection, [newest]).fault == Fault(1, "cut off", 3)
        assert "cut off before head 3: row 1" in Fault(1, "cut off", 3).told()


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = CLOCK

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def writer(tmp_path: Path, clock: Clock, place: Path) -> EmbeddedRunner:
    return EmbeddedRunner(Home(tmp_path / "home"), load(), Pseudonymiser([KEY]), clock=clock, audit_heads=place)


# --- what commands hand in


def test_what_was_written_before_a_kill_and_not_answered_is_not_written_again(engine: Engine, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folder = home.path / "requests"
    folder.mkdir()
    for name in ("1", "2"):
        body = msgspec.to_builtins({"entries": [LOOK, LOOK]})
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(Request(name, RECORD, body)))
    scribe = Scribe(home)
    assert scribe.answer_requests()
    scribe.close()
    (folder / "1.answer.json").unlink()  # as if the scribe had been killed before it answered
    scribe = Scribe(home)
    while scribe.answer_requests():
        pass
    scribe.close()
    with engine.connect() as connection:
        assert verify(connection).rows == 4
    assert sorted(path.name for path in folder.glob("*.answer.json")) == ["1.answer.json", "2.answer.json"]


@pytest.mark.parametrize(
    "body", [{}, {"entries": [{"at": 1}]}, {"entries": [{**msgspec.to_builtins(LOOK), "key": "\n"}]}]
)
def test_what_are_no_entries_is_refused_and_the_writer_goes_on(
    tmp_path: Path, clock: Clock, body: dict[str, Any]
) -> None:
    with closing(writer(tmp_path, clock, tmp_path / "heads")) as runner:
        folder = tmp_path / "home" / "requests"
        folder.mkdir()
        (folder / "1.json").write_bytes(msgspec.json.encode(Request("1", RECORD, body)))
        assert runner.answer_requests()
        assert msgspec.json.decode((folder / "1.answer.json").read_bytes())["error"]
        assert not runner.ahead
        runner.tick()


# --- heads on other storage


def test_heads_are_appended_line_by_line(tmp_path: Path) -> None:
    first, second = Head("ours", 1, "aa", "then"), Head("ours", 2, "bb", "now")
    audit_heads.keep(tmp_path, first)
    audit_heads.keep(tmp_path, Head("theirs", 9, "cc", "now"))
    file = audit_heads.file_of(tmp_path, "ours")
    assert audit_heads.read(file) == ([first], [])
    with file.open("a") as torn:
        torn.write('{"home":"ours","num')
    audit_heads.keep(file, second)
    assert audit_heads.read(file) == ([first, second], [2])
    assert json.loads(audit_heads.line_of(second))["number"] == 2


def kept(place: Path) -> list[int]:
    return [one.number for one in audit_heads.read(place)[0]] if place.exists() else []


def counted(tmp_path: Path) -> dict[str, int]:
    engine = Home(tmp_path / "home").reader()
    with engine.connect() as connection:
        found = {label: count for (name, label), count in read_counters(connection).items() if name == "audit_heads"}
    engine.dispose()
    return found


def test_a_running_writer_keeps_a_head_once_a_day_and_at_its_end(tmp_path: Path, clock: Clock) -> None:
    place = tmp_path / "heads"
    runner = writer(tmp_path, clock, place)
    assert kept(place) == [1], "with the rules that were activated; the scorecards come after"
    runner.tick()
    clock.now += 11 * HOUR
    runner.tick()
    assert kept(place) == [1], "it is noon in Shanghai, then an hour before midnight"
    clock.now += HOUR + SECOND
    runner.tick()
    assert kept(place) == [1, 2], "another day of Asia/Shanghai, though not of UTC"
    runner.go_live()
    runner.close()
    assert kept(place) == [1, 2, 3]
    assert counted(tmp_path) == {"written": 3}
    runner = writer(tmp_path, clock, place)
    runner.tick()
    runner.close()
    assert kept(place) == [1, 2, 3], "what is kept is not kept again on the same day"
    clock.now += DAY
    writer(tmp_path, clock, place).close()
    assert kept(place) == [1, 2, 3, 3]
    writer(tmp_path, clock, tmp_path / "elsewhere").close()
    assert kept(tmp_path / "elsewhere") == [3], "another place knows nothing of the day yet"
    engine = Home(tmp_path / "home").reader()
    with engine.connect() as connection:
        assert verify(connection, audit_heads.read(place)[0]).fault is None
    engine.dispose()


def test_a_place_that_cannot_be_written_is_told_and_counted_and_stops_nobody(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "mounted" / "heads"
    monkeypatch.setattr(heads, "_AGAIN", 1.0)
    with caplog.at_level(logging.WARNING):
        runner = writer(tmp_path, clock, place)
        runner.go_live()
        for _ in range(5):
            runner.tick()
    assert [record.message.count("No such file or directory") for record in caplog.records] == [2], "told once"
    place.parent.mkdir()
    time.sleep(1.1)
    runner.tick()
    assert kept(place) == [3]
    runner.close()
    assert counted(tmp_path) == {"failed": 1, "written": 1}


def test_a_place_that_hangs_holds_nobody_up(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead network share, for which this function stands: nothing else in a test hangs for ever."""
    released = threading.Event()
    tries = []

    def hang(place: Path, head: Head) -> None:
        tries.append(head.number)
        released.wait()

    monkeypatch.setattr(audit_heads, "keep", hang)
    monkeypatch.setattr(heads, "_PATIENCE", 0.1)
    monkeypatch.setattr(heads, "_AGAIN", 0.0)
    with caplog.at_level(logging.WARNING):
        runner = writer(tmp_path, clock, tmp_path / "heads")
        for _ in range(5):
            runner.tick()
        runner.close()
    assert tries == [1], "nobody waits twice for the same silence"
    assert "without an answer" in caplog.text
    assert counted(tmp_path) == {"failed": 1}
    released.set()
