"""Moments: text to microseconds and back, and the calendar dates of Asia/Shanghai."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import (
    DAY,
    HOUR,
    SECOND,
    MissingOffsetError,
    as_text,
    end_of_day,
    moment,
    parse_moment,
    shanghai_date,
    shanghai_day,
    start_of_day,
    years_later,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1970-01-01t00:00:01z", SECOND),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1970-01-01T00:00:00.0000009Z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T23:59:00+23:59", 0),
        ("0001-01-01T00:00:00Z", moment(dt.datetime(1, 1, 1, tzinfo=dt.UTC))),
        ("9999-12-31T23:59:59Z", moment(dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))),
    ],
)
def test_rfc_3339_becomes_microseconds(text: str, wanted: int) -> None:
    assert parse_moment(text) == wanted


@pytest.mark.parametrize("text", ["2025-01-01T00:00:00", "2025-01-01T00:00:00.5", "2025-01-01 00:00:00"])
def test_a_time_without_an_offset_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(MissingOffsetError):
        parse_moment(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2025", "2025-01-01", "20250101T000000Z", "2025-1-1T00:00:00Z", "2025-01-01T00:00Z"),
        *("2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z"),
        *("2025-01-01T00:00:60Z", "2025-01-01T00:00:00+24:00", "2025-01-01T00:00:00+08:60", "2025-01-01T00:00:00+8:00"),
        *("2025-01-01T00:00:00,5Z", "2025-01-01T00:00:00.Z", "2025-01-01 00:00:00Z", " 2025-01-01T00:00:00Z"),
        *("2025-01-01T00:00:00Z\n", "２025-01-01T00:00:00Z", "2025-01-01T00:00:00UTC", "2025-W01-1T00:00:00Z"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|time|hour|minute|second|day|month|offset") as told:
        parse_moment(text)
    assert not isinstance(told.value, MissingOffsetError)


aware = st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001
"""Hypothesis wants bounds without a zone; what it draws has one."""


@given(aware)
def test_text_and_moment_are_each_other_s_inverse(when: dt.datetime) -> None:
    at = moment(when)
    assert parse_moment(as_text(at)) == parse_moment(when.isoformat()) == at
    assert as_text(at).endswith("+08:00")


@given(aware, aware)
def test_parts_that_were_met_in_other_texts_mean_the_same(one: dt.datetime, other: dt.datetime) -> None:
    whole = other.replace(microsecond=0)
    parse_moment(f"{whole.date()}T{one:%H:%M:%S}Z")
    parse_moment(f"{one.date()}T{whole:%H:%M:%S}Z")
    assert parse_moment(whole.isoformat()) == moment(whole)


@given(aware)
def test_the_date_in_shanghai_is_that_of_the_zone_s_own_table(when: dt.datetime) -> None:
    wanted = when.astimezone(SHANGHAI).date()
    assert shanghai_date(moment(when)) == wanted
    assert shanghai_day(moment(when)) == wanted.toordinal()


def test_midnight_in_shanghai_divides_the_dates() -> None:
    midnight = parse_moment("2025-03-01T16:00:00Z")
    assert shanghai_date(midnight) == dt.date(2025, 3, 2)
    assert shanghai_date(midnight - 1) == dt.date(2025, 3, 1)


def test_summer_time_before_1992_is_known() -> None:
    assert shanghai_date(parse_moment("1988-06-30T15:00:00Z")) == dt.date(1988, 7, 1)
    assert shanghai_date(parse_moment("1988-12-30T15:59:59Z")) == dt.date(1988, 12, 30)


@given(st.dates(dt.date(1800, 1, 1), dt.date(9999, 12, 30)))
def test_a_day_begins_and_ends_at_midnight_in_shanghai(day: dt.date) -> None:
    assert shanghai_date(start_of_day(day)) == shanghai_date(end_of_day(day) - 1) == day
    assert shanghai_date(end_of_day(day)) == day + dt.timedelta(days=1)


def test_the_last_day_of_all_has_an_end() -> None:
    assert end_of_day(dt.date.max) == start_of_day(dt.date.max) + DAY
    assert HOUR * 24 == DAY


@pytest.mark.parametrize(
    ("day", "years", "wanted"),
    [
        ("2022-03-01", 3, "2025-03-01"),
        ("2020-02-29", 3, "2023-02-28"),
        ("2020-02-29", 4, "2024-02-29"),
        ("2021-02-28", 3, "2024-02-28"),
        ("2020-12-31", 1, "2021-12-31"),
    ],
)
def test_years_later_is_the_same_date(day: str, years: int, wanted: str) -> None:
    assert years_later(dt.date.fromisoformat(day), years).isoformat() == wanted


def test_a_moment_at_the_beginning_of_time_can_be_shown() -> None:
    assert as_text(parse_moment("0001-01-01T00:00:00+08:00")).startswith("0001-01-02")
