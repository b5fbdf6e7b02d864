"""What one micro-batch writes, in one transaction: log, positions, dead letters, names, signals, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from monitor.events.types import Changed, Established, Event
from monitor.sources import Position
from monitor.stages.names import Names
from monitor.store import bulk
from monitor.store.schema import (
    COUNTERS,
    ENTERPRISES,
    KIND_OF_STAGE,
    PARKED,
    PERSONS,
    POSITIONS,
    ROOMS,
    SIGNALS,
    SOURCES,
)

_NEVER: Final = -(1 << 62)
_POSITION: Final = ("source", "offset", "line", "fingerprint")
_COMPILED: Final[dict[tuple[str, str], str]] = {}

REBUILT: Final = (SOURCES, ENTERPRISES, ROOMS, PERSONS, SIGNALS, PARKED)


def read_positions(connection: Connection) -> dict[str, Position]:
    """Where each source was left."""
    return {
        row.source: Position(row.offset, row.line, row.fingerprint) for row in connection.execute(select(POSITIONS))
    }


def write_position(connection: Connection, source: str, position: Position) -> None:
    """Where a source is left."""
    row = (source, position.offset, position.line, position.fingerprint)
    bulk.insert(connection, POSITIONS, _POSITION, [row], bulk.replace(_POSITION[:1], _POSITION[1:]))


def write_sources(connection: Connection, names: Names, known: int) -> None:
    """The names of sources that are new since `known` of them were written."""
    rows = [(ref, names[ref]) for ref in range(known + 1, len(names))]
    bulk.insert(connection, SOURCES, ("ref", "name"), rows, bulk.replace(("ref",), ("name",)))


def write_enterprises(
    connection: Connection, new: Iterable[tuple[int, str]], named: Iterable[tuple[int, str, Event]]
) -> None:
    """New numbers with their codes, and names: the one with the greatest (time, source, id) stays."""
    rows: dict[int, tuple[Any, ...]] = {ref: (ref, code, "", _NEVER, "", "") for ref, code in new}
    for ref, code, event in named:
        before = rows.get(ref)
        row = (ref, code, event.data.name, event.time, event.source, event.id)
        if before is None or row[3:] > before[3:]:
            rows[ref] = row
    _many(connection, "enterprises", _later_name, list(rows.values()))


def _later_name(connection: Connection) -> Any:
    insert = _dialect(connection).insert(ENTERPRISES)
    new, old = insert.excluded, ENTERPRISES.c
    return insert.on_conflict_do_update(
        index_elements=["ref"],
        set_={column: getattr(new, column) for column in ("code", "name", "named_at", "named_by", "named_in")},
        where=tuple_(new.named_at, new.named_by, new.named_in) >= tuple_(old.named_at, old.named_by, old.named_in),
    )


def gives_name(event: Event) -> bool:
    """Whether an event gives its enterprise a name."""
    kind = type(event)
    return kind is Established or (kind is Changed and bool(event.data.name))


def write_subjects(connection: Connection, table: Table, rows: Sequence[tuple[int, str, str]]) -> None:
    """Numbers of rooms or persons with their keys and labels."""
    _many(connection, table.name, lambda one: _upsert_of(one, table, ["ref"]), rows)


def write_counters(connection: Connection, totals: dict[tuple[str, str], int]) -> None:
    """Running totals by name and label."""
    rows = [(name, label, value) for (name, label), value in totals.items()]
    bulk.insert(connection, COUNTERS, ("name", "label", "value"), rows, bulk.replace(("name", "label"), ("value",)))


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
    for stage, ref in parked:
        kind = KIND_OF_STAGE.get(stage, "enterprise")
        connection.execute(SIGNALS.update().where(SIGNALS.c.kind == kind, SIGNALS.c.ref == ref).values(stale=True))


def _many(
    connection: Connection,
    name: str,
    statement: Callable[[Connection], Any],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Runs a statement for many rows whose values stand in the order of the table's columns. The statement is
    compiled once: for hundreds of thousands of small rows, binding them by name costs more than writing them.
    """
    if not rows:
        return
    known = _COMPILED.get((connection.dialect.name, name))
    if known is None:
        known = str(statement(connection).compile(dialect=connection.dialect))
        _COMPILED[connection.dialect.name, name] = known
    connection.exec_driver_sql(known, list(rows))


def _upsert_of(connection: Connection, table: Table, keys: list[str]) -> Any:
    insert = _dialect(connection).insert(table)
    values = {column.name: getattr(insert.excluded, column.name) for column in table.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=values)


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql
