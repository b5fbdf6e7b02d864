"""What the forecast said, as rows: what is written again, what is told of one enterprise, and what its tasks gain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, select

from config.moments import parse_moment
from monitor.store import bulk
from monitor.store.home import Home
from monitor.store.schema import ENTERPRISES
from monitor.store.work import forecasts
from monitor.store.work.model_schema import FORECASTS

NOW = parse_moment("2026-03-01T08:00:00+08:00")
WHY = {
    "reasons": [
        {
            "feature": "records",
            "share": 0.61234,
            "value": 3.0,
            "low": 0.0,
            "high": math.nan,
            "said": {"zh": "不良记录：3 件", "en": "records: 3"},
            "events": [(NOW, "//test", "p1")],
        }
    ],
    "way_out": {"zh": "改变", "en": "change"},
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    home = Home(tmp_path / "home")
    home.create()
    engine = home.writer()
    with engine.begin() as connection:
        columns = ("ref", "code", "name", "named_at", "named_by", "named_in")
        rows = [(ref, f"E{ref:03d}", "", 0, "", "") for ref in range(1, 6)]
        bulk.insert(connection, ENTERPRISES, columns, rows, bulk.refuse)
        yield connection
    engine.dispose()


def put(connection: Connection, chances: dict[int, float], seq: int = 7) -> int:
    packed = {ref: msgspec.msgpack.encode(WHY) for ref in chances if ref == 1}
    return forecasts.put(connection, "ab" * 32, chances, packed, NOW, seq)


def test_only_chances_that_differ_to_a_thousandth_are_written(connection: Connection) -> None:
    assert put(connection, {1: 0.5, 2: 0.0301, 3: 0.0004}) == 2
    assert put(connection, {1: 0.5, 2: 0.0298, 3: 0.0004}) == 0
    assert put(connection, {1: 0.5, 4: 0.002}) == 2
    rows = connection.execute(select(FORECASTS.c.enterprise, FORECASTS.c.chance).order_by(FORECASTS.c.enterprise))
    assert [tuple(row) for row in rows] == [(1, 0.5), (4, 0.002)]


def test_chances_are_told_by_code_and_of_those_who_have_any(connection: Connection) -> None:
    assert forecasts.chances_of(connection, ["E001"]) == {}
    put(connection, {1: 0.5, 3: 0.0004})
    assert forecasts.chances_of(connection, ["E001", "E003", "E999"]) == {"E001": 0.5}
    assert forecasts.chances_of(connection, []) == {}


def test_one_is_told_with_its_reasons_where_they_were_worked_out(connection: Connection) -> None:
    assert forecasts.told(connection, "E001") is None
    put(connection, {1: 0.5, 2: 0.25})
    told = forecasts.told(connection, "E001")
    assert told is not None
    (reason,) = told.pop("reasons")
    assert told == {"chance": 0.5, "model": "ab" * 32, "as_of": "2026-03-01", "way_out": WHY["way_out"]}
    assert (reason["contribution"], reason["usual"]) == (0.612, [0.0, None])
    assert reason["evidence"] == [
        {
            "id": "p1",
            "source": "//test",
            "subject": "E001",
            "time": "2026-03-01T08:00:00+08:00",
            "date": "2026-03-01",
        }
    ]
    assert forecasts.told(connection, "E002") == {"chance": 0.25, "model": "ab" * 32, "as_of": "2026-03-01"}
    assert forecasts.told(connection, "E005") is None


def test_the_block_of_the_last_cut_is_remembered(connection: Connection) -> None:
    assert forecasts.block_of(connection) == -1
    put(connection, {}, seq=12)
    assert forecasts.block_of(connection) == 12
