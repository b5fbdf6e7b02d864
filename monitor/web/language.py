"""The language of a visitor: asked for in the address, else remembered, else Chinese."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from monitor.web.texts import LANGUAGES, Language

_COOKIE: Final = "lang"
_COOKIE_SECONDS: Final = 365 * 24 * 3600


def language_of(request: Request) -> Language:
    """The language asked for in the address, else the one remembered, else Chinese."""
    for asked in (request.query_params.get(_COOKIE), request.cookies.get(_COOKIE)):
        for language in LANGUAGES:
            if asked == language:
                return language
    return "zh"


def in_language(answer: Response, request: Request, language: Language) -> Response:
    """The answer with its language named, and remembered where it was asked for."""
    answer.headers["Content-Language"] = language
    if request.query_params.get(_COOKIE) == language:
        answer.set_cookie(_COOKIE, language, max_age=_COOKIE_SECONDS, httponly=True, samesite="lax")
    return answer
