"""Tables of a home. One transaction a micro-batch writes them; pages and commands read them beside the writer.

In PostgreSQL stand those that `monitor.store.postgresql.cluster_schema` takes over, of the same names and columns.
"""

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

from detectors.base import SubjectKind

SCHEMA_VERSION: Final = 3
"""`monitor.store.migration` brings homes of older versions up to this one."""

KIND_OF_STAGE: Final[dict[str, SubjectKind]] = {"rooms": "address", "persons": "person"}
"""The subjects that stages judge; those of the other stages are enterprises."""

METADATA: Final = MetaData()

WORDS: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by its code points, on every database as in Python."""

REFERENCE: Final = BigInteger().with_variant(Integer, "sqlite")
"""What stands for a name: in a home a number of its one process, in PostgreSQL see `monitor.store.references`."""

META: Final = Table("meta", METADATA, Column("key", WORDS, primary_key=True), Column("value", WORDS, nullable=False))

LOG: Final = Table(
    "log",
    METADATA,
    Column("seq", REFERENCE, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("generation", SmallInteger, nullable=False),
    Column("digest", WORDS, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The log: a block a micro-batch, its events as MessagePack under zstd; `generation` of its pseudonyms."""

FORGOTTEN: Final = Table("forgotten", METADATA, Column("digest", REFERENCE, primary_key=True, autoincrement=False))
"""Names of events that retention has deleted from the log, as `monitor.store.forgotten` makes digests of them."""

POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("source", WORDS, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("fingerprint", WORDS, nullable=False),
)

DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("number", REFERENCE, primary_key=True, autoincrement=True),
    Column("source", WORDS, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("reason", WORDS, nullable=False),
    Column("detail", WORDS, nullable=False),
    Column("text", WORDS, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("digest", WORDS, nullable=False),
    Column("tries", Integer, nullable=False, server_default="1"),
    Column("mended_at", BigInteger),
    Column("mended_by", WORDS),
    Column("mended_from", WORDS),
    Column("became", WORDS),
    Index("open_dead_letters_by_reason", "reason", sqlite_where=text("mended_at IS NULL")),
    Index("open_dead_letters_by_source", "source", "reason", sqlite_where=text("mended_at IS NULL")),
)
"""What was refused. One that came through later stays, with when, by which officer, from what it was read, and which
event it became (JSON); it is open until then. Both indexes end with the number, so that the newest are found at once.
"""

DEAD_LETTER_COUNTS: Final = Table(
    "dead_letter_counts",
    METADATA,
    Column("day", WORDS, primary_key=True),
    Column("source", WORDS, primary_key=True),
    Column("reason", WORDS, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("open", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Dead letters by the day of their receipt (Asia/Shanghai), source and present reason: no page counts the rows."""

OPEN_DEAD_LETTERS: Final = Table(
    "open_dead_letters",
    METADATA,
    Column("source", WORDS, primary_key=True),
    Column("reason", WORDS, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many of them are open, over all days."""

SOURCES: Final = Table(
    "sources",
    METADATA,
    Column("ref", REFERENCE, primary_key=True, autoincrement=False),
    Column("name", WORDS, nullable=False),
)

ENTERPRISES: Final = Table(
    "enterprises",
    METADATA,
    Column("ref", REFERENCE, primary_key=True, autoincrement=False),
    Column("code", WORDS, nullable=False),
    Column("name", WORDS, nullable=False),
    Column("named_at", BigInteger, nullable=False),
    Column("named_by", WORDS, nullable=False),
    Column("named_in", WORDS, nullable=False),
    Index("enterprises_by_code", "code"),
)
"""Enterprises by number, with the name that has the greatest (time, source, id)."""

ROOMS: Final = Table(
    "rooms",
    METADATA,
    Column("ref", REFERENCE, primary_key=True, autoincrement=False),
    Column("key", WORDS, nullable=False),
    Column("label", WORDS, nullable=False),
)

PERSONS: Final = Table(
    "persons",
    METADATA,
    Column("ref", REFERENCE, primary_key=True, autoincrement=False),
    Column("key", WORDS, nullable=False),
    Column("label", WORDS, nullable=False),
)

SIGNALS: Final = Table(
    "signals",
    METADATA,
    Column("detector", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("value", Float, nullable=False),
    Column("region", WORDS),
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
    Column("detector", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    Column("enterprise", REFERENCE, primary_key=True),
    Index("signal_members_by_enterprise", "enterprise"),
    sqlite_with_rowid=False,
)
"""The enterprises of a signal, a row each, so that a hub's list is never written whole."""

PARKED: Final = Table(
    "parked",
    METADATA,
    Column("stage", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    Column("reason", WORDS, nullable=False),
)

COUNTERS: Final = Table(
    "counters",
    METADATA,
    Column("name", WORDS, primary_key=True),
    Column("label", WORDS, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Running totals: events in by type, dead letters by reason, repeats."""
