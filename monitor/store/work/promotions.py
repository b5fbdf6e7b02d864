"""Promotions of models as rows: which one is in force is a question about the log, answered without reading it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from monitor.events.envelope import Event
from monitor.store import bulk
from monitor.store.work.model_schema import PROMOTIONS

_COLUMNS: Final = ("id", "at", "kind", "model", "seed", "officer", "reason")


class Promotion(msgspec.Struct, frozen=True):
    """One promotion; `at` in microseconds since 1970."""

    id: str
    at: int
    kind: str
    model: str
    seed: int
    officer: str
    reason: str


def write(connection: Connection, events: Iterable[Event]) -> None:
    """Adds promotions; one that was written before stays as it is."""
    rows = [
        (event.id, event.recordedtime, one.kind, one.model, one.seed, one.officer, one.reason)
        for event in events
        for one in (event.data,)
    ]
    bulk.insert(connection, PROMOTIONS, _COLUMNS, rows, bulk.leave)


def in_force(connection: Connection, kind: str) -> Promotion | None:
    """The promotion of a kind that holds; None before the first. Promoting an earlier model again is a rollback."""
    found = history(connection, kind)
    return found[-1] if found else None


def model_in_force(connection: Connection, kind: str) -> str:
    """The hash of the model of a kind that was promoted last; empty before the first."""
    promoted = in_force(connection, kind)
    return "" if promoted is None else promoted.model


def challenger(connection: Connection, kind: str) -> str:
    """The hash of the model that is asked in shadow beside the one of a kind in force; empty where there is none, and
    where it is that one.
    """
    named, holds = in_force(connection, f"{kind}-challenger"), in_force(connection, kind)
    return "" if named is None or (holds is not None and holds.model == named.model) else named.model


def history(connection: Connection, kind: str) -> list[Promotion]:
    """All promotions of a kind, the oldest first."""
    table = PROMOTIONS.c
    query = select(*(table[name] for name in _COLUMNS)).where(table.kind == kind).order_by(table.at, table.id)
    return [Promotion(*row) for row in connection.execute(query)]
