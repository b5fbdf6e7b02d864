"""Tables of what follows from signals: alerts, and which signals the next cut has to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Integer, LargeBinary, SmallInteger, Table, text

from monitor.store import bulk
from monitor.store.schema import METADATA, REFERENCE, WORDS

CUTS: Final = "cuts"
"""In `meta`: how many cuts were made."""

CUT_BLOCK: Final = "block of the last cut"
"""In `meta`: the block of the log that holds the last cut."""

CUT_WHOLE: Final = "cut_whole"
"""In `meta`, while set: signals may have gone that `signal_changes` does not tell of; all those in force are in it."""

SIGNAL_CHANGES: Final = Table(
    "signal_changes",
    METADATA,
    Column("detector", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    sqlite_with_rowid=False,
)
"""Signals that came, changed or went since the last cut."""

ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("id", WORDS, primary_key=True),
    Column("detector", WORDS, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("newest", Boolean, nullable=False),
    Column("status", WORDS, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("region", WORDS),
    Column("asks", Boolean, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("snoozed", Boolean, nullable=False),
    Column("inhibited_by", WORDS, nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("stock", Boolean, nullable=False),
    Column("held", WORDS, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("due", BigInteger),
    Column("task", WORDS, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("alerts_by_subject", "kind", "key", "detector"),
    Index("alerts_by_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index("alerts_by_region", "region", "status"),
    Index(
        "alerts_by_inhibitor",
        "inhibited_by",
        sqlite_where=text("inhibited_by <> ''"),
        postgresql_where=text("inhibited_by <> ''"),
    ),
)
"""Every alert, live or over; `newest`: of its detector and subject. `held`: why the queue has not made a
task of it (see `monitor.supervision.queue.REASONS`). `body` is the whole of it.
"""


OBJECTIONS: Final = Table(
    "objections",
    METADATA,
    Column("subject", WORDS, primary_key=True),
    Column("source", WORDS, primary_key=True),
    Column("id", WORDS, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("decided", Boolean, nullable=False),
    Column("upheld", Boolean, nullable=False),
    Column("alert", WORDS, nullable=False),
    Column("document", WORDS, nullable=False),
    Column("fresh", Boolean, nullable=False),
    Index("fresh_objections", "fresh", sqlite_where=text("fresh"), postgresql_where=text("fresh")),
    sqlite_with_rowid=False,
)
"""Objections and their decisions, as they were filed; `fresh`: since the last cut."""


NOTICE_GROUPS: Final = Table(
    "notice_groups",
    METADATA,
    Column("key", WORDS, primary_key=True),
    Column("due", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
"""Subjects about which people are being told; `due`: when they speak again."""


def note_changes(connection: Connection, places: Iterable[tuple[str, int]]) -> None:
    """Signals that the next cut has to look at."""
    bulk.insert(connection, SIGNAL_CHANGES, ("detector", "ref"), list(places), bulk.leave)
