"""The proof that an audit log is whole: every row follows the row before, and every head kept elsewhere stands in it.

The chain alone shows a changed, missing, inserted or moved row. A cut-off end, and a chain made anew from some row on,
are shown by heads. One pass over the rows, in constant memory; only where something is wrong are rows looked for again,
to say what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Row, func, inspect, select
from sqlalchemy.exc import OperationalError

from monitor.store.audit.audit_schema import AUDIT
from monitor.store.audit.chain import Head, digest_of, genesis, home_id, rows

Wrong = Literal["changed", "missing", "inserted", "reordered", "cut off", "made anew", "not of this home"]

TOLD: Final[dict[Wrong, tuple[str, str]]] = {
    "changed": ("第 {number} 行被改动", "row {number} was changed"),
    "missing": ("第 {number} 行缺失", "row {number} is missing"),
    "inserted": ("第 {number} 行是插入的", "row {number} was inserted"),
    "reordered": ("第 {number} 行位置不对，原为第 {other} 行", "row {number} is out of order, it was row {other}"),
    "cut off": (
        "末尾在第 {other} 行的头之前被截断，自第 {number} 行起缺失",
        "cut off before head {other}: row {number} and what followed are missing",
    ),
    "made anew": (
        "第 {number} 行与其外存的头不符，第 {other} 行之后被重做",
        "row {number} is not that of its head: what follows row {other} was made anew",
    ),
    "not of this home": ("第 {number} 行或其头不属于此目录", "row {number}, or its head, is not of this home"),
}
"""What is wrong, zh and en."""

_TYPES: Final = (int, int, str, str, str, str, str, str, bytes, bytes)
_FIELDS: Final = len(_TYPES) - 2
_TOLD_EVERY: Final = 1_000


class Fault(msgspec.Struct, frozen=True):
    """The first row that is wrong. `other`: the number it had; the head that lacks its row; the last proven row."""

    number: int
    wrong: Wrong
    other: int = 0

    def told(self) -> str:
        """What is wrong, in words."""
        zh, en = TOLD[self.wrong]
        return f"{zh} / {en}".format(number=self.number, other=self.other)


class Proof(msgspec.Struct, frozen=True):
    """What came of a check: how many rows stand in unbroken order, and how many heads in them; the first fault."""

    rows: int
    heads: int
    fault: Fault | None


def verify(
    connection: Connection, heads: Iterable[Head] = (), on_rows: Callable[[int], None] = lambda number: None
) -> Proof:
    """Checks the chain of a store within one look at it, and that heads, taken before that look, stand in it.

    `on_rows` is told from time to time how far it has come. Raises StoreError where the store has no audit log at all.
    """
    home = home_id(connection)
    known: dict[int, set[str]] = {}
    foreign: list[int] = []
    for one in heads:
        if one.home == home:
            known.setdefault(one.number, set()).add(one.digest)
        else:
            foreign.append(one.number)
    fault: Fault | None = None
    number, digest, before = 0, genesis(home), b""
    proven, heads_found = 0, 0
    for row in _readable(connection):
        fault = _head_fault(number, digest, known, proven)
        if fault is None:
            heads_found += number in known
            proven = number if number in known else proven
            fault = _row_fault(connection, row, number, digest, before)
        if fault is not None:
            return Proof(number, heads_found, fault)
        number, digest, before = row.number, row.digest, digest
        if number % _TOLD_EVERY == 0:
            on_rows(number)
    fault = _head_fault(number, digest, known, proven)
    later = [one for one in known if one > number]
    if fault is None and later:
        fault = Fault(number + 1, "cut off", min(later))
    if fault is None and foreign:
        fault = Fault(min(foreign), "not of this home")
    return Proof(number, heads_found + (number in known), fault)


class _Unreadable:
    """Stands for a row that holds what no row holds, such as bytes that are no text."""


def _readable(connection: Connection) -> Iterator[Any]:
    """All rows in their order; instead of one that cannot be read, and what follows it, `_Unreadable`."""
    if not inspect(connection).has_table(AUDIT.name):
        return
    number: int | None = None
    try:
        for row in rows(connection):
            yield row
            number = row.number
    except (TypeError, ValueError, OperationalError) as error:
        if isinstance(error, OperationalError) and "decode" not in str(error.orig):
            raise
    else:
        return
    after = select(AUDIT).order_by(AUDIT.c.number).limit(1)
    try:  # the rows before it in the same portion
        while True:
            row = connection.execute(after if number is None else after.where(AUDIT.c.number > number)).one()
            yield row
            number = row.number
    except (TypeError, ValueError, OperationalError):
        yield _Unreadable()


def _head_fault(number: int, digest: bytes, known: dict[int, set[str]], proven: int) -> Fault | None:
    """Whether the heads of a row, if there are any, are not its digest."""
    wanted = known.get(number)
    return None if wanted is None or wanted == {digest.hex()} else Fault(number, "made anew", proven)


def _row_fault(connection: Connection, row: Any, last: int, digest: bytes, before: bytes) -> Fault | None:
    """What is wrong with a row that comes after row `last` of some digest, which itself follows `before`."""
    if isinstance(row, _Unreadable):
        return Fault(last + 1, "changed")
    if row.number <= last:
        return Fault(row.number, "inserted")
    if row.number != last + 1:
        return Fault(last + 1, "missing")
    if not _is_whole(row, row.number):
        if last and row.previous == before and _is_whole(row, last):
            return Fault(last, "inserted")
        return _moved(connection, row, digest)
    if row.previous != digest:
        # A row that is whole and follows another than the one before it: that one was replaced.
        return Fault(last, "changed") if last else Fault(1, "not of this home")
    return None


def _moved(connection: Connection, row: Row[Any], digest: bytes) -> Fault:
    """What is wrong with the first row that is not whole: the one that belongs there follows `digest`."""
    number = row.number
    elsewhere = any(
        _is_whole(one, number) for one in connection.execute(select(AUDIT).where(AUDIT.c.previous == digest))
    )
    greatest = connection.execute(select(func.max(AUDIT.c.number))).scalar_one()
    was = next((one for one in range(1, greatest + 2) if _is_whole(row, one)), None)
    if was is None:
        return Fault(number, "inserted" if elsewhere else "changed")
    return Fault(number, "reordered", was) if elsewhere else Fault(number, "missing")


def _is_whole(row: Row[Any], number: int) -> bool:
    """Whether a row holds what it was written with, under some number."""
    if tuple(map(type, row)) != _TYPES:
        return False
    found: bytes = row.digest
    return digest_of((number, *row[1:_FIELDS]), row.previous) == found
