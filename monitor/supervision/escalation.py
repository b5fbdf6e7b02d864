"""Who is told of overdue tasks, and when: steps in working days after the last day."""

from __future__ import annotations

import datetime as dt

from config.queueing import Escalation, QueuePolicy
from config.workdays import add_working_days
from monitor.supervision.tasks import Task


def escalate(task: Task, today: dt.date, policy: QueuePolicy) -> list[tuple[int, Escalation]]:
    """The steps of escalation that are new for a task, each with its number from 1. A suspended one is left alone.

    A step comes when more than its working days have passed since the last day.
    """
    if not task.open or task.status == "suspended":
        return []
    return [
        (number, step)
        for number, step in enumerate(policy.escalation, start=1)
        if number > task.escalation and today > _after(task.due_day, step.after)
    ]


def _after(day: dt.date, working_days: int) -> dt.date:
    return add_working_days(day, working_days).day if working_days else day
