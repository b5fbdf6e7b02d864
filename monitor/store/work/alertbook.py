"""The book of alerts in a database: a `monitor.supervision.book.Book` over one connection, within its transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, text, tuple_, update

from config.supervision import AlertPolicy
from detectors.registry import all_detectors, by_id
from monitor.store import bulk
from monitor.store.reader import Reader
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.work.alert_schema import ALERTS, NOTICE_GROUPS, OBJECTIONS, SIGNAL_CHANGES
from monitor.supervision.alerts import LIVE, Alert, Signal
from monitor.supervision.book import Key
from monitor.supervision.cut import key_of
from monitor.supervision.disputes import Objection
from monitor.supervision.notices import Group

_AT_ONCE: Final = 1_000
_KEPT: Final = 5_000
"""So many alerts at most are kept as objects between two questions."""
_COLUMNS: Final = tuple(column.name for column in ALERTS.columns)
_KNOWN: Final = frozenset(detector.id for detector in all_detectors())
_STANDING: Final = (*sorted(LIVE), "resolved")

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Alert).decode
_unpack_group = msgspec.msgpack.Decoder(Group).decode
_GROUP: Final = ("key", "due", "body")
_body = msgspec.msgpack.Decoder(
    tuple[list[tuple[int, int, str, int]], tuple[dict[str, Any], ...], dict[str, Any]]
).decode
_SIGNAL: Final = tuple(
    SIGNALS.c[name] for name in ("version", "level", "value", "region", "since", "weak", "stale", "lowest", "body")
)
_INSTEAD: Final = (
    update(ALERTS)
    .where(
        ALERTS.c.kind == bindparam("its_kind"),
        ALERTS.c.key == bindparam("its_key"),
        ALERTS.c.detector == bindparam("its_detector"),
    )
    .values(newest=ALERTS.c.id == bindparam("its_id"))
)
"""Of a detector and subject one alert is the newest."""
_IS_FRESH: Final = text("fresh")
"""As the index says it: SQLite takes a partial index for the same words alone."""

RefOf = Callable[[str, str], int]
"""From kind and key of a signal's subject to its number; 0 where there is none. Tables have no index by key."""


class AlertBook:
    """Alerts and changes of signals, by a policy that says when an alert is due.

    What was read or written last is kept for the next question, so whoever changes an alert writes it too.
    """

    def __init__(self, connection: Connection, policy: AlertPolicy, ref_of: RefOf) -> None:
        """`connection`: inside the transaction that writes the cut; `ref_of`: see `RefOf`."""
        self._ref_of = ref_of
        self._connection = connection
        self._policy = policy
        self._reader = Reader(connection)
        self._kept: dict[str, Alert] = {}

    # -- signals --------------------------------------------------------------------------------------------------

    def changes(self) -> Iterator[dict[Key, Signal | None]]:
        """See `Book`."""
        place = SIGNAL_CHANGES.c.detector, SIGNAL_CHANGES.c.ref
        here = (SIGNALS.c.detector == place[0]) & (SIGNALS.c.ref == place[1])
        query = (
            select(*place, *_SIGNAL)
            .join_from(SIGNAL_CHANGES, SIGNALS, here, isouter=True)
            .order_by(*place)
            .limit(_AT_ONCE)
        )
        while rows := self._connection.execute(query).all():
            yield self._signals([row for row in rows if row[0] in _KNOWN])
            self._connection.execute(delete(SIGNAL_CHANGES).where(tuple_(*place) <= tuple_(*rows[-1][:2])))
            if len(rows) < _AT_ONCE:
                return

    def _signals(self, rows: Sequence[Any]) -> dict[Key, Signal | None]:
        """Signals by what they are about; None for those not in force. A row: place, then `_SIGNAL`."""
        kinds = {detector: by_id(detector).subject for detector in {row[0] for row in rows}}
        subjects = self._reader.subjects([(kinds[row[0]], row[1]) for row in rows])
        bodies = [None if row[2] is None else _body(row[-1]) for row in rows]
        told = {one[3] for body in bodies if body is not None for one in body[0]}
        codes = {ref: key for (kind, ref), (key, _) in subjects.items() if kind == "enterprise"}
        codes.update(self._reader.codes(told.difference(codes)))
        source = self._reader.source
        found: dict[Key, Signal | None] = {}
        for row, body in zip(rows, bodies, strict=True):
            detector, ref, version, level, value, region, since, weak, stale, lowest, _ = row
            kind = kinds[detector]
            key, label = subjects[kind, ref]
            if body is None:
                found.setdefault(Key(detector, kind, key), None)
                continue
            evidence, deadlines, facts = body
            found[Key(detector, kind, key)] = Signal(
                detector=detector,
                version=version,
                kind=kind,
                key=key,
                label=label,
                level=level,
                value=value,
                lowest=lowest,
                region=region,
                since=since,
                weak=weak,
                stale=stale,
                evidence=tuple(
                    sorted([(at, source(number), event, codes.get(whose, "")) for at, number, event, whose in evidence])
                ),
                deadlines=deadlines,
                facts=facts,
            )
        return found

    def counting(self, detectors: Sequence[str], codes: Iterable[str]) -> dict[str, list[Key]]:
        """See `Book`."""
        places: dict[tuple[str, int], list[str]] = {}
        query = (
            select(ENTERPRISES.c.code, SIGNAL_MEMBERS.c.detector, SIGNAL_MEMBERS.c.ref)
            .join(SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
            .where(
                bulk.among(self._connection, ENTERPRISES.c.code, sorted(codes)),
                SIGNAL_MEMBERS.c.detector.in_(detectors),
            )
        )
        for code, detector, ref in self._connection.execute(query).all():
            places.setdefault((detector, ref), []).append(code)
        subjects = self._reader.subjects({(by_id(detector).subject, ref) for detector, ref in places})
        found: dict[str, list[Key]] = {}
        for (detector, ref), members in places.items():
            kind = by_id(detector).subject
            for code in members:
                found.setdefault(code, []).append(Key(detector, kind, subjects[kind, ref][0]))
        return found

    def counted(self, keys: Iterable[Key], detectors: Sequence[str]) -> set[str]:
        """See `Book`."""
        refs: dict[str, list[int]] = {}
        for key in keys:
            refs.setdefault(key.detector, []).append(self._ref_of(key.kind, key.key))
        found: set[str] = set()
        for detector, some in refs.items():
            query = (
                select(ALERTS.c.id)
                .join_from(SIGNAL_MEMBERS, ENTERPRISES, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
                .join(ALERTS, (ALERTS.c.kind == "enterprise") & (ALERTS.c.key == ENTERPRISES.c.code))
                .where(
                    SIGNAL_MEMBERS.c.detector == detector,
                    bulk.among(self._connection, SIGNAL_MEMBERS.c.ref, some),
                    ALERTS.c.detector.in_(detectors),
                    ALERTS.c.newest,
                    ALERTS.c.status.in_(sorted(LIVE)),
                )
            )
            found.update(self._connection.execute(query).scalars().all())
        return found

    # -- alerts ---------------------------------------------------------------------------------------------------

    def newest(self, keys: Iterable[Key]) -> dict[Key, Alert]:
        """See `Book`."""
        by_place: dict[tuple[str, str], list[str]] = {}
        for detector, kind, key in sorted(keys):
            by_place.setdefault((detector, kind), []).append(key)
        found: dict[Key, Alert] = {}
        for (detector, kind), some in by_place.items():
            here = bulk.among(self._connection, ALERTS.c.key, some)
            for alert in self._those(ALERTS.c.kind == kind, ALERTS.c.detector == detector, ALERTS.c.newest, here):
                found[key_of(alert)] = alert
        return found

    def alerts(self, ids: Iterable[str]) -> dict[str, Alert]:
        """See `Book`."""
        wanted = sorted(ids)
        missing = [one for one in wanted if one not in self._kept]
        found = {one: self._kept[one] for one in wanted if one in self._kept}
        for some in _parts(missing):
            read = {alert.id: alert for alert in self._those(bulk.among(self._connection, ALERTS.c.id, some))}
            self._keep(read)
            found.update(read)
        return found

    def due(self, now: int) -> Iterator[list[Alert]]:
        """See `Book`."""
        due = self._connection.execute(select(ALERTS.c.id).where(ALERTS.c.due <= now)).scalars().all()
        for some in _parts(sorted(due)):
            yield self._those(bulk.among(self._connection, ALERTS.c.id, some))

    def standing(self) -> Iterator[list[Alert]]:
        """See `Book`."""
        yield from self._some(ALERTS.c.newest, ALERTS.c.status.in_(_STANDING), ALERTS.c.gone.is_(False))

    def inhibited_by(self, alert_ids: Iterable[str]) -> set[str]:
        """See `Book`."""
        here = bulk.among(self._connection, ALERTS.c.inhibited_by, sorted(alert_ids))
        return set(
            self._connection.execute(select(ALERTS.c.id).where(ALERTS.c.inhibited_by != "", here)).scalars().all()
        )

    def put(self, alerts: Sequence[Alert], *, newest: Iterable[Alert] = ()) -> None:
        """See `Book`."""
        bulk.insert(self._connection, ALERTS, _COLUMNS, [self._row(alert) for alert in alerts], _replace)
        self._keep({alert.id: alert for alert in alerts})
        instead = [
            {"its_id": alert.id, "its_detector": detector, "its_kind": kind, "its_key": key}
            for alert in newest
            for detector, kind, key in (key_of(alert),)
        ]
        if instead:
            self._connection.execute(_INSTEAD, instead)

    def _keep(self, alerts: Mapping[str, Alert]) -> None:
        if len(self._kept) > _KEPT:
            self._kept.clear()
        self._kept.update(alerts)

    # -- objections -----------------------------------------------------------------------------------------------

    def fresh_objections(self) -> list[str]:
        """See `Book`."""
        table = OBJECTIONS.c
        found = list(self._connection.execute(select(table.subject).where(_IS_FRESH).distinct()).scalars())
        if found:
            self._connection.execute(update(OBJECTIONS).where(_IS_FRESH).values(fresh=False))
        return sorted(found)

    def objections(self, codes: Iterable[str]) -> dict[str, list[Objection]]:
        """See `Book`."""
        found: dict[str, list[Objection]] = {}
        wanted = sorted(codes)
        if not wanted:
            return found
        here = bulk.among(self._connection, OBJECTIONS.c.subject, wanted)
        for row in self._connection.execute(select(OBJECTIONS).where(here)).all():
            one = Objection(row.at, row.source, row.id, row.alert, row.document, row.decided, row.upheld)
            found.setdefault(row.subject, []).append(one)
        return found

    def on(self, code: str) -> list[Alert]:
        """See `Book`."""
        return self._those(ALERTS.c.kind == "enterprise", ALERTS.c.key == code)

    # -- notices --------------------------------------------------------------------------------------------------

    def groups(self, keys: Iterable[str]) -> dict[str, Group]:
        """See `Book`."""
        wanted = sorted(keys)
        if not wanted:
            return {}
        here = bulk.among(self._connection, NOTICE_GROUPS.c.key, wanted)
        bodies = self._connection.execute(select(NOTICE_GROUPS.c.body).where(here)).scalars().all()
        return {group.key: group for group in map(_unpack_group, bodies)}

    def due_groups(self, now: int) -> Iterator[list[Group]]:
        """See `Book`."""
        table = NOTICE_GROUPS.c
        due = self._connection.execute(select(table.key).where(table.due <= now)).scalars().all()
        for some in _parts(sorted(due)):
            query = select(table.body).where(bulk.among(self._connection, table.key, some)).order_by(table.key)
            yield [_unpack_group(body) for body in self._connection.execute(query).scalars().all()]

    def put_groups(self, groups: Sequence[Group], over: Sequence[str] = ()) -> None:
        """See `Book`."""
        rows = [(group.key, group.due(self._policy), _pack(group)) for group in groups]
        bulk.insert(self._connection, NOTICE_GROUPS, _GROUP, rows, bulk.replace(("key",), ("due", "body")))
        bulk.forget(self._connection, NOTICE_GROUPS, ("key",), [(key,) for key in over])

    def _row(self, alert: Alert) -> tuple[Any, ...]:
        signal = alert.signal
        return (
            alert.id,
            signal.detector,
            signal.kind,
            signal.key,
            True,
            alert.status,
            signal.level,
            signal.region,
            alert.asks,
            alert.gone_at is not None,
            alert.snoozed_until is not None,
            alert.inhibited_by,
            alert.disputed,
            signal.weak,
            alert.opening_stock,
            "",
            alert.opened_at,
            alert.changed_at,
            alert.due(self._policy),
            alert.task,
            alert.seen,
            _pack(alert),
        )

    def _those(self, *which: ColumnElement[bool]) -> list[Alert]:
        return [_unpack(body) for body in self._connection.execute(select(ALERTS.c.body).where(*which)).scalars().all()]

    def _some(self, *which: ColumnElement[bool]) -> Iterator[list[Alert]]:
        """In the order of ids, each once, also while they are changed."""
        last = ""
        while True:
            rows = self._connection.execute(
                select(ALERTS.c.id, ALERTS.c.body)
                .where(ALERTS.c.id > last, *which)
                .order_by(ALERTS.c.id)
                .limit(_AT_ONCE)
            ).all()
            if not rows:
                return
            yield [_unpack(row.body) for row in rows]
            last = rows[-1].id


def _replace(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={column: statement.excluded[column] for column in _COLUMNS if column not in ("id", "newest", "held")},
    )


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
