"""Which status of a task each step needs and where it leads. The lifecycle asks this table, `docs/queue.md` shows it.

`python -m monitor.supervision.task_moves` prints the section for the documentation.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from monitor.supervision.alerts import Refused
from monitor.supervision.tasks import Task, TaskStatus

STATUS_NAMES: Final[dict[TaskStatus, tuple[str, str]]] = {
    "proposed": ("待派发", "proposed"),
    "dispatched": ("已派发", "dispatched"),
    "accepted": ("已签收", "accepted"),
    "visited": ("已核查", "visited"),
    "reviewed": ("已复核", "reviewed"),
    "closed": ("已办结", "closed"),
    "returned": ("已退回", "returned"),
    "merged": ("已合并", "merged"),
    "exempted": ("免查", "exempted"),
    "transferred": ("已移交", "transferred"),
    "suspended": ("中止", "suspended"),
}


class Move(msgspec.Struct, frozen=True):
    """One row: a step, who takes it, the statuses it needs (none: there is no task yet), and the one after; None: it
    stays, or is the one before the suspension.
    """

    step: str
    zh: str
    by: Literal["officer", "cut"]
    needs: tuple[TaskStatus, ...]
    to: TaskStatus | None
    note: tuple[str, str] = ("", "")


_WAITING: Final[tuple[TaskStatus, ...]] = ("proposed", "dispatched", "returned", "transferred")
_OPEN: Final[tuple[TaskStatus, ...]] = (
    *("proposed", "dispatched", "accepted", "visited", "reviewed", "returned", "transferred"),
)

MOVES: Final[tuple[Move, ...]] = (
    Move("proposed", "生成", "cut", (), "proposed", ("每县每日限额", "the day's cap of each county")),
    Move("created", "人工建立", "officer", (), "proposed", ("须有理由；不占限额", "needs a reason; outside the cap")),
    Move(
        "joined", "并入预警", "cut", (*_OPEN, "suspended"), None, ("同一对象只有一个未结任务", "one open task a target")
    ),
    Move(
        "assigned",
        "指派",
        "officer",
        ("proposed", "dispatched", "accepted", "returned", "transferred"),
        None,
        ("两名不同人员；已签收的须含签收人", "two different officers; once accepted, with the one who did"),
    ),
    Move(
        "dispatched",
        "派发",
        "officer",
        ("proposed", "returned", "transferred"),
        "dispatched",
        ("到访次数已满的主体不再到访", "no visit to an enterprise whose visits are used up"),
    ),
    Move(
        "accepted",
        "签收",
        "officer",
        ("dispatched",),
        "accepted",
        ("已指派的由被指派人签收；未指派的先签先得", "by an assignee; without any, by the first who takes it"),
    ),
    Move("visited", "核查", "officer", ("accepted",), "visited", ("现场核查须两人", "on site by two officers")),
    Move("reviewed", "复核", "officer", ("visited",), "reviewed"),
    Move(
        "returned",
        "退回",
        "officer",
        ("dispatched", "accepted", "visited", "reviewed", "transferred"),
        "returned",
        ("须有理由；移交的退回原县", "needs a reason; one handed over goes back to its county"),
    ),
    Move(
        "transferred",
        "移交",
        "officer",
        ("proposed", "dispatched", "accepted", "returned"),
        "transferred",
        ("须有理由；编号不变，原指派失效", "needs a reason; keeps its id, loses its assignees"),
    ),
    Move(
        "merged",
        "合并",
        "officer",
        ("proposed", "dispatched", "accepted", "returned", "transferred"),
        "merged",
        ("并入同县另一未结任务", "into another open task of the county"),
    ),
    Move("exempted", "免查", "officer", _WAITING, "exempted", ("须有理由", "needs a reason")),
    Move(
        "closed",
        "办结",
        "officer",
        ("reviewed", "returned"),
        "closed",
        ("须有结果；误报须有理由", "needs an outcome; a false alarm its reason"),
    ),
    Move(
        "closed_directly",
        "直接办结",
        "officer",
        ("accepted", "visited"),
        "closed",
        ("仅限非现场任务或预警已消除的任务", "off site, or where its alerts have fallen away, alone"),
    ),
    Move("corrected", "更正结果", "officer", ("closed",), "closed", ("原结果保留", "the former outcome is kept")),
    Move(
        "suspended",
        "中止",
        "cut",
        _OPEN,
        "suspended",
        ("异议未决；期限停止计算", "an undecided objection; its clock stops"),
    ),
    Move("resumed", "恢复", "cut", ("suspended",), None, ("回到中止前的状态", "to the status before")),
    Move(
        "withdrawn",
        "撤回",
        "cut",
        (*_WAITING, "suspended"),
        "exempted",
        (
            "预警全部消除且从未签收；人工、对照任务除外",
            "its alerts fell away, nobody ever accepted it; not those by hand or for control",
        ),
    ),
    Move(
        "fell_away",
        "预警消除",
        "cut",
        (*_OPEN, "suspended"),
        None,
        (
            "曾经签收：注明后等待人员处理，绝不自行办结",
            "accepted before: marked, waits for an officer, never closes itself",
        ),
    ),
    Move(
        "displaced",
        "让位",
        "cut",
        ("proposed",),
        "exempted",
        ("当日生成、无人处理、为更高优先级让位", "made today, touched by nobody, for one of higher priority"),
    ),
)

NEEDS: Final[dict[str, tuple[TaskStatus, ...]]] = {move.step: move.needs for move in MOVES}


def need(task: Task, *steps: str) -> None:
    """That a task is in a status from which one of the steps leads on. Raises Refused."""
    allowed = [status for step in steps for status in NEEDS[step]]
    if task.status in allowed:
        return
    if task.status == "suspended":
        raise Refused(
            "异议未决，任务中止，请待决定后再办 / an objection is not decided yet and the task is suspended: "
            "wait for the decision"
        )
    zh, en = STATUS_NAMES[task.status]
    raise Refused(
        f"任务状态为{zh}，需为{'、'.join(STATUS_NAMES[one][0] for one in allowed)}，请刷新后再试 / "
        f"the task is {en}, it must be {' or '.join(STATUS_NAMES[one][1] for one in allowed)}: look at it again"
    )


def table() -> str:
    """The table as Markdown."""
    lines = [
        "| 步骤 step | 由谁 by | 之前 from | 之后 to | 条件 condition |",
        "|---|---|---|---|---|",
    ]
    for move in MOVES:
        by = "人员 / officer" if move.by == "officer" else "系统 / cut"
        needs = "、".join(_named(status) for status in move.needs) or "–"
        to = _named(move.to) if move.to else "不变 / stays" if move.step != "resumed" else "中止前 / before"
        note = " / ".join(text for text in move.note if text)
        lines.append(f"| {move.zh} `{move.step}` | {by} | {needs} | {to} | {note} |")
    return "\n".join(lines) + "\n"


def _named(status: TaskStatus) -> str:
    return f"{STATUS_NAMES[status][0]} `{status}`"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
