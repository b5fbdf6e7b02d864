"""The working-day calendar: the facts of known years, and what is said of years that are not known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.workdays import (
    CALENDAR_VERSION,
    Deadline,
    add_working_days,
    is_announced,
    is_working_day,
    working_days_between,
)

# The State Council's notice of 2025-11-04 on the holidays of 2026: first and last days off.
OFF_2026 = [
    (date(2026, 1, 1), date(2026, 1, 3)),
    (date(2026, 2, 15), date(2026, 2, 23)),
    (date(2026, 4, 4), date(2026, 4, 6)),
    (date(2026, 5, 1), date(2026, 5, 5)),
    (date(2026, 6, 19), date(2026, 6, 21)),
    (date(2026, 9, 25), date(2026, 9, 27)),
    (date(2026, 10, 1), date(2026, 10, 7)),
]
WORKING_WEEKENDS_2026 = {
    date(2026, 1, 4),
    date(2026, 2, 14),
    date(2026, 2, 28),
    date(2026, 5, 9),
    date(2026, 9, 20),
    date(2026, 10, 10),
}


def every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_every_day_of_2026_is_as_the_notice_says() -> None:
    off = {day for first, last in OFF_2026 for day in every_day(first, last)}
    for day in every_day(date(2026, 1, 1), date(2026, 12, 31)):
        expected = day in WORKING_WEEKENDS_2026 or (day.weekday() < 5 and day not in off)
        assert is_working_day(day) is expected, day


def test_2026_is_announced() -> None:
    assert is_announced(2026)


def test_ten_days_over_spring_festival_count_the_working_saturday() -> None:
    # Counted: 11, 12, 13, 14 (a working Saturday), 24, 25, 26, 27, 28 (a working Saturday) February, 2 March.
    assert add_working_days(date(2026, 2, 10), 10) == Deadline(date(2026, 3, 2), provisional=False)


def test_the_day_of_the_event_is_not_counted() -> None:
    monday = date(2026, 11, 2)
    assert add_working_days(monday, 1).day == date(2026, 11, 3)


def test_a_period_from_a_day_off_begins_on_the_next_working_day() -> None:
    saturday = date(2026, 11, 7)
    assert add_working_days(saturday, 1).day == date(2026, 11, 9)


def test_a_period_over_a_turn_of_known_years() -> None:
    # Off 1 to 3 January 2026, working on Sunday the 4th.
    assert add_working_days(date(2025, 12, 30), 2) == Deadline(date(2026, 1, 4), provisional=False)


@pytest.mark.parametrize("year", [1999, 2091])
def test_in_an_unknown_year_weekends_alone_are_off(year: int) -> None:
    assert not is_announced(year)
    for day in every_day(date(year, 1, 1), date(year, 12, 31)):
        assert is_working_day(day) is (day.weekday() < 5)


def test_a_deadline_in_an_unknown_year_is_provisional() -> None:
    friday = date(2091, 1, 5)
    assert add_working_days(friday, 10) == Deadline(date(2091, 1, 19), provisional=True)


def test_a_period_that_reaches_into_an_unknown_year_is_provisional() -> None:
    last_known = next(year for year in range(2026, 2100) if not is_announced(year + 1))
    new_years_eve = date(last_known, 12, 31)
    assert add_working_days(new_years_eve, 1).provisional
    assert not add_working_days(new_years_eve - timedelta(days=20), 5).provisional


@given(
    start=st.dates(min_value=date(2004, 1, 1), max_value=date(2091, 1, 1)),
    days=st.integers(min_value=1, max_value=600),
)
def test_a_period_holds_exactly_its_number_of_working_days(start: date, days: int) -> None:
    end = add_working_days(start, days)
    period = every_day(start + timedelta(days=1), end.day)
    assert sum(is_working_day(day) for day in period) == days
    assert is_working_day(end.day)
    assert end.provisional is any(not is_announced(day.year) for day in period)


def test_a_period_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one working day"):
        add_working_days(date(2026, 1, 5), 0)


def test_a_moment_is_refused_because_its_date_depends_on_the_zone() -> None:
    moment = datetime(2026, 1, 5, 20, tzinfo=UTC)
    with pytest.raises(TypeError, match="not a moment"):
        is_working_day(moment)
    with pytest.raises(TypeError, match="not a moment"):
        add_working_days(moment, 3)


def test_the_calendar_names_its_version() -> None:
    assert CALENDAR_VERSION.startswith("chinesecalendar 1.")


def test_days_between_are_those_after_the_first_up_to_the_last() -> None:
    assert working_days_between(date(2026, 2, 10), date(2026, 3, 2)) == 10
    assert working_days_between(date(2026, 11, 6), date(2026, 11, 8)) == 0
    assert working_days_between(date(2026, 11, 9), date(2026, 11, 6)) == 0
    with pytest.raises(TypeError):
        working_days_between(date(2026, 11, 6), datetime(2026, 11, 9, tzinfo=UTC))


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 600))
def test_counting_days_undoes_adding_them(start: date, days: int) -> None:
    assert working_days_between(start, add_working_days(start, days).day) == days
