"""A cut's second half: tasks and to-dos as they follow from the alerts, and what officers do to tasks.

Pure but for the books that it reads and writes. `Cut` in `monitor.supervision.cut` comes first: whose alerts it changed
is handed on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from config.moments import shanghai_date
from config.queueing import QueuePolicy
from monitor.supervision import settling, tasks, todos
from monitor.supervision.alerts import Alert
from monitor.supervision.control import Pool
from monitor.supervision.disputes import Objection, clocks
from monitor.supervision.escalation import escalate
from monitor.supervision.queue import Context, Proposals, applied, propose
from monitor.supervision.scoring import Candidate, Harm, Reckoning, target_of
from monitor.supervision.tasks import Task
from monitor.supervision.todos import Todo

_AT_ONCE: Final = 1_000
"""Alerts or enterprises whose to-dos are worked out together: the first cut of a home has all that there ever were."""


class Tasks(Protocol):
    """Where tasks and to-dos are kept. `monitor.store.work.taskbook` is that of a database."""

    def task(self, task_id: str) -> Task | None:
        """A task by its id."""

    def open_tasks(self) -> list[Task]:
        """All tasks that are open, by id."""

    def standing(self, target: str) -> Task | None:
        """The open task on a target."""

    def open_about(self, names: Collection[str], alerts: Collection[str]) -> list[Task]:
        """The open tasks on some targets or enterprises, or that some alerts are in, by id; more of them do no harm."""

    def made_on(
        self, day: dt.date, *, counties: Collection[str] | None = None, targets: Collection[str] = ()
    ) -> list[Task]:
        """All tasks that were made on a day, ended ones too, by id; or those of them that were made in some counties or
        on some targets.
        """

    def with_alerts(self, alerts: Iterable[str]) -> list[Task]:
        """The open tasks that some alerts are in, by id."""

    def put(self, tasks: Sequence[Task]) -> None:
        """Writes tasks as they are now."""

    def candidates(self, alerts: Iterable[str] | None = None) -> Iterator[tuple[Candidate, str]]:
        """The alerts that ask for attention and are not dispatched, each with why it is no task yet; some, or all."""

    def enterprises_of(self, alert: Alert) -> tuple[str, ...]:
        """The codes of the enterprises that the signal of an alert counts, ascending."""

    def opinions(self, codes: Collection[str], detectors: Collection[str]) -> dict[str, dict[str, int]]:
        """By code, of some enterprises, the highest level of the signals of each of some detectors that count it."""

    def chances(self, codes: Collection[str]) -> dict[str, float]:
        """What the forecast said last of some enterprises, by code; nothing where it says nothing."""

    def hold(self, held: dict[str, str]) -> None:
        """Notes, by alert, why it is no task (empty: it is one)."""

    def alerted(self, code: str) -> bool:
        """Whether an enterprise has an alert of its own that still goes on."""

    def todos(self, about: Iterable[str]) -> list[Todo]:
        """The to-dos of some alerts or objections."""

    def letters_due(self, subjects: Iterable[str] | None) -> list[str]:
        """The alerts of the second letters that are still to be sent, of some enterprises or of all."""

    def put_todos(self, todos: Sequence[Todo]) -> None:
        """Writes to-dos as they are now."""


class Alerts(Protocol):
    """The alerts, as the queue needs them."""

    def alerts(self, ids: Iterable[str]) -> dict[str, Alert]:
        """Alerts by their ids, those that there are."""

    def put(self, alerts: Sequence[Alert]) -> None:
        """Writes alerts as they are now."""

    def on(self, code: str) -> list[Alert]:
        """All alerts on an enterprise."""

    def objections(self, codes: Iterable[str]) -> dict[str, list[Objection]]:
        """All objections and decisions about some enterprises."""


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue asks about an enterprise by its code: class, whether its faults are tolerated, the dates of visits
    to it, those on which letters were sent to it, and what of the last year says that harm is near.
    """

    class_of: Callable[[str], str | None]
    tolerated: Callable[[str], bool]
    visits_of: Callable[[str], Iterable[dt.date]]
    letters_of: Callable[[str], Iterable[dt.date]]
    harm_of: Callable[[str], Harm]


