"""The web application: the page, its live updates, metrics and health, and the intake beside them.

It reads a home and never writes: what is sent to it goes to the writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from config.moments import as_text
from monitor.metrics import Pulse, exposition
from monitor.runners.delays import Delays
from monitor.store.home import Home, HomeError
from monitor.store.reader import look
from monitor.web import dead_letters
from monitor.web.language import in_language, language_of
from monitor.web.render import Renderer
from monitor.web.shield import SecurityHeaders
from monitor.web.texts import Language
from monitor.web.watch import Watch

log = logging.getLogger(__name__)

_POLL: Final = 0.2
_STILL_HERE: Final = 15.0


def create_app(
    home: Home,
    pulse: Pulse,
    delays: Delays,
    *,
    hosts: Sequence[str] | None,
    made_up: bool,
    intake: APIRouter | None = None,
) -> FastAPI:
    """The application over a home.

    Args:
        home: is read through connections of its own, beside its writer.
        pulse: what the writer tells of itself.
        delays: how long events wait for their findings.
        hosts: names under which the page answers; None: under any.
        made_up: whether the page says that its data are made up.
        intake: the routes by which other systems send events.

    Returns:
        The application; its `state.watch` is the `Watch` that feeds it.
    """
    watch = Watch(home, pulse)
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
            watch.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.watch = watch
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"] if hosts is None else list(hosts))
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=str(files("monitor.web") / "static")), name="static")

    if intake is not None:
        app.include_router(intake)

    @app.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> Response:
        language = language_of(request)
        return in_language(HTMLResponse(renderer.page(watch.moment, language)), request, language)

    app.include_router(dead_letters.router(home, made_up=made_up))

    @app.get("/updates")
    async def updates(request: Request) -> Response:
        stream = _updates(watch, renderer, language_of(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.get("/metrics")
    def metrics() -> Response:
        try:
            return Response(exposition(home, pulse, delays), media_type=CONTENT_TYPE_LATEST)
        except (HomeError, SQLAlchemyError) as error:
            log.warning("数据库没有应答 / the database does not answer: %s", error)
            return PlainTextResponse("the database does not answer\n", status_code=503)

    @app.get("/healthz")
    def health() -> Response:
        state = {
            "writer": "alive" if pulse.alive else "silent",
            "doing": pulse.doing,
            "silence_seconds": round(pulse.silence, 1),
            **_database_health(home),
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


def _database_health(home: Home) -> dict[str, str | None]:
    try:
        engine = home.reader()
        try:
            with look(engine) as reader:
                now = reader.now()
        finally:
            engine.dispose()
    except (HomeError, SQLAlchemyError):
        return {"database": "silent", "now": None}
    return {"database": "ok", "now": None if now is None else as_text(now)}
