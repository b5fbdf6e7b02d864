"""Many rows in one statement, on both databases: SQLite runs it for each row, PostgreSQL takes whole columns.

In PostgreSQL the values of a column travel as one array (`unnest`): one statement and one plan for thousands of rows.
In SQLite a statement is compiled once and its rows go to the driver as they are: binding them by name costs more than
writing them. What is looked for travels as one value on both (`among`): a list of parameters is written anew each time.
Rows are written in the order of their keys, so that two writers that meet wait for each other and never in a ring.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[tuple[Any, ...]]
Conflict = Callable[[Any], Any]
"""From the insert to the insert that says what becomes of a row that is there."""

_AT_ONCE: Final = 10_000


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of some values, texts or whole numbers, however many."""
    if connection.dialect.name == "sqlite":
        text = msgspec.json.encode(values)
        if b"\\u0000" in text:  # where SQLite would end the text
            return column.in_(values)
        listed = func.json_each(bindparam(None, text.decode())).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == func.any(bindparam(None, list(values), type_=postgresql.ARRAY(column.type)))


def refuse(statement: Any) -> Any:
    """A row that is there is an error."""
    return statement


def leave(statement: Any) -> Any:
    """A row that is there stays."""
    return statement.on_conflict_do_nothing()


@cache
def replace(keys: tuple[str, ...], columns: tuple[str, ...]) -> Conflict:
    """A row that is there takes the new values of some columns."""

    def conflict(statement: Any) -> Any:
        return statement.on_conflict_do_update(
            index_elements=keys, set_={column: statement.excluded[column] for column in columns}
        )

    return conflict


def insert(connection: Connection, table: Table, columns: Sequence[str], rows: Rows, conflict: Conflict) -> None:
    """Adds rows, whose values stand in the order of `columns`, the keys first; no two of them have the same key."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_inserting(table, tuple(columns), conflict), list(rows))
        return
    statement = _insertion(table, tuple(columns), conflict)
    for part in _parts(sorted(rows)):
        connection.execute(statement, _columns(columns, part))


def forget(connection: Connection, table: Table, columns: Sequence[str], rows: Rows) -> None:
    """Removes the rows that have these values."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_deleting(table, tuple(columns)), list(rows))
        return
    statement = _deletion(table, tuple(columns))
    for part in _parts(sorted(rows)):
        connection.execute(statement, _columns(columns, part))


def differs(connection: Connection, table: Table, columns: tuple[str, str], rows: Rows) -> bool:
    """Whether a row with the key of one of these, the first of two columns, has another value (PostgreSQL)."""
    if not rows:
        return False
    other = _others(table, tuple(columns))
    return any(connection.execute(other, _columns(columns, part)).first() is not None for part in _parts(rows))


def differ(new: Any, old: Any, columns: Sequence[str]) -> ColumnElement[bool]:
    """Whether rows differ in some columns, absent values being values like others (PostgreSQL)."""
    return tuple_(*(new[column] for column in columns)).is_distinct_from(tuple_(*(old[column] for column in columns)))


# A statement is built once: building it takes longer than PostgreSQL takes for some rows.


@cache
def _inserting(table: Table, columns: tuple[str, ...], conflict: Conflict) -> str:
    values: dict[str, Any] = {column: bindparam(column) for column in columns}
    return _compiled(conflict(sqlite.insert(table).values(values)), columns)


@cache
def _deleting(table: Table, columns: tuple[str, ...]) -> str:
    given = [table.c[column] == bindparam(f"the_{column}") for column in columns]
    return _compiled(delete(table).where(*given), tuple(f"the_{column}" for column in columns))


def _compiled(statement: Any, given: tuple[str, ...]) -> str:
    """The text of a statement for SQLite, which takes these values in this order and no others."""
    compiled = statement.compile(dialect=sqlite.dialect())
    if tuple(compiled.positiontup) != given:
        raise ValueError(f"{compiled}: {compiled.positiontup}")
    return str(compiled)


@cache
def _insertion(table: Table, columns: tuple[str, ...], conflict: Conflict) -> Any:
    return conflict(postgresql.insert(table).from_select(list(columns), _unnested(table, columns)))


@cache
def _deletion(table: Table, columns: tuple[str, ...]) -> Any:
    return delete(table).where(tuple_(*(table.c[column] for column in columns)).in_(_unnested(table, columns)))


@cache
def _others(table: Table, columns: tuple[str, ...]) -> Any:
    key, value = columns
    here = _unnested(table, columns).subquery()
    same_key = table.c[key] == here.c[key]
    return select(here.c[key]).join(table, same_key).where(table.c[value] != here.c[value]).limit(1)


def _unnested(table: Table, columns: Sequence[str]) -> Any:
    return select(
        *(
            func.unnest(bindparam(f"all_{column}", type_=postgresql.ARRAY(table.c[column].type))).label(column)
            for column in columns
        )
    )


def _parts(rows: Rows) -> list[Rows]:
    if len(rows) <= _AT_ONCE:
        return [rows]
    return [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]


def _columns(columns: Sequence[str], rows: Rows) -> dict[str, list[Any]]:
    return {f"all_{column}": list(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}
