"""Tables of the credit-risk classes: a row an enterprise, the cards they were worked out by, and their numbers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table

from monitor.store.schema import METADATA, REFERENCE, WORDS


def _classes(name: str) -> Table:
    return Table(
        name,
        METADATA,
        Column("ref", REFERENCE, primary_key=True, autoincrement=False),
        Column("class", WORDS, nullable=False),
        Column("score", Integer, nullable=False),
        Column("as_of", BigInteger, nullable=False),
        Column("card", SmallInteger, nullable=False),
        Column("kind", WORDS, nullable=False),
        Column("region", WORDS, nullable=False, index=True),
        Column("body", LargeBinary),
    )


CLASSES: Final = _classes("classes")
"""Live enterprises alone. `card`: a number in `scorecards`. `region`: the county, empty where unknown. `body`: the
whole reckoning (MessagePack), where there is any item.
"""

CLASSES_NEXT: Final = _classes("classes_next")
"""Classes that are being worked out, and do not hold yet; what stands here from an earlier time is written over."""

SCORECARDS: Final = Table(
    "scorecards",
    METADATA,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("content_hash", WORDS, nullable=False, unique=True),
    Column("texts", WORDS, nullable=False),
)
"""Every set of cards that was in force, whole: a class is explained by those that made it. `texts`: JSON by file."""

CLASS_MIX: Final = Table(
    "class_mix",
    METADATA,
    Column("region", WORDS, primary_key=True),
    Column("kind", WORDS, primary_key=True),
    Column("class", WORDS, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How many enterprises of a county and kind have which class: no page counts the rows."""
