"""Tasks and alerts together, under anything that cuts and officers may do in any order.

No status that the contract does not name, no task lost, no cap broken, nothing that an officer accepted ends without an
officer, closing resolves its alerts, corrections keep what was before.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import TypeVar, get_args

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.moments import HOUR, shanghai_date
from config.queueing import Control, QueuePolicy
from config.supervision import AlertPolicy
from config.workdays import Deadline
from monitor.events.vocabulary import TaskMode
from monitor.supervision import alerts as life
from monitor.supervision import task_acts, tasks
from monitor.supervision.alerts import Alert, Refused, Signal
from monitor.supervision.escalation import escalate
from monitor.supervision.queue import REASONS, Context, applied, propose
from monitor.supervision.scoring import candidate_of
from monitor.supervision.settling import follow, settle
from monitor.supervision.tasks import Outcome, Task, TaskStatus
from monitor.supervision.visits import Visits
from tests.tasks_made import BINJIANG, NOW, XIHU

Thing = TypeVar("Thing")
CODES = ["E0", "E1", "E2", "E3", "E4"]
COUNTIES = [XIHU, BINJIANG]
OFFICERS = ["王芳", "李强", "赵敏"]
CLASSES = {"E0": "A", "E1": "B", "E2": "C", "E3": "D", "E4": "C"}
POLICY = QueuePolicy(new_tasks_a_day=2, control=Control(each_day=1))
ALERTS = AlertPolicy()
NEXT = {
    "proposed": "dispatch",
    "returned": "dispatch",
    "transferred": "dispatch",
    "dispatched": "accept",
    "accepted": "visit",
    "visited": "review",
    "reviewed": "close",
}
SUBJECTS = [
    *(("enterprise", code, detector) for code in CODES for detector in ("linked-risk", "complaint-surge")),
    *(("address", key, "address-burst") for key in ("K0", "K1")),
]


def county_of(key: str) -> str:
    return COUNTIES[int(key[1]) % 2]


def members(kind: str, key: str) -> list[str]:
    return [key] if kind == "enterprise" else CODES[:3] if key == "K0" else CODES[2:]


class Pool:
    """Every enterprise, by county."""

    def counties(self) -> list[str]:
        return COUNTIES

    def size(self, county: str) -> int:
        return len(self._own(county))

    def at(self, county: str, place: int) -> str:
        return self._own(county)[place]

    def _own(self, county: str) -> list[str]:
        return [code for code in CODES if county_of(code) == county]


class Supervision(RuleBasedStateMachine):
    """A monitor's alerts and tasks, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.alerts: dict[str, Alert] = {}
        self.newest: dict[tuple[str, str, str], str] = {}
        self.tasks: dict[str, Task] = {}
        self.first: dict[str, life.Step] = {}
        self.outcomes: dict[str, list[Outcome]] = {}
        self.made_visits: dict[str, list[dt.date]] = {code: [] for code in CODES}
        self.by_hand = 0

    # -- what happens ------------------------------------------------------------------------------------------------

    @initialize(levels=st.lists(st.integers(0, 4), min_size=len(SUBJECTS), max_size=len(SUBJECTS)))
    def begin(self, levels: list[int]) -> None:
        for subject, level in zip(SUBJECTS, levels, strict=True):
            if level:
                self._signal(subject, level)
        self.cut()

    @rule(hours=st.sampled_from([1, 1, 6, 30, 200]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR
        for alert in self.alerts.values():
            life.passed(alert, self.now, ALERTS)

    @rule(subject=st.sampled_from(SUBJECTS), level=st.integers(1, 4))
    def a_signal_comes_or_changes(self, subject: tuple[str, str, str], level: int) -> None:
        self._signal(subject, level)

    def _signal(self, subject: tuple[str, str, str], level: int) -> None:
        kind, key, detector = subject
        known = self.alerts.get(self.newest.get(subject, ""))
        since = known.signal.since if known is not None and not life.is_over(known) else self.now
        signal = Signal(
            detector=detector,
            version=1,
            kind=kind,
            key=key,
            label=key,
            level=level,
            value=level,
            lowest=1,
            region=county_of(key),
            since=since,
        )
        if known is not None and life.is_over(known) and signal.alert_id != known.id:
            alert = life.opened(signal, self.now, "hash", previous=known.id)
        else:
            alert = life.found(known, signal, self.now, "hash")
        self.alerts[alert.id] = alert
        self.newest[subject] = alert.id

    @precondition(lambda self: self.alerts)
    @rule(which=st.integers(0, 99))
    def a_signal_falls_away(self, which: int) -> None:
        alert = self._one(self.alerts, which)
        life.fell_away(alert, self.now)

    @precondition(lambda self: self.alerts)
    @rule(which=st.integers(0, 99), undecided=st.booleans())
    def an_objection_is_filed_or_decided(self, which: int, undecided: bool) -> None:
        alert = self._one(self.alerts, which)
        life.dispute(alert, undecided, self.now)

    @rule()
    def cut(self) -> None:
        for task in self._open():
            if follow(task, self.alerts, self.now):
                settle(task, self.alerts)
        some = [
            candidate_of(alert, members(alert.signal.kind, alert.signal.key))
            for alert in self.alerts.values()
            if alert.asks and alert.status != "dispatched"
        ]
        today = [task for task in self.tasks.values() if shanghai_date(task.proposed_at) == shanghai_date(self.now)]
        context = Context(
            now=self.now,
            class_of=CLASSES.get,
            tolerated=lambda code: code == "E4",
            visits_of=self.made_visits.__getitem__,
            has_alert=lambda code: any(one.live and one.signal.key == code for one in self.alerts.values()),
            open_tasks=self._open(),
            made_today=today,
            pool=Pool(),
        )
        out = propose(some, context, POLICY)
        counted = sum(counts.total() for counts in out.counts.values())
        placed = sum(len(task.alerts) for task in out.tasks) + sum(len(one.alerts) for one in out.joining)
        assert counted + placed == len(some)
        assert set(out.held.values()) <= set(REASONS)
        for task in applied(out, self.now):
            self._keep(task)
            settle(task, self.alerts)
        for task in self._open():
            for number, _ in escalate(task, shanghai_date(self.now), POLICY):
                tasks.escalated(task, self.now, number)

    # -- what officers do --------------------------------------------------------------------------------------------

    @rule(code=st.sampled_from(CODES), mode=st.sampled_from(["on_site", "off_site"]))
    def make_by_hand(self, code: str, mode: TaskMode) -> None:
        self.by_hand += 1
        standing = next((task for task in self._open() if task.target == code), None)
        try:
            task = task_acts.created(
                tasks.task_id("hand", str(self.by_hand)),
                self.now,
                OFFICERS[0],
                "交办",
                region=county_of(code),
                enterprises=[code],
                cls=CLASSES[code],
                due=Deadline(shanghai_date(self.now), provisional=False),
                mode=mode,
                standing=standing,
                used_up=self._used_up([code]),
            )
        except Refused:
            return
        self._keep(task)

    @precondition(lambda self: self.tasks)
    @rule(
        which=st.integers(0, 99),
        other=st.integers(0, 99),
        step=st.sampled_from(
            ["assign", "dispatch", "accept", "visit", "review", "return", "transfer", "merge", "exempt", "close"]
        ),
        officer=st.sampled_from(OFFICERS),
        result=st.sampled_from(["none_found", "unreachable", "false_alarm"]),
    )
    def act(self, which: int, other: int, step: str, officer: str, result: str) -> None:
        self._do(step, self._one(self.tasks, which), self._one(self.tasks, other), officer, result, COUNTIES[other % 2])

    @precondition(lambda self: self.tasks)
    @rule(which=st.integers(0, 99), times=st.integers(1, 6))
    def work_goes_on(self, which: int, times: int) -> None:
        """The ordinary way of a task, some steps of it."""
        task = self._one(self.tasks, which)
        for _ in range(times):
            if task.status in NEXT:
                if len(task.assignees) < 2:
                    self._do("assign", task, task, OFFICERS[2], "", "")
                self._do(NEXT[task.status], task, task, OFFICERS[0], "unreachable", "")

    def _do(self, step: str, task: Task, into: Task, officer: str, result: str, county: str) -> None:
        """One act: carried out, or refused without a trace."""
        steps: dict[str, Callable[[], Task]] = {
            "assign": lambda: task_acts.assigned(task, self.now, officer, OFFICERS[:2]),
            "dispatch": lambda: task_acts.dispatched(
                task, self.now, officer, used_up=self._used_up(task.enterprises, task)
            ),
            "accept": lambda: task_acts.accepted(task, self.now, officer),
            "visit": lambda: task_acts.visited(task, self.now, officer),
            "review": lambda: task_acts.reviewed(task, self.now, officer),
            "return": lambda: task_acts.returned(task, self.now, officer, "理由"),
            "transfer": lambda: task_acts.transferred(task, self.now, officer, "迁址", county),
            "merge": lambda: task_acts.merged(
                task, self.now, officer, into, used_up=self._used_up(task.enterprises, task)
            ),
            "exempt": lambda: task_acts.exempted(task, self.now, officer, "理由"),
            "close": lambda: task_acts.closed(task, self.now, officer, result, "理由"),
        }
        before = copy.deepcopy((task, into))
        planned = task.visits
        try:
            steps[step]()
        except Refused:
            assert msgspec.to_builtins((task, into)) == msgspec.to_builtins(before)
            return
        if step == "visit":
            for code in planned:
                self.made_visits[code].append(shanghai_date(self.now))
        if step == "close":
            assert task.outcome is not None
            self.outcomes.setdefault(task.id, []).append(task.outcome)
        settle(task, self.alerts)
        if step == "merge":
            settle(into, self.alerts)

    # -- what always holds -------------------------------------------------------------------------------------------

    @invariant()
    def only_statuses_of_the_contract(self) -> None:
        assert {task.status for task in self.tasks.values()} <= set(get_args(TaskStatus))
        assert {alert.status for alert in self.alerts.values()} <= set(get_args(life.Status))

    @invariant()
    def no_task_is_lost(self) -> None:
        for task_id, first in self.first.items():
            task = self.tasks[task_id]
            assert (task.id, task.history[0]) == (task_id, first)
            if task.status == "merged":
                assert set(task.alerts) <= set(self.tasks[task.into].alerts)

    @invariant()
    def no_cap_is_broken(self) -> None:
        made: dict[tuple[str, dt.date], int] = {}
        for task in self.tasks.values():
            if task.counts_today:
                key = (task.origin, shanghai_date(task.proposed_at))
                made[key] = made.get(key, 0) + 1
        assert all(number <= POLICY.new_tasks_a_day for number in made.values())
        after = shanghai_date(self.now) - dt.timedelta(days=POLICY.visit_window_days)
        for code, days in self.made_visits.items():
            planned = sum(code in task.visits for task in self._open())
            assert planned + sum(day > after for day in days) <= POLICY.visits_a_year

    @invariant()
    def one_open_task_a_target_and_an_alert(self) -> None:
        open_tasks = self._open()
        assert len({task.target for task in open_tasks}) == len(open_tasks)
        own = [alert for task in open_tasks for alert in task.alerts]
        assert len(set(own)) == len(own)

    @invariant()
    def work_under_way_has_an_open_task_and_what_is_over_leaves_none(self) -> None:
        for alert in self.alerts.values():
            if alert.status == "dispatched":
                task = self.tasks[alert.task]
                assert task.open
                assert alert.id in task.alerts

    @invariant()
    def nothing_ends_without_an_officer_once_it_was_accepted(self) -> None:
        for task in self.tasks.values():
            if not task.open and task.accepted_by:
                assert task.history[-1].officer

    @invariant()
    def corrections_keep_what_was_before(self) -> None:
        for task in self.tasks.values():
            assert (task.outcome is not None) == (task.status == "closed")
            assert [*task.corrected, *([task.outcome] if task.outcome else [])] == self.outcomes.get(task.id, [])

    # -- by the way --------------------------------------------------------------------------------------------------

    def _one(self, some: dict[str, Thing], which: int) -> Thing:
        return some[sorted(some)[which % len(some)]]

    def _open(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.open]

    def _used_up(self, codes: list[str], apart: Task | None = None) -> list[str]:
        others = [task for task in self._open() if task is not apart]
        return Visits(self.made_visits.__getitem__, others, shanghai_date(self.now), POLICY).used_up(codes)

    def _keep(self, task: Task) -> None:
        assert self.tasks.setdefault(task.id, task) is task
        self.first.setdefault(task.id, task.history[0])


TestSupervision = Supervision.TestCase
TestSupervision.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
