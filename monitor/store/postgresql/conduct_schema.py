"""Tables of a cluster's supervision: what enterprises' histories say of conduct, what others cast on them, and the acts
and cuts on their way to the log.

In a home the histories themselves are asked. On a cluster they are with the hosts of their partitions, so the events
that the queue and the scorecards count stand here, a row each, as the history keeps them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, SmallInteger, Table, text

from monitor.store.schema import REFERENCE, WORDS

TABLES: Final = MetaData()

LIVE: Final = "live"
"""In `meta`, once the log holds `monitor.live`."""

CONDUCT: Final = Table(
    "conduct",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
    Column("source", REFERENCE, primary_key=True, autoincrement=False),
    Column("id", WORDS, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("cut", BigInteger, nullable=False, server_default=text("0")),
)
"""Entries of histories (`monitor.stages.history`) of the kinds that somebody asks about; `body`: what follows an
entry's kind, without rooms and persons (MessagePack); `cut`: how many cuts there were when the row was written. A row
never changes: the event it stands for does not.
"""

LINKED: Final = Table(
    "linked",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""The enterprises at risk that an enterprise is tied to other than by a bare name: evidence (MessagePack)."""

LETTERED: Final = Table(
    "lettered",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
)
"""Enterprises to which letters were sent since the last cut."""

UNAUDITED: Final = Table(
    "unaudited",
    TABLES,
    Column("event", WORDS, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("waits", Boolean, nullable=False),
)
"""Entries for the audit log of events that hosts have logged (MessagePack), such as rules that came into force. Those
that are in the audit log stay: an event that is told again is not appended again.
"""

UNLOGGED: Final = Table(
    "unlogged",
    TABLES,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("partition", Integer, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Cuts and accepted acts that the log has not acknowledged yet, by a running number."""

ANSWERS: Final = Table(
    "answers",
    TABLES,
    Column("id", WORDS, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
"""What became of requests, by their ids (JSON), for as long as somebody may ask again."""
