"""The page `/dead-letters`: what intake refused and is still open, by source and reason, and how to mend it.

It reads counts that are kept by day, and some rows by an index, so that it answers at once however many there are.
"""

from __future__ import annotations

import datetime as dt
import logging
import shlex
from collections import Counter
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from config.moments import SHANGHAI
from monitor.events.refusal import REASONS
from monitor.store import deadletters
from monitor.store.deadletters import Chosen
from monitor.store.errors import StoreError
from monitor.store.reader import Reader, Store, looking
from monitor.web.frame import LETTERS_PAGE as PATH
from monitor.web.frame import frame
from monitor.web.language import in_language, language_of
from monitor.web.render import templates
from monitor.web.texts import DEAD_LETTERS, PAGE, Language

log = logging.getLogger(__name__)

NEWEST: Final = 50
SOURCES: Final = 12
DAYS: Final = 30
_LONGEST: Final = 4_096
"""Characters of a filter in the address that are looked at."""


def router(store: Store, *, made_up: bool) -> APIRouter:
    """The page over a store, to be included in the application. `made_up`: the page says so of its data."""
    routes = APIRouter()
    page = templates().get_template("dead_letters.html")

    @routes.get(PATH, response_class=HTMLResponse)
    def dead_letters(request: Request) -> Response:
        language = language_of(request)
        reason, source = (request.query_params.get(name) or None for name in ("reason", "source"))
        if reason not in REASONS:
            reason = None
        try:
            context = _context(store, language, reason, source if source is None else source[:_LONGEST])
        except (StoreError, SQLAlchemyError) as error:
            log.warning("数据库没有应答 / the database does not answer: %s", error)
            answer: Response = PlainTextResponse(getattr(DEAD_LETTERS["unanswered"], language), status_code=503)
            return in_language(answer, request, language)
        around = frame(PATH, language, lambda other: context["link"](lang=other), made_up=made_up)
        return in_language(HTMLResponse(page.render({**context, **around})), request, language)

    return routes


def _context(store: Store, language: Language, reason: str | None, source: str | None) -> dict[str, Any]:
    """Everything that the template shows."""
    today = dt.datetime.now(SHANGHAI).date()
    first = today - dt.timedelta(days=DAYS - 1)
    chosen = Chosen(reasons=(reason,) if reason else (), sources=(source,) if source else ())
    with looking(store) as reader:
        counts, by_day, newest = _read(reader, first, chosen, reason, source)
    return {
        "text": {name: getattr(text, language) for name, text in (PAGE | DEAD_LETTERS).items()},
        "link": lambda **changes: _link({"lang": language, "reason": reason, "source": source} | changes),
        "reason": reason,
        "source": source,
        "reasons": {name: zh if language == "zh" else en for name, (zh, en) in REASONS.items()},
        "total": sum(counts.values()),
        "table": _table(counts),
        "chart": _chart(by_day, first),
        "newest": newest,
        "newest_count": NEWEST,
        "flags": _flags(store, reason, source),
    }


def _read(
    reader: Reader, first: dt.date, chosen: Chosen, reason: str | None, source: str | None
) -> tuple[dict[tuple[str, str], int], dict[str, tuple[int, int]], list[dict[str, Any]]]:
    connection = reader.connection
    return (
        deadletters.open_counts(connection),
        deadletters.by_day(connection, first, chosen),
        deadletters.newest(connection, reason, source, NEWEST),
    )


def _table(counts: dict[tuple[str, str], int]) -> dict[str, Any]:
    """Sources with most open ones by reasons with most; the sources beyond a number of them in one row."""
    by_source: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    for (source, reason), count in counts.items():
        by_source[source] += count
        by_reason[reason] += count
    reasons = [reason for reason, _ in by_reason.most_common()]
    shown = [source for source, _ in by_source.most_common(SOURCES)]
    here = set(shown)
    others: Counter[str] = Counter()
    for (source, reason), count in counts.items():
        if source not in here:
            others[reason] += count
    return {
        "reasons": reasons,
        "rows": [
            {
                "source": source,
                "counts": [(reason, counts.get((source, reason), 0)) for reason in reasons],
                "sum": by_source[source],
            }
            for source in shown
        ],
        "others": [others[reason] for reason in reasons] if others else [],
        "other_sources": len(by_source) - len(shown),
        "others_sum": others.total(),
        "sums": [(reason, by_reason[reason]) for reason in reasons],
    }


def _chart(by_day: dict[str, tuple[int, int]], first: dt.date) -> dict[str, Any]:
    """A bar for each day, in percent of the highest."""
    days = [(first + dt.timedelta(days=place)).isoformat() for place in range(DAYS)]
    most = max((count for count, _ in by_day.values()), default=0)

    def height(count: int) -> float:
        # What is there can be seen, be it one beside a million.
        return max(1.0, round(100 * count / most, 2)) if count else 0.0

    bars = []
    for place, day in enumerate(days):
        count, left = by_day.get(day, (0, 0))
        bars.append(
            {"x": place * 10, "day": day, "count": count, "open": left, "all": height(count), "left": height(left)}
        )
    return {"bars": bars, "most": most, "first": days[0], "last": days[-1], "width": DAYS * 10}


def _link(parameters: dict[str, str | None]) -> str:
    return f"{PATH}?{urlencode({name: value for name, value in parameters.items() if value})}"


def _flags(store: Store, reason: str | None, source: str | None) -> str:
    """The flags of the commands that mend what is shown, as a shell takes them."""
    found = [flag for name, value in (("--reason", reason), ("--source", source)) if value for flag in (name, value)]
    return shlex.join([*store.arguments, *found])
