"""From an overview to HTML: the whole page, or its parts for a page that is open already.

Everything that comes from events (names, addresses, ids) is escaped by the templates; nothing here marks text as safe.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.moments import as_datetime
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors, by_id
from monitor.identifiers import regions
from monitor.web.frame import MONITOR_PAGE, frame
from monitor.web.overview import NEWEST, Moment
from monitor.web.texts import DOING, LEVELS, PAGE, Language, duty_text

PARTS: Final = ("status", "totals", "matrix", "newest")
"""What is sent to an open page when it changes: each the template `_NAME.html` and the element of that id."""


def templates() -> Environment:
    """The templates of this package; whatever is put into them is escaped."""
    found = Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["number"] = "{:,}".format
    return found


class Renderer:
    """The templates of the page. `made_up`: the data are a demo's, and every page says so."""

    def __init__(self, *, made_up: bool) -> None:
        """Reads the templates of this package."""
        self._made_up = made_up
        self._templates = templates()
        self._kept: dict[Language, tuple[int, dict[str, str]]] = {}

    def page(self, moment: Moment, language: Language) -> str:
        """The whole page."""
        return self._templates.get_template("page.html").render(self._context(moment, language))

    def parts(self, moment: Moment, number: int, language: Language) -> dict[str, str]:
        """The parts that change, by name; `number` is the moment's, and each is rendered once."""
        kept = self._kept.get(language)
        if kept is None or kept[0] != number:
            context = self._context(moment, language)
            rendered = {name: self._templates.get_template(f"_{name}.html").render(context) for name in PARTS}
            kept = self._kept[language] = (number, rendered)
        return kept[1]

    def _context(self, moment: Moment, language: Language) -> dict[str, Any]:
        overview = moment.overview
        return {
            **frame(MONITOR_PAGE, language, lambda other: f"{MONITOR_PAGE}?lang={other}", made_up=self._made_up),
            "text": {name: getattr(text, language) for name, text in PAGE.items()},
            "doing": getattr(DOING[moment.doing], language),
            "live": moment.doing == "live",
            "percent": None if moment.done is None else round(moment.done * 100),
            "as_of": None if overview.now is None else minute(as_datetime(overview.now)),
            "overview": overview,
            "levels": {level: capital(getattr(text, language)) for level, text in LEVELS.items()},
            "rows": [
                {
                    "id": detector.id,
                    "title": capital(getattr(detector.title, language)),
                    "counts": [overview.signals.get((detector.id, level), 0) for level in LEVEL_NAMES],
                }
                for detector in all_detectors()
            ],
            "newest_count": NEWEST,
            "newest": [_shown(signal, language) for signal in overview.newest],
        }


def _shown(signal: dict[str, Any], language: Language) -> dict[str, Any]:
    """A signal with everything that a template needs in words."""
    subject = signal["subject"]
    kind, key = subject["kind"], subject["key"]
    region = signal["region"]
    return {
        **signal,
        "anchor": hashlib.sha256(f"{signal['detector']} {kind} {key}".encode()).hexdigest()[:16],
        "title": capital(getattr(by_id(signal["detector"]).title, language)),
        "label": subject["label"],
        "code": key if kind == "enterprise" else "",
        "place": regions.name(region) if region else None,
        "reason": signal["reason"][language],
        "way_out": capital(signal["way_out"][language]),
        "deadlines": [duty_text(deadline, language) for deadline in signal["deadlines"]],
        "since_day": signal["since"][:10],
        "raised_minute": minute(dt.datetime.fromisoformat(signal["raised"])),
    }


def capital(text: str) -> str:
    """A text that begins a line."""
    return text[:1].upper() + text[1:]


def minute(when: dt.datetime) -> str:
    """A moment as people read it."""
    return when.strftime("%Y-%m-%d %H:%M")
