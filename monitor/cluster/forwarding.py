"""Events that came over HTTP on their way to the topic `intake`; their senders are answered once the brokers have them.

Everything is sent, also what is refused: the workers' intake alone makes dead letters. It is looked at here as intake
does only to tell the sender early. What waits together is sent together, and answered when all of it is acknowledged.
While no broker answers nothing more is sent, and nobody is told that something was taken.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection, heard
from monitor.cluster.sending import Sender, StoppedError
from monitor.cluster.topics import name_of, require
from monitor.cluster.wire.batches import Cutter, Message, Problem, subject_of
from monitor.cluster.wire.keys import pseudonyms_of
from monitor.engine.clock import SteadyClock
from monitor.engine.inbox import Delivery, Inbox, UnansweredError, Verdict
from monitor.events.intake import Intake
from monitor.events.refusal import Refusal, shown
from monitor.sources.chunks import MAX_LINE

_PATIENCE: Final = 6.0
"""Seconds without an answer of the brokers, after which senders are told to try again."""
_NEXT_PATIENCE: Final = 1.0
"""The same, while it is known that no broker answers."""
_CONNECTING: Final = 3.0
_WAIT: Final = 0.05
_AT_ONCE: Final = 5_000
_HEAD: Final = 4_096
"""So much of what is too long for a message goes on to be a dead letter."""

_ACCEPTED: Final = Verdict("accepted")


class Forwarder:
    """Sends what the web thread puts into `inbox`."""

    def __init__(self, chosen: Settings, tell: Callable[[str], None]) -> None:
        """`tell` is told of troubles with the brokers, and of their end. Raises ClusterError, also where the topic is
        missing.
        """
        self._intake = Intake(pseudonyms_of(chosen))
        connection = Connection.of(chosen)
        self._partitions = require(chosen, ["intake"])["intake"]
        self._connection = replace(connection, bootstrap_seconds=_CONNECTING)
        self._topic = name_of(chosen, "intake")
        self._tell = tell
        self._told = ""
        self._clock = SteadyClock()
        self._bell = threading.Event()
        self.inbox = Inbox(self._bell)
        self._sender: Sender | None = None
        self._is_silent = False
        self._until = 0.0
        self._should_stop: Callable[[], bool] = lambda: False

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Until `should_stop`, which is asked several times a second."""
        self._should_stop = should_stop
        with heard():
            try:
                while not should_stop():
                    self._bell.clear()
                    if not self._turn():
                        self._bell.wait(_WAIT)
            finally:
                self.inbox.close()
                if self._sender is not None:
                    self._sender.close()

    def _turn(self) -> bool:
        """Sends what waits, and answers; whether there was anything."""
        deliveries = [one for one in self.inbox.take(_AT_ONCE) if one.verdicts.set_running_or_notify_cancel()]
        if not deliveries and not self._is_silent:
            return False
        try:
            verdicts = self._sent(deliveries)
        except (StoppedError, ClusterError) as error:
            self._mind(error)
            for delivery in deliveries:
                delivery.verdicts.set_exception(
                    UnansweredError(
                        "Kafka 没有确认，请重发同一请求 / Kafka does not acknowledge now: send the same request again"
                    )
                )
        else:
            self._is_silent, self._told = False, ""
            for delivery, found in zip(deliveries, verdicts, strict=True):
                delivery.verdicts.set_result(found)
        return True

    def _sent(self, deliveries: Sequence[Delivery]) -> list[list[Verdict]]:
        """The verdicts on some deliveries, whose events are acknowledged by then. Raises StoppedError and
        ClusterError.
        """
        if self._sender is None:
            self._sender = Sender(
                self._connection, self._topic, [0] * self._partitions, should_stop=self._is_over, tell=self._tell
            )
        if self._is_silent:  # what was sent last comes first, so that what is under way stays bounded
            self._until = time.monotonic() + _NEXT_PATIENCE * bool(deliveries)
            self._sender.settle()
        self._until = time.monotonic() + _PATIENCE
        cutters: dict[str, Cutter] = {}
        received = self._clock()
        verdicts = []
        for delivery in deliveries:
            cutter = cutters.setdefault(delivery.origin, Cutter(delivery.origin, None, self._partitions))
            found: list[Verdict] = []
            for message in self._cut(delivery, cutter, received, found):
                self._sender.send(message)
            verdicts.append(found)
        for cutter in cutters.values():
            for message in cutter.rest():
                self._sender.send(message)
        self._sender.settle()
        return verdicts

    def _cut(self, delivery: Delivery, cutter: Cutter, received: int, verdicts: list[Verdict]) -> Iterator[Message]:
        """The messages that the lines of a delivery fill; the verdict on each is added to `verdicts`."""
        for index, sent in enumerate(delivery.lines):
            line = sent.strip() if len(sent) > MAX_LINE else sent
            refusal, is_ours = self._refusal(delivery, line, received)
            digest = hashlib.sha256(line)
            # A place as one in a file would be: the same text at the same place is the same dead letter.
            place = (index + 1, int.from_bytes(digest.digest()[:8], "big") >> 2)
            if refusal is None:
                verdicts.append(_ACCEPTED)
                message = cutter.put(line, place, subject_of(line))
            else:
                verdicts.append(Verdict("refused", "", refusal.reason, refusal.detail))
                if not is_ours:
                    message = cutter.put(line, place, subject_of(line))
                elif len(line) > MAX_LINE:
                    problem = Problem(refusal.reason, refusal.detail, digest.hexdigest())
                    message = cutter.put(line[:_HEAD], place, None, problem)
                else:
                    message = cutter.put(line, place, None, Problem(refusal.reason, refusal.detail))
            if message is not None:
                yield message

    def _refusal(self, delivery: Delivery, line: bytes, received: int) -> tuple[Refusal | None, bool]:
        """Why a line is refused, and whether intake could not find it out by itself."""
        if delivery.broken is not None:
            return delivery.broken, True
        try:
            candidate = self._intake.read(line, received)
        except Refusal as refusal:
            # Of the clock only the first receipt tells.
            return refusal, refusal.reason == "future_time" or len(line) > MAX_LINE
        if candidate is None:
            return Refusal("not_json", "empty"), True
        if not delivery.speaks_for(candidate.event.source):
            return Refusal("foreign_source", shown(candidate.event.source)), True
        return None, False

    def _is_over(self) -> bool:
        return time.monotonic() > self._until or self._should_stop()

    def _mind(self, error: StoppedError | ClusterError) -> None:
        """What follows from messages that were not acknowledged: the producer goes on trying where no broker answers,
        and is made anew where they refuse.
        """
        if isinstance(error, StoppedError):
            self._is_silent = True
            return
        self._is_silent = False
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        if self._told != str(error):
            self._told = str(error)
            self._tell(self._told)
