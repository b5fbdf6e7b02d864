"""A page that officers work on: whole at first, then piece by piece, whatever changed.

An open page asks for `PATH/parts` again and again, names what it has open, and gets an empty answer while nothing
changed. Each piece is the template `_NAME.html` and the element of that id.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from monitor.identifiers import regions
from monitor.store.errors import StoreError
from monitor.web.language import in_language, language_of
from monitor.web.render import templates
from monitor.web.texts import DEAD_LETTERS

log = logging.getLogger(__name__)

FIRST: Final = 20
"""Things in a list at first."""

MOST: Final = 200
"""Things in a list, however often more are asked for."""

MOST_OPEN: Final = 8
"""Things that come whole at a time."""


def page_in_pieces(
    path: str, template: str, names: Sequence[str], context: Callable[[Request], dict[str, Any]]
) -> APIRouter:
    """The routes of a page. `names`: its pieces; `context`: everything that the templates show, for a request."""
    routes = APIRouter()
    drawn = templates()

    def answered(request: Request, draw: Callable[[dict[str, Any]], Response]) -> Response:
        language = language_of(request)
        try:
            answer = draw(context(request))
        except (StoreError, SQLAlchemyError) as error:
            log.warning("数据库没有应答 / the database does not answer: %s", error)
            answer = PlainTextResponse(getattr(DEAD_LETTERS["unanswered"], language), status_code=503)
        return in_language(answer, request, language)

    @routes.get(path, response_class=HTMLResponse)
    def whole(request: Request) -> Response:
        page = drawn.get_template(template)
        return answered(request, lambda shown: HTMLResponse(page.render(shown)))

    @routes.get(f"{path}/parts")
    def parts(request: Request) -> Response:
        def draw(shown: dict[str, Any]) -> Response:
            html = {name: drawn.get_template(f"_{name}.html").render(shown) for name in names}
            body = msgspec.json.encode(html)
            tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
            headers = {"ETag": tag, "Cache-Control": "no-store"}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            return Response(body, media_type="application/json", headers=headers)

        return answered(request, draw)

    return routes


# -- what the addresses of such pages have in common -------------------------------------------------------------------


def region_of(request: Request) -> str | None:
    """The county that is asked for, if there is one of that code."""
    region = request.query_params.get("region")
    return region if region in regions.COUNTIES else None


def opened_of(request: Request) -> tuple[str, ...]:
    """The ids of what is open on the page."""
    return tuple(dict.fromkeys(one[:64] for one in request.query_params.getlist("open") if one))[:MOST_OPEN]


def most_of(request: Request) -> int:
    """How many things a list shows."""
    asked = request.query_params.get("most", "")
    return min(max(int(asked), FIRST), MOST) if asked.isascii() and asked.isdigit() and len(asked) < 5 else FIRST


def counties() -> dict[str, list[tuple[str, str]]]:
    """The counties of Zhejiang as (code, name), by their cities."""
    cities: dict[str, list[tuple[str, str]]] = {}
    for county in regions.zhejiang():
        cities.setdefault(county.city, []).append((county.code, county.name))
    return cities
