"""The place of an enterprise in the queue, as `explain` says it: its alerts, its task, or why there is none."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select

from monitor.store.reader import Reader
from monitor.store.work import alertreader, taskreader
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.task_schema import TASKS
from monitor.supervision.queue import REASONS
from monitor.supervision.scoring import PARTS
from monitor.supervision.task_moves import STATUS_NAMES

_REASONS: Final = {reason: f"{zh} / {en}" for reason, (zh, en) in REASONS.items()}


def queue_value(reader: Reader, code: str) -> dict[str, Any]:
    """The alerts and open tasks on an enterprise, as JSON gives them."""
    own = (ALERTS.c.kind == "enterprise", ALERTS.c.key == code)
    return {
        "alerts": list(alertreader.read(reader.connection, *own)),
        "tasks": list(taskreader.read(reader.connection, TASKS.c.target == code, TASKS.c.open)),
    }


def queue_lines(reader: Reader, code: str) -> list[str]:
    """The same for people."""
    value = queue_value(reader, code)
    lines: list[str] = []
    for alert in value.get("alerts", ()):
        status = " ".join([alert["status"], *alert["flags"]])
        lines.append(f"  预警 alert {alert['id']}  {alert['detector']}  {status}")
        held = reader.connection.execute(select(ALERTS.c.held).where(ALERTS.c.id == alert["id"])).scalar()
        if held:
            lines.append(f"    未列为任务 no task: {_REASONS[held]}")
    for task in value.get("tasks", ()):
        zh, en = STATUS_NAMES[task["status"]]
        lines.append(
            f"  任务 task {task['id']}  {zh} {en}  期限 due {task['due']}  方式 mode {task['mode']}"
            f"  优先级 priority {task['priority']:g}"
        )
        for part, points in task["parts"].items():
            lines.append(f"    {points:+6g}  {' '.join(PARTS[part])}")
    return ["", *lines] if lines else []
