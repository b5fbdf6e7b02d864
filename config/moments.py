"""Moments: whole microseconds since 1970-01-01T00:00:00Z, and the calendar dates of Asia/Shanghai.

Every stage and detector computes with these integers; text is parsed once, at intake, and made again for people.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_from_text: Final = dt.datetime.fromisoformat
_STEADY_OFFSET_FROM: Final = 694_224_000 * SECOND
"""From 1992 on Asia/Shanghai is UTC+8 without summer time; before, the zone's own table decides."""

_EARLIEST: Final = (dt.datetime(1, 1, 2, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_BEIJING: Final = dt.timezone(dt.timedelta(hours=8))

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII).fullmatch


_WHOLE_SECONDS: Final = (20, 25)
"""Lengths of a date-time without a fraction."""
_REMEMBERED: Final = 1 << 16
_days: Final[dict[str, int]] = {}
_minutes: Final[dict[str, int]] = {}
_seconds: Final[dict[str, int]] = {}
_offsets: Final[dict[str, int]] = {}
"""What the parts of valid date-times in whole seconds stand for: parts that are valid by themselves are so together,
and the same days and minutes come back in millions of events.
"""


class MissingOffsetError(ValueError):
    """A date and time that does not say its offset from UTC."""


def parse_moment(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 date-time; digits beyond the microsecond are cut off.

    Raises MissingOffsetError where only the offset is missing, else ValueError.
    """
    day, minute = _days.get(text[:10]), _minutes.get(text[10:16])
    second, offset = _seconds.get(text[16:19]), _offsets.get(text[19:])
    if day is not None and minute is not None and second is not None and offset is not None:
        return day + minute + second - offset
    found = _parsed(text)
    if len(text) in _WHOLE_SECONDS and max(len(_days), len(_offsets)) < _REMEMBERED:
        _days[text[:10]] = _parsed(f"{text[:10]}T00:00:00Z")
        _minutes[text[10:16]] = _parsed(f"1970-01-01{text[10:16]}:00Z")
        _seconds[text[16:19]] = _parsed(f"1970-01-01T00:00{text[16:19]}Z")
        _offsets[text[19:]] = -_parsed(f"1970-01-01T00:00:00{text[19:]}")
    return found


def _parsed(text: str) -> int:
    if not _RFC3339(text):
        text = text.upper()
        if not _RFC3339(text):
            if _RFC3339(text.replace(" ", "T") + "Z"):
                msg = "no offset from UTC"
                raise MissingOffsetError(msg)
            msg = "not an RFC 3339 date and time"
            raise ValueError(msg)
    since = _from_text(text) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def moment(when: dt.datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (when - _EPOCH) // _MICROSECOND


def as_datetime(at: int, zone: dt.tzinfo = SHANGHAI) -> dt.datetime:
    """The aware datetime of a moment; the first hours of the year 1 are given as its second day."""
    return (_EPOCH + dt.timedelta(microseconds=max(at, _EARLIEST))).astimezone(zone)


def as_text(at: int) -> str:
    """RFC 3339 text of a moment at UTC+8; whole seconds where it has no fraction."""
    return as_datetime(at, _BEIJING).isoformat()


def shanghai_day(at: int) -> int:
    """The calendar date in Asia/Shanghai of a moment, as a proleptic ordinal (see `date.toordinal`)."""
    if at >= _STEADY_OFFSET_FROM:
        return (at + 8 * HOUR) // DAY + _EPOCH_DAY
    return as_datetime(at).date().toordinal()


def shanghai_date(at: int) -> dt.date:
    """The calendar date in Asia/Shanghai of a moment."""
    return dt.date.fromordinal(shanghai_day(at))


def start_of_day(day: dt.date) -> int:
    """The moment at which a calendar date begins in Asia/Shanghai."""
    return moment(dt.datetime(day.year, day.month, day.day, tzinfo=SHANGHAI))


def end_of_day(day: dt.date) -> int:
    """The first moment after a calendar date of Asia/Shanghai."""
    if day == dt.date.max:
        return start_of_day(day) + DAY
    return start_of_day(day + dt.timedelta(days=1))


def years_later(day: dt.date, years: int) -> dt.date:
    """The same date some years on; from 29 February to 28 February where that year has no 29th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
