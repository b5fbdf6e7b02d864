"""Copies what a home shows into the database of a cluster, through the same door as the workers: the read model.

It is done in steps, each a transaction; when interrupted, the same again goes on behind the last one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from detectors.base import Deadline
from detectors.registry import at_cuts
from monitor.store.deadletters import write_once
from monitor.store.errors import StoreError
from monitor.store.home import Home, meta
from monitor.store.log import last_seq
from monitor.store.postgresql.boardbatch import BoardBatch, Named, ParkedItem, SignalItem, Stated, TotalsItem
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS
from monitor.store.postgresql.database import Database, answering
from monitor.store.postgresql.readmodel import ReadModel, identity_of, letter_row
from monitor.store.reader import Reader, looking
from monitor.store.schema import DEAD_LETTERS, ENTERPRISES, KIND_OF_STAGE, PARKED, PERSONS, SIGNALS

WRITER: Final = "home"

_NAMES: Final = 5_000
_SIGNALS: Final = 500
_LETTERS: Final = 500
_unpack = msgspec.msgpack.decode


class Moved(msgspec.Struct):
    """What has been copied so far."""

    names: int = 0
    signals: int = 0
    letters: int = 0


def move(home: Home, target: Database) -> Iterator[Moved]:
    """Copies a home as it is now; what has been copied is told after each step.

    Raises StoreError where the home cannot be read, or the database holds something else already.
    """
    with looking(home) as reader:
        topic = _name_of(reader.connection)
        engine = target.writer()
        with answering(), engine.connect() as connection:
            if connection.execute(select(BOARD_OFFSETS.c.topic).where(BOARD_OFFSETS.c.topic != topic)).first():
                raise StoreError(
                    f"{target}：数据库已有其他数据，请迁入空库 / it holds something else already: import into an empty "
                    "database, or another CREDIT_MONITOR_DATABASE_SCHEMA"
                )
        model, moved = ReadModel(engine), Moved()
        for number, step in enumerate(_steps(reader, topic)):
            model.apply(msgspec.structs.replace(step, offset=number, next=number + 1))
            moved.names += len(step.names)
            moved.signals += len(step.signals)
            yield moved
        for rows in _chunks(reader.connection, select(DEAD_LETTERS).order_by(DEAD_LETTERS.c.number), _LETTERS):
            with answering(), engine.begin() as connection:
                write_once(connection, [_letter(topic, row) for row in rows])
            moved.letters += len(rows)
            yield moved


def _name_of(connection: Connection) -> str:
    """What tells one state of one home from any other."""
    state = (meta(connection, name) for name in ("seed", "now"))
    named = ":".join((*map(str, state), str(last_seq(connection))))
    return f"home:{hashlib.blake2b(named.encode(), digest_size=8).hexdigest()}"


def _steps(reader: Reader, topic: str) -> Iterator[BoardBatch]:
    connection = reader.connection
    empty = BoardBatch(topic, 0, 0, 0)
    for rows in _chunks(connection, select(ENTERPRISES).order_by(ENTERPRISES.c.ref), _NAMES):
        names = [Named(row.code, row.name, row.named_at, row.named_by, row.named_in) for row in rows]
        yield msgspec.structs.replace(empty, names=names)
    # Those of cuts of their own are found anew over there.
    judged = select(SIGNALS).where(SIGNALS.c.detector.not_in([one.id for one in at_cuts()]))
    for rows in _chunks(connection, judged.order_by(SIGNALS.c.raised_in), _SIGNALS):
        yield msgspec.structs.replace(empty, signals=list(_signals(reader, rows)))
    totals = [(name, label, value) for (name, label), value in reader.totals().items()]
    counts = reader.counts()
    totals += [("subjects", name, counts[name]) for name in ("enterprises", "rooms", "persons")]
    yield msgspec.structs.replace(
        empty,
        totals=[TotalsItem(WRITER, 0, totals)],
        parked=[ParkedItem(WRITER, 0, _parked(reader))],
        now=reader.now(),
    )


def _signals(reader: Reader, rows: list[Any]) -> Iterator[SignalItem]:
    bodies = [_unpack(row.body) for row in rows]
    codes = reader.codes({enterprise for evidence, _, _ in bodies for _, _, _, enterprise in evidence})
    members = reader.members([(row.detector, row.ref) for row in rows])
    subjects = _keys(reader, [(row.kind, row.ref) for row in rows])
    for row, (evidence, deadlines, facts) in zip(rows, bodies, strict=True):
        key, label = subjects[row.kind, row.ref]
        yield SignalItem(
            writer=WRITER,
            epoch=0,
            detector=row.detector,
            version=row.version,
            kind=row.kind,
            key=key,
            label=label,
            now=row.raised_at,
            finding=Stated(
                level=row.level,
                value=row.value,
                since=row.since,
                weak=row.weak,
                evidence=[(at, reader.source(source), event, codes[ref]) for at, source, event, ref in evidence],
                deadlines=msgspec.convert(deadlines, list[Deadline]),
                facts=facts,
            ),
            region=row.region,
            members=members.get((row.detector, row.ref), []),
            lowest=row.lowest,
            stale=row.stale,
        )


def _parked(reader: Reader) -> list[tuple[str, str, str]]:
    rows = reader.connection.execute(select(PARKED)).all()
    subjects = _keys(reader, [(KIND_OF_STAGE.get(row.stage, "enterprise"), row.ref) for row in rows])
    return [(row.stage, subjects[KIND_OF_STAGE.get(row.stage, "enterprise"), row.ref][0], row.reason) for row in rows]


def _keys(reader: Reader, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
    """Keys and labels of subjects; the person of a bare name within a county is marked as in the store."""
    found = reader.subjects(wanted)
    persons = [ref for kind, ref in found if kind == "person"]
    weak = select(PERSONS.c.ref).where(PERSONS.c.ref.in_(persons), PERSONS.c.key.like("#%"))
    for ref in reader.connection.execute(weak).scalars().all() if persons else ():
        key, label = found["person", ref]
        found["person", ref] = f"#{key}", label
    return found


def _letter(topic: str, row: Any) -> dict[str, Any]:
    names = [column.name for column in DEAD_LETTERS.c if column is not DEAD_LETTERS.c.number]
    return letter_row(identity_of(topic, row.number), {name: getattr(row, name) for name in names})


def _chunks(connection: Connection, query: Any, size: int) -> Iterator[list[Any]]:
    for rows in connection.execute(query, execution_options={"yield_per": size}).partitions():
        yield list(rows)
