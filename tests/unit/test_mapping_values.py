"""Values and conditions of mappings: what they make of the texts of a row."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.sources.definition import Condition, Value
from monitor.sources.shapes import Shape
from monitor.sources.values import Compiler, UnmappableError

COLUMNS = ["a", "b", "名"]


def made(spec: Value | str, row: list[str], kind: str = "text", words: frozenset[str] = frozenset()) -> Any:
    shape = Shape(kind, required=False, words=words)  # type: ignore[arg-type]  # the parameters are literals
    return Compiler(COLUMNS, "Asia/Shanghai", ["NULL", "-"]).value(spec, shape)(row)


@pytest.mark.parametrize(
    ("spec", "row", "expected"),
    [
        ("{a}", [" x ", "", ""], "x"),
        ("{a}", ["　某　", "", ""], "某"),
        ("{a}", ["NULL", "", ""], None),
        ("{a}-{名}", ["1", "", "二"], "1-二"),
        ("{a}-{b}", ["1", " ", ""], None),
        ("fixed", ["", "", ""], "fixed"),
        ("", ["x", "", ""], ""),
        (Value(column="a", default="z"), ["-", "", ""], "z"),
        (Value(column="a", default=""), ["", "", ""], ""),
        (Value(first_of=["{a}", "{b}", "c"]), ["", "y", ""], "y"),
        (Value(first_of=["{a}", "{b}"]), ["", "", ""], None),
        (Value(first_of=[Value(column="a", map={"x": None}), "{b}"]), ["x", "y", ""], "y"),
        (Value(column="a", extract="^(.+?)第"), ["水法第1條，空法第2條", "", ""], "水法"),
        (Value(column="a", extract="^(.+?)第"), ["水法", "", ""], None),
        (Value(column="a", map={"x": "1", "y": None}), ["x", "", ""], "1"),
        (Value(column="a", map={"x": "1", "y": None}, default="0"), ["y", "", ""], "0"),
        (Value(column="a", map={"x": "1"}, otherwise="leave_out"), ["z", "", ""], None),
        (Value(column="a", map={"x": "1"}, otherwise="keep"), ["z", "", ""], "z"),
    ],
)
def test_texts(spec: Value | str, row: list[str], expected: str | None) -> None:
    assert made(spec, row) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("1,234,567.5", 1234567.5),
        ("１２", 12),
        ("-0.5", -0.5),
        ("1e3", 1000),
        (" 7 ", 7),
        ("", None),
    ],
)
def test_numbers(text: str, expected: float | None) -> None:
    assert made("{a}", [text, "", ""], "number") == expected
    if expected is not None:
        assert made(Value(column="a", multiply=10000), [text, "", ""], "number") == expected * 10000


@pytest.mark.parametrize("text", ["1,5", "12,34", "NaN", "inf", "1e999", "3 yuan", "0x10", "--1", "１２３某"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(UnmappableError):
        made("{a}", [text, "", ""], "number")


def test_whole_numbers_truths_and_lists() -> None:
    assert made("{a}", ["2024.0", "", ""], "whole") == 2024
    with pytest.raises(UnmappableError):
        made("{a}", ["2024.5", "", ""], "whole")
    truth = Value(column="a", true_when=("是",), false_when=("否",))
    assert [made(truth, [text, "", ""], "truth") for text in ("是", "否", "")] == [True, False, None]
    with pytest.raises(UnmappableError):
        made(truth, ["也许", "", ""], "truth")
    several = Value(column="a", split="+", map={"x": ["one", "two"], "y": "two", "z": None})
    assert made(several, ["x + y+z", "", ""], "texts") == ["one", "two"]
    assert made(several, ["z", "", ""], "texts") is None
    with pytest.raises(UnmappableError):
        made(several, ["w", "", ""], "texts")
    assert made("{a}", ["one", "", ""], "texts") == ["one"]


@pytest.mark.parametrize(
    ("spec", "text", "expected"),
    [
        ("{a}", "2024-02-29", "2024-02-29T00:00:00+08:00"),
        ("{a}", "2024-02-29T10:30:00", "2024-02-29T10:30:00+08:00"),
        ("{a}", "2024-02-29T10:30:00Z", "2024-02-29T10:30:00+00:00"),
        (Value(column="a", format="%Y/%m/%d"), "2024/2/9", "2024-02-09T00:00:00+08:00"),
        (Value(column="a", format="%d.%m.%Y %H:%M"), "09.02.2024 23:59", "2024-02-09T23:59:00+08:00"),
        (Value(column="a", at="18:30"), "2024-02-29", "2024-02-29T18:30:00+08:00"),
        (Value(column="a", zone="Europe/Paris"), "2024-07-01", "2024-07-01T00:00:00+02:00"),
        # Local mean time: +00:09:21, which RFC 3339 cannot write.
        (Value(column="a", zone="Europe/Paris"), "1900-01-01", "1899-12-31T23:50:39+00:00"),
    ],
)
def test_times(spec: Value | str, text: str, expected: str) -> None:
    assert made(spec, [text, "", ""], "time") == expected


@pytest.mark.parametrize("text", ["2024-02-30", "yesterday", "20240", "0000-01-01", "2024-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UnmappableError, match="not a date in the format iso"):
        made("{a}", [text, "", ""], "time")


def test_dates_inside_data_are_those_of_shanghai() -> None:
    assert made("{a}", ["2024-02-29", "", ""], "date") == "2024-02-29"
    assert made("{a}", ["2024-02-29T20:00:00Z", "", ""], "date") == "2024-03-01"


@pytest.mark.parametrize(
    ("condition", "row", "holds"),
    [
        (Condition(column="a", equals="x"), ["x ", "", ""], True),
        (Condition(column="a", equals="x"), ["X", "", ""], False),
        (Condition(column="a", equals=""), ["-", "", ""], True),
        (Condition(column="a", in_=["x", ""]), ["", "", ""], True),
        (Condition(column="a", matches="x+"), ["xxy", "", ""], False),
        (Condition(column="a", matches="x+"), ["xx", "", ""], True),
        (Condition(column="a", empty=True), ["NULL", "", ""], True),
        (Condition(column="a", empty=False), ["x", "", ""], True),
        (Condition(column="a", before="2024-01-01"), ["2023-12-31", "", ""], True),
        (Condition(column="a", before="2024-01-01"), ["2024-01-01", "", ""], False),
        (Condition(column="a", not_before="2024-01-01"), ["2024-01-01", "", ""], True),
        (Condition(column="a", before="2024-01-01", format="%d/%m/%Y"), ["31/12/2023", "", ""], True),
        (Condition(column="a", before="2024-01-01"), ["nonsense", "", ""], False),
        (Condition(column="a", not_before="2024-01-01"), ["nonsense", "", ""], False),
        (
            Condition(any=[Condition(column="a", equals="x"), Condition(column="b", equals="y")]),
            ["", "y", ""],
            True,
        ),
        (Condition(any=[Condition(column="a", equals="x")]), ["", "y", ""], False),
        (Condition(not_=Condition(column="a", equals="x")), ["y", "", ""], True),
    ],
)
def test_conditions(condition: Condition, row: list[str], holds: bool) -> None:
    compiler = Compiler(COLUMNS, "Asia/Shanghai", ["NULL", "-"])
    assert compiler.all_hold([condition])(row) is holds
    assert compiler.all_hold([condition, Condition(column="名", empty=True)])(row) is holds