class Queueing:
    """The queue at one cut, at Now."""

    def __init__(
        self, book: Tasks, alerts: Alerts, now: int, policy: QueuePolicy, known: Knowledge, pool: Pool
    ) -> None:
        """Nothing is done yet. `pool`: the live enterprises of each county."""
        self._book = book
        self._alerts = alerts
        self._now = now
        self._policy = policy
        self._known = known
        self._pool = pool
        self.overdue: list[tuple[Task, int, tuple[str, ...]]] = []

    def run(
        self,
        changed: Iterable[str],
        objected: Sequence[str],
        lettered: Iterable[str] | None,
        *,
        new_day: bool,
        foretold: bool = False,
    ) -> None:
        """Works out tasks and to-dos. `changed`: alerts that this cut changed; on a `new_day` all are weighed anew.
        `objected`: enterprises of which objections were filed or decided; `lettered`: to which letters were sent since
        the last cut, None where that is not known; `foretold`: the forecast was asked at this cut.
        """
        ids = sorted(set(changed))
        self._follow(ids)
        self._keep_clocks(sorted({*ids, *self._book.letters_due(lettered)}))
        self._keep_objections(objected)
        if new_day:
            self._escalate()
        if foretold:
            self._foretell()
        self._propose(None if new_day else ids)

    def _follow(self, ids: Sequence[str]) -> None:
        """What became of alerts says what becomes of their tasks."""
        found = self._book.with_alerts(ids)
        alerts = self._alerts.alerts({one for task in found for one in task.alerts})
        opinions = self._policy.second_opinions
        self._book.put([task for task in found if settling.follow(task, alerts, self._now, opinions)])

    def _keep_clocks(self, ids: Sequence[str]) -> None:
        letters_of = self._known.letters_of
        for some in _parts(ids):
            alerts = self._alerts.alerts(some)
            found = [todo for alert in alerts.values() for todo in todos.of_alert(alert)]
            met = {
                todo.id
                for todo in found
                if todo.duty == todos.SECOND_LETTER and todos.sent_in_time(todo, letters_of(todo.subject))
            }
            self._book.put_todos(todos.followed(self._book.todos(some), found, self._now, met=met))

    def _keep_objections(self, codes: Sequence[str]) -> None:
        """5 working days to decide, 20 at most: from the filing, until the decision."""
        for some in _parts(sorted(codes)):
            found: list[Todo] = []
            for code, objections in sorted(self._alerts.objections(some).items()):
                counties = sorted({alert.signal.region or "" for alert in self._alerts.on(code)})
                for one in clocks(code, counties[-1] if counties else None, objections):
                    found += todos.of_objection(one, self._policy)
            self._book.put_todos(found)

    def _escalate(self) -> None:
        """Overdue tasks, once a day."""
        today = shanghai_date(self._now)
        late = []
        for task in self._book.open_tasks():
            for number, step in escalate(task, today, self._policy):
                self.overdue.append((tasks.escalated(task, self._now, number), number, tuple(step.tell)))
                late.append(task)
        self._book.put(list({task.id: task for task in late}.values()))

    def _foretell(self) -> None:
        """What the forecast adds to the priority of tasks that exist; those of the control sample stay random."""
        open_tasks = [task for task in self._book.open_tasks() if not task.control]
        chances = self._book.chances({code for task in open_tasks for code in task.enterprises})
        reckoning = Reckoning(self._policy, self._now)
        self._book.put(
            [task for task in open_tasks if tasks.foretold(task, reckoning.forecast(chances, task.enterprises))]
        )

    def _propose(self, ids: Sequence[str] | None) -> None:
        found = list(self._book.candidates(ids))
        if not found and ids is not None:
            return
        harm_of = self._known.harm_of
        candidates = [
            msgspec.structs.replace(one, harm=harm_of(one.key)) if one.kind == "enterprise" else one for one, _ in found
        ]
        today = shanghai_date(self._now)
        if ids is None:
            open_tasks, made_today = self._book.open_tasks(), self._book.made_on(today)
        else:  # those that can have to do with the candidates
            targets = {target_of(one.kind, one.key) for one in candidates}
            codes = {code for one in candidates for code in one.enterprises}
            open_tasks = self._book.open_about(targets | codes, ids)
            counties = {one.region for one in candidates if one.region}
            made_today = self._book.made_on(today, counties=counties, targets=targets)
        proposals = propose(
            candidates,
            Context(
                now=self._now,
                class_of=self._known.class_of,
                tolerated=self._known.tolerated,
                visits_of=self._known.visits_of,
                has_alert=self._book.alerted,
                open_tasks=open_tasks,
                made_today=made_today,
                opinions=self._opinions(candidates),
                chances=self._book.chances({code for one in candidates for code in one.enterprises}),
                pool=self._pool if ids is None else None,
            ),
            self._policy,
        )
        self._book.put(applied(proposals, self._now))
        held = {one.alert: _held(proposals, one) for one in candidates}
        for old, _ in proposals.displaced:
            held.update(dict.fromkeys(old.alerts, "cap"))
        before = {one.alert: reason for one, reason in found}
        self._book.hold({alert: reason for alert, reason in held.items() if before.get(alert) != reason})

    def _opinions(self, candidates: Sequence[Candidate]) -> dict[str, dict[str, int]]:
        """What the models think of the enterprises that the candidates count."""
        detectors = self._policy.second_opinions
        codes = {code for one in candidates for code in one.enterprises}
        return self._book.opinions(codes, detectors) if codes and detectors else {}


def _held(proposals: Proposals, candidate: Candidate) -> str:
    """Why an alert is in no task; empty where it is in one."""
    reason = proposals.held.get(target_of(candidate.kind, candidate.key), "")
    return "" if reason == "in_task" else reason


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), _AT_ONCE):
        yield names[first : first + _AT_ONCE]
