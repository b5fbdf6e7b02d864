"""The page `/tasks`: the queue of a county, its statutory to-dos, its mix of classes, and what officers do with tasks.

Built as `monitor.web.supervision` is: heads in a list, whole what is open, and pieces of what changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy import func, select

from config.moments import SHANGHAI, shanghai_date
from monitor.identifiers import regions
from monitor.store.reader import Reader, Store, looking
from monitor.store.work import alertreader, tasklist, taskreader
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.task_schema import TASKS as TASK_ROWS
from monitor.store.work.task_schema import TODOS
from monitor.store.work.tasklist import STATES, Chosen
from monitor.supervision.queue import REASONS
from monitor.web import forecast_views, task_texts, task_views
from monitor.web.acts import LONGEST_NAME
from monitor.web.frame import ALERTS_PAGE, frame
from monitor.web.frame import TASKS_PAGE as PATH
from monitor.web.language import language_of
from monitor.web.officers import Colleagues
from monitor.web.pieces import FIRST, MOST, counties, most_of, opened_of, page_in_pieces, region_of
from monitor.web.render import capital
from monitor.web.supervision_texts import SUPERVISION
from monitor.web.task_views import Around
from monitor.web.texts import LEVELS, PAGE, Language

PARTS: Final = ("held", "mix", "todos", "task_states", "tasks")

TODOS_SHOWN: Final = 12
MERGEABLE: Final = 50
"""Open tasks of a county among which one is chosen that another one goes into."""

_ALWAYS: Final = ("open", "overdue", "closed", "all")
"""States that are offered where there is nothing in them, too."""


class View(msgspec.Struct, frozen=True):
    """What a visitor looks at: which tasks, how many, those opened, in which language."""

    language: Language
    chosen: Chosen
    opened: tuple[str, ...] = ()
    most: int = FIRST

    @property
    def query(self) -> dict[str, str | None]:
        """As parameters of the address."""
        return {
            "region": self.chosen.region,
            "officer": self.chosen.officer,
            "status": None if self.chosen.state == "open" else self.chosen.state,
            "most": None if self.most == FIRST else str(self.most),
            "lang": self.language,
        }


def router(store: Store, *, made_up: bool, may_act: bool, colleagues: Colleagues) -> APIRouter:
    """The page over a store, and its parts. `made_up`: it says so of its data; `may_act`: it offers acts."""

    def context(request: Request) -> dict[str, Any]:
        with looking(store) as reader:
            view = view_of(request, shanghai_date(reader.now() or 0))
            found = _context(reader, view, colleagues)
        around = frame(
            PATH, view.language, lambda one: link(view, lang=one), made_up=made_up, region=view.chosen.region
        )
        return {**found, **around, "may_act": may_act}

    return page_in_pieces(PATH, "tasks.html", PARTS, context)


def view_of(request: Request, today: dt.date) -> View:
    """What the address asks for; what it cannot mean is left out."""
    state, officer = (request.query_params.get(name) for name in ("status", "officer"))
    chosen = Chosen(
        today,
        region_of(request),
        officer[:LONGEST_NAME] if officer else None,
        next((one for one in STATES if one == state), "open"),
    )
    return View(language_of(request), chosen, opened_of(request), most_of(request))


def link(view: View, path: str = PATH, **changes: Any) -> str:
    """The address of the page, otherwise chosen; None leaves a filter out."""
    given = {name: value for name, value in {**view.query, **changes}.items() if value is not None}
    return f"{path}?{urlencode(given)}"


def _context(reader: Reader, view: View, colleagues: Colleagues) -> dict[str, Any]:
    """Everything that the templates show."""
    language, chosen = view.language, view.chosen
    supervised = reader.supervised
    by_state = tasklist.by_state(reader.connection, chosen) if supervised else {}
    count = by_state.get(chosen.state, 0)
    more = count > view.most < MOST
    return {
        "text": {name: getattr(text, language) for name, text in (PAGE | SUPERVISION | task_texts.TASKS).items()},
        "supervised": supervised,
        "chosen": chosen,
        "link": lambda **changes: link(view, **{"most": None, **changes}),
        "alert_link": lambda alert: f"{ALERTS_PAGE}?{urlencode({'lang': language, 'status': 'all', 'open': alert})}",
        "parts_link": link(view, f"{PATH}/parts"),
        "more_link": link(view, most=view.most + FIRST) if more else None,
        "more_parts": link(view, f"{PATH}/parts", most=view.most + FIRST) if more else None,
        "levels": {level: capital(getattr(text, language)) for level, text in LEVELS.items()},
        "states": {
            name: getattr(task_texts.STATES[name], language)
            for name in STATES
            if by_state.get(name) or name in _ALWAYS or name == chosen.state
        },
        "counties": counties(),
        "place": regions.name(chosen.region) if chosen.region else None,
        "by_state": by_state,
        "tasks": _tasks(reader, view, colleagues) if supervised else [],
        "task_count": count,
        "shown_count": min(count, view.most),
        **(_beside(reader, view) if supervised else {"held_counts": [], "mix": [], "todos": [], "todo_count": 0}),
        "outcomes": {name: getattr(text, language) for name, text in task_texts.OUTCOMES.items()},
        "modes": {name: getattr(text, language) for name, text in task_texts.MODES.items()},
        "today": dt.datetime.now(SHANGHAI).date().isoformat(),
    }


def _tasks(reader: Reader, view: View, colleagues: Colleagues) -> list[dict[str, Any]]:
    """The heads of those chosen, and those opened, whole."""
    found = tasklist.listed(reader.connection, view.chosen, view.most, view.opened)
    opened = [one for one in found if one["id"] in view.opened]
    others = {region: _others(reader, region) for region in {one["region"] for one in opened}}
    listed = [one for some in others.values() for one in some]
    names = _names(reader, [*found, *listed], {code for one in opened for code in one["enterprises"]})
    around = Around(
        view.chosen.today,
        names,
        colleagues,
        {
            region: [(one["id"], names.get(one["target"]) or one["target"]) for one in some]
            for region, some in others.items()
        },
    )
    return [
        task_views.whole(one, around, view.chosen, view.language, forecast_views.of_task(reader, one, view.language))
        if one["id"] in view.opened
        else task_views.head(one, around, view.language)
        for one in found
    ]


def _others(reader: Reader, region: str) -> list[dict[str, Any]]:
    """Open tasks of a county that another one can go into."""
    going = TASK_ROWS.c.open, TASK_ROWS.c.region == region, TASK_ROWS.c.status != "suspended"
    return list(taskreader.read(reader.connection, *going, first=MERGEABLE))


def _names(reader: Reader, tasks: list[dict[str, Any]], codes: Iterable[str]) -> dict[str, str]:
    """The names of enterprises by code, and of what else tasks are about: what an alert calls its subject."""
    targets = {task["target"] for task in tasks}
    names = reader.names({*targets, *codes})
    first = {task["alerts"][0]: task["target"] for task in tasks if task["target"] not in names and task["alerts"]}
    for alert in alertreader.read(reader.connection, ALERTS.c.id.in_(first)):
        names[first[alert["id"]]] = alert["subject"]["label"]
    return names


def _beside(reader: Reader, view: View) -> dict[str, Any]:
    """What stands beside the queue: alerts that are no task, by the reason; the mix of classes; statutory to-dos."""
    region, language = view.chosen.region, view.language
    held = taskreader.held(reader.connection)
    mix: dict[str, int] = {}
    for row in reader.class_mix():
        if region in (None, row["region"]):
            mix[row["class"]] = mix.get(row["class"], 0) + row["count"]
    of_county = [] if region is None else [TODOS.c.region == region]
    todos = list(taskreader.todos(reader.connection, view.chosen.today, *of_county, first=TODOS_SHOWN))
    names = reader.names({one["subject"] for one in todos})
    counted = select(func.count()).select_from(TODOS).where(TODOS.c.done.is_(False), *of_county)
    return {
        "held_counts": [
            {"name": capital(zh if language == "zh" else en), "count": number}
            for reason, (zh, en) in REASONS.items()
            if (number := sum(n for (county, why), n in held.items() if why == reason and region in (None, county)))
        ],
        "mix": [
            {"name": name, "count": count, "percent": round(100 * count / sum(mix.values()), 1)}
            for name, count in sorted(mix.items())
        ],
        "todos": [task_views.todo(one, names, language) for one in todos],
        "todo_count": int(reader.connection.execute(counted).scalar() or 0),
    }
