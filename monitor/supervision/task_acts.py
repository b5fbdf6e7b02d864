"""What officers do with a task: each step needs a named officer, and its status as `task_moves.py` says.

Each function gives the task as it is then, or raises Refused with what to do. `at` is the time of the act's event, in
microseconds since 1970. Nothing is changed where it is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, get_args

from config.workdays import Deadline
from monitor.events.vocabulary import InspectionResult, TaskMode
from monitor.supervision.alerts import Refused, Step
from monitor.supervision.task_moves import need
from monitor.supervision.tasks import Outcome, Task, joined, mark, priority_of

RESULTS: Final = frozenset({*get_args(InspectionResult), "false_alarm"})
"""The outcomes that a task can have (contract §5)."""

TWO: Final = 2
"""Officers who go on site together: 行政处罚法 art. 42."""


def created(
    task_id: str,
    at: int,
    officer: str,
    reason: str,
    *,
    region: str,
    enterprises: Collection[str],
    cls: str,
    due: Deadline,
    mode: TaskMode = "on_site",
    parts: dict[str, float] | None = None,
    standing: Task | None = None,
    used_up: Collection[str] = (),
) -> Task:
    """人工建立: outside the day's cap. `standing`: the open task on the same target, if there is one; `used_up`: those
    enterprises without an on-site visit left. Raises Refused.
    """
    _named(officer)
    _reasoned(reason)
    if not enterprises:
        raise Refused("请给出至少一个经营主体 / name at least one enterprise")
    if standing is not None:
        raise Refused(
            f"该主体已有未结任务 {standing.id}，请并入或改办该任务 / there is an open task {standing.id} on it: "
            "go on with that one"
        )
    codes = sorted(set(enterprises))
    task = Task(
        id=task_id,
        region=region,
        origin=region,
        target=codes[0] if len(codes) == 1 else f"hand:{task_id}",
        enterprises=codes,
        alerts=[],
        parts=parts or {},
        priority=priority_of(parts or {}),
        cls=cls,
        mode=mode,
        status="proposed",
        proposed_at=at,
        changed_at=at,
        due=due.day.isoformat(),
        provisional=due.provisional,
        by_hand=True,
        history=[Step(at, "created", 0, officer, reason)],
    )
    task.spared = _spared(task, used_up)
    return task


def assigned(task: Task, at: int, officer: str, assignees: Sequence[str], reason: str = "") -> Task:
    """指派 to two officers. Raises Refused."""
    need(task, "assigned")
    _named(officer)
    if len(assignees) != TWO or len(set(assignees)) != TWO or not all(one.strip() for one in assignees):
        raise Refused("须指派两名不同的人员 / name two different officers")
    if task.status == "accepted" and task.accepted_by not in assignees:
        raise Refused(
            f"{task.accepted_by} 已签收，须在其中；换人请先退回 / {task.accepted_by} has accepted it and must be one "
            "of them: to change, have it returned first"
        )
    task.assignees = list(assignees)
    mark(task, at, "assigned", officer=officer, reason=reason or ", ".join(assignees))
    return task


def dispatched(task: Task, at: int, officer: str, reason: str = "", *, used_up: Collection[str] = ()) -> Task:
    """派发. `used_up`: those enterprises without an on-site visit left, this task's own plan apart. Raises Refused."""
    need(task, "dispatched")
    _named(officer)
    spared = _spared(task, used_up)
    task.spared, task.visited_at = spared, None
    task.status = "dispatched"
    mark(task, at, "dispatched", officer=officer, reason=reason)
    return task


def accepted(task: Task, at: int, officer: str, reason: str = "") -> Task:
    """签收, by an assignee, or by the first who takes it where nobody is assigned. Raises Refused."""
    need(task, "accepted")
    _named(officer)
    if task.assignees and officer not in task.assignees:
        raise Refused(
            f"任务已指派给 {'、'.join(task.assignees)} / the task is assigned to {' and '.join(task.assignees)}: "
            "have it assigned to you first"
        )
    task.assignees = task.assignees or [officer]
    task.accepted_by = officer
    task.status = "accepted"
    mark(task, at, "accepted", officer=officer, reason=reason)
    return task


