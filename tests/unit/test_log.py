"""The log: what was accepted stands there as it was, block by block; a damaged block is named and harms no other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from monitor.events import types
from monitor.events.intake import Intake
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store import log as eventlog
from monitor.store.home import Home
from monitor.store.schema import LOG
from tests.engine import CLOCK, KEY, dead_letters, exported, read_home, run_file
from tests.reference.cases import make_case


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A home's database, written to."""
    home = Home(tmp_path)
    home.create()
    engine = home.writer()
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def packed(count: int) -> list[bytes]:
    """Events of a case as the log holds them."""
    read = Intake(Pseudonymiser([KEY])).read
    found = [read(line, CLOCK) for line in make_case(1, 50)[:count]]
    return [one.packed for one in found if one is not None]


def ids(blocks: Iterator[eventlog.Block]) -> list[list[str]]:
    return [[event.id for event in block.events] for block in blocks]


def damage(connection: Connection, seq: int) -> None:
    """Flips one byte of a block."""
    body = connection.execute(select(LOG.c.body).where(LOG.c.seq == seq)).scalar_one()
    place = len(body) // 2
    flipped = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    connection.execute(update(LOG).where(LOG.c.seq == seq).values(body=flipped))


def test_blocks_come_back_as_they_were_written(connection: Connection) -> None:
    rows = packed(20)
    eventlog.write_block(connection, 1, 111, 1, rows[:5])
    eventlog.write_block(connection, 2, 222, 3, rows[5:])
    blocks = list(eventlog.read_blocks(connection))
    assert [(block.seq, block.received, block.generation, len(block.events)) for block in blocks] == [
        (1, 111, 1, 5),
        (2, 222, 3, 15),
    ]
    assert [types.encode_logged(event) for block in blocks for event in block.events] == rows
    assert ids(eventlog.read_blocks(connection, after=1)) == [[event.id for event in blocks[1].events]]
    assert (eventlog.last_seq(connection), eventlog.count_events(connection)) == (2, 20)
    assert eventlog.count_events(connection, after=1) == 15


def test_an_empty_log_is_empty(connection: Connection) -> None:
    assert (eventlog.last_seq(connection), eventlog.count_events(connection)) == (0, 0)
    assert list(eventlog.read_blocks(connection)) == []


def test_a_damaged_block_is_named_and_the_others_are_read(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    rows = packed(9)
    for seq in (1, 2, 3):
        eventlog.write_block(connection, seq, 0, 1, rows[3 * seq - 3 : 3 * seq])
    damage(connection, 2)
    with caplog.at_level(logging.ERROR):
        blocks = list(eventlog.read_blocks(connection))
    assert [block.seq for block in blocks] == [1, 3]
    assert "block 2" in caplog.text
    assert "3 events" in caplog.text


# --- on a home


def test_a_home_with_a_damaged_block_still_starts_and_keeps_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_case(3, 60), make_case(4, 60)
    for name, case in (("a", first), ("b", second)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(case) + b"\n")
    alone, both = tmp_path / "alone", tmp_path / "both"
    run_file(alone, tmp_path / "b.jsonl")
    run_file(both, tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    engine = Home(both).writer()
    with engine.begin() as connection:
        first_block = connection.execute(select(LOG.c.seq).where(LOG.c.events == len(first))).scalar_one()
        damage(connection, first_block)
    engine.dispose()
    for path in (both / "snapshots").iterdir():
        path.unlink()
    with caplog.at_level(logging.ERROR):
        run_file(both, tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert f"block {first_block}" in caplog.text
    compared = ("detector", "level", "value", "enterprises", "since", "region")
    assert [{name: one[name] for name in compared} for one in ordered(both)] == [
        {name: one[name] for name in compared} for one in ordered(alone)
    ]


def ordered(home: Path) -> list[dict[str, object]]:
    return sorted(exported(home), key=lambda one: (one["detector"], one["enterprises"], one["since"]))


def test_every_event_is_in_the_log_once_with_the_totals(tmp_path: Path) -> None:
    case = make_case(5, 80)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([*case, *case[::3], b"broken", *case[:7]]) + b"\n")
    for _ in range(2):
        run_file(tmp_path / "home", tmp_path / "events.jsonl")
    engine = Home(tmp_path / "home").reader()
    with engine.connect() as connection:
        events = [event for block in eventlog.read_blocks(connection) for event in block.events]
    engine.dispose()
    own = [event for event in events if event.source == "//credit-monitor"]
    assert sorted(map(types.type_name, own)) == ["config.activated", "config.activated", "monitor.cut", "monitor.live"]
    assert len(events) - len(own) == len(case) == len({(one.subject, one.source, one.id) for one in events}) - len(own)
    totals = read_home(tmp_path / "home", lambda reader: reader.totals())
    assert sum(number for (name, _), number in totals.items() if name == "events") == len(events)
    assert sum(number for (name, _), number in totals.items() if name == "repeats") == len(case[::3]) + 7
    assert totals["dead_letters", "not_json"] == len(dead_letters(tmp_path / "home")) == 1
