"""The web application: the page, its live updates, metrics and health, and the intake beside them.

It reads a home and never writes: what is sent to it goes to the writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from config.moments import as_text
from monitor.engine.delays import Delays
from monitor.metrics import Pulse, exposition
from monitor.store.errors import StoreError
from monitor.store.reader import Store, looking
from monitor.web import dead_letters, supervision, tasks
from monitor.web.acts import Desk, act_routes
from monitor.web.language import in_language, language_of
from monitor.web.looks import Looks, Record
from monitor.web.officers import Colleagues
from monitor.web.render import Renderer
from monitor.web.shield import SecurityHeaders
from monitor.web.texts import Language
from monitor.web.watch import Watch

log = logging.getLogger(__name__)

_POLL: Final = 0.2
_STILL_HERE: Final = 15.0


def create_app(
    store: Store,
    pulse: Pulse,
    delays: Delays,
    *,
    hosts: Sequence[str] | None,
    made_up: bool,
    intake: APIRouter | None = None,
    desk: Desk | None = None,
    officers: Path | None = None,
    record: Record | None = None,
    user_header: str | None = None,
) -> FastAPI:
    """The application over a home, or over the database of a cluster.

    Args:
        store: is read through connections of its own, beside its writer.
        pulse: what the writer tells of itself.
        delays: how long events wait for their findings.
        hosts: names under which the page answers; None: under any.
        made_up: whether the page says that its data are made up.
        intake: the routes by which other systems send events.
        desk: where what officers do at the page goes; None: there are no acts.
        officers: the officers' directory, from which pages take names.
        record: where looks at what is opened on a page go; None: they are not recorded.
        user_header: the header in which a proxy names whom it has signed in.

    Returns:
        The application; its `state.watch` is the `Watch` that feeds it.
    """
    watch = Watch(store, pulse)
    renderer = Renderer(made_up=made_up)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(watch.refresh)
        watching = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.to_thread(watch.close)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.watch = watch
    if record is not None:
        app.add_middleware(Looks, record=record, header=user_header, here=hosts is not None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"] if hosts is None else list(hosts))
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=str(files("monitor.web") / "static")), name="static")

    if intake is not None:
        app.include_router(intake)
    if desk is not None:
        app.include_router(act_routes(desk))

    @app.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> Response:
        language = language_of(request)
        return in_language(HTMLResponse(renderer.page(watch.moment, language)), request, language)

    app.include_router(dead_letters.router(store, made_up=made_up))
    may_act = desk is not None and desk.here
    app.include_router(supervision.router(store, made_up=made_up, may_act=may_act))
    app.include_router(tasks.router(store, made_up=made_up, may_act=may_act, colleagues=Colleagues(officers)))

    @app.get("/updates")
    async def updates(request: Request) -> Response:
        stream = _updates(watch, renderer, language_of(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.get("/metrics")
    def metrics() -> Response:
        try:
            return Response(exposition(store, pulse, delays), media_type=CONTENT_TYPE_LATEST)
        except (StoreError, SQLAlchemyError) as error:
            log.warning("数据库没有应答 / the database does not answer: %s", error)
            return PlainTextResponse("the database does not answer\n", status_code=503)

    @app.get("/healthz")
    def health() -> Response:
        state = {
            "writer": "alive" if pulse.alive else "silent",
            "doing": pulse.doing,
            "silence_seconds": round(pulse.silence, 1),
            **_database_health(store),
        }
        well = pulse.alive and state["database"] == "ok"
        return JSONResponse(state, status_code=200 if well else 503)

    return app


async def _updates(watch: Watch, renderer: Renderer, language: Language) -> AsyncIterator[bytes]:
    """Server-sent events: at first every part of the page, then those that changed."""
    sent: dict[str, str] = {}
    number = -1
    waited = 0.0
    yield b"retry: 2000\n\n"
    while not watch.closing:
        if number != watch.number:
            number = watch.number
            parts = renderer.parts(watch.moment, number, language)
            changed = {name: html for name, html in parts.items() if sent.get(name) != html}
            sent = parts
            waited = 0.0
            yield b"data: " + msgspec.json.encode(changed) + b"\n\n"
        elif waited >= _STILL_HERE:
            waited = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(_POLL)
        waited += _POLL


def _database_health(store: Store) -> dict[str, str | None]:
    try:
        with looking(store) as reader:
            now = reader.now()
    except (StoreError, SQLAlchemyError):
        return {"database": "silent", "now": None}
    return {"database": "ok", "now": None if now is None else as_text(now)}
