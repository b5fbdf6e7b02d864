"""Tasks and to-dos as commands, pages and the API show them: the form of contract §5."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from config.moments import as_text
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.task_schema import TASKS, TODOS
from monitor.supervision.tasks import Outcome, Task
from monitor.supervision.todos import DUTIES, Todo

_task = msgspec.msgpack.Decoder(Task).decode
_todo = msgspec.msgpack.Decoder(Todo).decode
_AT_ONCE: Final = 200


def read(connection: Connection, *which: ColumnElement[bool], first: int | None = None) -> Iterator[dict[str, Any]]:
    """Tasks, by county, those of highest priority first; or the `first` of all by priority."""
    query = select(TASKS.c.body).where(*which)
    if first is None:
        query = query.order_by(TASKS.c.region, TASKS.c.priority.desc(), TASKS.c.id)
    else:
        query = query.order_by(TASKS.c.priority.desc(), TASKS.c.region, TASKS.c.id).limit(first)
    for bodies in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        for body in bodies:
            yield shown(_task(body))


def one(connection: Connection, task_id: str) -> dict[str, Any] | None:
    """A task by its id."""
    return next(read(connection, TASKS.c.id == task_id), None)


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many tasks there are, by county and status."""
    columns = TASKS.c.region, TASKS.c.status
    return {
        (region, status): count
        for region, status, count in connection.execute(select(*columns, func.count()).group_by(*columns))
    }


def open_count(connection: Connection) -> int:
    """How many tasks are open."""
    return int(connection.execute(select(func.count()).select_from(TASKS).where(TASKS.c.open)).scalar() or 0)


def outcomes_of_one(connection: Connection) -> Iterator[tuple[str, bool, list[Outcome]]]:
    """Of each closed task on one enterprise, by id: its code, whether it was of the control sample, and its outcomes,
    the one that holds last.
    """
    query = select(TASKS.c.body).where(TASKS.c.status == "closed").order_by(TASKS.c.id)
    for body in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars():
        task = _task(body)
        if task.outcome is not None and len(task.enterprises) == 1:
            yield task.enterprises[0], task.control, [*task.corrected, task.outcome]


def overdue(connection: Connection, today: dt.date) -> dict[str, int]:
    """How many open tasks are over their last day, by county."""
    late = select(TASKS.c.region, func.count()).where(TASKS.c.open, TASKS.c.due < today.isoformat())
    return {region: count for region, count in connection.execute(late.group_by(TASKS.c.region))}


def held(connection: Connection) -> dict[tuple[str, str], int]:
    """How many alerts that ask for attention are no tasks, by county (empty: none) and reason."""
    query = (
        select(ALERTS.c.region, ALERTS.c.held, func.count())
        .where(ALERTS.c.asks, ALERTS.c.held != "")
        .group_by(ALERTS.c.region, ALERTS.c.held)
    )
    return {(region or "", reason): count for region, reason, count in connection.execute(query)}


def todos(
    connection: Connection, today: dt.date, *which: ColumnElement[bool], first: int | None = None
) -> Iterator[dict[str, Any]]:
    """Dated duties that are not done, by county and last day; or the `first` of all by their last day. Those of alerts
    and of objections.
    """
    query = select(TODOS.c.body).where(TODOS.c.done.is_(False), *which)
    if first is None:
        query = query.order_by(TODOS.c.region, TODOS.c.due, TODOS.c.id)
    else:
        query = query.order_by(TODOS.c.due, TODOS.c.region, TODOS.c.id).limit(first)
    for body in connection.execute(query).scalars():
        todo = _todo(body)
        zh, en = DUTIES[todo.duty]
        yield {
            "id": todo.id,
            "about": todo.about,
            "subject": todo.subject,
            "region": todo.region,
            "duty": todo.duty,
            "duty_text": {"zh": zh, "en": en},
            "opens": None if todo.opens is None else todo.opens.isoformat(),
            "due": todo.due.isoformat(),
            "provisional": todo.provisional,
            "status": todo.status(today),
        }


def shown(task: Task) -> dict[str, Any]:
    """One task in the form of contract §5, with `seen` for whoever acts upon it."""
    return {
        "id": task.id,
        "region": task.region,
        "target": task.target,
        "enterprises": task.enterprises,
        "alerts": task.alerts,
        "priority": task.priority,
        "parts": task.parts,
        "class": task.cls,
        "mode": task.mode,
        "agencies": task.agencies,
        "due": task.due,
        "provisional": task.provisional,
        "assignees": task.assignees,
        "status": task.status,
        "outcome": None if task.outcome is None else _outcome(task.outcome),
        "corrected": [_outcome(outcome) for outcome in task.corrected],
        "escalation": task.escalation,
        "by_hand": task.by_hand,
        "control": task.control,
        "fallen_away": None if task.fallen is None else as_text(task.fallen),
        "no_visit_left": task.spared,
        "came_from": task.came_from or None,
        "into": task.into or None,
        "proposed_at": as_text(task.proposed_at),
        "history": [
            {
                "at": as_text(step.at),
                "what": step.what,
                **({"officer": step.officer} if step.officer else {}),
                **({"reason": step.reason} if step.reason else {}),
            }
            for step in task.history
        ],
        "seen": task.seen,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "result": outcome.result,
        "officer": outcome.officer,
        "at": as_text(outcome.at),
        **({"reason": outcome.reason} if outcome.reason else {}),
    }
