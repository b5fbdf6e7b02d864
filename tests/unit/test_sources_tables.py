"""CSV tables as sources: good rows become events, bad rows are told, and nothing stops for either."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from monitor.sources import Position, SourceError
from tests.unit.reading_sources import HEADER, PENALTIES, Opener, chunks_of, events_of, opener_in, told_of


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with opener_in(tmp_path) as opener:
        yield opener


def test_a_row_becomes_an_event_and_says_where_it_stood(opened: Opener) -> None:
    content = HEADER + "A-1,9133,2025-03-01,100.50,food,valid\n\nA-2,9144,2025-03-02,,,\n"
    source = opened(content)
    (chunk,) = [chunk for chunk in chunks_of(source) if chunk.lines]
    assert events_of([chunk]) == [
        {
            "specversion": "1.0",
            "source": "county",
            "type": "enforcement.penalised",
            "id": "A-1",
            "subject": "9133",
            "time": "2025-03-01T00:00:00+08:00",
            "data": {"document": "A-1", "amount": 100.5, "category": "food"},
        },
        {
            "specversion": "1.0",
            "source": "county",
            "type": "enforcement.penalised",
            "id": "A-2",
            "subject": "9144",
            "time": "2025-03-02T00:00:00+08:00",
            "data": {"document": "A-2"},
        },
    ]
    assert [chunk.number(index) for index in (0, 1)] == [2, 4]
    assert [content[chunk.offset(index) :][:3] for index in (0, 1)] == ["A-1", "A-2"]
    assert source.progress() == 1.0
    assert source.notes() == []


def test_rows_left_out_and_rows_without_a_rule_are_counted(opened: Opener) -> None:
    source = opened(HEADER + "1,a,2025-03-01,,,void\n2,a,2025-03-01,,,odd\n3,a,2025-03-01,,,\n")
    assert [event["id"] for event in events_of(chunks_of(source))] == ["3"]
    assert source.tally.left_out == {"void": 1}
    assert source.notes() == [
        "penalties.csv：1 行舍弃 / rows left out：void",
        "penalties.csv：1 行不符合任何规则 / rows for which no rule holds",
    ]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("limit", [1, 100, 1 << 20])
def test_any_position_goes_on_where_it_was(opened: Opener, ending: str, limit: int) -> None:
    rows = [f'{n},c{n},2025-03-01,{n},"two\nlines, ""{n}""",valid' for n in range(150)]
    content = (HEADER + "\r\n".join(rows) + "\n").encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstandard.compress}
    name = f"penalties.csv{ending}"
    opened.write(packers[ending](content) if ending else content, name)
    found: list[dict[str, Any]] = []
    position = Position()
    for _ in range(1000):
        with closing(opened.again(name=name)) as source:  # a new process each time
            chunk = source.read(position, limit)
        assert not chunk.restarted
        found += events_of([chunk])
        position = chunk.position
        if chunk.eof:
            break
    assert [event["id"] for event in found] == [str(n) for n in range(150)]
    assert found[7]["data"]["category"] == 'two\nlines, "7"'


def test_a_changed_mapping_or_table_starts_over(opened: Opener) -> None:
    source = opened(HEADER + "1,a,2025-03-01,,,\n")
    position = chunks_of(source)[-1].position
    assert events_of(chunks_of(opened.again(), position)) == []
    other = chunks_of(opened.again(PENALTIES.replace("county", "city")), position)
    assert [event["source"] for event in events_of(other)] == ["city"]
    assert other[0].restarted
    replaced = chunks_of(opened(HEADER + "7,b,2025-03-01,,,\n8,b,2025-03-01,,,\n"), position)
    assert [event["id"] for event in events_of(replaced)] == ["7", "8"]
    assert replaced[0].restarted


def test_following_takes_whole_rows_as_they_come(opened: Opener) -> None:
    source = opened(HEADER + "1,a,2025-03-01,,,\n2,a,2025-", follow=True)
    first = chunks_of(source)
    assert [event["id"] for event in events_of(first)] == ["1"]
    with (opened.folder / "penalties.csv").open("a") as file:
        file.write('03-02,,"open\n')
    second = chunks_of(source, first[-1].position)
    assert [chunk.lines for chunk in second] == [[]]
    with (opened.folder / "penalties.csv").open("a") as file:
        file.write('and shut",\n3,a,2025-03-03,,,\n')
    third = chunks_of(source, second[-1].position)
    assert [(event["id"], event["data"].get("category")) for event in events_of(third)] == [
        ("2", "open\nand shut"),
        ("3", None),
    ]
    opened.write(HEADER + "9,z,2025-03-09,,,\n", "penalties.csv")
    fourth = chunks_of(source, third[-1].position)
    assert [event["id"] for event in events_of(fourth)] == ["9"]
    opened.write("another,header\n1,2\n", "penalties.csv")
    (last,) = chunks_of(source, fourth[-1].position)
    assert "表头不同" in last.error


