"""What an officer's act does: accepted with the alerts and tasks as they are then, or refused with the reason.

The same function decides before an act goes into the log and applies it when the log is replayed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from config.moments import end_of_day, shanghai_date
from config.queueing import QueuePolicy
from config.workdays import Deadline
from monitor.events import acts
from monitor.events.envelope import Event
from monitor.supervision import alerts as life
from monitor.supervision import settling, task_acts, tasks
from monitor.supervision.alerts import Alert, Refused
from monitor.supervision.scoring import Reckoning, candidate_of, target_of
from monitor.supervision.tasks import Task
from monitor.supervision.visits import Visits
from monitor.supervision.work import Alerts, Knowledge, Tasks


class Done(msgspec.Struct):
    """What an act has changed."""

    alerts: list[Alert] = []
    tasks: list[Task] = []


class Deciding:
    """Decides about one act by the alerts and tasks as they are. Nothing is written."""

    def __init__(self, book: Tasks, alerts: Alerts, policy: QueuePolicy, known: Knowledge, event: Event) -> None:
        """`event`: of the types of `monitor.events.acts.ACTS`, its time in microseconds."""
        self._book = book
        self._alerts = alerts
        self._policy = policy
        self._known = known
        self._event = event
        self._at = int(event.time)
        self._officer: str = event.data.officer
        self._reason: str = event.data.reason or ""

    def done(self) -> Done:
        """What the act changes. Raises Refused."""
        if isinstance(self._event, acts.TaskCreated):
            return Done(tasks=[self._created(self._event.data)])
        if type(self._event) in _ON_ALERTS:
            return self._on_alert()
        return self._on_task()

    # -- alerts ---------------------------------------------------------------------------------------------------

    def _on_alert(self) -> Done:
        event, at, officer, reason = self._event, self._at, self._officer, self._reason
        alert = self._alerts.alerts([event.subject]).get(event.subject)
        if alert is None:
            raise Refused(f"没有此预警 / there is no such alert: {event.subject}")
        self._see(alert.seen)
        if isinstance(event, acts.AlertAcknowledged):
            return Done([life.acknowledged(alert, at, officer, reason)])
        if isinstance(event, acts.AlertSnoozed):
            return Done([life.snoozed(alert, at, officer, reason, end_of_day(event.data.until))])
        if isinstance(event, acts.AlertReopened):
            return Done([life.reopened(alert, at, officer, reason)])
        if isinstance(event, acts.AlertMerged):
            return self._merged(alert, event.data.into)
        return self._dispatched(alert)

    def _merged(self, alert: Alert, into: str) -> Done:
        """The alert goes into a task that is open already."""
        task = self._open(into)
        if not alert.asks:
            raise Refused("预警已结、已抑制或有异议，不能并入 / the alert does not ask for anything now")
        codes = self._book.enterprises_of(alert)
        tasks.joined(task, self._at, [alert.id], codes, officer=self._officer, reason=self._reason)
        return Done(settling.settle(task, {alert.id: alert}), [task])

    def _dispatched(self, alert: Alert) -> Done:
        """Its task is dispatched; where it has none, one is made for it."""
        if alert.status not in ("open", "acknowledged") or alert.gone_at is not None or alert.disputed:
            raise Refused("预警已派发、已结、已消除或有异议，不能派发 / the alert does not ask for a check now")
        task = next(iter(self._book.with_alerts([alert.id])), None) or self._task_for(alert)
        task_acts.dispatched(task, self._at, self._officer, self._reason, used_up=self._used_up(task))
        return self._settled(task)

    def _task_for(self, alert: Alert) -> Task:
        """The open task on its subject, with it; else a new one, which takes a place among those of the day."""
        candidate = candidate_of(alert, self._book.enterprises_of(alert), self._known.harm_of(alert.signal.key))
        target = target_of(candidate.kind, candidate.key)
        task = self._book.standing(target)
        if task is not None:
            return tasks.joined(task, self._at, [alert.id], candidate.enterprises, officer=self._officer)
        if not candidate.region:
            raise Refused("预警无所属县，请人工建立任务 / the alert belongs to no county: make a task by hand")
        cls = self._worst(candidate.enterprises)
        return tasks.proposed(
            self._at,
            region=candidate.region,
            target=target,
            enterprises=candidate.enterprises,
            alerts=[alert.id],
            parts=Reckoning(self._policy, self._at).parts([candidate], cls),
            cls=cls,
            mode="off_site" if cls in self._policy.off_site_classes else "on_site",
            due=self._policy.due(candidate.level, self._today),
            unlike=f"{self._event.source} {self._event.id}",
        )

    # -- tasks ----------------------------------------------------------------------------------------------------

    def _created(self, data: acts.CreationData) -> Task:
        codes = sorted(set(data.enterprises))
        due = Deadline(data.due, provisional=False) if data.due is not UNSET else self._policy.due(1, self._today)
        return task_acts.created(
            tasks.task_id(self._event.source, self._event.id),
            self._at,
            data.officer,
            data.reason,
            region=data.region,
            enterprises=codes,
            cls=self._worst(codes),
            due=due,
            mode="on_site" if data.mode is UNSET else data.mode,
            standing=self._book.standing(codes[0]) if len(codes) == 1 else None,
            used_up=self._visits(()).used_up(codes),
        )

    def _on_task(self) -> Done:
        event, at, officer, reason = self._event, self._at, self._officer, self._reason
        task = self._book.task(event.subject)
        if task is None:
            raise Refused(f"没有此任务 / there is no such task: {event.subject}")
        self._see(task.seen)
        data = event.data
        if isinstance(event, acts.TaskMerged):
            into = self._open(data.into)
            task_acts.merged(task, at, officer, into, reason, used_up=self._used_up(task))
            return Done(self._settle(task) + self._settle(into), [task, into])
        if isinstance(event, acts.TaskAssigned):
            task_acts.assigned(task, at, officer, data.assignees, reason)
        elif isinstance(event, acts.TaskDispatched):
            task_acts.dispatched(task, at, officer, reason, used_up=self._used_up(task))
        elif isinstance(event, acts.TaskAccepted):
            task_acts.accepted(task, at, officer, reason)
        elif isinstance(event, acts.TaskVisited):
            task_acts.visited(task, at, officer, reason)
        elif isinstance(event, acts.TaskReviewed):
            task_acts.reviewed(task, at, officer, reason)
        elif isinstance(event, acts.TaskReturned):
            task_acts.returned(task, at, officer, reason)
        elif isinstance(event, acts.TaskTransferred):
            task_acts.transferred(task, at, officer, reason, data.region)
        elif isinstance(event, acts.TaskExempted):
            task_acts.exempted(task, at, officer, reason)
        else:
            task_acts.closed(task, at, officer, data.outcome, reason)
        return self._settled(task)

    # -- what they need -------------------------------------------------------------------------------------------

    @property
    def _today(self) -> dt.date:
        return shanghai_date(self._at)

    def _worst(self, codes: Iterable[str]) -> str:
        """The class of the worst of some enterprises."""
        unknown = self._policy.unknown_class
        return max((self._known.class_of(code) or unknown for code in codes), default=unknown)

    def _see(self, seen: int) -> None:
        """Whoever acts has seen the newest version. Raises Refused."""
        if self._event.data.seen != seen:
            raise Refused(
                f"内容已变化（第 {seen} 版，所见为第 {self._event.data.seen} 版），请刷新后再试 / it has changed "
                f"(version {seen}, you saw {self._event.data.seen}): look at it again"
            )

    def _open(self, task_id: str) -> Task:
        task = self._book.task(task_id)
        if task is None or not task.open:
            raise Refused(f"没有此未结任务 / there is no such open task: {task_id}")
        return task

    def _visits(self, plans: Iterable[Task]) -> Visits:
        return Visits(self._known.visits_of, plans, self._today, self._policy)

    def _used_up(self, task: Task) -> list[str]:
        """Those of its enterprises without a visit left, its own plan apart."""
        others = [one for one in self._book.open_tasks() if one.id != task.id]
        return self._visits(others).used_up(task.enterprises)

    def _settled(self, task: Task) -> Done:
        return Done(self._settle(task), [task])

    def _settle(self, task: Task) -> list[Alert]:
        return settling.settle(task, self._alerts.alerts(task.alerts))


_ON_ALERTS = frozenset(acts.AlertAct.__args__)
