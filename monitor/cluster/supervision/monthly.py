"""Every class as of one cut of a cluster, worked out in pieces: each piece a transaction, with how far they have come.

The cut that begins it copies signals and ties, which PostgreSQL does in seconds; histories only grow, and each entry
says how many cuts there were when it was written. So the classes are those of that cut, whatever comes meanwhile, and
whoever owns the partition next goes on where the last piece ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, text
from sqlalchemy.exc import OperationalError

from monitor.classing.items import Reckoning
from monitor.store import bulk
from monitor.store.home import forget_meta, meta, set_meta
from monitor.store.postgresql.classing_schema import (
    CLASSING_CHANGED,
    CLASSING_LINKED,
    CLASSING_MEMBERS,
    CLASSING_SIGNALS,
    TABLES,
)
from monitor.store.postgresql.conduct_schema import CONDUCT, LINKED
from monitor.store.schema import SIGNAL_MEMBERS, SIGNALS
from monitor.store.work import classes
from monitor.store.work.classes_schema import CLASS_MIX, CLASSES, CLASSES_NEXT

GOING_ON: Final = "classes in pieces"
"""In `meta`: how far they have come."""

FINISHED: Final = "classes in pieces done"
"""In `meta`, where the next cut lets them hold."""

_ENTERPRISES: Final = 500
"""So many in one piece: officers wait for no longer than a piece takes."""

_LOCKED: Final = "55P03"

_SWAPPED: Final = ("classes", "classes_pkey", "ix_classes_region")
_OTHERS: Final = ("classes_next", "classes_next_pkey", "ix_classes_next_region")


class Pieces(msgspec.Struct, frozen=True):
    """One working out of all classes, begun by a cut at `as_of` before which there were `cuts`. `wanted`: what it is
    good for, `cards`: the hash of the cards, `last`: the last enterprise that was classed.
    """

    as_of: int
    cuts: int
    wanted: str
    cards: str
    last: int = -1
    finished: bool = False


def going_on(connection: Connection) -> Pieces | None:
    """What is being worked out, if anything is."""
    found = meta(connection, GOING_ON)
    return None if found is None else msgspec.json.decode(found, type=Pieces)


def begin(connection: Connection, begun: Pieces, detectors: Collection[str]) -> None:
    """Keeps what the classes rest on as it is now, in the transaction of a cut; an earlier one that was not taken is
    given up. `detectors`: whose signals count.
    """
    for table in (*TABLES.sorted_tables, CLASSES_NEXT):
        connection.execute(text(f"TRUNCATE {table.name}"))
    counting = SIGNALS.c.detector.in_(sorted(detectors)), SIGNALS.c.weak.is_(False)
    columns = [SIGNALS.c[column.name] for column in CLASSING_SIGNALS.c]
    connection.execute(
        insert(CLASSING_SIGNALS).from_select(CLASSING_SIGNALS.c.keys(), select(*columns).where(*counting))
    )
    same = (SIGNALS.c.detector == SIGNAL_MEMBERS.c.detector) & (SIGNALS.c.ref == SIGNAL_MEMBERS.c.ref)
    members = [SIGNAL_MEMBERS.c[column.name] for column in CLASSING_MEMBERS.c]
    joined = select(*members).join(SIGNALS, same).where(*counting)
    connection.execute(insert(CLASSING_MEMBERS).from_select(CLASSING_MEMBERS.c.keys(), joined))
    connection.execute(insert(CLASSING_LINKED).from_select(CLASSING_LINKED.c.keys(), select(LINKED)))
    forget_meta(connection, FINISHED)
    _note(connection, begun)


def next_refs(connection: Connection, pieces: Pieces) -> list[int]:
    """The enterprises of the next piece, none after the last."""
    enterprise = CONDUCT.c.enterprise
    query = (
        select(enterprise)
        .where(enterprise > pieces.last, CONDUCT.c.cut <= pieces.cuts)
        .distinct()
        .order_by(enterprise)
        .limit(_ENTERPRISES)
    )
    return list(connection.execute(query).scalars())


def write(
    connection: Connection,
    refs: Sequence[int],
    reckonings: Sequence[tuple[int, Reckoning | None]],
    as_of: int,
    card: int,
) -> None:
    """Writes the classes of a piece where they do not hold yet."""
    classes.write_next(connection, range(refs[0], refs[-1] + 1), reckonings, as_of, card)


def note_done(connection: Connection, pieces: Pieces, refs: Sequence[int]) -> None:
    """A piece is written; without enterprises it was the last."""
    if refs:
        _note(connection, msgspec.structs.replace(pieces, last=refs[-1]))
    else:
        _note(connection, msgspec.structs.replace(pieces, finished=True))
        set_meta(connection, FINISHED, "1")


def note_changed(connection: Connection, refs: Sequence[int]) -> None:
    """Enterprises were classed by themselves at a cut: those classes stay."""
    if refs and going_on(connection) is not None:
        bulk.insert(connection, CLASSING_CHANGED, ("enterprise",), [(ref,) for ref in refs], bulk.leave)


def may_take(connection: Connection) -> bool:
    """Whether nobody reads the classes just now: then nobody can until the transaction ends. A cut does not wait for
    somebody's export, because the boards wait for it.
    """
    try:
        with connection.begin_nested():
            connection.execute(text("LOCK TABLE classes, classes_next IN ACCESS EXCLUSIVE MODE NOWAIT"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCKED:
            raise
        return False
    return True


def take(connection: Connection) -> str:
    """Lets the classes hold, in the transaction of a cut; what they are good for. The two tables change their names:
    that takes no longer for millions of rows.
    """
    pieces = going_on(connection)
    if pieces is None:
        raise ValueError("no classes are being worked out")
    changed = select(CLASSING_CHANGED.c.enterprise)
    connection.execute(delete(CLASSES_NEXT).where(CLASSES_NEXT.c.ref.in_(changed)))
    newer = select(CLASSES).where(CLASSES.c.ref.in_(changed))
    connection.execute(insert(CLASSES_NEXT).from_select(CLASSES.c.keys(), newer))
    for number, (now, then) in enumerate(zip(_SWAPPED, _OTHERS, strict=True)):
        kind = "INDEX" if number else "TABLE"
        for old, new in ((now, "swapping"), (then, now), ("swapping", then)):
            connection.execute(text(f"ALTER {kind} {old} RENAME TO {new}"))
    for table in (*TABLES.sorted_tables, CLASSES_NEXT):
        connection.execute(text(f"TRUNCATE {table.name}"))
    connection.execute(delete(CLASS_MIX))
    place = (CLASSES.c.region, CLASSES.c.kind, CLASSES.c["class"])
    counted = select(*place, func.count()).group_by(*place)
    connection.execute(insert(CLASS_MIX).from_select(["region", "kind", "class", "count"], counted))
    forget_meta(connection, GOING_ON)
    return pieces.wanted


def _note(connection: Connection, pieces: Pieces) -> None:
    set_meta(connection, GOING_ON, msgspec.json.encode(pieces).decode())
