"""The dated duties that `untraceable` names (contract §4): the window for the second letter, and the listing."""

from __future__ import annotations

from typing import Any

import pytest

from config.moments import DAY
from detectors.registry import all_detectors, by_id
from tests.engine import CLOCK, Engine, Raw, event, lines, opened

PLACE = all_detectors().index(by_id("untraceable"))


def deadlines(*raws: Raw) -> list[Any]:
    """What the signal of the one enterprise carries."""
    engine = Engine(clock=CLOCK + 60 * DAY).take(lines([opened("E0001"), *raws]))
    ((finding, _, _),) = [row for key, row in engine.board.rows.items() if key[0] == PLACE]
    return [(one.duty, one.opens, one.due, one.provisional) for one in finding.deadlines]


def letter(number: str, sent: str | None, returned: str) -> list[Raw]:
    found = [event("E0001", "enforcement.letter_returned", returned, number=number)]
    if sent:
        found.append(event("E0001", "enforcement.letter_sent", sent, number=number))
    return found


def test_after_the_first_letter_the_window_for_the_second_is_the_15th_to_the_30th_day() -> None:
    first = letter("L1", "2025-01-06T09:00:00+08:00", "2025-01-20T09:00:00+08:00")
    assert deadlines(*first) == [("second_letter", "2025-01-21", "2025-02-05", False)]


def test_the_window_counts_from_the_date_in_shanghai() -> None:
    late = letter("L1", "2025-01-05T16:30:00Z", "2025-01-20T09:00:00+08:00")
    assert deadlines(*late) == [("second_letter", "2025-01-21", "2025-02-05", False)]


def test_after_the_second_letter_there_are_ten_working_days_for_the_listing() -> None:
    letters = letter("L1", "2025-02-10T09:00:00+08:00", "2025-02-20T09:00:00+08:00")
    letters += letter("L2", "2025-02-27T09:00:00+08:00", "2025-03-10T09:00:00+08:00")
    assert deadlines(*letters) == [("listing", None, "2025-03-24", False)]


def test_holidays_and_worked_weekends_are_those_of_the_official_calendar() -> None:
    # 1 to 5 May 2025 were off, Sunday 27 April was worked.
    letters = letter("L1", "2025-03-20T09:00:00+08:00", "2025-03-25T09:00:00+08:00")
    letters += letter("L2", "2025-04-05T09:00:00+08:00", "2025-04-21T09:00:00+08:00")
    assert deadlines(*letters) == [("listing", None, "2025-05-07", False)]


@pytest.mark.parametrize(
    "raws",
    [
        [event("E0001", "enforcement.visited", "2025-02-01T00:00:00Z", found=False)],
        letter("L1", None, "2025-01-20T09:00:00+08:00"),
        [event("E0001", "enforcement.abnormal_listed", "2025-02-01T00:00:00Z", ground="unreachable")],
    ],
)
def test_where_no_duty_can_be_dated_there_is_none(raws: list[Raw]) -> None:
    assert deadlines(*raws) == []
