"""Tasks and to-dos in a database, as a cut and an act see them: over one connection, within its transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, TextClause, or_, select, text, update

from config.moments import shanghai_date
from monitor.store import bulk
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.work import forecasts
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.alertbook import RefOf
from monitor.store.work.opentasks import OpenTasks
from monitor.store.work.task_schema import TASK_ALERTS, TASKS, TODOS
from monitor.supervision.alerts import Alert
from monitor.supervision.scoring import Candidate
from monitor.supervision.tasks import Task
from monitor.supervision.todos import SECOND_LETTER, Todo

_IS_OPEN: Final = text("open")
"""As the index says it: SQLite takes a partial index for the same words alone."""

_COLUMNS: Final = tuple(column.name for column in TASKS.columns)
_TODO_COLUMNS: Final = tuple(column.name for column in TODOS.columns)

_CANDIDATE: Final = tuple(
    ALERTS.c[name]
    for name in ("id", "kind", "key", "region", "level", "detector", "opened_at", "weak", "stock", "held")
)

_pack = msgspec.msgpack.Encoder().encode
_task = msgspec.msgpack.Decoder(Task).decode
_alert = msgspec.msgpack.Decoder(Alert).decode
_todo = msgspec.msgpack.Decoder(Todo).decode


def _asks_for_no_members(kind: str, key: str) -> int:
    raise LookupError(f"{kind} {key}")


class TaskBook:
    """Tasks, to-dos, and the alerts that wait to become tasks."""

    def __init__(
        self, connection: Connection, ref_of: RefOf = _asks_for_no_members, index: OpenTasks | None = None
    ) -> None:
        """`connection`: inside the transaction that writes the cut or act; `ref_of`: for those who ask which
        enterprises a signal counts; `index`: kept by the one who writes all tasks.
        """
        self._connection = connection
        self._ref_of = ref_of
        self._index = index

    def task(self, task_id: str) -> Task | None:
        """A task by its id."""
        return next(iter(self._those(TASKS.c.id == task_id)), None)

    def open_tasks(self) -> list[Task]:
        """All tasks that are open, by id."""
        return self._those(_IS_OPEN)

    def open_about(self, names: Collection[str], alerts: Collection[str]) -> list[Task]:
        """See `Tasks`."""
        if self._index is None:
            return self.open_tasks()
        if not self._index.filled:
            self._index.fill(self.open_tasks())
        inside = select(TASK_ALERTS.c.task).where(bulk.among(self._connection, TASK_ALERTS.c.alert, sorted(alerts)))
        ids = self._index.about(names).union(self._connection.execute(inside).scalars().all())
        return self._those(_IS_OPEN, bulk.among(self._connection, TASKS.c.id, sorted(ids))) if ids else []

    def standing(self, target: str) -> Task | None:
        """The open task on a target."""
        return next(iter(self._those(_IS_OPEN, TASKS.c.target == target)), None)

    def last_on(self, target: str) -> Task | None:
        """The task on a target that was closed last."""
        found = self._those(TASKS.c.target == target, TASKS.c.status == "closed")
        return max(found, key=lambda task: (task.changed_at, task.id), default=None)

    def made_on(
        self, day: dt.date, *, counties: Collection[str] | None = None, targets: Collection[str] = ()
    ) -> list[Task]:
        """See `Tasks`."""
        which = [TASKS.c.day == day.isoformat()]
        if counties is not None:
            on = bulk.among(self._connection, TASKS.c.target, sorted(targets))
            which.append(or_(bulk.among(self._connection, TASKS.c.origin, sorted(counties)), on))
        return self._those(*which)

    def with_alerts(self, alerts: Iterable[str]) -> list[Task]:
        """The open tasks that some alerts are in, by id."""
        wanted = sorted(alerts)
        if not wanted:
            return []
        inside = select(TASK_ALERTS.c.task).where(bulk.among(self._connection, TASK_ALERTS.c.alert, wanted))
        return self._those(TASKS.c.open, TASKS.c.id.in_(inside))

    def put(self, tasks: Sequence[Task]) -> None:
        """Writes tasks as they are now."""
        rows = [
            (
                task.id,
                task.target,
                task.region,
                task.origin,
                task.status,
                task.open,
                shanghai_date(task.proposed_at).isoformat(),
                float(task.priority),
                task.cls,
                task.mode,
                task.due,
                task.control,
                "" if task.outcome is None else task.outcome.result,
                task.changed_at,
                task.seen,
                _pack(task),
            )
            for task in tasks
        ]
        bulk.insert(self._connection, TASKS, _COLUMNS, rows, bulk.replace(("id",), _COLUMNS[1:]))
        inside = [(alert, task.id) for task in tasks for alert in task.alerts]
        bulk.insert(self._connection, TASK_ALERTS, ("alert", "task"), inside, bulk.leave)
        if self._index is not None:
            for task in tasks:
                self._index.note(task)

    def _those(self, *which: ColumnElement[bool] | TextClause) -> list[Task]:
        query = select(TASKS.c.id, TASKS.c.body).where(*which)
        rows = sorted((row[0], row[1]) for row in self._connection.execute(query).all())
        return [_task(body) for _, body in rows]

    # -- candidates -----------------------------------------------------------------------------------------------

    def candidates(self, alerts: Iterable[str] | None = None) -> Iterator[tuple[Candidate, str]]:
        """The alerts that ask for attention and are not dispatched, each with why it is no task yet (empty: not said);
        of some alerts, or all.
        """
        wanted = None if alerts is None else sorted(alerts)
        if wanted is not None and not wanted:
            return
        which = [] if wanted is None else [bulk.among(self._connection, ALERTS.c.id, wanted)]
        rows = self._connection.execute(
            select(*_CANDIDATE).where(ALERTS.c.asks, ALERTS.c.status != "dispatched", *which).order_by(ALERTS.c.id)
        ).all()
        counted = self._counted({(row[5], row[1], row[2]) for row in rows if row[1] != "enterprise"})
        for alert, kind, key, region, level, detector, opened_at, weak, stock, held in rows:
            yield (
                Candidate(
                    alert=alert,
                    kind=kind,
                    key=key,
                    region=region,
                    level=level,
                    detector=detector,
                    opened_at=opened_at,
                    enterprises=(key,) if kind == "enterprise" else counted[detector, kind, key],
                    weak=weak,
                    stock=stock,
                ),
                held,
            )

    def enterprises_of(self, alert: Alert) -> tuple[str, ...]:
        """See `Tasks`."""
        signal = alert.signal
        if signal.kind == "enterprise":
            return (signal.key,)
        place = signal.detector, signal.kind, signal.key
        return self._counted({place})[place]

    def _counted(self, places: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], tuple[str, ...]]:
        """The codes of the enterprises that signals in force count, ascending, by detector, kind and key."""
        by_detector: dict[str, dict[int, tuple[str, str, str]]] = {}
        found: dict[tuple[str, str, str], tuple[str, ...]] = {}
        for place in places:
            by_detector.setdefault(place[0], {})[self._ref_of(place[1], place[2])] = place
            found[place] = ()
        for detector, some in by_detector.items():
            query = (
                select(SIGNAL_MEMBERS.c.ref, ENTERPRISES.c.code)
                .join(ENTERPRISES, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
                .where(
                    SIGNAL_MEMBERS.c.detector == detector,
                    bulk.among(self._connection, SIGNAL_MEMBERS.c.ref, list(some)),
                )
            )
            codes: dict[int, list[str]] = {}
            for ref, code in self._connection.execute(query).all():
                codes.setdefault(ref, []).append(code)
            found.update({some[ref]: tuple(sorted(members)) for ref, members in codes.items()})
        return found

    def opinions(self, codes: Collection[str], detectors: Collection[str]) -> dict[str, dict[str, int]]:
        """See `Tasks`."""
        here = SIGNALS.c.detector.in_(sorted(detectors))
        if self._connection.execute(select(SIGNALS.c.ref).where(here).limit(1)).first() is None:
            return {}
        query = (
            select(ENTERPRISES.c.code, SIGNALS.c.detector, SIGNALS.c.level)
            .join_from(ENTERPRISES, SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
            .join(SIGNALS, (SIGNALS.c.detector == SIGNAL_MEMBERS.c.detector) & (SIGNALS.c.ref == SIGNAL_MEMBERS.c.ref))
            .where(here, bulk.among(self._connection, ENTERPRISES.c.code, sorted(codes)))
        )
        found: dict[str, dict[str, int]] = {}
        for code, detector, level in self._connection.execute(query).all():
            levels = found.setdefault(code, {})
            levels[detector] = max(level, levels.get(detector, 0))
        return found

    def chances(self, codes: Collection[str]) -> dict[str, float]:
        """See `Tasks`."""
        return forecasts.chances_of(self._connection, codes)

    def hold(self, held: dict[str, str]) -> None:
        """Notes, by alert, why it is no task (empty: it is one)."""
        by_reason: dict[str, list[str]] = {}
        for alert, reason in held.items():
            by_reason.setdefault(reason, []).append(alert)
        for reason, alerts in by_reason.items():
            here = bulk.among(self._connection, ALERTS.c.id, sorted(alerts))
            self._connection.execute(update(ALERTS).where(here).values(held=reason))

    def alerted(self, code: str) -> bool:
        """Whether an enterprise has an alert of its own that still goes on, quieted or not."""
        query = select(ALERTS.c.id).where(
            ALERTS.c.kind == "enterprise",
            ALERTS.c.key == code,
            ALERTS.c.status.in_(("open", "acknowledged", "dispatched")),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    # -- to-dos ---------------------------------------------------------------------------------------------------

    def todos(self, about: Iterable[str]) -> list[Todo]:
        """The to-dos of some alerts or objections."""
        wanted = sorted(about)
        if not wanted:
            return []
        here = bulk.among(self._connection, TODOS.c.about, wanted)
        rows = self._connection.execute(select(TODOS.c.body).where(here).order_by(TODOS.c.id))
        return [_todo(body) for body in rows.scalars().all()]

    def letters_due(self, subjects: Iterable[str] | None) -> list[str]:
        """See `Tasks`."""
        query = select(TODOS.c.body).where(TODOS.c.done.is_(False))
        if subjects is not None:
            codes = sorted(subjects)
            if not codes:
                return []
            own = select(ALERTS.c.id).where(
                ALERTS.c.kind == "enterprise", bulk.among(self._connection, ALERTS.c.key, codes)
            )
            query = query.where(TODOS.c.about.in_(own))
        found = [_todo(body) for body in self._connection.execute(query).scalars()]
        return [todo.about for todo in found if todo.duty == SECOND_LETTER]

    def put_todos(self, todos: Sequence[Todo]) -> None:
        """Writes to-dos as they are now."""
        rows: list[tuple[Any, ...]] = [
            (todo.id, todo.about, todo.region, todo.due.isoformat(), todo.done_at is not None, _pack(todo))
            for todo in todos
        ]
        bulk.insert(self._connection, TODOS, _TODO_COLUMNS, rows, bulk.replace(("id",), _TODO_COLUMNS[1:]))


def closed_with_alerts(connection: Connection) -> tuple[list[Task], dict[str, Alert]]:
    """All closed tasks, and the alerts that are in them by id."""
    bodies = connection.execute(select(TASKS.c.body).where(TASKS.c.status == "closed").order_by(TASKS.c.id)).scalars()
    inside = (
        select(ALERTS.c.body)
        .join(TASK_ALERTS, TASK_ALERTS.c.alert == ALERTS.c.id)
        .join(TASKS, TASKS.c.id == TASK_ALERTS.c.task)
        .where(TASKS.c.status == "closed")
    )
    alerts = [_alert(body) for body in connection.execute(inside).scalars()]
    return [_task(body) for body in bodies], {alert.id: alert for alert in alerts}
