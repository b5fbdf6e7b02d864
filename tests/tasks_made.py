"""Tasks, alerts and candidates made for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from config.moments import parse_moment
from config.workdays import Deadline
from monitor.supervision.alerts import Alert, Signal, opened
from monitor.supervision.queue import Context
from monitor.supervision.scoring import Candidate
from monitor.supervision.tasks import Task, proposed

NOW = parse_moment("2026-11-06T09:00:00+08:00")
TODAY = dt.date(2026, 11, 6)
XIHU, BINJIANG = "330106", "330108"


def made(target: str = "E001", **changes: Any) -> Task:
    """A proposed task on one enterprise, on site."""
    given: dict[str, Any] = {
        "region": XIHU,
        "target": target,
        "enterprises": [target],
        "alerts": ["a-1"],
        "parts": {"level": 25.0},
        "cls": "C",
        "mode": "on_site",
        "due": Deadline(dt.date(2026, 11, 27), provisional=False),
    }
    return proposed(NOW, **(given | changes))


def candidate(key: str = "E001", **changes: Any) -> Candidate:
    """A yellow alert on one enterprise, opened now."""
    given: dict[str, Any] = {
        "alert": f"a-{key}",
        "kind": "enterprise",
        "key": key,
        "region": XIHU,
        "level": 2,
        "detector": "linked-risk",
        "opened_at": NOW,
        "enterprises": (key,),
    }
    return Candidate(**(given | changes))


def alert(key: str = "E001", *, now: int = NOW, **changes: Any) -> Alert:
    """An open alert on one enterprise."""
    given: dict[str, Any] = {
        "detector": "linked-risk",
        "version": 1,
        "kind": "enterprise",
        "key": key,
        "label": key,
        "level": 2,
        "value": 6.0,
        "lowest": 2.0,
        "region": XIHU,
        "since": now,
    }
    return opened(Signal(**(given | changes)), now, "hash")


def context(
    classes: dict[str, str] | None = None,
    visits: dict[str, list[dt.date]] | None = None,
    tolerated: Iterable[str] = (),
    alerted: Iterable[str] = (),
    **changes: Any,
) -> Context:
    """A context in which enterprises are of class C and have seen no visit, where nothing else is said."""
    given: dict[str, Any] = {
        "now": NOW,
        "class_of": lambda code: (classes or {}).get(code, "C"),
        "tolerated": frozenset(tolerated).__contains__,
        "visits_of": lambda code: (visits or {}).get(code, ()),
        "has_alert": frozenset(alerted).__contains__,
    }
    return Context(**(given | changes))
