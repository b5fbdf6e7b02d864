"""Watches a store beside its writer, and keeps the newest overview for all who look at the page."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from monitor.metrics import Pulse
from monitor.store.errors import StoreError
from monitor.store.home import HomeError
from monitor.store.postgresql.database import answering
from monitor.store.reader import Store, change_mark, look
from monitor.web.overview import Moment, Overview, overview_of

log = logging.getLogger(__name__)

_EVERY: Final = 0.5
_SHARE: Final = 10
"""Reading takes at most a tenth of the time, also of a home with millions of rows to count."""


class Watch:
    """`moment` is the newest; `number` grows with each new one. `closing`: streams to browsers must end."""

    def __init__(self, store: Store, pulse: Pulse) -> None:
        """Nothing is read yet."""
        self.number = 0
        self.closing = False
        self.moment = Moment(Overview(), pulse.doing, pulse.done)
        self._store = store
        self._pulse = pulse
        self._engine: Engine | None = None
        self._listening: Connection | None = None
        self._version: Any = None
        self._looking = threading.Lock()
        self._trouble = ""

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(max(_EVERY, _SHARE * (time.monotonic() - started)))

    def refresh(self) -> None:
        """Looks once. A store that is not there yet, or does not answer, leaves the overview as it was."""
        with self._looking:
            if not self.closing:
                self._refresh()

    def _refresh(self) -> None:
        overview = self.moment.overview
        try:
            with answering():
                overview = self._changed() or overview
            self._trouble = ""
        except HomeError:
            log.debug("%s is not there yet", self._store)
        except (StoreError, SQLAlchemyError) as error:
            self._tell(error)
            self._hang_up()
        found = Moment(overview, self._pulse.doing, self._pulse.done)
        if found != self.moment:
            self.moment = found
            self.number += 1

    def close(self) -> None:
        """Lets go of the database, when a look that is under way has ended."""
        self.closing = True
        with self._looking:
            self._hang_up()
            if self._engine is not None:
                self._store.release(self._engine)

    def _tell(self, error: Exception) -> None:
        """Says what is wrong, once for as long as it lasts."""
        if type(error).__name__ != self._trouble:
            self._trouble = type(error).__name__
            log.warning("页面读不到数据库，稍后再试 / the page cannot read the database, trying again: %s", error)

    def _hang_up(self) -> None:
        """A connection that failed is of no use any more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.invalidate()
            listening.close()

    def _changed(self) -> Overview | None:
        """The overview, if anything was committed since the last look."""
        if self._engine is None:
            self._engine = self._store.reader()
        if self._listening is None:
            self._listening = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        version = change_mark(self._listening)
        if version == self._version:
            return None
        with look(self._engine) as reader:
            overview = overview_of(reader)
        self._version = version
        return overview
