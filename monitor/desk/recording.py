"""How commands get what was done or seen into the audit log of a home: by its writer, or as its writer for a moment.

A command lays its entries into the folder of requests first. So a look is on record before it is shown, whoever is
killed, and a writer that is busy keeps nobody waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from monitor.desk.requests import Desk, Request, ask, leave
from monitor.engine.auditing import Recorder
from monitor.store.audit import chain as audit
from monitor.store.audit.chain import AuditEntry
from monitor.store.home import Home, meta, set_meta

RECORD: Final = "audit"
"""The kind of these requests."""

_LAST: Final = "audit_request"
_BUSY: Final = 5.0
"""Seconds after which a look waits no longer for a writer that is busy."""


class _Asked(msgspec.Struct, frozen=True):
    entries: list[AuditEntry]


class Recording:
    """The work on a request to append entries."""

    def __init__(self, writer: Recorder, request: Request) -> None:
        """Raises ValueError where they are no entries."""
        self._writer = writer
        self._id = request.id
        self._entries = msgspec.convert(request.body, _Asked).entries

    def step(self) -> dict[str, Any]:
        """Appends them, once: a writer may have ended between that and its answer."""
        with self._writer.writing() as connection:
            if meta(connection, _LAST) != self._id:
                audit.append(connection, self._entries)
                set_meta(connection, _LAST, self._id)
        return {}

    def close(self) -> None:
        """Nothing is open."""


class Scribe:
    """The writer of a home for as long as it takes to append entries; other requests wait for another writer."""

    ahead: Final = False

    def __init__(self, home: Home) -> None:
        """Raises HomeHeldError where somebody else writes, StoreError and OSError where nobody can."""
        self._lock = home.lock(brief=True)
        try:
            self._engine = home.writer()
        except BaseException:
            self._lock.release()
            raise
        kinds: Mapping[str, Callable[[Scribe, Request], Recording]] = {RECORD: Recording}
        self._desk: Desk[Scribe] = Desk(home, kinds, alone=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction of the home."""
        with self._engine.begin() as connection:
            yield connection

    def answer_requests(self) -> bool:
        """Appends what the oldest request holds; whether there was one."""
        return self._desk.turn(self)

    def close(self) -> None:
        """Lets the next writer in."""
        self._desk.close()
        self._engine.dispose()
        self._lock.release()


def record(home: Home, entries: Sequence[AuditEntry], tell: Callable[[str], None]) -> None:
    """Appends entries; durable once it returns. `tell` is told that it takes long. Raises StoreError, OSError."""
    ask(home, RECORD, msgspec.to_builtins({"entries": entries}), lambda: Scribe(home), tell)


def hand_in(home: Home, entries: Sequence[AuditEntry]) -> bool:
    """Appends entries, or leaves them for a writer that is busy: then False. Raises StoreError, OSError."""
    return leave(home, RECORD, msgspec.to_builtins({"entries": entries}), lambda: Scribe(home), _BUSY)
