"""From notices and overdue tasks to messages: what the outbox is given, in the transaction of a cut or act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from config.moments import DAY
from detectors.base import LEVEL_NAMES
from detectors.registry import by_id
from monitor.store.outgoing.messages import Message, masked
from monitor.supervision.alerts import Alert
from monitor.supervision.notices import Notice
from monitor.supervision.tasks import Task

_LISTED: Final = 5
"""Alerts of a notice that are named; the others are counted."""

_HAPPENED: Final = {
    "opened": ("新预警", "new"),
    "raised": ("等级上升", "raised"),
    "returned": ("再次出现", "back again"),
    "snooze_ended": ("暂缓到期", "snooze ended"),
    "uninhibited": ("不再被抑制", "no longer quieted"),
    "undisputed": ("异议已决", "objection decided"),
    "reopened": ("重开", "reopened"),
    "open": ("仍待处置", "still open"),
}
_TOLD: Final = {
    "assignees": ("经办人", "assignees"),
    "county_head": ("县负责人", "head of the county"),
    "city": ("市", "city"),
}
_REMINDERS: Final = 3


def of_notice(notice: Notice) -> Message:
    """What a group of alerts tells: how many, of which rules, and the numbers under which to look."""
    zh, en = LEVEL_NAMES[notice.level]
    first = notice.alerts[0][0]
    again_zh, again_en = ("（再次提醒）", " (again)") if notice.again else ("", "")
    more = len(notice.alerts) - _LISTED
    rows = [_row(alert, what) for alert, what in notice.alerts[:_LISTED]]
    return Message(
        key=notice.key,
        kind="alert",
        number=first.id,
        title_zh=f"{zh}预警 {len(notice.alerts)} 条{again_zh}",
        title_en=f"{len(notice.alerts)} alerts, {en}{again_en}",
        body_zh="\n".join([row[0] for row in rows] + ([f"另有 {more} 条"] if more > 0 else [])),
        body_en="\n".join([row[1] for row in rows] + ([f"and {more} more"] if more > 0 else [])),
        level=notice.level,
        region=notice.region or None,
    )


def of_dispatch(task: Task, level: int) -> Message:
    """To the assignees of a task that was dispatched, again each day until somebody accepts it."""
    return Message(
        key=f"{task.id} dispatched {task.seen}",
        kind="task",
        number=task.id,
        title_zh=f"任务待签收，期限 {task.due}",
        title_en=f"a task to accept, due {task.due}",
        body_zh=f"{task.id}：{len(task.enterprises)} 户，{_MODES[task.mode][0]}",
        body_en=f"{task.id}: {len(task.enterprises)} enterprises, {_MODES[task.mode][1]}",
        level=level,
        region=task.region,
        recipients=tuple(task.assignees),
        remind_every=DAY,
        reminders=_REMINDERS,
    )


def of_overdue(task: Task, step: int, receivers: Iterable[str]) -> Message:
    """A step of escalation, counted from 1, of a task that is overdue: the later, the louder."""
    told = list(receivers)
    return Message(
        key=f"{task.id} overdue {step}",
        kind="task",
        number=task.id,
        title_zh=f"任务逾期（第 {step} 级），期限 {task.due}",
        title_en=f"a task is overdue (step {step}), it was due {task.due}",
        body_zh=f"{task.id}：告知 {'、'.join(_TOLD[one][0] for one in told)}",
        body_en=f"{task.id}: for {', '.join(_TOLD[one][1] for one in told)}",
        level=min(step + 1, 4),
        region=task.region,
        recipients=tuple(task.assignees) if told == ["assignees"] else (),
    )


_MODES: Final = {"off_site": ("非现场", "off site"), "on_site": ("现场", "on site"), "joint": ("联合", "joint")}


def _row(alert: Alert, what: str) -> tuple[str, str]:
    title = by_id(alert.signal.detector).title
    zh, en = _HAPPENED.get(what, _HAPPENED["open"])
    name = masked(alert.signal.label)
    return f"{title.zh} {name}：{zh} {alert.id}", f"{title.en} {name}: {en} {alert.id}"
