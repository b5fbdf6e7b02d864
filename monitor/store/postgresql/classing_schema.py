"""What a working out of all classes goes by: signals, members and ties as they were at the cut that began it.

They are copied in the transaction of that cut, which takes PostgreSQL seconds; histories are not, because what was
written of them before a cut is known by the number of cuts that there were (`conduct.cut`).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, SmallInteger, Table

from monitor.store.schema import REFERENCE, WORDS

TABLES: Final = MetaData()

CLASSING_SIGNALS: Final = Table(
    "classing_signals",
    TABLES,
    Column("detector", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Signals that count in classes, as in `signals`."""

CLASSING_MEMBERS: Final = Table(
    "classing_members",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True),
    Column("detector", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
)
"""The enterprises that they count."""

CLASSING_LINKED: Final = Table(
    "classing_linked",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""What enterprises were linked to, as in `linked`."""

CLASSING_CHANGED: Final = Table(
    "classing_changed",
    TABLES,
    Column("enterprise", REFERENCE, primary_key=True, autoincrement=False),
)
"""Enterprises that were classed by themselves since: theirs is the newer class."""
