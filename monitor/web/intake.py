"""`POST /api/v1/events`: events from other systems, answered once they are durable (contract §1).

The sender shows a token; the writer of the home decides about each event, as it does about lines of a file. On a
cluster they go to Kafka, where intake decides. Faults are told as problem+json (RFC 9457). Repeating a request after a
lost answer changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from monitor.engine.inbox import Delivery, Inbox, UnansweredError, Verdict
from monitor.events.batch import events_of
from monitor.events.intake import MAX_BYTES
from monitor.events.refusal import REASONS, Refusal
from monitor.store.home import HomeError
from monitor.store.tokens import Token, TokenStore
from monitor.web.faults import TRY_AGAIN, Fault, body_of, problem
from monitor.web.openapi import BATCH, SINGLE, document

MAX_BODY: Final = 16 * 1024 * 1024
MAX_EVENTS: Final = 10_000
_SLACK: Final = 64 * 1024
"""Blanks and a byte-order mark around a single event are no part of it."""


def intake_routes(inbox: Inbox, tokens: TokenStore, *, acts: bool) -> APIRouter:
    """The routes of the intake: the events, and the OpenAPI document that describes them, and `acts` where there are
    such (see `monitor.web.acts`).
    """
    router = APIRouter(prefix="/api/v1")
    described = msgspec.json.encode(document(acts=acts))

    @router.post("/events")
    async def events(request: Request) -> Response:
        try:
            return await _answer(request, inbox, tokens)
        except Fault as fault:
            return fault.answer()
        except ClientDisconnect:
            return problem(400, "请求中断 / the request broke off")

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return Response(described, media_type="application/json")

    return router


async def _answer(request: Request, inbox: Inbox, tokens: TokenStore) -> Response:
    token = _bearer(request, tokens)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if kind not in (SINGLE, BATCH) or encoding != "identity":
        raise Fault(415, f"请用 {SINGLE} 或 {BATCH}，不压缩 / send {SINGLE} or {BATCH}, not compressed")
    body = await body_of(request, MAX_BODY if kind == BATCH else MAX_BYTES + _SLACK)
    refused = None
    if kind == SINGLE:
        lines = [body]
    else:
        try:
            lines = await asyncio.to_thread(events_of, body)
        except Refusal as refusal:
            lines, refused = [body], refusal
    if len(lines) > MAX_EVENTS:
        raise Fault(413, f"一批最多 {MAX_EVENTS:,} 个事件 / at most {MAX_EVENTS:,} events in a batch")
    delivery = Delivery(f"http:{token.name}", lines, token.speaks_for, refused)
    try:
        taken = inbox.offer(delivery)
        if not taken:
            raise Fault(429, "等待写入的事件过多，请稍后重发 / too many events wait: send again later", TRY_AGAIN)
        verdicts = await asyncio.wrap_future(delivery.verdicts)
    except UnansweredError as error:
        raise Fault(503, str(error), TRY_AGAIN) from None
    return _told(verdicts)


def _bearer(request: Request, tokens: TokenStore) -> Token:
    """The token of a request. Raises Fault."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        token = tokens.find(text.strip()) if scheme.lower() == "bearer" else None
    except (HomeError, SQLAlchemyError) as error:
        raise Fault(503, "令牌库没有应答 / the tokens cannot be read now", TRY_AGAIN) from error
    if token is None:
        raise Fault(
            401,
            "需要有效令牌：Authorization: Bearer …，由 credit-monitor token create 创建 / a valid token is needed",
            {"WWW-Authenticate": "Bearer"},
        )
    return token


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
    return problem(422, detail, {**totals, "events": events})


def _in_words(verdict: Verdict) -> dict[str, Any]:
    if verdict.status != "refused":
        return {"status": verdict.status}
    meaning = " / ".join(REASONS[verdict.reason])
    return {"status": "refused", "reason": verdict.reason, "meaning": meaning, "detail": verdict.detail}
