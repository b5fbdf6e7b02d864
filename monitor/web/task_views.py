"""Tasks and to-dos as pages show them: in words of one language, and what an officer may do with each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from monitor.identifiers import regions
from monitor.store.work.tasklist import Chosen
from monitor.supervision.scoring import PARTS
from monitor.supervision.task_moves import NEEDS as STATUSES
from monitor.web.officers import Colleagues
from monitor.web.task_texts import DO, FLAGS, MODES, OUTCOMES, STATES, STEPS, TASKS, TODO_STATES
from monitor.web.texts import Language

ENTERPRISES: Final = 30
"""Enterprises shown of a task that has many."""

PLAIN: Final = ("dispatched", "accepted", "visited", "reviewed", "closed", "returned", "exempted")
"""Acts that stand in the first row, where the status allows them; the stage decides all the same."""

FURTHER: Final = ("assigned", "transferred", "merged")
"""Acts that need a choice of their own."""

NEEDS: Final = {
    "assigned": "assignees",
    "returned": "reason",
    "exempted": "reason",
    "closed": "outcome",
    "transferred": "region reason",
    "merged": "into",
}


class Around(msgspec.Struct, frozen=True):
    """What tasks are shown with: the day, names of enterprises by code and of other targets, officers by name, and by
    county the open tasks that another one can go into, as (id, name).
    """

    today: dt.date
    names: Mapping[str, str]
    colleagues: Colleagues
    others: Mapping[str, Sequence[tuple[str, str]]]


def head(task: dict[str, Any], around: Around, language: Language) -> dict[str, Any]:
    """A task (contract §5) as a list shows it."""
    return {
        **task,
        "opened": False,
        "priority": f"{task['priority']:g}",
        "label": around.names.get(task["target"], ""),
        "code": task["target"] if task["target"] in task["enterprises"] else "",
        "officers": around.colleagues.named(task["assignees"]),
        "flags": [getattr(text, language) for name, text in FLAGS.items() if task[name]],
        "place": regions.name(task["region"]),
        "status_name": getattr(STATES[task["status"]], language),
        "mode_name": getattr(MODES[task["mode"]], language),
        "is_open": task["status"] not in ("closed", "merged", "exempted"),
        "late": task["status"] not in ("closed", "merged", "exempted") and task["due"] < around.today.isoformat(),
        "outcome_name": "" if task["outcome"] is None else _outcome(task["outcome"]["result"], language),
    }


def whole(
    task: dict[str, Any], around: Around, chosen: Chosen, language: Language, forecast: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An opened task. `forecast`: see `forecast_views`."""
    place = 0 if language == "zh" else 1
    acts = [_act(name, language) for name in PLAIN if _allowed(task, name)]
    further = [name for name in FURTHER if _allowed(task, name)]
    if task["status"] == "closed":
        acts = [{**_act("closed", language), "text": getattr(TASKS["correct"], language)}]
    codes = task["enterprises"]
    outcomes = [] if task["outcome"] is None else [task["outcome"], *reversed(task["corrected"])]
    return {
        **head(task, around, language),
        "opened": True,
        "chosen": chosen.has(task),
        "points": [(PARTS[part][place], f"{points:+g}") for part, points in task["parts"].items()],
        "involved": [
            {"code": code, "name": around.names.get(code, ""), "known": code in around.names}
            for code in codes[:ENTERPRISES]
        ],
        "involved_count": len(codes),
        "from_place": regions.name(task["came_from"]) if task["came_from"] else None,
        "outcomes": [_told(one, around, language) for one in outcomes],
        "acts": acts,
        "takes_outcome": any(act["needs"] == "outcome" for act in acts),
        "further": {name: _act(name, language) for name in further},
        "colleagues": around.colleagues.of(task["region"]) if "assigned" in further else [],
        "others": [other for other in around.others.get(task["region"], ()) if other[0] != task["id"]],
        "forecast": forecast,
        "steps": [_step(step, around, language) for step in reversed(task["history"])],
    }


def todo(one: dict[str, Any], names: Mapping[str, str], language: Language) -> dict[str, Any]:
    """A dated duty (see `monitor.store.work.taskreader.todos`) as a list shows it."""
    return {
        **one,
        "text": one["duty_text"][language],
        "name": names.get(one["subject"], ""),
        "place": regions.name(one["region"]) if one["region"] else None,
        "status_name": getattr(TODO_STATES[one["status"]], language),
        "is_alert": one["about"].startswith("a-"),
    }


def _allowed(task: dict[str, Any], name: str) -> bool:
    if task["status"] in STATUSES[name]:
        return True
    direct = task["mode"] == "off_site" or task["fallen_away"]
    return name == "closed" and bool(direct) and task["status"] in STATUSES["closed_directly"]


def _act(name: str, language: Language) -> dict[str, str]:
    return {
        "type": f"supervision.task_{name}",
        "needs": NEEDS.get(name, ""),
        "text": getattr(DO[name], language),
    }


def _outcome(result: str, language: Language) -> str:
    text: str = getattr(OUTCOMES[result], language)
    return text.partition("（")[0].partition(" (")[0]


def _told(outcome: Mapping[str, Any], around: Around, language: Language) -> dict[str, str]:
    """An outcome with who gave it, when and why."""
    (officer,) = around.colleagues.named([outcome["officer"]])
    return {
        "name": _outcome(outcome["result"], language),
        "officer": officer,
        "minute": _minute(outcome["at"]),
        "reason": outcome.get("reason", ""),
    }


def _step(step: Mapping[str, Any], around: Around, language: Language) -> dict[str, Any]:
    """An entry of a history in words; outcomes and officers in it are told by their names."""
    reason: str = step.get("reason", "")
    if step["what"] in ("closed", "corrected") and reason in OUTCOMES:
        reason = _outcome(reason, language)
    elif step["what"] == "assigned":
        reason = " ".join(around.colleagues.named(reason.split(", ")))
    officer = " ".join(around.colleagues.named([step["officer"]])) if step.get("officer") else ""
    return {
        "level": 0,
        "minute": _minute(step["at"]),
        "name": getattr(STEPS[step["what"]], language) if step["what"] in STEPS else step["what"],
        "who": officer,
        "why": reason,
        "names": step["what"] == "assigned",
    }


def _minute(at: str) -> str:
    """The minute of a moment in RFC 3339, which is in Asia/Shanghai."""
    return at[:16].replace("T", " ")
