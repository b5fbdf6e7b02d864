"""How far the rows of the last cut of a model are from those that it learned from, for metrics and advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, delete, select

from monitor.store import bulk
from monitor.store.work.model_schema import DRIFTS

UNIFORMITY: Final = "p_values"
"""In place of a feature: how far p-values are from uniform."""

_COLUMNS: Final = ("kind", "name", "value")


def write(connection: Connection, kind: str, stability: Mapping[str, float], distance: float) -> None:
    """Puts the drift of a kind of model in the place of what the last cut wrote. `stability`: by feature."""
    connection.execute(delete(DRIFTS).where(DRIFTS.c.kind == kind))
    rows = [(kind, name, value) for name, value in sorted({**stability, UNIFORMITY: distance}.items())]
    bulk.insert(connection, DRIFTS, _COLUMNS, rows, bulk.refuse)


def read(connection: Connection) -> list[tuple[str, str, float]]:
    """Kind of model, feature or UNIFORMITY, and value, in order."""
    table = DRIFTS.c
    query = select(table.kind, table.name, table.value).order_by(table.kind, table.name)
    return [(kind, name, value) for kind, name, value in connection.execute(query)]
