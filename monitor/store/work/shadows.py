"""The running record of challengers: what each would have found at daily cuts, beside the model in force."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from monitor.store import bulk
from monitor.store.work.model_schema import SHADOWS

_COLUMNS: Final = ("as_of", "challenger", "model", "both", "in_force_alone", "challenger_alone", "correlation")
_KEPT: Final = 1_000
"""Cuts whose record is kept: some years of days."""


class Shadow(msgspec.Struct, frozen=True):
    """One cut; `as_of`: its Now, in microseconds since 1970; `model`: the one in force."""

    as_of: int
    challenger: str
    model: str
    both: int
    in_force_alone: int
    challenger_alone: int
    correlation: float


def write(connection: Connection, shadow: Shadow) -> None:
    """Adds a cut to the record; the oldest of many go."""
    table = SHADOWS.c
    connection.execute(delete(SHADOWS).where(table.as_of == shadow.as_of, table.challenger == shadow.challenger))
    bulk.insert(connection, SHADOWS, _COLUMNS, [msgspec.structs.astuple(shadow)], bulk.refuse)
    oldest = select(table.as_of).order_by(table.as_of.desc()).offset(_KEPT).limit(1).scalar_subquery()
    connection.execute(delete(SHADOWS).where(table.as_of <= oldest))


def read(connection: Connection, challenger: str) -> list[Shadow]:
    """The record of a challenger, the oldest cut first."""
    table = SHADOWS.c
    query = select(*(table[name] for name in _COLUMNS)).where(table.challenger == challenger).order_by(table.as_of)
    return [Shadow(*row) for row in connection.execute(query)]
