"""Tasks and their alerts kept in step: what becomes of one says what becomes of the other.

Pure. The stage calls `settle` after each change of a task, and `follow` at each cut for the tasks whose alerts changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from monitor.supervision import alerts as life
from monitor.supervision import tasks
from monitor.supervision.alerts import Alert
from monitor.supervision.tasks import Task


def settle(task: Task, alerts: Mapping[str, Alert]) -> list[Alert]:
    """The alerts that change with a task, as they are then, in the order of their ids.

    An outcome resolves them, and so does 免查, which a named officer decided; a task that the queue took back leaves
    them open. While a task is under way its alerts are dispatched; what a merger moved follows it. When, by whom and
    why is what the task's history says last.
    """
    last = task.history[-1]
    changed = []
    for alert_id in task.alerts:
        alert = alerts.get(alert_id)
        if alert is None:
            continue
        seen = alert.seen
        if task.status == "closed" and task.outcome is not None:
            life.resolved(alert, last.at, last.officer, task.outcome.result)
        elif task.status == "exempted" and last.what == "exempted":
            life.resolved(alert, last.at, last.officer, "exempted")
        elif task.status == "exempted":
            life.withdrawn(alert, last.at, last.officer, last.what)
        elif task.status == "merged":
            _moved(alert, task)
        elif task.status not in ("proposed", "suspended") and _can_go(alert):
            life.dispatched(alert, last.at, last.officer, task.id)
        if alert.seen != seen:
            changed.append(alert)
    return changed


def follow(task: Task, alerts: Mapping[str, Alert], now: int, opinions: Collection[str] = ()) -> bool:
    """What a cut makes of a task whose alerts changed: all of them are over; one is back; one is disputed, or none is
    any more. `alerts` has all of the task's; those of the detectors `opinions` keep no task alive. Whether it changed.
    """
    own = [alerts[one] for one in task.alerts if one in alerts]
    seen = task.seen
    tasks.disputed(task, any(alert.disputed and alert.live for alert in own), now)
    if own:
        if any(alert.live and alert.signal.detector not in opinions for alert in own):
            tasks.came_back(task, now)
        else:
            tasks.fell_away(task, now)
    return task.seen != seen


def _can_go(alert: Alert) -> bool:
    return alert.status in ("open", "acknowledged") and not alert.disputed and alert.gone_at is None


def _moved(alert: Alert, task: Task) -> None:
    """A dispatched alert names the task that it is in now."""
    if alert.status == "dispatched" and alert.task == task.id:
        alert.task = task.into
        alert.seen += 1
