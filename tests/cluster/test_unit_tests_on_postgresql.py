"""The tests of pages, metrics, reading and dead letters once more, over a PostgreSQL database in place of a home.

The tests stand in `tests/unit`; here only the store is another one, under the names by which they ask for it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from monitor.events.refusal import DeadLetter
from monitor.store import deadletters
from monitor.store.moving import move
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import identity_of, letter_row
from tests.unit.test_deadletters import (
    fill,
    test_counts_are_those_of_the_rows,
    test_the_newest_are_the_open_ones_that_came_last,
    test_the_trace_says_what_became_of_it,
)
from tests.unit.test_metrics import (
    test_every_name_has_the_prefix_and_a_help_text,
    test_every_name_is_documented,
    test_signals_are_told_for_every_detector_and_level,
    test_totals_are_counted_by_type_and_reason,
)
from tests.unit.test_web_page import (
    client,
    pulse,
    test_duties_are_dated,
    test_health,
    test_hostile_names_are_text,
    test_made_up_data_are_called_so,
    test_persons_are_not_named,
    test_progress_is_shown,
    test_totals_and_signals_are_on_the_page,
)
from tests.unit.test_web_page import (
    test_a_signal_says_why_where_since_when_and_what_would_end_it as test_a_signal_says_why,
)
from tests.unit.test_web_reading import (
    test_a_reader_outside_a_look_is_a_reader_still,
    test_the_clock_and_the_monitor_are_no_enterprises,
    test_the_newest_signals_are_cut_and_say_so,
    test_the_overview_adds_up,
)
from tests.unit.web_home import filled

__all__ = [
    "client",
    "pulse",
    "test_a_reader_outside_a_look_is_a_reader_still",
    "test_a_signal_says_why",
    "test_counts_are_those_of_the_rows",
    "test_duties_are_dated",
    "test_every_name_has_the_prefix_and_a_help_text",
    "test_every_name_is_documented",
    "test_health",
    "test_hostile_names_are_text",
    "test_made_up_data_are_called_so",
    "test_persons_are_not_named",
    "test_progress_is_shown",
    "test_signals_are_told_for_every_detector_and_level",
    "test_the_clock_and_the_monitor_are_no_enterprises",
    "test_the_newest_are_the_open_ones_that_came_last",
    "test_the_newest_signals_are_cut_and_say_so",
    "test_the_overview_adds_up",
    "test_the_trace_says_what_became_of_it",
    "test_totals_and_signals_are_on_the_page",
    "test_totals_are_counted_by_type_and_reason",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, databases: Callable[[], Database]) -> Database:
    database = databases()
    list(move(filled(tmp_path_factory.mktemp("moved")), database))
    return database


@pytest.fixture
def store(home: Database) -> Database:
    return home


@pytest.fixture
def engine(database: Database) -> Engine:
    fill(database.engine, write)
    return database.engine


def write(connection: Connection, letters: list[DeadLetter]) -> None:
    rows = []
    for one in letters:
        rows.append(letter_row(identity_of(one.source, one.offset, one.line), msgspec.structs.asdict(one)))
    assert deadletters.write_once(connection, rows) == len(letters)
