"""What running stages has in common, in one process or on a cluster: Now, wakes, rules, and parked subjects.

A subject whose judgement raises is parked, alone: its facts are kept, its signals are marked stale, everything else
goes on.
"""

from __future__ import annotations

import heapq
import logging
import traceback
from collections.abc import Callable, Iterable
from typing import Final

from detectors.base import SubjectKind
from monitor.stages.signals import SignalSink

log = logging.getLogger(__name__)

_TELL_PARKED: Final = 10
"""So many parked subjects are told of one by one; the others are counted."""

KINDS: Final[tuple[SubjectKind, ...]] = ("enterprise", "address", "person")


class Judging:
    """Runs judgements one subject at a time. `now` is Now as far as it is known here; stages publish to `sink`."""

    def __init__(self, sink: SignalSink) -> None:
        """`sink`: where signals go; wakes stay here."""
        self.now = 0
        self.wakes: list[tuple[int, int, int]] = []
        self.parked: dict[tuple[str, int], str] = {}
        self._told_parked = 0
        self.sink = Waking(sink, self.wakes)

    @property
    def due(self) -> bool:
        """Whether the moment of a wake has come."""
        return bool(self.wakes) and self.wakes[0][0] <= self.now

    def wake_due(self, mark: Callable[[int, int], None]) -> None:
        """Tells `mark` of every subject, by its kind's place in KINDS and its number, whose moment has come."""
        wakes, now = self.wakes, self.now
        while wakes and wakes[0][0] <= now:
            at, kind, ref = heapq.heappop(wakes)
            self.sink.woken(kind, ref, at)
            mark(kind, ref)

    def run(self, stage: str, refs: Iterable[int], judge: Callable[[int, int], None]) -> int:
        """Judges some subjects of a stage; how many."""
        now, parked = self.now, self.parked
        count = 0
        for ref in refs:
            count += 1
            try:
                judge(ref, now)
                if parked:
                    parked.pop((stage, ref), None)
            except Exception:
                self.park(stage, ref)
        return count

    def park(self, stage: str, ref: int) -> None:
        """A defect of ours, just raised: this subject waits, everything else goes on."""
        reason = traceback.format_exc(limit=-3)
        if (stage, ref) not in self.parked:
            self._told_parked += 1
            if self._told_parked <= _TELL_PARKED:
                log.error(
                    "程序缺陷，已停放该主体，其余继续 / a defect: subject %d of stage %s is parked: %s",
                    ref,
                    stage,
                    reason.strip().splitlines()[-1],
                )
        self.parked[stage, ref] = reason


class Waking:
    """A sink that keeps the wakes in a heap of its runner and passes the rest on. A subject waits for its earliest one
    alone: whoever judges it then asks for the next.
    """

    def __init__(self, sink: SignalSink, wakes: list[tuple[int, int, int]]) -> None:
        """`wakes`: the heap, of (moment, place of the kind, number)."""
        self._sink = sink
        self._wakes = wakes
        self._next: dict[tuple[int, int], int] = {}
        self.in_force = sink.in_force
        self.publish = sink.publish

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """The subject must be judged again at a moment."""
        number = KINDS.index(kind)
        known = self._next.get((number, ref))
        if known is None or at < known:
            self._next[number, ref] = at
            heapq.heappush(self._wakes, (at, number, ref))

    def woken(self, kind: int, ref: int, at: int) -> None:
        """The moment of a wake has come."""
        if self._next.get((kind, ref)) == at:
            del self._next[kind, ref]
