"""The queue: which alerts become tasks at a cut, in which county, how, until when, and why the others do not.

Pure: candidates and a context go in, proposals come out; in which order candidates come changes nothing. One task a
target, at most so many a county and day, those of highest priority; what is not made a task is counted by its reason.
`docs/queue.md` explains it to those who work with it.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from config.moments import shanghai_date
from config.queueing import QueuePolicy
from config.workdays import Deadline
from monitor.events.vocabulary import TaskMode
from monitor.supervision.control import Pool, drawn
from monitor.supervision.scoring import NO_HARM, Candidate, Reckoning, target_of
from monitor.supervision.tasks import Task, displaced, joined, priority_of, proposed
from monitor.supervision.visits import Visits, VisitsOf

Held = Literal["in_task", "no_county", "second_opinion", "quiet", "tolerated", "visits_used_up", "cap"]

REASONS: Final[dict[Held, tuple[str, str]]] = {
    "in_task": ("已在未结任务中", "in an open task already"),
    "no_county": ("无所属县", "belongs to no county"),
    "second_opinion": ("仅有模型意见", "a second opinion alone: no model makes a task by itself"),
    "quiet": ("无事不扰", "left in peace: its class is low in risk, and nothing calls for a check"),
    "tolerated": ("容错", "tolerated: a first slight fault"),
    "visits_used_up": ("到访次数已满", "the on-site visits of this year are used up"),
    "cap": ("当日限额已满", "the day's cap of the county is reached"),
}
"""Why an alert is not made a task, as people read it."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue has to know beside the candidates. `now` is Now.

    `class_of` gives the class of an enterprise by its code, None where it has none yet; `tolerated` whether its
    reckoning says so. `open_tasks` are all that are open, `made_today` all that were proposed on this day in
    Asia/Shanghai, ended ones too; or, without a pool, at least those that share a target, an enterprise, an alert or a
    county with the candidates. `opinions`: by code the levels of the models' findings that count it; `chances`: by code
    what the forecast says. `pool` and `has_alert` serve the control sample; without a pool none is drawn.
    """

    now: int
    class_of: Callable[[str], str | None]
    tolerated: Callable[[str], bool]
    visits_of: VisitsOf
    has_alert: Callable[[str], bool]
    open_tasks: Sequence[Task] = ()
    made_today: Sequence[Task] = ()
    opinions: Mapping[str, Mapping[str, int]] = {}
    chances: Mapping[str, float] = {}
    pool: Pool | None = None


class Joining(NamedTuple):
    """Alerts that go into an open task: what `tasks.joined` needs."""

    task: Task
    alerts: list[str]
    enterprises: list[str]
    parts: dict[str, float]
    used_up: list[str]


class Proposals(msgspec.Struct):
    """What comes of the candidates; `applied` carries it out. `displaced` are tasks of today with the new task that
    takes their place; `held` says by target, `counts` by county (empty: none) and reason for how many alerts, why they
    are not made tasks: with those of the tasks and joinings, these are all candidates.
    """

    tasks: list[Task] = []
    joining: list[Joining] = []
    displaced: list[tuple[Task, Task]] = []
    held: dict[str, Held] = {}
    counts: dict[str, Counter[Held]] = {}

    def hold(self, target: str, region: str, reason: Held, alerts: int) -> None:
        """Notes why so many alerts on a target are not made a task."""
        self.held[target] = reason
        counts = self.counts.get(region)
        if counts is None:
            counts = self.counts[region] = Counter()
        counts[reason] += alerts


class _Wish(NamedTuple):
    """A target that could be a task: in the order of its county, highest priority first, ties by the target's text."""

    urgency: float
    target: str
    signals: list[Candidate]
    cls: str
    parts: dict[str, float]
    lifted: bool


def propose(candidates: Iterable[Candidate], context: Context, policy: QueuePolicy) -> Proposals:
    """The tasks that the queue makes of the alerts that ask for attention, and the control sample of the day."""
    return _Queue(context, policy).run(candidates)


