"""The table of the host list as officers keep it, beside that of the rules file."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Table

from monitor.store.schema import METADATA, WORDS

HOSTS: Final = Table(
    "hosts",
    METADATA,
    Column("id", WORDS, primary_key=True),
    Column("text", WORDS, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("region", WORDS),
    Column("until", WORDS, nullable=False),
    Column("officer", WORDS, nullable=False),
    Column("reason", WORDS, nullable=False),
    Column("content_hash", WORDS, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("source", WORDS, nullable=False),
    Column("event", WORDS, nullable=False),
    Column("ended", Boolean, nullable=False),
)
"""A row a room that was ever listed, in the terms of `monitor.supervision.hosts.Entry`; `until`: a date."""
