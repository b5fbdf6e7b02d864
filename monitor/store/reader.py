"""What commands and pages read of a home or of a cluster's database, in one consistent state beside the writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from config.moments import as_text, shanghai_date
from detectors.base import whole
from detectors.registry import by_id
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers import credit_code
from monitor.store import bulk, deadletters
from monitor.store.groups_schema import GROUPS
from monitor.store.home import meta
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS
from monitor.store.postgresql.conduct_schema import LIVE
from monitor.store.postgresql.database import answering
from monitor.store.schema import (
    COUNTERS,
    ENTERPRISES,
    KIND_OF_STAGE,
    PARKED,
    PERSONS,
    ROOMS,
    SIGNAL_MEMBERS,
    SIGNALS,
    SOURCES,
)
from monitor.store.work import classes

_unpack = msgspec.msgpack.decode
_Value = TypeVar("_Value", int, str)
_AT_ONCE: Final = 200
_VALUES: Final = 500
_SUBJECTS: Final = {"enterprise": ENTERPRISES, "address": ROOMS, "person": PERSONS, "group": GROUPS}


class Store(Protocol):
    """What can be looked at: a `Home`, or the `Database` of a cluster."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """By what commands find it."""

    @property
    def snapshots(self) -> Path | None:
        """The folder of its snapshots, where it has one."""

    def reader(self) -> Engine:
        """Opens it for reading. Raises StoreError."""

    def release(self, engine: Engine) -> None:
        """Gives back what `reader` opened."""


@contextmanager
def looking(store: Store) -> Iterator[Reader]:
    """One look at a store. Raises StoreError where it cannot be used."""
    engine = store.reader()
    try:
        with look(engine) as reader:
            yield reader
    finally:
        store.release(engine)


@contextmanager
def look(engine: Engine) -> Iterator[Reader]:
    """One look through `Home.reader()` or `Database.reader()`: all answers are of one moment.

    In SQLite the transaction is begun by hand: Python's driver begins none for reading.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("BEGIN")
            yield Reader(connection)
        return
    with answering(), engine.connect() as connection:
        of_one_moment = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with of_one_moment.begin():
            yield Reader(of_one_moment)


def change_mark(connection: Connection) -> Any:
    """Something that differs from the last time it was asked for over this connection, where anything was committed
    meanwhile. The connection is in no transaction.
    """
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql("PRAGMA data_version").scalar()
    return connection.execute(select(func.sum(BOARD_OFFSETS.c.next))).scalar()


