"""What commands and pages read of a home, in one consistent state beside the writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from config.moments import as_text, shanghai_date
from detectors.registry import by_id
from monitor.events.vocabulary import CLOCK_SUBJECT, MONITOR_SUBJECT
from monitor.identifiers import credit_code
from monitor.store import deadletters
from monitor.store.home import meta
from monitor.store.schema import (
    COUNTERS,
    ENTERPRISES,
    PARKED,
    PERSONS,
    ROOMS,
    SIGNAL_MEMBERS,
    SIGNALS,
    SOURCES,
)

_unpack = msgspec.msgpack.decode
_KINDS: Final = {"rooms": "address", "persons": "person"}


@contextmanager
def look(engine: Engine) -> Iterator[Reader]:
    """One look at a home through `Home.reader()`.

    The transaction is begun by hand: Python's driver for SQLite begins none for reading, so that two questions could
    be answered from two moments.
    """
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("BEGIN")
        yield Reader(connection)


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
        for row in self._connection.execution_options(yield_per=500).execute(query):
            yield self._signal(row)

    def newest(self, count: int, shown: int) -> list[dict[str, Any]]:
        """The signals raised last, of those raised together the ones with the latest `since` first.

        They are cut to what a page shows and cheap to ask often: of the evidence the newest `shown` events, of the
        enterprises some `shown`; `evidence_count` and `enterprise_count` tell how many there are.
        """
        query = select(SIGNALS).order_by(
            SIGNALS.c.raised_in.desc(), SIGNALS.c.since.desc(), SIGNALS.c.detector, SIGNALS.c.ref
        )
        return [self._signal(row, shown) for row in self._connection.execute(query.limit(count)).all()]

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
        return [self._signal(row) for row in rows.all()]

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

    def counts(self) -> dict[str, int]:
        """How many enterprises, rooms, persons, open dead letters and parked subjects there are.

        The clock and the monitor have numbers among the enterprises, and the person of a bare name one for each
        county: these are not counted.
        """
        apart = ENTERPRISES.c.code.in_((CLOCK_SUBJECT, MONITOR_SUBJECT))
        return {
            "enterprises": self._count(ENTERPRISES) - self._count(ENTERPRISES, apart),
            "rooms": self._count(ROOMS),
            "persons": self._count(PERSONS, PERSONS.c.key.not_like("#%")),
            "dead_letters": sum(deadletters.open_counts(self._connection).values()),
            "parked": self._count(PARKED),
        }

    def parked_by_stage(self) -> dict[str, int]:
        """How many subjects wait for a fix, by the stage that could not judge them."""
        rows = self._connection.execute(select(PARKED.c.stage, func.count()).group_by(PARKED.c.stage))
        return {stage: count for stage, count in rows}

    def parked(self) -> list[dict[str, Any]]:
        """The subjects that wait for a fix."""
        return [
            {
                "stage": row.stage,
                "subject": row.ref,
                "key": self._subject(_KINDS.get(row.stage, "enterprise"), row.ref)[0],
                "reason": row.reason,
            }
            for row in self._connection.execute(select(PARKED).order_by(PARKED.c.stage, PARKED.c.ref))
        ]

    def _count(self, table: Table, *which: ColumnElement[bool]) -> int:
        return int(self._connection.execute(select(func.count()).select_from(table).where(*which)).scalar() or 0)

    def _signal(self, row: Any, shown: int | None = None) -> dict[str, Any]:
        """A row in the form of contract §4, its lists whole or, for a page, cut to `shown`."""
        detector = by_id(row.detector)
        evidence, deadlines, facts = _unpack(row.body)
        cut: dict[str, int] = {}
        if shown is not None:
            cut = {
                "evidence_count": len(evidence),
                "enterprise_count": self._count(
                    SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.detector == row.detector, SIGNAL_MEMBERS.c.ref == row.ref
                ),
            }
            evidence = evidence[-shown:]
        codes = self._codes({enterprise for _, _, _, enterprise in evidence})
        key, label = self._subject(row.kind, row.ref)
        fill = {"value": _number(row.value), "lowest": _number(row.lowest), **facts}
        return {
            "detector": row.detector,
            "version": row.version,
            "subject": {"kind": row.kind, "key": key, "label": label},
            "level": row.level,
            "value": _number(row.value),
            "enterprises": self._members(row.detector, row.ref, shown),
            "region": row.region,
            "since": as_text(row.since),
            "evidence": [
                {
                    "id": event,
                    "source": self._source(source),
                    "subject": codes.get(enterprise, ""),
                    "time": as_text(at),
                    "date": shanghai_date(at).isoformat(),
                }
                for at, source, event, enterprise in evidence
            ],
            "deadlines": deadlines,
            "reason": {
                "zh": detector.reason.zh.format(**fill),
                "en": detector.reason.en.format(**fill),
            },
            "way_out": {
                "zh": detector.way_out.zh.format(**fill),
                "en": detector.way_out.en.format(**fill),
            },
            "weak_identity": row.weak,
            "stale": row.stale,
            "raised": as_text(row.raised_at),
            **cut,
        }

    def _subject(self, kind: str, ref: int) -> tuple[str, str]:
        """Key and label of a subject."""
        if kind == "enterprise":
            row = self._connection.execute(select(ENTERPRISES).where(ENTERPRISES.c.ref == ref)).first()
            return ("", "") if row is None else (row.code, row.name)
        table = ROOMS if kind == "address" else PERSONS
        row = self._connection.execute(select(table).where(table.c.ref == ref)).first()
        if row is None:
            return "", ""
        if kind == "person" and row.key.startswith("#"):
            person, _, county = row.key[1:].partition("@")
            key, label = self._subject("person", int(person))
            return f"{key}@{county}", label
        return row.key, row.label

    def _members(self, detector: str, ref: int, shown: int | None) -> list[str]:
        rows = self._connection.execute(
            select(ENTERPRISES.c.code)
            .join(SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
            .where(SIGNAL_MEMBERS.c.detector == detector, SIGNAL_MEMBERS.c.ref == ref)
            .limit(shown)
        )
        return sorted(rows.scalars())

    def _codes(self, refs: Iterable[int]) -> dict[int, str]:
        """Codes of enterprises by number, at most some hundreds at once."""
        rows = self._connection.execute(
            select(ENTERPRISES.c.ref, ENTERPRISES.c.code).where(ENTERPRISES.c.ref.in_(refs))
        )
        return {ref: code for ref, code in rows}

    def _source(self, ref: int) -> str:
        if self._sources is None:
            self._sources = {row.ref: row.name for row in self._connection.execute(select(SOURCES))}
        return self._sources.get(ref, "")


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value
