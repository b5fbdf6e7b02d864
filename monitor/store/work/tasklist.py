"""Tasks as a page lists them: chosen by county, status and officer, in the order of their priority, counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, select

from monitor.store.work.task_schema import TASKS
from monitor.store.work.taskreader import shown
from monitor.supervision.tasks import Task, TaskStatus

State = Literal["open", "overdue", "all"] | TaskStatus
STATES: Final[tuple[State, ...]] = ("open", "overdue", *get_args(TaskStatus), "all")
"""What can be listed: those that are open, those of them that are over their last day, those of a status, or all."""

_task = msgspec.msgpack.Decoder(Task).decode
_AT_ONCE: Final = 200


class Chosen(msgspec.Struct, frozen=True):
    """Which tasks: of a county, those that an officer is assigned to (None: any), in which state. `today`: the day by
    which they are overdue.
    """

    today: dt.date
    region: str | None = None
    officer: str | None = None
    state: State = "open"

    def conditions(self, *, state: bool = True) -> list[ColumnElement[bool]]:
        """What a row of `TASKS` must fulfil, the officer apart; `state`: that of the state too."""
        found: list[ColumnElement[bool]] = []
        if self.region is not None:
            found.append(TASKS.c.region == self.region)
        if state and self.state in ("open", "overdue"):
            found.append(TASKS.c.open)
        if state and self.state == "overdue":
            found.append(TASKS.c.due < self.today.isoformat())
        elif state and self.state not in ("open", "all"):
            found.append(TASKS.c.status == self.state)
        return found

    def has(self, task: dict[str, Any]) -> bool:
        """Whether a task, in the form of contract §5, is one of them."""
        is_open = task["status"] not in ("closed", "merged", "exempted")
        states = {"all", task["status"]}
        if is_open:
            states |= {"open", "overdue"} if task["due"] < self.today.isoformat() else {"open"}
        return (
            self.region in (None, task["region"])
            and (self.officer is None or self.officer in task["assignees"])
            and self.state in states
        )


def by_state(connection: Connection, chosen: Chosen) -> dict[State, int]:
    """How many of those chosen there are in each state, whichever is chosen."""
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    for status, is_open, late, count in _counted(connection, chosen):
        counts["all"] += count
        counts[status] += count
        if is_open:
            counts["open"] += count
            counts["overdue"] += count if late else 0
    return counts


def _counted(connection: Connection, chosen: Chosen) -> Iterator[tuple[TaskStatus, bool, bool, int]]:
    """Status, whether open, whether over the last day, and how many."""
    late = TASKS.c.due < chosen.today.isoformat()
    which = chosen.conditions(state=False)
    if chosen.officer is None:
        columns = TASKS.c.status, TASKS.c.open, late
        for status, is_open, is_late, count in connection.execute(
            select(*columns, func.count()).where(*which).group_by(*columns)
        ):
            yield status, is_open, bool(is_late), count
        return
    for task in _those_of(connection, chosen.officer, which):
        yield task.status, task.open, task.due < chosen.today.isoformat(), 1


def listed(connection: Connection, chosen: Chosen, most: int, also: Sequence[str]) -> list[dict[str, Any]]:
    """Those chosen, in the form of contract §5: the open ones first, of highest priority first, then those that have
    ended, the newest first. At most `most`, and those of the ids `also`, whatever they are.
    """
    order = TASKS.c.open.desc(), case((TASKS.c.open, TASKS.c.priority), else_=TASKS.c.changed_at).desc(), TASKS.c.id
    which = chosen.conditions()
    if chosen.officer is None:
        # The ids first: whole tasks are large, and all those chosen would be sorted.
        ids = list(connection.execute(select(TASKS.c.id).where(*which).order_by(*order).limit(most)).scalars())
    else:
        mine = sorted(_those_of(connection, chosen.officer, which), key=_place)
        ids = [task.id for task in mine[:most]]
    bodies = connection.execute(select(TASKS.c.body).where(TASKS.c.id.in_({*ids, *also})).order_by(*order)).scalars()
    return [shown(_task(body)) for body in bodies]


def _place(task: Task) -> tuple[bool, float, str]:
    return not task.open, -(task.priority if task.open else task.changed_at), task.id


def _those_of(connection: Connection, officer: str, which: Sequence[ColumnElement[bool]]) -> Iterator[Task]:
    """The tasks that an officer is assigned to: there is no column for it, so all those of a county are looked at."""
    query = select(TASKS.c.body).where(*which).order_by(TASKS.c.id)
    for bodies in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        for body in bodies:
            task = _task(body)
            if officer in task.assignees:
                yield task
