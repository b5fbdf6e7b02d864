"""What one micro-batch writes, in one transaction: log, positions, dead letters, names, signals, totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from monitor.events.refusal import DeadLetter
from monitor.events.types import Changed, Established, Event
from monitor.runners.names import Names
from monitor.sources import Position
from monitor.store.schema import (
    COUNTERS,
    DEAD_LETTERS,
    ENTERPRISES,
    PARKED,
    PERSONS,
    POSITIONS,
    ROOMS,
    SIGNALS,
    SOURCES,
)

REBUILT: Final = (SOURCES, ENTERPRISES, ROOMS, PERSONS, SIGNALS, PARKED)


def read_positions(connection: Connection) -> dict[str, Position]:
    """Where each source was left."""
    return {
        row.source: Position(row.offset, row.line, row.fingerprint) for row in connection.execute(select(POSITIONS))
    }


def write_position(connection: Connection, source: str, position: Position) -> None:
    """Where a source is left."""
    _upsert(
        connection,
        POSITIONS,
        ["source"],
        [
            {
                "source": source,
                "offset": position.offset,
                "line": position.line,
                "fingerprint": position.fingerprint,
            }
        ],
    )


def write_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Adds what was refused."""
    if letters:
        connection.execute(
            DEAD_LETTERS.insert(),
            [{field: getattr(letter, field) for field in letter.__struct_fields__} for letter in letters],
        )


def write_sources(connection: Connection, names: Names, known: int) -> None:
    """The names of sources that are new since `known` of them were written."""
    rows = [{"ref": ref, "name": names[ref]} for ref in range(known + 1, len(names))]
    _upsert(connection, SOURCES, ["ref"], rows)


def write_enterprises(
    connection: Connection, new: Iterable[tuple[int, str]], named: Iterable[tuple[int, str, Event]]
) -> None:
    """New numbers with their codes, and names: the one with the greatest (time, source, id) stays."""
    rows = [
        {"ref": ref, "code": code, "name": "", "named_at": -(1 << 62), "named_by": "", "named_in": ""}
        for ref, code in new
    ]
    if rows:
        _upsert(connection, ENTERPRISES, ["ref"], rows)
    latest: dict[int, dict[str, Any]] = {}
    for ref, code, event in named:
        row = {
            "ref": ref,
            "code": code,
            "name": event.data.name,
            "named_at": event.time,
            "named_by": event.source,
            "named_in": event.id,
        }
        before = latest.get(ref)
        if before is None or _order(row) > _order(before):
            latest[ref] = row
    if not latest:
        return
    insert = _dialect(connection).insert(ENTERPRISES)
    new_row, old = insert.excluded, ENTERPRISES.c
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["ref"],
            set_={column: getattr(new_row, column) for column in ("name", "named_at", "named_by", "named_in")},
            where=tuple_(new_row.named_at, new_row.named_by, new_row.named_in)
            > tuple_(old.named_at, old.named_by, old.named_in),
        ),
        list(latest.values()),
    )


def gives_name(event: Event) -> bool:
    """Whether an event gives its enterprise a name."""
    kind = type(event)
    return kind is Established or (kind is Changed and bool(event.data.name))


def write_subjects(connection: Connection, table: Table, rows: Sequence[tuple[int, str, str]]) -> None:
    """Numbers of rooms or persons with their keys and labels."""
    _upsert(connection, table, ["ref"], [{"ref": ref, "key": key, "label": label} for ref, key, label in rows])


def write_counters(connection: Connection, totals: dict[tuple[str, str], int]) -> None:
    """Running totals by name and label."""
    rows = [{"name": name, "label": label, "value": value} for (name, label), value in totals.items()]
    _upsert(connection, COUNTERS, ["name", "label"], rows)


def read_counters(connection: Connection) -> dict[tuple[str, str], int]:
    """The running totals."""
    return {(row.name, row.label): row.value for row in connection.execute(select(COUNTERS))}


def read_parked(connection: Connection) -> dict[tuple[str, int], str]:
    """The subjects that an earlier run parked, with the reasons."""
    return {(row.stage, row.ref): row.reason for row in connection.execute(select(PARKED))}


def write_parked(connection: Connection, parked: dict[tuple[str, int], str]) -> None:
    """The subjects that wait for a fix; their signals are marked stale."""
    connection.execute(delete(PARKED))
    connection.execute(SIGNALS.update().where(SIGNALS.c.stale).values(stale=False))
    if not parked:
        return
    connection.execute(
        PARKED.insert(),
        [{"stage": stage, "ref": ref, "reason": reason} for (stage, ref), reason in parked.items()],
    )
    kinds = {"rooms": "address", "persons": "person"}
    for stage, ref in parked:
        kind = kinds.get(stage, "enterprise")
        connection.execute(
            SIGNALS.update().where(SIGNALS.c.kind == kind, SIGNALS.c.ref == ref).values(stale=True)
        )


def _order(row: dict[str, Any]) -> tuple[int, str, str]:
    return row["named_at"], row["named_by"], row["named_in"]


def _upsert(connection: Connection, table: Table, keys: list[str], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    insert = _dialect(connection).insert(table)
    values = {column.name: getattr(insert.excluded, column.name) for column in table.c if column.name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql
