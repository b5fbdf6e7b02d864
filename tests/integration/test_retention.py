"""Lapsed adverse information goes from log, state and files, and what is left is what a fresh run over it gives."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy
import zstandard
from sqlalchemy import Engine

from config.moments import parse_moment
from monitor.events.acts import Act, AlertAcknowledged
from monitor.events.types import RetentionApplied
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import retaining
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store import snapshots
from monitor.store.audit import chain as audit
from monitor.store.home import Home, HomeError, HomeHeldError
from monitor.store.log import read_blocks
from monitor.store.work import alertreader
from tests.engine import KEY, event, exported, line, read_home, shipped_rules

CLOCK = parse_moment("2026-03-01T12:00:00+08:00")
DAY = dt.date(2021, 1, 1)
OLD, NEW = "OLD-", "NEW-"
"""What the documents and numbers of lapsed and of kept events begin with."""

Raw = dict[str, Any]


def at(year: int, month: int = 6) -> str:
    return f"{year}-{month:02d}-01T10:00:00+08:00"


def history(code: str) -> list[Raw]:
    """An enterprise with what has lapsed, what is recent, and what is old and goes on."""
    place = {"text": "杭州市西湖区文三路90号1幢101室", "region": "330106"}
    led = {"role": "legal_representative", "id": "p1:" + "c" * 32}
    number = code[-1]
    return [
        event(code, "registration.established", at(2012), name="甲", kind="enterprise", address=place, persons=[led]),
        event(code, "enforcement.penalised", at(2015), id=f"{OLD}1", document=f"{OLD}P{number}", category="罚款"),
        event(code, "enforcement.dishonest_listed", at(2014), id=f"{OLD}2", document=f"{OLD}D{number}"),
        event(code, "enforcement.dishonest_removed", at(2018), id=f"{OLD}3", document=f"{OLD}D{number}"),
        event(code, "enforcement.letter_sent", at(2016, 1), id=f"{OLD}4", number=f"{OLD}L{number}"),
        event(code, "enforcement.letter_returned", at(2016, 2), id=f"{OLD}5", number=f"{OLD}L{number}"),
        event(code, "enforcement.visited", at(2017), id=f"{NEW}1", found=True),
        *(
            event(code, "complaint.received", at(2019), id=f"{OLD}6{nth}", number=f"{OLD}C{number}{nth}")
            for nth in range(6)
        ),
        event(code, "enforcement.abnormal_listed", at(2013), id=f"{NEW}2", ground="report", document=f"{NEW}A{number}"),
        event(code, "enforcement.penalised", at(2023), id=f"{NEW}3", document=f"{NEW}P{number}", amount=80_000),
        event(code, "complaint.received", at(2026, 2), id=f"{NEW}4", number=f"{NEW}C{number}"),
    ]


EVENTS = [one for number in range(6) for one in history(f"330106:000{number}")]
LAPSED = [one for one in EVENTS if one["id"].startswith(OLD)]


def writer(home: Path, clock: int = CLOCK) -> EmbeddedRunner:
    return EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: clock)


def read(runner: EmbeddedRunner, folder: Path, events: list[Raw]) -> None:
    path = folder / f"{len(list(folder.iterdir()))}.jsonl"
    path.write_bytes(b"".join(line(one) + b"\n" for one in events))
    assert runner.drain(open_source(str(path), None)) == []


def filled(folder: Path, events: list[Raw]) -> Path:
    """A live home in a folder; it went live in 2019, when five complaints in a month made an alert."""
    home, early = folder / "home", [one for one in events if one["time"] < at(2020)]
    runner = writer(home, parse_moment(at(2019)) + 3_600_000_000)
    read(runner, folder, early)
    runner.go_live()
    runner.close()
    for day in ("2019-12-01", "2019-12-03"):  # the alerts fall away, then they are cleared
        runner = writer(home, parse_moment(f"{day}T12:00:00+08:00"))
        runner.tick()
        runner.close()
    runner = writer(home)
    read(runner, folder, [one for one in events if one not in early])
    runner.tick()
    runner.close()
    return home


def apply(home: Path) -> dict[str, int]:
    counts = retaining.delete(Home(home), Pseudonymiser([KEY]), DAY, "甲")
    retaining.rebuild(lambda: writer(home))
    retaining.sweep(Home(home))
    return counts


def logged(home: Path) -> list[Any]:
    with closing(sqlite3.connect(home / "monitor.db")) as database:
        rows = database.execute("SELECT body FROM log ORDER BY seq").fetchall()
    return [one for (body,) in rows for one in msgspec.msgpack.decode(zstandard.decompress(body))]


def in_force(home: Path) -> list[str]:
    return sorted(json.dumps({**one, "raised": None}, sort_keys=True) for one in exported(home))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "all"
    folder.mkdir()
    return filled(folder, EVENTS)


def test_lapsed_events_and_what_followed_from_them_are_gone(home: Path) -> None:
    before = logged(home)
    assert {one["id"] for one in LAPSED} < {one["id"] for one in before}
    alerts = read_home(home, lambda reader: [one["id"] for one in alertreader.read(reader.connection)])
    counts = apply(home)
    assert {name: counts[name] for name in counts if "." in name} == {
        "complaint.received": 36,
        **dict.fromkeys(
            (
                *("enforcement.dishonest_listed", "enforcement.dishonest_removed", "enforcement.letter_returned"),
                *("enforcement.letter_sent", "enforcement.penalised"),
            ),
            6,
        ),
    }
    assert counts["alerts"] >= 6, "those of the complaints of 2019"
    after = logged(home)
    assert OLD not in json.dumps(after, ensure_ascii=False)
    names = [(one["subject"], one["source"], one["id"]) for one in before]
    kept = [(one["subject"], one["source"], one["id"]) for one in after]
    assert kept[: len(names) - len(LAPSED)] == [name for name in names if not name[2].startswith(OLD)]
    (applied,) = [one for one in after if one["type"] == "retention.applied"]
    assert applied["data"]["officer"] == "甲"
    assert applied["data"]["before"] == "2021-01-01"
    assert applied["data"]["counts"] == counts
    assert len(applied["data"]["content_hash"]) == 64
    left = read_home(home, lambda reader: list(alertreader.read(reader.connection)))
    assert {one["id"] for one in left} < set(alerts)
    assert OLD not in json.dumps(left, ensure_ascii=False)


def bodies(home: Path) -> list[bytes]:
    """The blocks of the log and the alerts, as they stand in the database."""
    with closing(sqlite3.connect(home / "monitor.db")) as database:
        return [row[0] for row in database.execute("SELECT body FROM log UNION ALL SELECT body FROM alerts")]


@pytest.fixture
def careless() -> Iterator[None]:
    """SQLite as it is by itself: some builds overwrite what is deleted, others leave it in free pages."""

    def prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA secure_delete = OFF")

    sqlalchemy.event.listen(Engine, "connect", prepare)
    yield
    sqlalchemy.event.remove(Engine, "connect", prepare)


def left_of(before: list[bytes], home: Path) -> dict[str, int]:
    """How many pieces of what was deleted stand in each file."""
    after = b"".join(bodies(home))
    pieces = [body[start : start + 48] for body in before for start in range(0, len(body) - 48, 48)]
    gone = [piece for piece in pieces if piece not in after]
    assert len(gone) > 20, "blocks that were rewritten, and alerts"
    return {
        path.name: sum(piece in content for piece in gone)
        for path in home.rglob("*")
        if path.is_file() and (content := path.read_bytes())
    }


def test_no_byte_of_it_is_left_in_the_files(careless: None, home: Path) -> None:
    before = bodies(home)
    retaining.delete(Home(home), Pseudonymiser([KEY]), DAY, "甲")
    assert left_of(before, home)["monitor.db"] > 0, "free pages hold it"
    retaining.rebuild(lambda: writer(home))
    retaining.sweep(Home(home))
    found = left_of(before, home)
    assert set(found.values()) == {0}, found
    assert not any(OLD.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())
    for path in snapshots.newest(home / "snapshots"):
        assert OLD.encode() not in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    assert not (home / "monitor.db-wal").exists() or (home / "monitor.db-wal").stat().st_size == 0


def test_signals_and_classes_are_those_of_a_fresh_run_over_what_is_left(home: Path, tmp_path: Path) -> None:
    apply(home)
    folder = tmp_path / "left"
    folder.mkdir()
    fresh = filled(folder, [one for one in EVENTS if one not in LAPSED])
    assert in_force(home) == in_force(fresh)
    assert in_force(home)
    classes = read_home(home, lambda reader: list(reader.classes()))
    assert OLD not in json.dumps(classes, ensure_ascii=False)
    assert [one["data"].get("classes", False) for one in logged(home) if one["type"] == "monitor.cut"][-1]
    runner = writer(fresh)
    runner.go_live(ended=True)
    runner.close()
    assert [(one["subject"], one["class"], one["score"]) for one in classes] == [
        (one["subject"], one["class"], one["score"]) for one in read_home(fresh, lambda reader: list(reader.classes()))
    ]


def test_a_deleted_event_that_arrives_again_changes_nothing(home: Path, tmp_path: Path) -> None:
    apply(home)
    signals, events = in_force(home), len(logged(home))
    runner = writer(home)
    (tmp_path / "again").mkdir()
    read(runner, tmp_path / "again", LAPSED)
    assert (runner.progress.events, runner.progress.repeats) == (0, len(LAPSED))
    read(runner, tmp_path / "again", [{**LAPSED[0], "id": "another"}])
    assert runner.progress.events == 1, "an old event that was never here is new"
    runner.close()
    assert in_force(home) == signals
    assert len(logged(home)) >= events + 1


def test_whoever_opens_a_home_after_a_kill_finishes_what_was_begun(home: Path) -> None:
    retaining.delete(Home(home), Pseudonymiser([KEY]), DAY, "甲")
    assert list((home / "snapshots").iterdir()) == []
    writer(home).close()
    assert [one["type"] for one in logged(home)].count("retention.applied") == 1
    assert read_home(home, lambda reader: retaining.is_unswept(reader.connection))
    assert apply(home) == {}, "nothing more has lapsed"
    assert not read_home(home, lambda reader: retaining.is_unswept(reader.connection))
    assert [one["type"] for one in logged(home)].count("retention.applied") == 1


def test_it_is_on_record_who_did_it(home: Path) -> None:
    apply(home)
    rows = read_home(home, lambda reader: list(audit.exported(reader.connection)))
    (row,) = [one for one in rows if one["kind"] == "retention"]
    with Home(home).reader().connect() as connection:
        (applied,) = [one for block in read_blocks(connection) for one in block.events if type(one) is RetentionApplied]
    assert (row["officer"], row["action"], row["key"]) == ("甲", "retention.applied", applied.data.content_hash)


def test_a_day_within_five_years_is_refused_and_a_writer_is_not_disturbed(home: Path) -> None:
    with pytest.raises(HomeError, match="five years"):
        retaining.delete(Home(home), Pseudonymiser([KEY]), dt.date(2021, 3, 2), "甲")
    runner = writer(home)
    with pytest.raises(HomeHeldError):
        retaining.delete(Home(home), Pseudonymiser([KEY]), DAY, "甲")
    runner.close()


def test_an_alert_that_somebody_works_on_stays(home: Path) -> None:
    runner = writer(home)
    with runner.reading() as connection:
        live = [one for one in alertreader.read(connection) if one["status"] == "open"]
        found = retaining.look(connection, Pseudonymiser([KEY]), DAY).events
    assert len(found.names) == len(LAPSED)
    runner.act(AlertAcknowledged, live[0]["id"], Act(officer="乙", seen=live[0]["seen"]))
    runner.close()
    apply(home)
    left = {one["id"]: one for one in read_home(home, lambda reader: list(alertreader.read(reader.connection)))}
    assert left[live[0]["id"]]["status"] == "acknowledged"
    assert [one["type"] for one in logged(home)].count("supervision.alert_acknowledged") == 1