def applied(proposals: Proposals, now: int) -> list[Task]:
    """The tasks that proposals make or change, as they are then. `now` is that of the cut."""
    for joining in proposals.joining:
        joined(*(joining.task, now, joining.alerts, joining.enterprises), parts=joining.parts, used_up=joining.used_up)
    for old, new in proposals.displaced:
        displaced(old, now, new.id)
    return [
        *proposals.tasks,
        *(joining.task for joining in proposals.joining),
        *(old for old, _ in proposals.displaced),
    ]


class _Queue:
    """One run."""

    def __init__(self, context: Context, policy: QueuePolicy) -> None:
        self._context = context
        self._policy = policy
        self._today = shanghai_date(context.now)
        self._reckoning = Reckoning(policy, context.now)
        self._visits = Visits(context.visits_of, context.open_tasks, self._today, policy)
        self._out = Proposals()
        self._quiet = frozenset(policy.quiet.classes)
        self._opinions = frozenset(policy.second_opinions)
        self._lifting = frozenset(policy.quiet.lifted_by)
        self._off_site = frozenset(policy.off_site_classes)
        self._due: dict[int, Deadline] = {}
        self._made = Counter(task.origin for task in context.made_today if task.counts_today)
        self._earlier = Counter(task.target for task in context.made_today)
        self._yielding: dict[str, list[Task]] = {}
        for task in context.made_today:
            if task.displaceable:
                self._yielding.setdefault(task.origin, []).append(task)
        self._taken = {alert: task for task in context.open_tasks for alert in task.alerts}
        self._standing: list[tuple[Task, str, list[Candidate], dict[str, float]]] = []

    def run(self, candidates: Iterable[Candidate]) -> Proposals:
        self._draw_control()
        wishes = self._wishes(candidates)
        raised = {task.id: priority_of(parts) for task, _, _, parts in self._standing}
        for tasks in self._yielding.values():
            tasks.sort(key=lambda task: (-max(task.priority, raised.get(task.id, 0)), task.target))
        for region in sorted(wishes):
            self._fill(region, wishes[region], raised)
        gone = {task.id for task, _ in self._out.displaced}
        for task, target, signals, parts in self._standing:
            if task.id in gone:
                self._out.hold(target, task.region, "cap", len(signals))
            else:
                self._join(task, target, signals, parts)
        return self._out

    # -- which could be tasks -----------------------------------------------------------------------------------------

    def _wishes(self, candidates: Iterable[Candidate]) -> dict[str, list[_Wish]]:
        """By county what could be a task; what could not is held."""
        groups: dict[str, list[Candidate]] = {}
        for one in candidates:
            groups.setdefault(target_of(one.kind, one.key), []).append(one)
        standing = {task.target: task for task in self._context.open_tasks}
        wishes: dict[str, list[_Wish]] = {}
        for target, signals in groups.items():
            if len(signals) > 1:
                signals.sort(key=lambda one: (-one.level, one.detector, one.alert))
            region = _region(signals)
            task = standing.get(target)
            if task is None and self._taken:
                task = next((self._taken[one.alert] for one in signals if one.alert in self._taken), None)
            if task is not None:
                self._standing.append((task, target, signals, self._raised(task, target, signals)))
                continue
            firm = self._firm(signals)
            if not region:
                self._out.hold(target, "", "no_county", len(signals))
                continue
            if not firm:
                self._out.hold(target, region, "second_opinion", len(signals))
                continue
            cls = self._class_of(target, signals)
            lifted = self._lifted(firm)
            if not lifted and cls in self._quiet:
                self._out.hold(target, region, "quiet", len(signals))
            elif not lifted and _is_enterprise(signals) and self._context.tolerated(target):
                self._out.hold(target, region, "tolerated", len(signals))
            else:
                parts = self._parts(target, firm, cls)
                wish = _Wish(-priority_of(parts), target, signals, cls, parts, lifted)
                wishes.setdefault(region, []).append(wish)
        return wishes

    def _firm(self, signals: Sequence[Candidate]) -> Sequence[Candidate]:
        """Those of the alerts on a target that may make a task by themselves."""
        if all(one.detector not in self._opinions for one in signals):
            return signals
        return [one for one in signals if one.detector not in self._opinions]

    def _parts(self, target: str, firm: Sequence[Candidate], cls: str) -> dict[str, float]:
        """The parts of a priority: the rules' alerts, and what the models think of the enterprises."""
        return {**self._reckoning.parts(firm, cls), **self._models(_codes(target, firm))}

    def _models(self, codes: Collection[str]) -> dict[str, float]:
        """What the models' findings and the forecast add for some enterprises."""
        return {**self._opinion(codes), **self._reckoning.forecast(self._context.chances, codes)}

    def _opinion(self, codes: Iterable[str]) -> dict[str, float]:
        """What the models' findings on some enterprises add: of each detector the highest level counts once."""
        if not self._context.opinions:
            return {}
        levels: dict[str, int] = {}
        for code in codes:
            for detector, level in self._context.opinions.get(code, {}).items():
                levels[detector] = max(level, levels.get(detector, 0))
        return self._reckoning.opinion(levels[detector] for detector in sorted(levels))

    def _raised(self, task: Task, target: str, signals: Sequence[Candidate]) -> dict[str, float]:
        """The parts of the priority of an open task with these alerts on its target."""
        firm = self._firm(signals)
        return self._parts(target, firm, task.cls) if firm else {**task.parts, **self._models(task.enterprises)}

    def _class_of(self, target: str, signals: Sequence[Candidate]) -> str:
        """The class of an enterprise; of several, that of the worst."""
        class_of, unknown = self._context.class_of, self._policy.unknown_class
        if _is_enterprise(signals):
            return class_of(target) or unknown
        worst = ""
        for one in signals:
            for code in one.enterprises:
                worst = max(worst, class_of(code) or unknown)
                if worst == "D":
                    return worst
        return worst or unknown

    def _lifted(self, signals: Sequence[Candidate]) -> bool:
        """Whether something calls for a check, whatever the class."""
        least = self._policy.quiet.lifted_at_level
        for one in signals:
            if one.level >= least or one.detector in self._lifting:
                return True
        return False

    def _join(self, task: Task, target: str, signals: Sequence[Candidate], parts: dict[str, float]) -> None:
        """One open task a target: what is new about it goes in."""
        new = [one.alert for one in signals if one.alert not in self._taken]
        if new or parts.get("level", 0) > task.parts.get("level", 0):
            codes = _codes(target, signals)
            fresh = [code for code in codes if code not in task.enterprises]
            used_up = self._visits.used_up(fresh)
            if task.awaits_visit:
                self._visits.take(code for code in fresh if code not in used_up)
            self._out.joining.append(Joining(task, new, codes, parts, used_up))
        if len(new) < len(signals):
            self._out.hold(target, task.region, "in_task", len(signals) - len(new))

    # -- which become tasks -------------------------------------------------------------------------------------------

    def _fill(self, region: str, wishes: list[_Wish], raised: Mapping[str, float]) -> None:
        """The county's places of the day, in the order of priority; a task of today that nobody has looked at makes way
        for one of higher priority.
        """
        heapq.heapify(wishes)
        yielding = self._yielding.get(region, [])
        while wishes:
            free = self._made[region] < self._policy.new_tasks_a_day
            if not free:
                last = yielding[-1] if yielding else None
                if last is None or max(last.priority, raised.get(last.id, 0)) >= -wishes[0].urgency:
                    break
            wish = heapq.heappop(wishes)
            task = self._task(region, wish)
            if task is None:
                self._out.hold(wish.target, region, "visits_used_up", len(wish.signals))
                continue
            if not free:
                last = yielding.pop()
                self._visits.unplan(last)
                self._out.displaced.append((last, task))
                self._made[region] -= 1
            self._add(task)
        for wish in wishes:
            self._out.hold(wish.target, region, "cap", len(wish.signals))

    def _add(self, task: Task) -> None:
        self._out.tasks.append(task)
        self._visits.plan(task)
        self._made[task.origin] += 1
        self._earlier[task.target] += 1

    def _task(self, region: str, wish: _Wish) -> Task | None:
        """The task of a target; None where no visit is left and nothing calls for a check from the desk instead."""
        codes = _codes(wish.target, wish.signals)
        agencies = self._agencies(wish.signals)
        mode: TaskMode = "off_site" if wish.cls in self._off_site else "joint" if agencies else "on_site"
        spared: list[str] = []
        if mode != "off_site":
            spared = self._visits.used_up(codes)
            if len(spared) == len(codes):
                if not wish.lifted:
                    return None
                mode, spared = "off_site", []
        return proposed(
            self._context.now,
            region=region,
            target=wish.target,
            enterprises=codes,
            alerts=[one.alert for one in wish.signals],
            parts=wish.parts,
            cls=wish.cls,
            mode=mode,
            due=self._deadline(self._firm(wish.signals)[0].level),
            spared=spared,
            agencies=agencies if mode == "joint" else (),
            unlike=str(self._earlier[wish.target]),
        )

    def _agencies(self, signals: Sequence[Candidate]) -> list[str]:
        """Who else would come."""
        industries = {code for one in signals if one.harm is not NO_HARM for code in one.harm.industries}
        return [
            rule.agency
            for rule in self._policy.joint
            if any(one.detector in rule.detectors for one in signals)
            or any(code.startswith(rule.industries) for code in industries)
        ]

    def _deadline(self, level: int) -> Deadline:
        found = self._due.get(level)
        if found is None:
            found = self._due[level] = self._policy.due(level, self._today)
        return found

    # -- the control sample -------------------------------------------------------------------------------------------

    def _draw_control(self) -> None:
        """Random tasks on enterprises without alerts, among the day's new ones. 无事不扰 excepts planned draws."""
        pool = self._context.pool
        if pool is None:
            return
        done = Counter(task.origin for task in self._context.made_today if task.control)
        busy = {code for task in self._context.open_tasks for code in task.enterprises}
        busy.update(code for task in self._context.made_today if task.control for code in task.enterprises)
        for county in sorted(pool.counties()):
            room = self._policy.new_tasks_a_day - self._made[county]
            missing = min(self._policy.control.each_day - done[county], room)
            if missing <= 0:
                continue
            for code in drawn(pool, county, self._today, self._policy.control.seed):
                if code in busy or self._context.has_alert(code):
                    continue
                task = self._control_task(county, code)
                if task is None:
                    continue
                self._add(task)
                missing -= 1
                if not missing:
                    break

    def _control_task(self, county: str, code: str) -> Task | None:
        """A task as a targeted one of its class would be; None where no visit is left."""
        cls = self._context.class_of(code) or self._policy.unknown_class
        mode: TaskMode = "off_site" if cls in self._off_site else "on_site"
        if mode == "on_site" and self._visits.used_up([code]):
            return None
        return proposed(
            self._context.now,
            region=county,
            target=code,
            enterprises=[code],
            alerts=[],
            parts=self._reckoning.parts((), cls),
            cls=cls,
            mode=mode,
            due=self._deadline(0),
            control=True,
            unlike=str(self._earlier[code]),
        )


def _is_enterprise(signals: Sequence[Candidate]) -> bool:
    return signals[0].kind == "enterprise"


def _region(signals: Sequence[Candidate]) -> str:
    """The county of the alert that comes first and has one."""
    return signals[0].region or next((one.region for one in signals if one.region), "")


def _codes(target: str, signals: Sequence[Candidate]) -> list[str]:
    """The enterprises of a task: the one that it is about, or all that are counted."""
    if _is_enterprise(signals):
        return [target]
    return sorted({code for one in signals for code in one.enterprises})
