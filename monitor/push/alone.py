"""One sender at a time over the database of a cluster, however many processes offer to send.

Quotas of channels are counted over all sendings, and a message is claimed by whoever sends: so the database lets one
session hold the lock of the sender. Where its process ends, or its connection, the lock is free for the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from monitor.push.sender import Sender

log = logging.getLogger(__name__)

_LOCK: Final = 0x70757368
"""Half of the key of the lock; the other half stands for the schema."""
_TRY: Final = 5.0
_LOOK: Final = 1.0


class LoneSender:
    """A sender that sends only while it holds the lock."""

    def __init__(self, engine: Engine, sender: Sender) -> None:
        """`engine`: of the database that `sender` empties."""
        self._engine = engine
        self._sender = sender

    def run(self, should_stop: Callable[[], bool], bell: threading.Event) -> None:
        """Until `should_stop`; `bell` wakes it early. A database that does not answer is waited for."""
        while not should_stop():
            try:
                self._while_alone(should_stop, bell)
            except SQLAlchemyError as error:
                log.warning("数据库暂不可用，稍后再试 / the database is away, trying again: %s", type(error).__name__)
            bell.clear()
            bell.wait(_TRY)

    def _while_alone(self, should_stop: Callable[[], bool], bell: threading.Event) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(select(func.pg_try_advisory_lock(*_key()))).scalar():
                return
            try:
                self._sender.run(_Watch(connection, should_stop).is_over, bell)
            finally:
                connection.execute(select(func.pg_advisory_unlock(*_key())))


class _Watch:
    """Sees whether the session that holds the lock still answers."""

    def __init__(self, connection: Connection, should_stop: Callable[[], bool]) -> None:
        self._connection = connection
        self._should_stop = should_stop
        self._looked = time.monotonic()

    def is_over(self) -> bool:
        if self._should_stop():
            return True
        if time.monotonic() - self._looked > _LOOK:
            self._connection.execute(select(1))
            self._looked = time.monotonic()
        return False


def _key() -> tuple[object, object]:
    return _LOCK, func.hashtext(func.current_schema())
