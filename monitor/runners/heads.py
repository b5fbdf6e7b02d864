"""The head of the audit log, appended to other storage once a day while a writer runs, and at its end.

That storage may be full, gone or hanging: it is told and counted, and holds the monitor up for some seconds at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Engine

from config.moments import shanghai_day
from monitor.store import writer
from monitor.store.audit import chain as audit
from monitor.store.audit import heads as audit_heads
from monitor.store.home import meta, set_meta

log = logging.getLogger(__name__)

KEPT: Final = "audit_heads"
"""Where the home keeps which head was kept last: day, number, place."""

_PATIENCE: Final = 10.0
_AGAIN: Final = 3600.0
"""Seconds after a failure before it is tried again."""

COUNTER: Final = "audit_heads"
"""The running total of heads, by `written` and `failed`."""


class Totals(Protocol):
    """The running totals of a home."""

    @property
    def totals(self) -> dict[tuple[str, str], int]:
        """By name and label."""

    def count(self, name: str, label: str) -> None:
        """Adds one."""


class HeadKeeper:
    """Keeps heads at a place, for the writer of a home."""

    def __init__(self, engine: Engine, place: Path | None) -> None:
        """`place`: a folder or a file on other storage; None: heads are kept nowhere."""
        self._engine = engine
        self._place = None if place is None else place.absolute()
        self._again = 0.0
        self._thread: threading.Thread | None = None
        with engine.connect() as connection:
            self._kept = meta(connection, KEPT) or ""
        day, _, rest = self._kept.partition(" ")
        self._day = int(day) if rest.partition(" ")[2] == str(self._place) else 0

    def turn(self, clock: Callable[[], int], totals: Totals, *, ended: bool = False) -> None:
        """Keeps a head where none was kept on this day (Asia/Shanghai), or, at the end, not this one. `clock`: the
        moment, in microseconds since 1970.
        """
        if self._place is None or (self._thread is not None and self._thread.is_alive()):
            return
        now = clock()
        day = shanghai_day(now)
        if not ended and (day == self._day or time.monotonic() < self._again):
            return
        with self._engine.connect() as connection:
            head = audit.head(connection, now)
        note = f"{day} {head.number} {self._place}"
        if note == self._kept:
            return
        wrong = self._put(self._place, head)
        if wrong is None:
            self._kept, self._day = note, day
        else:
            self._again = time.monotonic() + _AGAIN
            log.warning(
                "审计日志的头未能写入 %s（%s），监测继续；请检查该处 / "
                "the head of the audit log could not be written to %s (%s), the monitor goes on: check that place",
                self._place,
                wrong,
                self._place,
                wrong,
            )
        totals.count(COUNTER, "failed" if wrong else "written")
        with self._engine.begin() as connection:
            set_meta(connection, KEPT, self._kept)
            writer.write_counters(connection, totals.totals)

    def _put(self, place: Path, head: audit.Head) -> str | None:
        """Why a head could not be kept. A thread of its own: storage over a network may hang for ever."""
        wrong: list[str] = []

        def work() -> None:
            try:
                audit_heads.keep(place, head)
            except OSError as error:
                wrong.append(error.strerror or str(error))

        self._thread = threading.Thread(target=work, daemon=True, name="audit-head")
        self._thread.start()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            return f"{_PATIENCE:.0f} s without an answer"
        return wrong[0] if wrong else None
