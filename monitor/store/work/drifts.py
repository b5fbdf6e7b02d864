"""How far the rows of the last cut of a model are from those that it learned from, for metrics and advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from monitor.store import bulk
from monitor.store.work.model_schema import DRIFTS

UNIFORMITY: Final = "p_values"
"""In place of a feature: how far p-values are from uniform."""

BEYOND: Final = "beyond"
"""In place of a feature: how much of the drift was beyond the limits of the rules."""

_COLUMNS: Final = ("kind", "name", "value")


class Beyond(msgspec.Struct, frozen=True):
    """A kind of model that has drifted beyond the limits: in how much, and by how much its features have, the worst
    first; `distance`: of p-values from uniform.
    """

    kind: str
    count: int
    worst: tuple[tuple[str, float], ...]
    distance: float


def write(connection: Connection, kind: str, stability: Mapping[str, float], distance: float, beyond: int = 0) -> None:
    """Puts the drift of a kind of model in the place of what the last cut wrote. `stability`: by feature; `beyond`: how
    many of all these are beyond the limits of the rules.
    """
    connection.execute(delete(DRIFTS).where(DRIFTS.c.kind == kind))
    told = {**stability, UNIFORMITY: distance, BEYOND: float(beyond)}
    rows = [(kind, name, value) for name, value in sorted(told.items())]
    bulk.insert(connection, DRIFTS, _COLUMNS, rows, bulk.refuse)


def read(connection: Connection) -> list[tuple[str, str, float]]:
    """Kind of model; feature, UNIFORMITY or BEYOND; and value, in order."""
    table = DRIFTS.c
    query = select(table.kind, table.name, table.value).order_by(table.kind, table.name)
    return [(kind, name, value) for kind, name, value in connection.execute(query)]


def beyond(connection: Connection, worst: int = 3) -> list[Beyond]:
    """The kinds of models that should be trained again, each with so many of its features."""
    kinds: dict[str, dict[str, float]] = {}
    for kind, name, value in read(connection):
        kinds.setdefault(kind, {})[name] = value
    found = []
    for kind, values in kinds.items():
        count, distance = int(values.pop(BEYOND, 0.0)), values.pop(UNIFORMITY, 0.0)
        if count:
            ordered = sorted(values.items(), key=lambda one: (-one[1], one[0]))
            found.append(Beyond(kind, count, tuple(ordered[:worst]), distance))
    return found
