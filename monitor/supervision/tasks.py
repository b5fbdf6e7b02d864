"""A task of the targeted-supervision queue, and what a cut does to it.

What officers do stands in `task_acts.py`, which status each of it needs in `task_moves.py`. Pure, as the lifecycle of
alerts: a task and what happened go in, the task as it is then comes out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from config.moments import shanghai_date
from config.workdays import Deadline, add_working_days, working_days_between
from monitor.events.vocabulary import TaskMode
from monitor.supervision.alerts import MOST_HISTORY, Step

TaskStatus = Literal[
    "proposed",
    "dispatched",
    "accepted",
    "visited",
    "reviewed",
    "closed",
    "returned",
    "merged",
    "exempted",
    "transferred",
    "suspended",
]

ENDED: Final = frozenset({"closed", "merged", "exempted"})
"""Those of which nothing more comes, but for a correction of the outcome."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a task came to: one of the inspection results, or `false_alarm` with its reason."""

    result: str
    officer: str
    at: int
    reason: str = ""


class Task(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An item of the queue. `target` is what open tasks merge by: a code, or kind and key of a group's subject.

    `priority` is the sum of `parts`, by what gave them. `before` is the status to which a suspension ends, `days_left`
    the working days that were left then. `fallen` says since when nothing is left of its alerts: it then waits for the
    officer who accepted it. `due` is the last day, as a date (RFC 3339). `origin` is the county that it was made in,
    `came_from` the one that handed it over. `spared` are enterprises without an on-site visit left, `agencies` those
    who would come as well. `seen` grows with each change: an act names the one that it was made upon.
    """

    id: str
    region: str
    target: str
    enterprises: list[str]
    alerts: list[str]
    priority: float
    parts: dict[str, float]
    cls: str
    mode: TaskMode
    status: TaskStatus
    proposed_at: int
    changed_at: int
    due: str
    origin: str
    provisional: bool = False
    assignees: list[str] = []
    accepted_by: str = ""
    visited_at: int | None = None
    spared: list[str] = []
    agencies: list[str] = []
    came_from: str = ""
    before: TaskStatus | None = None
    days_left: int = 0
    into: str = ""
    fallen: int | None = None
    displaced: bool = False
    escalation: int = 0
    by_hand: bool = False
    control: bool = False
    outcome: Outcome | None = None
    corrected: list[Outcome] = []
    seen: int = 1
    history: list[Step] = []

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.status not in ENDED

    @property
    def due_day(self) -> dt.date:
        """The last day."""
        return dt.date.fromisoformat(self.due)

    @property
    def awaits_visit(self) -> bool:
        """Whether a visit is planned: neither off site, nor over, nor made already."""
        return self.mode != "off_site" and self.open and self.visited_at is None

    @property
    def visits(self) -> list[str]:
        """The enterprises that a visit is planned to."""
        if not self.awaits_visit:
            return []
        return [code for code in self.enterprises if code not in self.spared]

    @property
    def displaceable(self) -> bool:
        """Whether the queue may still take it back: proposed by it, and nobody has looked at it."""
        return (
            self.status == "proposed"
            and not self.by_hand
            and not self.control
            and not any(step.officer for step in self.history)
        )

    @property
    def counts_today(self) -> bool:
        """Whether it takes a place among its day's new tasks: made by the queue, and not taken back."""
        return not self.by_hand and not self.displaced


def task_id(*parts: str) -> str:
    """The id of a task, from texts that no other task has: target, moment and number, or the event that made it."""
    return f"t-{hashlib.blake2b(chr(10).join(parts).encode(), digest_size=16).hexdigest()}"


def made_today(tasks: Iterable[Task], now: int) -> dict[str, int]:
    """By county, how many places of the day's new tasks are taken: of all tasks, ended ones too."""
    today = shanghai_date(now)
    counts: dict[str, int] = {}
    for task in tasks:
        if task.counts_today and shanghai_date(task.proposed_at) == today:
            counts[task.origin] = counts.get(task.origin, 0) + 1
    return counts


# -- what a cut does --------------------------------------------------------------------------------------------------


def proposed(
    now: int,
    *,
    region: str,
    target: str,
    enterprises: Iterable[str],
    alerts: Iterable[str],
    parts: dict[str, float],
    cls: str,
    mode: TaskMode,
    due: Deadline,
    spared: Iterable[str] = (),
    agencies: Iterable[str] = (),
    control: bool = False,
    unlike: str = "",
) -> Task:
    """A task that the queue proposes. `unlike` tells it from others on its target at the same moment."""
    return Task(
        id=task_id(target, str(now), unlike),
        region=region,
        origin=region,
        target=target,
        enterprises=sorted(set(enterprises)),
        alerts=sorted(set(alerts)),
        priority=priority_of(parts),
        parts=parts,
        cls=cls,
        mode=mode,
        status="proposed",
        proposed_at=now,
        changed_at=now,
        due=due.day.isoformat(),
        provisional=due.provisional,
        spared=sorted(spared),
        agencies=list(agencies),
        control=control,
        history=[Step(now, "proposed")],
    )


def priority_of(parts: dict[str, float]) -> float:
    """The sum of its parts, to a thousandth."""
    return round(sum(parts.values()), 3)


def joined(
    task: Task,
    at: int,
    alerts: Iterable[str],
    enterprises: Iterable[str],
    *,
    parts: dict[str, float] | None = None,
    used_up: Iterable[str] = (),
    officer: str = "",
    reason: str = "",
) -> Task:
    """More alerts on the same target go into an open task; where `parts` make a higher priority, it rises to them.

    `used_up`: those of the enterprises without an on-site visit left.
    """
    task.alerts = sorted({*task.alerts, *alerts})
    before = set(task.enterprises)
    task.enterprises = sorted({*before, *enterprises})
    if task.mode != "off_site":
        task.spared = sorted({*task.spared, *(code for code in used_up if code not in before)})
    if parts is not None and priority_of(parts) > task.priority:
        task.parts, task.priority = parts, priority_of(parts)
    mark(task, at, "joined", officer=officer, reason=reason)
    return task


def foretold(task: Task, part: dict[str, float]) -> bool:
    """What the forecast adds to an open task, by its name (empty: nothing); whether it changed. Nothing has happened to
    the task: its history stays, and an act upon it as it was seen before still holds.
    """
    parts = {name: points for name, points in task.parts.items() if name != "forecast"} | part
    changed = parts != task.parts
    if changed:
        task.parts, task.priority = parts, priority_of(parts)
    return changed


def fell_away(task: Task, now: int) -> Task:
    """Nothing is left of its alerts. Nobody has accepted it: it is withdrawn; else it goes back to that officer, and
    stays until an officer ends it. A task by hand, and one of the control sample, does not rest on alerts.
    """
    if not task.open or task.fallen is not None or task.by_hand or task.control:
        return task
    task.fallen = now
    if not task.accepted_by:
        task.status, task.before = "exempted", None
    mark(task, now, "fell_away")
    return task


def came_back(task: Task, now: int) -> Task:
    """One of its alerts is in force again."""
    if task.open and task.fallen is not None:
        task.fallen = None
        mark(task, now, "came_back")
    return task


def displaced(task: Task, now: int, by: str) -> Task:
    """The queue takes it back on the day it was made, for a task of higher priority; nobody has looked at it."""
    task.status, task.displaced = "exempted", True
    mark(task, now, "displaced", reason=by)
    return task


def disputed(task: Task, undecided: bool, now: int) -> Task:
    """An objection that is not decided suspends a task and its clock; the decision lets both go on."""
    if not task.open or undecided == (task.status == "suspended"):
        return task
    today = shanghai_date(now)
    if undecided:
        task.before, task.status = task.status, "suspended"
        task.days_left = working_days_between(today, task.due_day)
        mark(task, now, "suspended")
    else:
        assert task.before is not None, "every suspension notes where it came from"  # noqa: S101
        task.status, task.before = task.before, None
        if task.days_left:
            due = add_working_days(today, task.days_left)
            task.due, task.provisional = due.day.isoformat(), due.provisional
        mark(task, now, "resumed")
    return task


def escalated(task: Task, at: int, step: int) -> Task:
    """Those of a step of escalation, counted from 1, have been told that it is overdue."""
    task.escalation = step
    mark(task, at, "escalated", reason=str(step))
    return task


def mark(task: Task, at: int, what: str, *, officer: str = "", reason: str = "") -> None:
    """Notes what happened in the history; whoever looked at the task before has to look again."""
    task.history.append(Step(at, what, 0, officer, reason))
    if len(task.history) > MOST_HISTORY:
        del task.history[1]
    task.changed_at = at
    task.seen += 1
