"""Tables of a home. One transaction a micro-batch writes them; pages and commands read them beside the writer."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

SCHEMA_VERSION: Final = 2
"""`monitor.store.migration` brings homes of older versions up to this one."""

METADATA: Final = MetaData()

META: Final = Table("meta", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

LOG: Final = Table(
    "log",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("generation", SmallInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The log: a block a micro-batch, its events as MessagePack under zstd; `generation` of its pseudonyms."""

POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
)

DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("digest", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="1"),
    Column("mended_at", BigInteger),
    Column("mended_by", Text),
    Column("mended_from", Text),
    Column("became", Text),
    Index("open_dead_letters_by_reason", "reason", sqlite_where=text("mended_at IS NULL")),
    Index("open_dead_letters_by_source", "source", "reason", sqlite_where=text("mended_at IS NULL")),
)
"""What was refused. One that came through later stays, with when, by which officer, from what it was read, and which
event it became (JSON); it is open until then. Both indexes end with the number, so that the newest are found at once.
"""

DEAD_LETTER_COUNTS: Final = Table(
    "dead_letter_counts",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("open", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Dead letters by the day of their receipt (Asia/Shanghai), source and present reason: no page counts the rows."""

OPEN_DEAD_LETTERS: Final = Table(
    "open_dead_letters",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many of them are open, over all days."""

SOURCES: Final = Table(
    "sources", METADATA, Column("ref", Integer, primary_key=True), Column("name", Text, nullable=False)
)

ENTERPRISES: Final = Table(
    "enterprises",
    METADATA,
    Column("ref", Integer, primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("named_at", BigInteger, nullable=False),
    Column("named_by", Text, nullable=False),
    Column("named_in", Text, nullable=False),
    Index("enterprises_by_code", "code"),
)
"""Enterprises by number, with the name that has the greatest (time, source, id)."""

ROOMS: Final = Table(
    "rooms",
    METADATA,
    Column("ref", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("label", Text, nullable=False),
)

PERSONS: Final = Table(
    "persons",
    METADATA,
    Column("ref", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("label", Text, nullable=False),
)

SIGNALS: Final = Table(
    "signals",
    METADATA,
    Column("detector", Text, primary_key=True),
    Column("ref", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("value", Float, nullable=False),
    Column("region", Text),
    Column("since", BigInteger, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("raised_in", BigInteger, nullable=False),
    Column("lowest", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("signals_by_raising", "raised_in"),
    Index("signals_by_subject", "kind", "ref"),
    sqlite_with_rowid=False,
)
"""Signals in force. `raised_at` (Now) and `raised_in` (block of the log): when this level was reached."""

SIGNAL_MEMBERS: Final = Table(
    "signal_members",
    METADATA,
    Column("detector", Text, primary_key=True),
    Column("ref", Integer, primary_key=True),
    Column("enterprise", Integer, primary_key=True),
    Index("signal_members_by_enterprise", "enterprise"),
    sqlite_with_rowid=False,
)
"""The enterprises of a signal, a row each, so that a hub's list is never written whole."""

PARKED: Final = Table(
    "parked",
    METADATA,
    Column("stage", Text, primary_key=True),
    Column("ref", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
)

COUNTERS: Final = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Running totals: events in by type, dead letters by reason, repeats."""
