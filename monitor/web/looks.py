"""Looks at alerts and tasks that a visitor has opened on a page, for the audit log: who, at what, once an hour.

Pages have no sign-in. Who looks is what a proxy says that signs people in, in a header that the settings name; without
one, on the machine's own address, the operating system's user of the monitor: whoever sits there. A page that others
can reach and no proxy guards tells nobody apart, so its looks are not recorded. An open page asks for its parts every
few seconds: a look at one thing by one person is recorded once an hour. It is handed over beside the answer, which
does not wait for a busy writer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from config.settings import account
from monitor.store.audit.chain import AuditEntry
from monitor.store.errors import StoreError

log = logging.getLogger(__name__)

AGAIN: Final = 3600.0
"""Seconds after which the same look is recorded again."""

LONGEST_NAME: Final = 64
_PAGES: Final = {"/supervision": ("a-", "alert"), "/tasks": ("t-", "task")}
_ID: Final = re.compile(r"[at]-[0-9a-f]{32}")
_MOST_KNOWN: Final = 10_000

Record = Callable[[Sequence[AuditEntry]], object]
"""Appends entries to the audit log; may take some seconds. Raises StoreError, OSError."""


class Looks:
    """Notes what requests show, before they are answered."""

    def __init__(self, app: ASGIApp, *, record: Record, header: str | None, here: bool) -> None:
        """`record`: see `Record`; `header`: the one that names whom a proxy has signed in; `here`: the page listens on
        this machine alone.
        """
        self._app = app
        self._record = record
        self._header = header
        self._nobody = f"local user {account()}" if here else ""
        self._known: dict[tuple[str, str], float] = {}
        self._waiting: list[AuditEntry] = []
        self._handing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        page = _PAGES.get(scope["path"].removesuffix("/parts")) if scope["type"] == "http" else None
        if page is not None and scope["method"] == "GET":
            self._note(self._who(Headers(scope=scope)), *page, QueryParams(scope["query_string"]).getlist("open"))
        await self._app(scope, receive, send)

    def _who(self, headers: Headers) -> str:
        """Who looks; empty where nobody can tell."""
        named = headers.get(self._header, "").strip() if self._header else ""
        return named if named and named.isprintable() and len(named) <= LONGEST_NAME else self._nobody

    def _note(self, who: str, beginning: str, kind: str, opened: Sequence[str]) -> None:
        now = time.monotonic()
        if len(self._known) > _MOST_KNOWN:
            self._known = {key: since for key, since in self._known.items() if now - since < AGAIN}
        for number in dict.fromkeys(opened):
            if who and number.startswith(beginning) and _ID.fullmatch(number):
                since = self._known.get((who, number))
                if since is None or now - since >= AGAIN:
                    self._known[who, number] = now
                    at = time.time_ns() // 1000
                    self._waiting.append(
                        AuditEntry(at=at, officer=who, action=f"page.{kind}", kind=kind, key=number, outcome="seen")
                    )
        if self._waiting and (self._handing is None or self._handing.done()):
            self._handing = asyncio.get_running_loop().create_task(self._hand_over())

    async def _hand_over(self) -> None:
        while self._waiting:
            entries, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._record, entries)
            except (StoreError, OSError, SQLAlchemyError) as error:
                log.warning("页面查看未能记入审计日志 / looks at pages could not be recorded: %s", error)
