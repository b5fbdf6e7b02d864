"""Working days of China's official calendar: where statutory deadlines come from.

Detectors and the queue ask here when a period counted in working days (工作日) ends. The calendar is the
State Council's yearly notice on public holidays with its working weekends (调休), as ``chinesecalendar``
holds it; it is never written into code. For a year whose notice is not in there, Saturdays and Sundays alone
are off, and whatever is counted through that year says that it is provisional.

Dates are calendar dates in Asia/Shanghai.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import msgspec
from chinese_calendar import is_workday

CALENDAR_VERSION = f"chinesecalendar {version('chinesecalendar')}"
"""Names the calendar that deadlines were worked out with; another one may give others."""

_SATURDAY = 5


class Deadline(msgspec.Struct, frozen=True):
    """The last day of a period counted in working days.

    Attributes:
        day: the last day on which the duty can still be met.
        provisional: whether the period runs through a year whose holidays are not known.
    """

    day: date
    provisional: bool


class _Year(NamedTuple):
    working: tuple[int, ...]  # proleptic ordinals, ascending
    announced: bool


def is_announced(year: int) -> bool:
    """Tell whether the holidays of a year are known; if not, its working days are provisional."""
    return _calendar(year).announced


def is_working_day(day: date) -> bool:
    """Tell whether offices work on a day; in a year that is not announced: whether it is Monday to Friday.

    Raises:
        TypeError: for a moment instead of a date, since its date depends on the time zone.
    """
    _refuse_moment(day)
    ordinal = day.toordinal()
    working = _calendar(day.year).working
    position = bisect_right(working, ordinal)
    return position > 0 and working[position - 1] == ordinal


def add_working_days(start: date, days: int) -> Deadline:
    """Work out the last day of a period of working days that an event starts.

    The day of the event is not counted, the period begins on the next one: Civil Code (民法典) art. 201.
    Holidays are left out: Administrative Penalty Law (行政处罚法) art. 85.

    Args:
        start: the day of the event from which the period runs, itself working or not.
        days: length of the period in working days, at least 1.

    Raises:
        ValueError: for a period shorter than one day.
        TypeError: for a moment instead of a date.
    """
    _refuse_moment(start)
    if days < 1:
        raise ValueError(f"a period has at least one working day, not {days}")
    year = (start + timedelta(days=1)).year
    provisional = False
    while True:
        working, announced = _calendar(year)
        provisional = provisional or not announced
        passed = bisect_right(working, start.toordinal())
        if passed + days <= len(working):
            return Deadline(date.fromordinal(working[passed + days - 1]), provisional)
        days -= len(working) - passed
        year += 1


def working_days_between(start: date, end: date) -> int:
    """Count the working days after one day, up to and including another; 0 where that is not later.

    Raises:
        TypeError: for a moment instead of a date.
    """
    _refuse_moment(start)
    _refuse_moment(end)
    if end <= start:
        return 0
    whole = sum(len(_calendar(year).working) for year in range(start.year, end.year))
    return whole + _passed(end) - _passed(start)


def _passed(day: date) -> int:
    """The working days of its year up to and including a day."""
    return bisect_right(_calendar(day.year).working, day.toordinal())


def _refuse_moment(day: date) -> None:
    if isinstance(day, datetime):
        raise TypeError("a date in Asia/Shanghai is needed, not a moment")


@cache
def _calendar(year: int) -> _Year:
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)]
    try:
        return _Year(tuple(day.toordinal() for day in days if is_workday(day)), announced=True)
    except NotImplementedError:
        return _Year(tuple(day.toordinal() for day in days if day.weekday() < _SATURDAY), announced=False)
