"""What the board writes for the supervision of a cluster, and the lock that keeps cuts and boards apart.

A cut sees one state: every transaction of a board holds the lock shared, a cut holds it alone. So boards wait while a
cut is worked out, and nothing that a cut takes off a list came to it unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select, update

from monitor.stages.history import Kind
from monitor.store import bulk
from monitor.store.audit import chain
from monitor.store.audit.chain import AuditEntry
from monitor.store.home import meta
from monitor.store.postgresql.boardbatch import ConductItem, LinkedItem
from monitor.store.postgresql.conduct_schema import CONDUCT, LETTERED, LINKED, UNAUDITED
from monitor.store.referents import Referents, text
from monitor.store.work.alert_schema import CUTS

_LOCK: Final = 0x63757473
"""Half of the key of the lock; the other half stands for the schema."""
_CONDUCT: Final = ("enterprise", "source", "id", "at", "kind", "body", "cut")
_pack: Final = msgspec.msgpack.Encoder().encode
_entry: Final = msgspec.msgpack.Decoder(AuditEntry).decode


def beside_cuts() -> ColumnElement[Any]:
    """To be selected first in a transaction of a board: waits for a cut, and keeps the next one waiting."""
    return func.pg_advisory_xact_lock_shared(_LOCK, func.hashtext(func.current_schema()))


def cut_alone(connection: Connection) -> None:
    """Waits for the boards, and keeps them waiting until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(func.current_schema()))))


def rows_of(texts: Referents, items: Iterable[ConductItem]) -> list[tuple[Any, ...]]:
    """Rows of CONDUCT without the number of cuts, each once; `texts` has to write what their texts become."""
    found = {
        (texts.enterprise(one.code), texts.source(one.source), text(one.id)): (one.at, one.kind, _pack(one.rest))
        for one in items
    }
    return [(*key, *values) for key, values in found.items()]


def linked_rows(texts: Referents, items: Iterable[LinkedItem]) -> dict[int, bytes]:
    """What some enterprises are linked to, empty where to none; the last of several holds."""
    return {
        texts.enterprise(one.code): _pack(
            [(at, texts.source(source), event, texts.enterprise(code)) for at, source, event, code in one.risky]
        )
        if one.risky
        else b""
        for one in items
    }


def write(connection: Connection, rows: Sequence[tuple[Any, ...]], linked: dict[int, bytes]) -> None:
    """Writes what came of a batch."""
    if rows:
        cuts = int(meta(connection, CUTS) or 0)
        bulk.insert(connection, CONDUCT, _CONDUCT, [(*row, cuts) for row in rows], bulk.leave)
    lettered = {row[0] for row in rows if row[4] == Kind.LETTER_SENT}
    bulk.insert(connection, LETTERED, ("enterprise",), [(ref,) for ref in lettered], bulk.leave)
    bulk.forget(connection, LINKED, ("enterprise",), [(ref,) for ref, body in linked.items() if not body])
    there = [(ref, body) for ref, body in linked.items() if body]
    bulk.insert(connection, LINKED, ("enterprise", "body"), there, bulk.replace(("enterprise",), ("body",)))


def write_audited(connection: Connection, audited: Iterable[tuple[str, AuditEntry]]) -> None:
    """What the audit log shall say of events, each once."""
    rows = {text(event): (_pack(entry), True) for event, entry in audited}
    columns = ("event", "body", "waits")
    bulk.insert(connection, UNAUDITED, columns, [(event, *row) for event, row in rows.items()], bulk.leave)


def append_audited(connection: Connection) -> None:
    """Appends what waits for the audit log. Only the owner of supervision may."""
    waiting = connection.execute(select(UNAUDITED.c.body).where(UNAUDITED.c.waits).order_by(UNAUDITED.c.event))
    entries = [_entry(body) for body in waiting.scalars()]
    if entries:
        chain.append(connection, sorted(entries, key=lambda one: one.at))
        connection.execute(update(UNAUDITED).where(UNAUDITED.c.waits).values(waits=False))
