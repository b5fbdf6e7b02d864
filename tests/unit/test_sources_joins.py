"""Joined tables, Parquet, and directories that hold tables."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from monitor.sources import Position, SourceError, open_source
from tests.unit.reading_sources import PENALTIES, Opener, chunks_of, events_of, opener_in, told_of


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with opener_in(tmp_path) as opener:
        yield opener


COMPANIES = """
mapping: companies
source: register
joins:
  people:
    file: people.csv
    keys: {id: company, year: year}
    missing: [NULL]
events:
  - rule: established
    type: registration.established
    id: "{id}"
    subject: "r:{id}"
    time: "{year}-01-01"
    data:
      name: "{name}"
      kind: enterprise
      address: {text: "{address}"}
      persons:
        - from: people
          when: [{not: {column: left, empty: false}}]
          role: {column: role, split: "+", map: {boss: legal_representative, owner: shareholder, cat: null}}
          id: "{person}"
        - {role: liaison, name: "{contact}"}
  - rule: moved
    when: [{column: moved, empty: false}]
    type: registration.changed
    id: "{id}-moved"
    subject: "r:{id}"
    time: "{moved}"
    data: {persons: [{from: people, role: manager, id: "{person}", when: [{column: role, equals: x}]}]}
"""
PEOPLE = (
    "company,year,person,role,left\n"
    "c1,2020,p:1,boss+owner,\n"
    "c2,2020,p:9,boss,\n"
    "c1,2020,p:2,owner,\n"
    "c1,2020,p:3,boss,2021\n"
    "c1,2021,p:4,boss,\n"
    "c1,2020,NULL,boss,\n"
    "c1,2020,p:5,cat,\n"
    ",2020,p:6,boss,\n"
    " c1 , 2020,p:2,owner,\n"
)
ROWS = "id,year,name,address,contact,moved\nc1,2020,One,A road,Li,2020-05-05\nc3,2020,Three,B road,,\n"


def test_persons_of_a_joined_table(opened: Opener) -> None:
    opened.write(PEOPLE, "people.csv")
    source = opened(ROWS, COMPANIES, "companies.csv")
    one, moved, three = events_of(chunks_of(source))
    assert one["data"]["persons"] == [
        {"role": "legal_representative", "id": "p:1"},
        {"role": "shareholder", "id": "p:1"},
        {"role": "shareholder", "id": "p:2"},
        {"role": "liaison", "name": "Li"},
    ]
    # The type requires persons, so nobody is an empty list; a change that names nobody clears nothing.
    assert three["data"]["persons"] == []
    assert moved["data"] == {}
    assert source.tally.events == {"established": 2, "moved": 1}
    assert "companies.csv：3 行无所属 / rows met none：people.csv" in source.notes()


def test_many_persons_by_large_blocks(opened: Opener) -> None:
    people = "".join(f"c{n % 5000},2020,p:{n},boss,\n" for n in range(20_000))
    opened.write("company,year,person,role,left\n" + people, "people.csv")
    rows = "".join(f"c{n},2020,N,A,,\n" for n in range(5_100))
    source = opened(ROWS.splitlines()[0] + "\n" + rows, COMPANIES, "companies.csv")
    events = events_of(chunks_of(source, limit=20_000))
    assert [[person["id"] for person in event["data"]["persons"]] for event in events] == [
        [f"p:{n + at}" for at in (0, 5000, 10_000, 15_000)] if n < 5000 else [] for n in range(5_100)
    ]


def test_a_joined_table_that_is_not_there_or_lacks_a_column(opened: Opener) -> None:
    with pytest.raises(SourceError, match=r"旁边没有关联表.*people\.csv \(.*mapping\.yaml:6 joins\.people"):
        opened(ROWS, COMPANIES, "companies.csv")
    opened.write(PEOPLE.replace("left", "gone"), "people.csv")
    with pytest.raises(SourceError, match=r"people\.csv：缺少列.*`left` .*events\[0\]\.data\.persons\[0\]"):
        opened.again(COMPANIES, "companies.csv")


def test_bad_rows_of_a_joined_table_are_told_once(opened: Opener) -> None:
    opened.write(PEOPLE + "c3,2020,p:7\n", "people.csv")
    chunks = chunks_of(opened(ROWS, COMPANIES, "companies.csv"), limit=10)
    assert told_of(chunks) == [(11, "people.csv:11：应有 5 列，实有 3 列 / 3 fields instead of 5")]
    assert len(events_of(chunks)) == 3


def test_a_damaged_joined_table_gives_no_event_without_its_persons(opened: Opener) -> None:
    content = gzip.compress((PEOPLE * 2000).encode())
    opened.write(content[: len(content) // 2], "people.csv")
    (chunk,) = chunks_of(opened(ROWS, COMPANIES, "companies.csv"))
    assert chunk.lines == []
    assert "people.csv：解压后" in chunk.error


def parquet(path: Path, rows: int = 3) -> None:
    pl.DataFrame(
        {
            "number": [str(n) for n in range(rows)],
            "code": [91_330_000 + n for n in range(rows)],
            "day": [dt.date(2025, 3, 1)] * rows,
            "at": [dt.datetime(2025, 3, 1, 12, 30, 0, 500, tzinfo=dt.UTC)] * rows,
            "amount": [100.0, 0.5, None][:rows] + [1.0] * (rows - 3),
            "verified": [True] * rows,
            "state": [None, "void", "valid"][:rows] + ["valid"] * (rows - 3),
            "list": [[1]] * rows,
        }
    ).write_parquet(path)


PARQUET = PENALTIES.replace('time: "{day}"', 'time: "{day}"\n    recordedtime: "{at}"').replace(
    "category: {column: category}", 'category: "{verified}"'
)


def test_parquet(opened: Opener) -> None:
    parquet(opened.folder / "penalties.parquet")
    chunks = chunks_of(opened.again(PARQUET, "penalties.parquet"))
    first, second = events_of(chunks)
    assert first["data"] == {"document": "0", "amount": 100, "category": "true"}
    assert (first["subject"], first["time"]) == ("91330000", "2025-03-01T00:00:00+08:00")
    assert first["recordedtime"] == "2025-03-01T12:30:00.000500+00:00"
    assert second["data"] == {"document": "2", "category": "true"}
    assert [chunks[0].number(index) for index in (0, 1)] == [1, 3]


def test_parquet_goes_on_where_it_was_and_starts_over_where_it_is_another(opened: Opener) -> None:
    path = opened.folder / "penalties.parquet"
    parquet(path, 5_000)
    found: list[str] = []
    position = Position()
    while True:
        chunk = opened.again(PARQUET, path.name).read(position, 100_000)
        found += [event["id"] for event in events_of([chunk])]
        position = chunk.position
        if chunk.eof:
            break
    assert found == [str(n) for n in range(5_000) if n != 1]
    parquet(path, 10)
    chunks = chunks_of(opened.again(PARQUET, path.name), position)
    assert chunks[0].restarted
    assert len(events_of(chunks)) == 9


def test_parquet_of_lists_and_damaged_parquet(opened: Opener) -> None:
    path = opened.folder / "penalties.parquet"
    parquet(path)
    with pytest.raises(SourceError, match="缺少列"):
        opened.again(PARQUET.replace("{verified}", "{list}"), path.name)
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(SourceError, match=r"penalties\.parquet：Parquet 文件无法读取"):
        opened.again(PARQUET, path.name)


def test_a_directory_of_tables_and_lines(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "companies.yaml").write_text(COMPANIES.replace("joins:", 'table: {files: ["comp*"]}\njoins:'))
    data = tmp_path / "data"
    data.mkdir()
    for name, content in (
        ("companies-1.csv", ROWS),
        ("companies-2.csv", ROWS),
        ("people.csv", PEOPLE),
        ("other.csv", "a\n"),
        ("events.jsonl", "{}\n"),
    ):
        (data / name).write_text(content)
    sources = open_source(str(data), tmp_path / "m" / "companies.yaml")
    assert [Path(source.name).name for source in sources] == [
        "companies-1.csv",
        "companies-2.csv",
        "events.jsonl",
    ]
