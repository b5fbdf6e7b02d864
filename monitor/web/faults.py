"""Requests of the API that cannot be taken: answered as problem+json (RFC 9457), with what to do, zh and en."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.responses import Response

from monitor.web.openapi import PROBLEM

TRY_AGAIN: Final = {"Retry-After": "1"}


class Fault(Exception):
    """A request that cannot be taken, with its answer."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """`detail`: what is wrong and what to do, zh and en."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def answer(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, headers=self.headers)


def problem(
    status: int, detail: str, more: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An answer that says what is wrong; `more` are further fields of it."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return Response(msgspec.json.encode(content), status_code=status, headers=headers, media_type=PROBLEM)


async def body_of(request: Request, limit: int) -> bytes:
    """The body. Raises Fault where it is larger than `limit` bytes."""
    too_large = Fault(413, f"内容超过 {limit:,} 字节 / the content is larger than {limit:,} bytes")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and len(told) < 20 and int(told) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)
