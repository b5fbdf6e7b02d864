"""Objections and decisions as rows: what the next cut has to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET
from sqlalchemy import Connection

from monitor.events.envelope import Event
from monitor.events.types import ObjectionDecided, ObjectionFiled
from monitor.store import bulk
from monitor.store.work.alert_schema import OBJECTIONS

KINDS: Final = frozenset({ObjectionFiled, ObjectionDecided})
_COLUMNS: Final = ("subject", "source", "id", "at", "decided", "upheld", "alert", "document", "fresh")


def row_of(event: Event) -> tuple[str, str, str, int, bool, bool, str, str]:
    """The row of an objection or decision, in the order of the table, but for whether it is fresh."""
    decided = type(event) is ObjectionDecided
    return (
        event.subject,
        event.source,
        event.id,
        int(event.time),
        decided,
        decided and event.data.upheld,
        "" if event.data.alert is UNSET else event.data.alert,
        "" if event.data.document is UNSET else event.data.document,
    )


def write(connection: Connection, events: Iterable[Event]) -> None:
    """Adds objections and decisions; one that was written before stays as it is."""
    write_rows(connection, map(row_of, events))


def write_rows(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """The same for rows as `row_of` gives them, each once."""
    bulk.insert(connection, OBJECTIONS, _COLUMNS, [(*row, True) for row in rows], bulk.leave)