def test_rows_that_do_not_fit_are_told_and_the_others_count(opened: Opener) -> None:
    content = (
        HEADER
        + "1,a,2025-03-01,,,\n"
        + "2,a,2025-03-01,,\n"  # a field too few
        + "3,a,2025-03-01,,,,\n"  # one too many
        + "4,a,2025-03-01,,a\0b,\n"  # NUL
        + '5,a,2025-03-01,,"x"y,\n'  # a quote in the middle
        + "6,a,2025-03-01,,\udce9,\n"  # a byte that is no UTF-8
        + "7,a,2025-03-01,,"
        + "z" * 200_000  # a field too large
        + ",\n8,a,2025-03-01,,"
        + "z" * 1_100_000  # a line too large
        + ',\n{"specversion":"1.0"}\n'  # looks like an event
        + "9,a,2025-03-01,,某,\n"
    )
    chunks = chunks_of(opened(content.encode("utf-8", "surrogateescape")), limit=100_000)
    assert [event["id"] for event in events_of(chunks)] == ["1", "9"]
    assert [(line, why.split("/")[-1].strip()) for line, why in told_of(chunks)] == [
        (3, "5 fields instead of 6"),
        (4, "7 fields instead of 6"),
        (5, "a NUL character"),
        (6, "',' expected after '\"'"),
        (7, "not utf-8 text"),
        (8, "field larger than field limit (131072)"),
        (9, "a line longer than 1 MiB"),
        (10, "1 fields instead of 6"),
    ]
    refused = [line for chunk in chunks for index, line in enumerate(chunk.lines) if index in chunk.problems]
    for line in refused:
        assert len(line) <= 256 * 1024
        with pytest.raises(ValueError):  # noqa: PT011 any way of being no JSON will do
            json.loads(line)


def test_a_quote_without_its_pair_costs_its_row_alone_or_what_one_field_may_hold(opened: Opener) -> None:
    rows = "".join(f"{n},a,2025-03-01,,,\n" for n in range(20_000))
    source = opened(HEADER + '0,a,2025-03-01,,"open,\n' + rows)
    chunks = chunks_of(source)
    found = [int(event["id"]) for event in events_of(chunks)]
    assert len(told_of(chunks)) <= 2
    assert found == list(range(20_000 - len(found), 20_000))
    assert len(found) > 12_000


def test_what_cannot_be_mapped_is_refused_with_the_reason_and_no_value(opened: Opener) -> None:
    source = opened(HEADER + "1,a,2025-13-01,,,\n2,,2025-03-01,,,\n3,a,2025-03-01,many,,\n4,a,,,,\n")
    chunks = chunks_of(source)
    assert events_of(chunks) == []
    assert [(line, why.rpartition(" / ")[0]) for line, why in told_of(chunks)] == [
        (2, "time (day)：不是 iso 格式的日期"),
        (3, "subject (code)：无值"),
        (4, "data.amount (amount)：不是数字"),
        (5, "time (day)：无值"),
    ]
    assert all("specversion" not in json.loads(line) for chunk in chunks for line in chunk.lines)
    assert not any("many" in why or "13" in why for _, why in told_of(chunks))
    assert source.tally.unmapped == 4


@pytest.mark.parametrize(
    ("content", "mapping", "message"),
    [
        (
            "number,code,day,amount,category\n",
            PENALTIES,
            r"缺少列.*`state` \(.*mapping.yaml:6 leave_out\[0\]",
        ),
        ("number,code,day,Amount,category,state\n", PENALTIES, "did you mean `Amount`"),
        ("number,code,day,amount,category,state,code\n", PENALTIES, "列名重复.*`code`"),
        ("", PENALTIES, "没有表头"),
        ("\n\n", PENALTIES, "没有表头"),
        ('"number,code\n', PENALTIES, "表头无法读取"),
        (b"number,code,\0\n", PENALTIES, "表头无法读取"),
        (b"\x1f\x8b\x08nonsense", PENALTIES, "损坏"),
        ("number,code,day,amount,category,类\n".encode("gb18030"), PENALTIES, "try gb18030"),
        (
            HEADER.encode() + "1,杭州,,,,\n2,宁波,,,,\n3,温州,,,,\n".encode("gb18030"),
            PENALTIES,
            "编码不是 utf-8",
        ),
        (b"PAR1 but nothing else", PENALTIES, "Parquet 文件无法读取"),
    ],
)
def test_a_table_that_does_not_fit_is_told_before_any_event(
    opened: Opener, content: str | bytes, mapping: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        opened(content, mapping)


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-8", "utf-8-sig"])
def test_other_encodings_delimiters_and_words_for_nothing(opened: Opener, encoding: str) -> None:
    mapping = """
mapping: changes
source: county
table: {delimiter: ";", quote: "'", encoding: ENCODING, missing: ["-", 無]}
events:
  - rule: renamed
    type: registration.changed
    id: "{號}"
    subject: "{代碼}"
    time: "{日期}"
    data: {name: "{名稱}", phone: "{電話}"}
""".replace("ENCODING", encoding.removesuffix("-sig"))
    rows = "代碼;號;日期;名稱;電話\r\n91330100;7;2025-03-01;'甲;乙公司';-\r\n91330100;8;2025-03-01;無;無\r\n"
    chunks = chunks_of(opened(rows.encode(encoding), mapping))
    assert [event["data"] for event in events_of(chunks)] == [{"name": "甲;乙公司"}, {}]


def test_a_file_cut_off_gives_the_rows_before_it(opened: Opener) -> None:
    rows = "".join(f"{n},c{n * 7919 % 104729},2025-03-01,,,\n" for n in range(20_000))
    content = gzip.compress((HEADER + rows).encode())
    (opened.folder / "penalties.csv.gz").write_bytes(content[: len(content) // 2])
    chunks = chunks_of(opened.again(name="penalties.csv.gz"), limit=50_000)
    assert "损坏" in chunks[-1].error
    assert [event["id"] for event in events_of(chunks)] == [str(n) for n in range(len(events_of(chunks)))]
    assert 5_000 < len(events_of(chunks)) < 20_000
