"""`POST /api/v1/events`: events from other systems, answered once they are durable (contract §1).

The sender shows a token; the writer of the home decides about each event, as it does about lines of a file. Faults
are told as problem+json (RFC 9457). Repeating a request after a lost answer changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from monitor.events.batch import events_of
from monitor.events.intake import MAX_BYTES
from monitor.events.refusal import REASONS, Refusal
from monitor.runners.inbox import Delivery, Inbox, InboxClosedError, Verdict
from monitor.store.home import HomeError
from monitor.store.tokens import Token, TokenStore
from monitor.web.openapi import BATCH, PROBLEM, SINGLE, document

MAX_BODY: Final = 16 * 1024 * 1024
MAX_EVENTS: Final = 10_000
_SLACK: Final = 64 * 1024
"""Blanks and a byte-order mark around a single event are no part of it."""

_TRY_AGAIN: Final = {"Retry-After": "1"}


class _Fault(Exception):
    """A request that cannot be taken, with its answer."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """`detail`: what is wrong and what to do, zh and en."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def intake_routes(inbox: Inbox, tokens: TokenStore) -> APIRouter:
    """The routes of the intake: the events, and the OpenAPI document that describes them."""
    router = APIRouter(prefix="/api/v1")
    described = msgspec.json.encode(document())

    @router.post("/events")
    async def events(request: Request) -> Response:
        try:
            return await _answer(request, inbox, tokens)
        except _Fault as fault:
            return _problem(fault.status, fault.detail, headers=fault.headers)
        except ClientDisconnect:
            return _problem(400, "请求中断 / the request broke off")

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return Response(described, media_type="application/json")

    return router


async def _answer(request: Request, inbox: Inbox, tokens: TokenStore) -> Response:
    token = await asyncio.to_thread(_bearer, request, tokens)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if kind not in (SINGLE, BATCH) or encoding != "identity":
        raise _Fault(415, f"请用 {SINGLE} 或 {BATCH}，不压缩 / send {SINGLE} or {BATCH}, not compressed")
    body = await _body(request, MAX_BODY if kind == BATCH else MAX_BYTES + _SLACK)
    refused = None
    if kind == SINGLE:
        lines = [body]
    else:
        try:
            lines = await asyncio.to_thread(events_of, body)
        except Refusal as refusal:
            lines, refused = [body], refusal
    if len(lines) > MAX_EVENTS:
        raise _Fault(413, f"一批最多 {MAX_EVENTS:,} 个事件 / at most {MAX_EVENTS:,} events in a batch")
    delivery = Delivery(f"http:{token.name}", lines, token.speaks_for, refused)
    try:
        taken = inbox.offer(delivery)
        if not taken:
            raise _Fault(429, "等待写入的事件过多，请稍后重发 / too many events wait: send again later", _TRY_AGAIN)
        verdicts = await asyncio.wrap_future(delivery.verdicts)
    except InboxClosedError:
        raise _Fault(
            503,
            "监测未在写入，请重发同一请求 / the monitor does not write now: send the same request again",
            _TRY_AGAIN,
        ) from None
    return _told(verdicts)


def _bearer(request: Request, tokens: TokenStore) -> Token:
    """The token of a request. Raises _Fault."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        token = tokens.find(text.strip()) if scheme.lower() == "bearer" else None
    except (HomeError, SQLAlchemyError) as error:
        raise _Fault(503, "令牌库没有应答 / the tokens cannot be read now", _TRY_AGAIN) from error
    if token is None:
        raise _Fault(
            401,
            "需要有效令牌：Authorization: Bearer …，由 credit-monitor token create 创建 / a valid token is needed",
            {"WWW-Authenticate": "Bearer"},
        )
    return token


async def _body(request: Request, limit: int) -> bytes:
    """The body. Raises _Fault where it is larger than `limit` bytes."""
    too_large = _Fault(413, f"内容超过 {limit:,} 字节 / the content is larger than {limit:,} bytes")
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


def _told(verdicts: Sequence[Verdict]) -> Response:
    """The answer: 200 where everything is in, else 422 with what became of each event."""
    counts = Counter(verdict.status for verdict in verdicts)
    totals = {"accepted": counts["accepted"], "repeats": counts["repeat"], "refused": counts["refused"]}
    if not counts["refused"]:
        return Response(msgspec.json.encode(totals), media_type="application/json")
    events = [{"index": index, **_in_words(verdict)} for index, verdict in enumerate(verdicts)]
    detail = (
        f"{counts['refused']} 个事件被拒收，其余已入库 / {counts['refused']} events are refused, the others are in: "
        "mend and send the refused ones alone"
    )
    return _problem(422, detail, {**totals, "events": events})


def _in_words(verdict: Verdict) -> dict[str, Any]:
    if verdict.status != "refused":
        return {"status": verdict.status}
    meaning = " / ".join(REASONS[verdict.reason])
    return {"status": "refused", "reason": verdict.reason, "meaning": meaning, "detail": verdict.detail}


def _problem(
    status: int, detail: str, more: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Response:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return Response(msgspec.json.encode(content), status_code=status, headers=headers, media_type=PROBLEM)
