"""The sender: takes what is due from the outbox, sends it, writes the receipt. A thread of `serve`.

It writes through a connection of its own, in transactions of some milliseconds; nothing is sent inside one. An attempt
is marked before it is made and its receipt written before the next one, so that a process which is killed repeats one
message of a channel at most: the one whose receipt was lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from config.channels import Channel, Channels
from config.moments import HOUR, SECOND
from monitor.push.channel import PushError
from monitor.push.opening import Line, open_line
from monitor.push.wording import letter_of
from monitor.store.outgoing import dispatch
from monitor.store.outgoing.dispatch import Claim, Limits, Outcome, Route

log = logging.getLogger(__name__)

_IDLE: Final = 0.5
_TROUBLED: Final = 5.0
_CALLS: Final = {"zhezhengding": 4, "email": 3}
"""How many times the timeout a sending may take, where it is more than one call."""

_SLACK: Final = 2.0
"""Seconds between the mark of a sending and its beginning, at most."""

_FIRST_BACK_OFF: Final = 30 * SECOND

_PATIENCE: Final = 60
"""Times that the writing of a receipt is tried, a second apart, before the process goes on without it."""


class Sender:
    """Sends what the outbox of a store holds, through all channels of a file but `in-app`."""

    def __init__(
        self,
        engine: Engine,
        channels: Channels,
        clock: Callable[[], int],
        *,
        open_one: Callable[[Channel, Callable[[], int]], Line] = open_line,
    ) -> None:
        """`engine`: for writing; it stays the caller's. `clock`: the wall clock, microseconds since 1970. Raises
        ChannelsError.
        """
        self._engine = engine
        self._channels = channels
        self._clock = clock
        self._lines = [open_one(channel, clock) for channel in channels.remote]
        self._told: dict[str, str] = {}

    def turn(self) -> bool:
        """One round: new messages to their channels, then one sending of each channel; whether anything was sent.
        Raises SQLAlchemyError where the store does not answer.
        """
        now = self._clock()
        with self._engine.connect() as connection:
            waits = dispatch.unrouted(connection)
        if waits:
            with self._transaction() as connection:
                dispatch.route(connection, self._routes(now), now)
        return any([self._send_one(line) for line in self._lines])

    def run(self, should_stop: Callable[[], bool], bell: threading.Event | None = None) -> None:
        """Round after round until `should_stop`; `bell` wakes it early. A store that does not answer is waited for."""
        rung = bell or threading.Event()
        while not should_stop():
            rung.clear()
            pause = _IDLE
            try:
                while self.turn() and not should_stop():
                    pass
            except SQLAlchemyError as error:
                self._tell(
                    "", f"发件箱暂不可写，稍后再试 / the outbox cannot be written now, trying again: {_of(error)}"
                )
                pause = _TROUBLED
            except Exception:
                log.exception("程序缺陷：推送中断，稍后再试 / a defect: pushing was interrupted, trying again")
                pause = _TROUBLED
            rung.wait(pause)

    def _send_one(self, line: Line) -> bool:
        limits = self._limits(line.channel)
        with self._engine.connect() as connection:
            if not dispatch.anything(connection, limits, self._clock()):
                return False
        with self._transaction() as connection:
            claim = dispatch.claim(connection, limits, self._clock())
        if claim is None:
            return False
        outcome = self._outcome(line, claim)
        self._write(claim, outcome, limits)
        name = line.channel.name
        fault = "" if outcome.sent or outcome.nobody else outcome.detail
        self._tell(name, fault and f"渠道 {name} 未送出 / channel {name} did not take it: {fault}")
        return True

    def _outcome(self, line: Line, claim: Claim) -> Outcome:
        letter = letter_of(claim, line.channel, self._channels.page)
        try:
            receipt = line.send(letter)
        except PushError as error:
            retry_after = int(error.retry_after * SECOND)
            return Outcome(False, "", str(error), retry_after, rests=error.rests, nobody=error.nobody)
        except Exception as error:
            log.exception("程序缺陷：渠道 %s / a defect in channel %s", line.channel.name, line.channel.name)
            return Outcome(False, "", f"defect: {type(error).__name__}", rests=True)
        return Outcome(True, receipt.id, receipt.answer)

    def _write(self, claim: Claim, outcome: Outcome, limits: Limits) -> None:
        """Writes a receipt, and tries again while the store is busy: without it the message would go out again."""
        for attempt in range(_PATIENCE):
            try:
                with self._transaction() as connection:
                    dispatch.finish(connection, claim, outcome, limits, self._clock())
                return
            except SQLAlchemyError:
                if attempt == _PATIENCE - 1:
                    raise
                threading.Event().wait(1.0)

    def _limits(self, channel: Channel) -> Limits:
        return Limits(
            channel=channel.name,
            count=channel.limit.count,
            window=channel.limit.seconds * SECOND,
            deadline=int((channel.timeout * _CALLS.get(channel.kind, 1) + _SLACK) * SECOND),
            least_level=channel.least_level_at(self._clock()),
            attempts=self._channels.attempts,
            keep=self._channels.keep_hours * HOUR,
            back_off=_FIRST_BACK_OFF,
        )

    def _routes(self, now: int) -> Sequence[Route]:
        oldest = now - self._channels.keep_hours * HOUR
        return [Route(one.name, one.regions, one.least_level, oldest) for one in self._channels.remote]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # By hand: what is read here must still hold when it is written, and Python's driver begins too late.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def _tell(self, name: str, text: str) -> None:
        """Tells of trouble once, and again when it is another one or comes back."""
        if text and self._told.get(name) != text:
            log.warning("%s", text)
        self._told[name] = text


def _of(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__)