class Reader:
    """One look at a home: everything asked of it is of one moment."""

    def __init__(self, connection: Connection) -> None:
        """`connection`: inside one transaction."""
        self._connection = connection
        self._sources: dict[int, str] | None = None

    @property
    def connection(self) -> Connection:
        """What other readers of the same moment read through, such as `monitor.store.deadletters`."""
        return self._connection

    @property
    def supervised(self) -> bool:
        """Whether alerts are worked out here: in a home, and in the database of a cluster whose log is live."""
        return self._connection.dialect.name == "sqlite" or meta(self._connection, LIVE) is not None

    def signals(self, *, newest: int | None = None, level: int | None = None) -> Iterator[dict[str, Any]]:
        """Signals in force in the form of contract §4, by detector and subject; or the `newest` ones, newest first."""
        query = select(SIGNALS)
        if level is not None:
            query = query.where(SIGNALS.c.level >= level)
        if newest is None:
            query = query.order_by(SIGNALS.c.detector, SIGNALS.c.ref)
        else:
            query = query.order_by(
                SIGNALS.c.raised_in.desc(), SIGNALS.c.level.desc(), SIGNALS.c.detector, SIGNALS.c.ref
            ).limit(newest)
        for rows in self._connection.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions():
            yield from self._signals(rows)

    def newest(self, count: int, shown: int) -> list[dict[str, Any]]:
        """The signals raised last, of those raised together the ones with the latest `since` first.

        They are cut to what a page shows and cheap to ask often: of the evidence the newest `shown` events, of the
        enterprises some `shown`; `evidence_count` and `enterprise_count` tell how many there are.
        """
        query = select(SIGNALS).order_by(
            SIGNALS.c.raised_in.desc(), SIGNALS.c.since.desc(), SIGNALS.c.detector, SIGNALS.c.ref
        )
        return self._signals(self._connection.execute(query.limit(count)).all(), shown)

    def now(self) -> int | None:
        """Now of the log at the last judgement, in microseconds since 1970; None before the first."""
        found = meta(self._connection, "now")
        return int(found) if found else None

    def signals_of(self, code: str) -> list[dict[str, Any]]:
        """The signals in force that count an enterprise."""
        rows = self._connection.execute(
            select(SIGNALS)
            .join(
                SIGNAL_MEMBERS,
                (SIGNAL_MEMBERS.c.detector == SIGNALS.c.detector) & (SIGNAL_MEMBERS.c.ref == SIGNALS.c.ref),
            )
            .join(ENTERPRISES, ENTERPRISES.c.ref == SIGNAL_MEMBERS.c.enterprise)
            .where(ENTERPRISES.c.code == code)
            .order_by(SIGNALS.c.level.desc(), SIGNALS.c.detector, SIGNALS.c.ref)
        )
        return self._signals(rows.all())

    def enterprise(self, code: str) -> dict[str, Any] | None:
        """Number, code and name of an enterprise."""
        row = self._connection.execute(select(ENTERPRISES).where(ENTERPRISES.c.code == code)).first()
        if row is None:
            return None
        return {
            "ref": row.ref,
            "code": row.code,
            "name": row.name,
            "identifier_suspect": credit_code.is_suspect(row.code),
        }

    def dead_letters(
        self, chosen: deadletters.Chosen = deadletters.ANY, which: deadletters.Which = "open"
    ) -> Iterator[dict[str, Any]]:
        """What was refused, in the order of arrival."""
        return deadletters.read(self._connection, chosen, which)

    def totals(self) -> dict[tuple[str, str], int]:
        """Running totals by name and label."""
        return {(row.name, row.label): row.value for row in self._connection.execute(select(COUNTERS))}

    def signal_counts(self) -> dict[tuple[str, int], int]:
        """Signals in force by detector and level."""
        rows = self._connection.execute(
            select(SIGNALS.c.detector, SIGNALS.c.level, func.count()).group_by(SIGNALS.c.detector, SIGNALS.c.level)
        )
        return {(detector, level): count for detector, level, count in rows}

    def class_of(self, code: str) -> classes.Found | None:
        """The credit-risk class of an enterprise; None where it has none."""
        return next(classes.read(self._connection, code), None) if classes.available(self._connection) else None

    def classes(self) -> Iterator[dict[str, Any]]:
        """All classes as `export classes` prints them."""
        return classes.exported(self._connection, self.source) if classes.available(self._connection) else iter(())

    def class_mix(self) -> list[dict[str, Any]]:
        """How many enterprises have which class, by region (empty: unknown) and kind."""
        return classes.class_mix(self._connection)

    def counts(self) -> dict[str, int]:
        """How many enterprises, rooms, persons, open dead letters and parked subjects there are.

        The clock and the monitor have numbers among the enterprises, and the person of a bare name one for each
        county: these are not counted.
        """
        apart = ENTERPRISES.c.code.in_((CLOCK_SUBJECT, MONITOR_SUBJECT))
        if self._connection.dialect.name == "sqlite":
            subjects = {
                "enterprises": self._count(ENTERPRISES) - self._count(ENTERPRISES, apart),
                "rooms": self._count(ROOMS),
                "persons": self._count(PERSONS, PERSONS.c.key.not_like("#%")),
            }
        else:  # the database knows those that were named; the workers hold, and count, all of them
            counted = self.totals()
            subjects = {name: counted.get(("subjects", name), 0) for name in ("enterprises", "rooms", "persons")}
        return {
            **subjects,
            "dead_letters": sum(deadletters.open_counts(self._connection).values()),
            "parked": self._count(PARKED),
        }

    def parked_by_stage(self) -> dict[str, int]:
        """How many subjects wait for a fix, by the stage that could not judge them."""
        rows = self._connection.execute(select(PARKED.c.stage, func.count()).group_by(PARKED.c.stage))
        return {stage: count for stage, count in rows}

    def parked(self) -> list[dict[str, Any]]:
        """The subjects that wait for a fix."""
        rows = self._connection.execute(select(PARKED).order_by(PARKED.c.stage, PARKED.c.ref)).all()
        subjects = self.subjects([(KIND_OF_STAGE.get(row.stage, "enterprise"), row.ref) for row in rows])
        return [
            {
                "stage": row.stage,
                "subject": row.ref,
                "key": subjects[KIND_OF_STAGE.get(row.stage, "enterprise"), row.ref][0],
                "reason": row.reason,
            }
            for row in rows
        ]

    def _count(self, table: Table, *which: ColumnElement[bool]) -> int:
        return int(self._connection.execute(select(func.count()).select_from(table).where(*which)).scalar() or 0)

    def _signals(self, rows: Sequence[Any], shown: int | None = None) -> list[dict[str, Any]]:
        """Rows in the form of contract §4, their lists whole or, for a page, cut to `shown`."""
        keys = [(row.detector, row.ref) for row in rows]
        counts = {} if shown is None else self._member_counts(keys)
        members = self.members(keys) if shown is None else {key: self._some_members(key, shown) for key in keys}
        subjects = self.subjects([(row.kind, row.ref) for row in rows])
        bodies = [_unpack(row.body) for row in rows]
        cuts: list[dict[str, int]] = [{} for _ in rows]
        if shown is not None:
            for body, key, cut in zip(bodies, keys, cuts, strict=True):
                cut.update(evidence_count=len(body[0]), enterprise_count=counts.get(key, 0))
                body[0] = body[0][-shown:]
        codes = self.codes({enterprise for body in bodies for _, _, _, enterprise in body[0]})
        return [
            {**self._signal(row, body, subjects[row.kind, row.ref], members.get(key, []), codes), **cut}
            for row, key, body, cut in zip(rows, keys, bodies, cuts, strict=True)
        ]

    def _signal(
        self, row: Any, body: Any, subject: tuple[str, str], members: list[str], codes: dict[int, str]
    ) -> dict[str, Any]:
        detector = by_id(row.detector)
        evidence, deadlines, facts = body
        return {
            "detector": row.detector,
            "version": row.version,
            "subject": {"kind": row.kind, "key": subject[0], "label": subject[1]},
            "level": row.level,
            "value": whole(row.value),
            "enterprises": sorted(members),
            "region": row.region,
            "since": as_text(row.since),
            "evidence": [
                {
                    "id": event,
                    "source": self.source(source),
                    "subject": codes.get(enterprise, ""),
                    "time": as_text(at),
                    "date": shanghai_date(at).isoformat(),
                }
                for at, source, event, enterprise in evidence
            ],
            "deadlines": deadlines,
            **detector.said(row.value, row.lowest, facts),
            "weak_identity": row.weak,
            "stale": row.stale,
            "raised": as_text(row.raised_at),
        }

    def subjects(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
        """Keys and labels of subjects by kind and number, empty texts for those that nothing is known of."""
        found = {one: ("", "") for one in wanted}
        for kind, table in _SUBJECTS.items():
            refs = [ref for its_kind, ref in found if its_kind == kind]
            key, label = (table.c[name] for name in (("code", "name") if kind == "enterprise" else ("key", "label")))
            if refs:
                query = select(table.c.ref, key, label).where(bulk.among(self._connection, table.c.ref, refs))
                found.update({(kind, row[0]): (row[1], row[2]) for row in self._connection.execute(query).all()})
        weak = {one: key[1:] for one, (key, _) in found.items() if one[0] == "person" and key.startswith("#")}
        if weak:
            found.update(self._within_counties(weak, found))
        return found

    def _within_counties(
        self, weak: dict[tuple[str, int], str], found: dict[tuple[str, int], tuple[str, str]]
    ) -> dict[tuple[str, int], tuple[str, str]]:
        """Persons of bare names, known as `PERSON@COUNTY`: in a home by the person's number, with the label there; in
        PostgreSQL by the person's key, with a label of their own.
        """
        parts = {one: text.rpartition("@") for one, text in weak.items()}
        by_number = {int(person) for person, _, _ in parts.values() if person.isdecimal()}
        persons = self.subjects(("person", ref) for ref in by_number) if by_number else {}
        named = {}
        for one, (person, _, county) in parts.items():
            key, label = persons["person", int(person)] if person.isdecimal() else (person, found[one][1])
            named[one] = f"{key}@{county}", label
        return named

    def members(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], list[str]]:
        """The codes of the enterprises of signals."""
        found: dict[tuple[str, int], list[str]] = {}
        for detector, refs in _by_detector(keys).items():
            for some in _parts(refs):
                rows = self._connection.execute(
                    select(SIGNAL_MEMBERS.c.ref, ENTERPRISES.c.code)
                    .join(ENTERPRISES, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
                    .where(SIGNAL_MEMBERS.c.detector == detector, SIGNAL_MEMBERS.c.ref.in_(some))
                )
                for ref, code in rows:
                    found.setdefault((detector, ref), []).append(code)
        return found

    def _some_members(self, key: tuple[str, int], shown: int) -> list[str]:
        rows = self._connection.execute(
            select(ENTERPRISES.c.code)
            .join(SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
            .where(SIGNAL_MEMBERS.c.detector == key[0], SIGNAL_MEMBERS.c.ref == key[1])
            .limit(shown)
        )
        return list(rows.scalars())

    def _member_counts(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        found = {}
        member = SIGNAL_MEMBERS.c
        for detector, refs in _by_detector(keys).items():
            rows = self._connection.execute(
                select(member.ref, func.count())
                .where(member.detector == detector, member.ref.in_(refs))
                .group_by(member.ref)
            )
            found.update({(detector, ref): count for ref, count in rows})
        return found

    def codes(self, refs: Iterable[int]) -> dict[int, str]:
        """Codes of enterprises by number."""
        wanted = sorted(refs)
        if not wanted:
            return {}
        here = bulk.among(self._connection, ENTERPRISES.c.ref, wanted)
        query = select(ENTERPRISES.c.ref, ENTERPRISES.c.code).where(here).execution_options(yield_per=10_000)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def names(self, codes: Iterable[str]) -> dict[str, str]:
        """Names of enterprises by code; an empty one where they have none, nothing where no event was about them."""
        found: dict[str, str] = {}
        for some in _parts(sorted(codes)):
            rows = self._connection.execute(
                select(ENTERPRISES.c.code, ENTERPRISES.c.name).where(ENTERPRISES.c.code.in_(some))
            )
            found.update({code: name for code, name in rows})
        return found

    def all_names(self) -> Iterator[tuple[str, str]]:
        """Code and name of every enterprise of which an event was received."""
        query = select(ENTERPRISES.c.code, ENTERPRISES.c.name)
        yield from map(tuple, self._connection.execute(query, execution_options={"yield_per": _VALUES}))

    def source(self, ref: int) -> str:
        """The name of a source."""
        if self._sources is None:
            self._sources = {row.ref: row.name for row in self._connection.execute(select(SOURCES))}
        return self._sources.get(ref, "")


def _parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Some hundreds at once: a statement takes no more than thousands of values."""
    for start in range(0, len(values), _VALUES):
        yield values[start : start + _VALUES]


def _by_detector(keys: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for detector, ref in keys:
        found.setdefault(detector, []).append(ref)
    return found
