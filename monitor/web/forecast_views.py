"""What the forecast says of an enterprise as pages show it: a second opinion beside alerts and tasks, with reasons."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select

from detectors.base import Text
from monitor.store.reader import Reader
from monitor.store.work import forecasts, taskreader
from monitor.store.work.task_schema import TASK_ALERTS, TASKS
from monitor.supervision.scoring import FORECAST
from monitor.web.alert_views import reason_in_words
from monitor.web.texts import Language

TEXTS: Final = {
    "title": Text("模型预测（第二意见）", "Forecast (a second opinion)"),
    "chance": Text("十二个月内有不良事件的可能 {chance}", "chance of something adverse within twelve months {chance}"),
    "points": Text("计入优先级 {points}", "adds {points} to the priority"),
    "no_points": Text("未计入任务", "in no task"),
    "basis": Text("模型 {model}，{day}", "model {model}, {day}"),
    "no_reasons": Text("每日研判只逐项说明可能性较高者", "the daily cut says why of the likelier ones alone"),
}


def of_task(reader: Reader, task: dict[str, Any], language: Language) -> dict[str, Any] | None:
    """What is said of the likeliest enterprise of a task; None without a forecast."""
    chances = forecasts.chances_of(reader.connection, task["enterprises"])
    if not chances:
        return None
    return _in_words(reader, min(chances, key=lambda one: (-chances[one], one)), [task], language)


def of_alert(reader: Reader, alert: dict[str, Any], language: Language) -> dict[str, Any] | None:
    """What is said of the enterprise of an alert; None without a forecast, and for other subjects."""
    if alert["subject"]["kind"] != "enterprise":
        return None
    inside = select(TASK_ALERTS.c.task).where(TASK_ALERTS.c.alert == alert["id"])
    open_tasks = list(taskreader.read(reader.connection, TASKS.c.open, TASKS.c.id.in_(inside)))
    return _in_words(reader, alert["subject"]["key"], open_tasks, language)


def _in_words(
    reader: Reader, code: str, tasks: Collection[dict[str, Any]], language: Language
) -> dict[str, Any] | None:
    """What the template `_forecast.html` shows."""
    told = forecasts.told(reader.connection, code)
    if told is None:
        return None
    text = {name: getattr(one, language) for name, one in TEXTS.items()}
    points = max((task["parts"].get(FORECAST, 0.0) for task in tasks), default=0.0)
    way_out = told.get("way_out")
    return {
        "title": text["title"],
        "code": code,
        "numbers": [
            text["chance"].format(chance=f"{told['chance']:.1%}"),
            text["points"].format(points=f"{points:+g}") if points else text["no_points"],
            text["basis"].format(model=told["model"][:12], day=told["as_of"]),
        ],
        "way_out": text["no_reasons"] if way_out is None else way_out[language],
        "why": [
            {"number": number, **reason_in_words(one, language)}
            for number, one in enumerate(told.get("reasons", ()), start=1)
        ],
    }
