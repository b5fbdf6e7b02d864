"""The table of groups: those that `shell-cluster` found at the last cut of its own, and earlier ones."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, LargeBinary, Table

from monitor.store.schema import METADATA, REFERENCE, WORDS

GROUPS: Final = Table(
    "groups",
    METADATA,
    Column("ref", REFERENCE, primary_key=True, autoincrement=False),
    Column("key", WORDS, nullable=False, unique=True),
    Column("label", WORDS, nullable=False),
    Column("standing", Boolean, nullable=False),
    Column("members", LargeBinary, nullable=False),
)
"""Groups by number. `standing`: found at the last such cut; `members` are their codes then (MessagePack): what the next
cut compares with, so that a group keeps its key. Codes, not numbers: the table outlasts a rebuild of the state.
"""
