"""Brings the database of an older version up to the present one, in place and in one transaction.

A step leads from one version of the schema to the next. It is written out as it was then, and never changed: the
tables of the program go on changing under it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection


def _dead_letters_can_be_mended(connection: Connection) -> None:
    """Version 2: dead letters that came through later stay with a trace, and are counted by day."""
    for statement in (
        "ALTER TABLE dead_letters ADD COLUMN tries INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE dead_letters ADD COLUMN mended_at BIGINT",
        "ALTER TABLE dead_letters ADD COLUMN mended_by TEXT",
        "ALTER TABLE dead_letters ADD COLUMN mended_from TEXT",
        "ALTER TABLE dead_letters ADD COLUMN became TEXT",
        "CREATE INDEX open_dead_letters_by_reason ON dead_letters (reason) WHERE mended_at IS NULL",
        "CREATE INDEX open_dead_letters_by_source ON dead_letters (source, reason) WHERE mended_at IS NULL",
        "CREATE TABLE IF NOT EXISTS dead_letter_counts (day TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, "
        "count BIGINT NOT NULL, open BIGINT NOT NULL, PRIMARY KEY (day, source, reason)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS open_dead_letters (source TEXT NOT NULL, reason TEXT NOT NULL, "
        "count BIGINT NOT NULL, PRIMARY KEY (source, reason)) WITHOUT ROWID",
        "INSERT INTO open_dead_letters SELECT source, reason, count(*) FROM dead_letters GROUP BY source, reason",
        # Receipts are of this century: Asia/Shanghai is eight hours ahead.
        "INSERT INTO dead_letter_counts SELECT date(received / 1000000 + 28800, 'unixepoch') AS day, source, reason, "
        "count(*), count(*) FROM dead_letters GROUP BY day, source, reason",
    ):
        connection.exec_driver_sql(statement)


def _alerts_follow_from_signals(connection: Connection) -> None:
    """Version 3: the first cut opens alerts for all that is in force; the tables of alerts are new."""
    for statement in (
        "CREATE TABLE IF NOT EXISTS signal_changes (detector TEXT NOT NULL, ref INTEGER NOT NULL, "
        "PRIMARY KEY (detector, ref)) WITHOUT ROWID",
        "INSERT OR IGNORE INTO signal_changes SELECT detector, ref FROM signals",
    ):
        connection.exec_driver_sql(statement)


_STEPS: Final[dict[int, Callable[[Connection], None]]] = {
    1: _dead_letters_can_be_mended,
    2: _alerts_follow_from_signals,
}


def can_migrate(found: str) -> bool:
    """Whether a home of this version can be brought up to the present one."""
    return found.isdecimal() and int(found) in _STEPS


def migrate(connection: Connection, found: str) -> str:
    """Brings a database up as far as steps lead; its version then."""
    version = int(found)
    while version in _STEPS:
        _STEPS[version](connection)
        version += 1
    return str(version)
