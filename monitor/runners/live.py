"""The loop of a live monitor: what sources and senders bring, requests, ticks; one thread writes, whoever brings.

It begins with the backlog of the sources. When they are read to their ends, or only stalled ones are left, the monitor
goes live; from then on findings follow events within milliseconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from monitor.engine.inbox import Inbox
from monitor.runners.embedded import EmbeddedRunner
from monitor.runners.feeds import Feed

TICK_SECONDS: Final = 60.0
_WAIT: Final = 0.05
_STALLED: Final = 5.0
"""A source that gives nothing for so many seconds does not keep the others from going live."""
_AT_ONCE: Final = 5_000
"""Events of deliveries in one transaction."""


class LiveMonitor:
    """Runs a home's writer until it is asked to stop."""

    def __init__(
        self,
        runner: EmbeddedRunner,
        feeds: Sequence[Feed],
        inbox: Inbox,
        bell: threading.Event,
        *,
        on_live: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`bell`: rung by feeds and inbox. `on_live` is called once, `tell` with every trouble of a source."""
        self._runner = runner
        runner.gradual = True
        self._feeds = feeds
        self._inbox = inbox
        self._bell = bell
        self._on_live = on_live
        self._tell = tell
        self._live = False
        self._told: dict[str, str] = {}
        self._ticked = time.monotonic()

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Until `should_stop`, which is asked several times a second."""
        for feed in self._feeds:
            feed.start()
        try:
            while not should_stop():
                self._bell.clear()
                if self._turn():
                    continue
                if self._live and (rest := self._runner.rest) > 0:
                    self._bell.wait(rest)
                    continue
                self._runner.settle()
                if not self._live and self._caught_up():
                    self._go_live()
                self._bell.wait(_WAIT)
        finally:
            self._inbox.close()
            for feed in self._feeds:
                feed.close()

    def _turn(self) -> bool:
        """One round: something of each; whether there was anything."""
        busy = False
        for number, feed in enumerate(self._feeds):
            read = feed.take()
            if read is not None:
                busy = True
                self._runner.take(read.name, read.chunk, read.done)
                self._trouble(read.name, read.chunk.error)
            self._trouble(f"#{number}", feed.failure)
        deliveries = self._inbox.take(_AT_ONCE)
        if deliveries:
            busy = True
            self._runner.deliver(deliveries)
        busy = self._runner.answer_requests() or busy
        self._runner.work_some()
        if self._live:
            self._runner.cut_in_time()
            if time.monotonic() - self._ticked >= TICK_SECONDS:
                self._ticked = time.monotonic()
                self._runner.tick()
        return busy

    def _caught_up(self) -> bool:
        return all(feed.caught_up or feed.silence > _STALLED for feed in self._feeds)

    def _go_live(self) -> None:
        self._live = True
        self._runner.prepare()
        self._runner.go_live()
        self._on_live()

    def _trouble(self, name: str, text: str) -> None:
        """Tells of trouble once, and again when it comes back."""
        if text and self._told.get(name) != text:
            self._tell(text)
        self._told[name] = text