def visited(task: Task, at: int, officer: str, reason: str = "") -> Task:
    """核查 was made, on site by two officers. Raises Refused."""
    need(task, "visited")
    _named(officer)
    if task.mode != "off_site" and len(task.assignees) < TWO:
        raise Refused("现场核查须有两名执法人员，请先指派 / a visit needs two officers: assign both first")
    task.visited_at = at
    task.status = "visited"
    mark(task, at, "visited", officer=officer, reason=reason)
    return task


def reviewed(task: Task, at: int, officer: str, reason: str = "") -> Task:
    """复核. Raises Refused."""
    need(task, "reviewed")
    _named(officer)
    task.status = "reviewed"
    mark(task, at, "reviewed", officer=officer, reason=reason)
    return task


def returned(task: Task, at: int, officer: str, reason: str) -> Task:
    """退回 to the supervisor, or to the county that handed it over. Raises Refused."""
    need(task, "returned")
    _named(officer)
    _reasoned(reason)
    if task.status == "transferred":
        task.region, task.came_from = task.came_from, task.region
        task.assignees = []
    task.status = "returned"
    mark(task, at, "returned", officer=officer, reason=reason)
    return task


def transferred(task: Task, at: int, officer: str, reason: str, region: str) -> Task:
    """移交: it waits in the other county, which dispatches or returns it. Raises Refused."""
    need(task, "transferred")
    _named(officer)
    _reasoned(reason)
    if region == task.region:
        raise Refused(f"任务已在 {region} / the task is in {region} already: name another county")
    task.came_from, task.region = task.region, region
    task.assignees = []
    task.status = "transferred"
    mark(task, at, "transferred", officer=officer, reason=reason)
    return task


def merged(task: Task, at: int, officer: str, into: Task, reason: str = "", *, used_up: Iterable[str] = ()) -> Task:
    """合并: what it has goes into another open task, which is changed as well. `used_up`: those of its enterprises
    without an on-site visit left. Raises Refused.
    """
    need(task, "merged")
    _named(officer)
    if into.id == task.id:
        raise Refused("不能并入自身 / a task cannot be merged into itself: name another one")
    if not into.open or into.status == "suspended":
        raise Refused(f"任务 {into.id} 已结或中止 / the task {into.id} is over or suspended: name an open one")
    if into.region != task.region:
        raise Refused(
            f"任务 {into.id} 不在本县，请先移交 / the task {into.id} is in another county: hand it over first"
        )
    joined(into, at, task.alerts, task.enterprises, used_up=used_up, officer=officer, reason=task.id)
    if into.fallen is not None and task.fallen is None:
        into.fallen = None
    task.status, task.into = "merged", into.id
    mark(task, at, "merged", officer=officer, reason=reason or into.id)
    return task


def exempted(task: Task, at: int, officer: str, reason: str) -> Task:
    """免查. Raises Refused."""
    need(task, "exempted")
    _named(officer)
    _reasoned(reason)
    task.status = "exempted"
    mark(task, at, "exempted", officer=officer, reason=reason)
    return task


def closed(task: Task, at: int, officer: str, result: str, reason: str = "") -> Task:
    """办结 with an outcome; on a closed task: its correction, which keeps the former one. Raises Refused."""
    direct = task.mode == "off_site" or task.fallen is not None
    need(task, "closed", "corrected", *(["closed_directly"] if direct else []))
    _named(officer)
    if result not in RESULTS:
        raise Refused(f"没有此结果，可为 / no such outcome, there are: {', '.join(sorted(RESULTS))}")
    if result == "false_alarm":
        _reasoned(reason)
    again = task.outcome is not None
    if task.outcome is not None:
        task.corrected.append(task.outcome)
    task.outcome = Outcome(result, officer, at, reason)
    task.status = "closed"
    mark(task, at, "corrected" if again else "closed", officer=officer, reason=result)
    return task


def _named(officer: str) -> None:
    """No step without a named officer."""
    if not officer.strip():
        raise Refused("须由具名人员办理 / a named officer has to do this: sign in")


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise Refused("须说明理由 / give the reason")


def _spared(task: Task, used_up: Collection[str]) -> list[str]:
    """The enterprises that cannot be visited any more this year. Raises Refused where that is all of them."""
    if task.mode == "off_site":
        return []
    spared = [code for code in task.enterprises if code in used_up]
    if len(spared) == len(task.enterprises):
        raise Refused(
            "现场检查次数已满，请免查或另建非现场任务 / the on-site visits of this year are used up: "
            "exempt it, or make an off-site task"
        )
    return spared
