"""Requests to try parked subjects again: noted when they come, answered once every host has followed them.

In between acts and cuts go on, and owners may change: what waits is in `meta`, a row a request.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, func, select

from monitor.store.home import set_meta
from monitor.store.schema import META, PARKED

_NOTED: Final = "parked asked "


def note(connection: Connection, request: str, number: int) -> None:
    """A request came; `number` is greater than those before it."""
    set_meta(connection, f"{_NOTED}{request}", str(number))


def noted(connection: Connection) -> dict[str, int]:
    """The requests that wait for their answers, with their numbers."""
    rows = connection.execute(select(META).where(META.c.key.startswith(_NOTED)))
    return {row.key.removeprefix(_NOTED): int(row.value) for row in rows}


def forget(connection: Connection, request: str) -> None:
    """A request is answered."""
    connection.execute(delete(META).where(META.c.key == f"{_NOTED}{request}"))


def still(connection: Connection) -> dict[str, int]:
    """How many subjects still wait for a fix, by stage."""
    rows = connection.execute(select(PARKED.c.stage, func.count()).group_by(PARKED.c.stage).order_by(PARKED.c.stage))
    return {stage: count for stage, count in rows}
