"""Watches a home beside its writer, and keeps the newest overview for all who look at the page."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from monitor.metrics import Pulse
from monitor.store.home import Home, HomeError
from monitor.store.reader import look
from monitor.web.overview import Moment, Overview, overview_of

log = logging.getLogger(__name__)

_EVERY: Final = 0.5
_SHARE: Final = 10
"""Reading takes at most a tenth of the time, also of a home with millions of rows to count."""


class Watch:
    """`moment` is the newest; `number` grows with each new one. `closing`: streams to browsers must end."""

    def __init__(self, home: Home, pulse: Pulse) -> None:
        """Nothing is read yet."""
        self.number = 0
        self.closing = False
        self.moment = Moment(Overview(), pulse.doing, pulse.done)
        self._home = home
        self._pulse = pulse
        self._engine: Engine | None = None
        self._listening: Connection | None = None
        self._version: Any = None

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(max(_EVERY, _SHARE * (time.monotonic() - started)))

    def refresh(self) -> None:
        """Looks once. A home that is not there yet, or does not answer, leaves the overview as it was."""
        overview = self.moment.overview
        try:
            overview = self._changed() or overview
        except HomeError:
            log.debug("%s is not there yet", self._home.path)
        except SQLAlchemyError as error:
            log.warning("页面读不到数据库，稍后再试 / the page cannot read the database, trying again: %s", error)
        found = Moment(overview, self._pulse.doing, self._pulse.done)
        if found != self.moment:
            self.moment = found
            self.number += 1

    def close(self) -> None:
        """Lets go of the database."""
        if self._listening is not None:
            self._listening.close()
        if self._engine is not None:
            self._engine.dispose()

    def _changed(self) -> Overview | None:
        """The overview, if anything was committed since the last look."""
        if self._engine is None:
            self._engine = self._home.reader()
        if self._listening is None:
            self._listening = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        version = self._listening.exec_driver_sql("PRAGMA data_version").scalar()
        if version == self._version:
            return None
        with look(self._engine) as reader:
            overview = overview_of(reader)
        self._version = version
        return overview
