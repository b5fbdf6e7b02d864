"""The page `/supervision`: alerts with their reasons, and what an officer may do with each.

A list holds the heads of alerts alone, the first of them; those that are opened come whole (see
`monitor.web.pieces`). What is done goes through `monitor.web.acts`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request

from config.moments import SHANGHAI
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors
from monitor.identifiers import regions
from monitor.store.reader import Reader, Store, looking
from monitor.store.work import alertlist, drifts
from monitor.store.work.alertlist import STATES, Chosen
from monitor.web import alert_views, forecast_views
from monitor.web.frame import ALERTS_PAGE as PATH
from monitor.web.frame import TASKS_PAGE, frame
from monitor.web.language import language_of
from monitor.web.pieces import FIRST, MOST, counties, most_of, opened_of, page_in_pieces, region_of
from monitor.web.render import capital
from monitor.web.supervision_texts import STATE_NAMES, SUPERVISION
from monitor.web.texts import LEVELS, PAGE, Language

PARTS: Final = ("asking", "states", "alerts")


class View(msgspec.Struct, frozen=True):
    """What a visitor looks at: which alerts, how many, those opened, in which language."""

    language: Language
    chosen: Chosen
    opened: tuple[str, ...] = ()
    most: int = FIRST

    @property
    def query(self) -> dict[str, str | None]:
        """As parameters of the address."""
        level = self.chosen.level
        return {
            "region": self.chosen.region,
            "level": None if level is None else str(level),
            "rule": self.chosen.rule,
            "status": None if self.chosen.state == "asking" else self.chosen.state,
            "most": None if self.most == FIRST else str(self.most),
            "lang": self.language,
        }


def router(store: Store, *, made_up: bool, may_act: bool) -> APIRouter:
    """The page over a store, and its parts. `made_up`: it says so of its data; `may_act`: it offers acts."""

    def context(request: Request) -> dict[str, Any]:
        view = view_of(request)
        around = frame(
            PATH, view.language, lambda one: link(view, lang=one), made_up=made_up, region=view.chosen.region
        )
        return {**_context(store, view), **around, "may_act": may_act}

    return page_in_pieces(PATH, "supervision.html", PARTS, context)


def view_of(request: Request) -> View:
    """What the address asks for; what it cannot mean is left out."""
    level, rule, state = (request.query_params.get(name) for name in ("level", "rule", "status"))
    chosen = Chosen(
        region_of(request),
        int(level) if level in {str(one) for one in LEVEL_NAMES} and level else None,
        rule if rule in {one.id for one in all_detectors()} else None,
        next((one for one in STATES if one == state), "asking"),
    )
    return View(language_of(request), chosen, opened_of(request), most_of(request))


def link(view: View, path: str = PATH, **changes: Any) -> str:
    """The address of the page, otherwise chosen; None leaves a filter out."""
    given = {name: value for name, value in {**view.query, **changes}.items() if value is not None}
    return f"{path}?{urlencode(given)}"


def _context(store: Store, view: View) -> dict[str, Any]:
    """Everything that the templates show."""
    language, chosen = view.language, view.chosen
    with looking(store) as reader:
        supervised = reader.supervised
        asking = alertlist.asking(reader.connection, chosen.region) if supervised else {}
        by_state = alertlist.by_state(reader.connection, chosen) if supervised else {}
        alerts = _alerts(reader, view) if supervised else []
        drifted = drifts.beyond(reader.connection) if supervised else []
    count = by_state.get(chosen.state, 0)
    return {
        "text": {name: getattr(text, language) for name, text in (PAGE | SUPERVISION).items()},
        "supervised": supervised,
        "warnings": [_drift_said(one, language) for one in drifted],
        "chosen": chosen,
        "link": lambda **changes: link(view, **{"most": None, **changes}),
        "task_link": lambda task: f"{TASKS_PAGE}?{urlencode({'lang': language, 'status': 'all', 'open': task})}",
        "parts_link": link(view, f"{PATH}/parts"),
        "more_link": _more(view, count, PATH),
        "more_parts": _more(view, count, f"{PATH}/parts"),
        "levels": {level: capital(getattr(text, language)) for level, text in LEVELS.items()},
        "titles": {one.id: capital(getattr(one.title, language)) for one in all_detectors()},
        "states": {name: getattr(text, language) for name, text in STATE_NAMES.items()},
        "counties": counties(),
        "place": regions.name(chosen.region) if chosen.region else None,
        "rows": [
            {"id": one.id, "counts": [(level, asking.get((one.id, level), 0)) for level in LEVEL_NAMES]}
            for one in all_detectors()
            if one.id == chosen.rule or any(asking.get((one.id, level)) for level in LEVEL_NAMES)
        ],
        "sums": [sum(count for (_, its), count in asking.items() if its == level) for level in LEVEL_NAMES],
        "by_state": by_state,
        "alerts": alerts,
        "shown_count": min(count, view.most),
        "chosen_count": count,
        "today": dt.datetime.now(SHANGHAI).date().isoformat(),
    }


def _alerts(reader: Reader, view: View) -> list[dict[str, Any]]:
    """The heads of those chosen, and those opened, whole."""
    found = alertlist.listed(reader.connection, view.chosen, view.most, view.opened)
    opened = [one for one in found if one["id"] in view.opened]
    names = reader.names({code for one in opened for code in alert_views.involved(one)})
    return [
        alert_views.whole(one, names, view.chosen, view.language, forecast_views.of_alert(reader, one, view.language))
        if one["id"] in view.opened
        else alert_views.head(one, view.language)
        for one in found
    ]


def _more(view: View, count: int, path: str) -> str | None:
    """The address that shows more of a list, where there are more."""
    if count <= view.most or view.most >= MOST:
        return None
    return link(view, path, most=view.most + FIRST)


def _drift_said(drifted: drifts.Beyond, language: Language) -> str:
    """That the model should be trained again, and what has moved most."""
    from models.features.registry import FEATURES  # numpy takes a while, which only this notice waits for

    names = {one.name: one.zh if language == "zh" else one.en for one in FEATURES}
    worst = [f"{names.get(name, name)} PSI {value:.2f}" for name, value in drifted.worst]
    worst.append(getattr(SUPERVISION["drifted_p"], language).format(value=f"{drifted.distance:.2f}"))
    said = SUPERVISION["drifted"]
    joint = "、" if language == "zh" else ", "
    return str(getattr(said, language)).format(n=drifted.count, worst=joint.join(worst))
