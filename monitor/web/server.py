"""Serves the page from a thread of the writer's process, so that one command is the whole monitor."""

from __future__ import annotations

import os
import socket
import threading
import time
from types import TracebackType
from typing import Final

import uvicorn
from fastapi import FastAPI

_PATIENCE: Final = 10.0


class PageError(Exception):
    """A page that cannot be served; the text says why and what to do, zh and en."""


def listen(host: str, port: int, *, fallback: bool) -> socket.socket:
    """A socket that listens; on a free port where `port` is 0, or is taken and `fallback` allows it.

    Raises PageError.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise PageError(f"{host}：无法解析 / cannot be resolved: choose another --host") from error
    try:
        listener = socket.create_server(address[:2], family=family)
    except OSError as error:
        if fallback and port:
            return listen(host, 0, fallback=False)
        why = os.strerror(error.errno or 0)
        raise PageError(
            f"{host}:{port}：无法监听（{why}），请换 --port / cannot listen ({why}): choose another --port"
        ) from error
    # Taken over by every connection. Otherwise the end of an answer waits 40 ms for the other side's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of the page, for people."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class PageServer:
    """Answers on a socket while it is entered."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        """Nothing is answered yet."""
        self._watch = app.state.watch
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                proxy_headers=False,
                lifespan="on",
                timeout_graceful_shutdown=3,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="page", daemon=True
        )

    def __enter__(self) -> PageServer:
        """Starts, and waits until it answers. Raises PageError."""
        self._thread.start()
        until = time.monotonic() + _PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                self._end()
                raise PageError("页面启动失败，见日志 / the page did not start: see the log above")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the streams to browsers, then the server."""
        self._end()

    def _end(self) -> None:
        self._watch.closing = True
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._listener.close()
