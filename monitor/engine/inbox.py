"""Events that wait for the writer of a home: handed in by other threads, taken by its loop, answered once durable.

The web thread offers a delivery and awaits its verdicts; the writer takes all that wait, commits them at once and
answers. What waits is bounded: a full inbox refuses, so that senders slow down (back-pressure).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Literal

import msgspec

from monitor.events.refusal import Refusal

MAX_WAITING: Final = 20_000
"""Events that may wait; a single larger delivery is taken when nothing else waits."""

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What intake decided about one event of a delivery; `id` where the event could be read."""

    status: Literal["accepted", "repeat", "refused"]
    id: str = ""
    reason: str = ""
    detail: str = ""


class UnansweredError(Exception):
    """Whether a delivery is durable is not known, so it must be sent again; the text says why, zh and en."""


class InboxClosedError(UnansweredError):
    """The writer has ended."""

    def __init__(self) -> None:
        """Says so."""
        super().__init__("监测未在写入，请重发同一请求 / the monitor does not write now: send the same request again")


class Delivery:
    """Some events of one sender, with the promise of a verdict on each."""

    def __init__(
        self,
        origin: str,
        lines: Sequence[bytes],
        speaks_for: Callable[[str], bool],
        broken: Refusal | None = None,
    ) -> None:
        """`origin`: names the sender in dead letters; `speaks_for`: whether it may send events of a source.
        `broken`: why a batch cannot be taken apart; its only line is then its whole text.
        """
        self.origin = origin
        self.lines = lines
        self.speaks_for = speaks_for
        self.broken = broken
        self.size = sum(map(len, lines))
        self.verdicts: Future[list[Verdict]] = Future()


class Refusals:
    """What was refused of senders lately: who repeats a request after a lost answer shall not fill the dead letters."""

    def __init__(self) -> None:
        """Nothing was refused."""
        self._known: dict[tuple[str, str, str], None] = {}

    def new(self, origin: str, reason: str, digest: str) -> bool:
        """Whether this text was not refused of this sender for this reason before."""
        key = (origin, reason, digest)
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > MAX_WAITING:
            del self._known[next(iter(self._known))]
        return True


class Inbox:
    """Deliveries that wait; any thread offers, the writer takes. `bell` is rung when something comes."""

    def __init__(self, bell: threading.Event) -> None:
        """Takes deliveries from here on: while the writer opens its home they wait for it."""
        self._bell = bell
        self._lock = threading.Lock()
        self._waiting: deque[Delivery] = deque()
        self._taken: list[Delivery] = []
        self._events = 0
        self._bytes = 0
        self._closed = False

    def offer(self, delivery: Delivery) -> bool:
        """Puts a delivery in; False where too much waits already. Raises InboxClosedError."""
        with self._lock:
            if self._closed:
                raise InboxClosedError
            count = len(delivery.lines)
            full = self._events + count > MAX_WAITING or self._bytes + delivery.size > MAX_WAITING_BYTES
            if full and self._waiting:
                return False
            self._waiting.append(delivery)
            self._events += count
            self._bytes += delivery.size
        self._bell.set()
        return True

    def take(self, limit: int) -> list[Delivery]:
        """The deliveries that wait, in their order, up to about `limit` events."""
        taken: list[Delivery] = []
        count = 0
        with self._lock:
            while self._waiting and count < limit:
                delivery = self._waiting.popleft()
                count += len(delivery.lines)
                self._events -= len(delivery.lines)
                self._bytes -= delivery.size
                taken.append(delivery)
            self._taken = taken
        return taken

    def close(self) -> None:
        """Nothing is taken any more; who waits is told so."""
        with self._lock:
            self._closed = True
            left = [*self._taken, *self._waiting]
            self._waiting.clear()
            self._events = self._bytes = 0
        for delivery in left:
            if not delivery.verdicts.done():
                delivery.verdicts.set_exception(InboxClosedError())
