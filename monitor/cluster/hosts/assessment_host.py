"""Stage `assessment` on a cluster: what rooms and persons tell the enterprises of one partition.

In: ties. Out: signals on enterprises that rest on others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import xxhash

from config.ruleset import Rules
from detectors.base import Evidence
from detectors.linked_risk import tied_at_risk
from monitor.cluster.hosts.board_items import SignalOutbox, bits_of, tell_linked
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.hosts.member_host import RISKY, TIES
from monitor.cluster.wire.facts import encode, risky_in, tie_in
from monitor.cluster.wire.texts import Named
from monitor.engine.judging import Judging
from monitor.stages.assessment import Assessment
from monitor.stages.names import Names
from monitor.stages.ties import tie_of
from monitor.store.snapshots import Frame

_CHUNK: Final = 256
_SAID: Final = -1
"""Stands for the digest of whatever an owner before may have said."""


class AssessmentHost(Host):
    """The enterprises of one partition, as far as others cast something on them."""

    stage = "assessment"
    topic = TIES

    def __init__(self, partition: int, topics: Mapping[str, int], seed: int) -> None:
        """`seed`: the cluster's, for hashes."""
        self._sources = Names()
        super().__init__(partition, topics, self._sources)
        self._codes = Named(seed)
        self._senders = (Named(seed + 1), Named(seed + 2))
        self._signals = SignalOutbox(self.outbox, "enterprise", self._codes.__getitem__, self._codes.__getitem__)
        self._judging = Judging(self._signals)
        self._assessment = Assessment(self._judging.sink)
        self._bits = bits_of("ties")
        self._linked: dict[int, int] = {}
        """By enterprise that is linked to some at risk: a digest of what the board was told of it."""

    def apply(self, record: Record) -> None:
        """Takes in what rooms and persons say."""
        message = self.message(record)
        if message is None:
            return
        sources = [self._sources.number(name) if name else 0 for name in message.sources]
        shared: dict[int, tuple[Evidence, ...]] = {}
        for place, item in enumerate(message.items):
            try:
                if item[0] == RISKY:
                    shared[place] = risky_in(item[1], sources, self._number)
                else:
                    self._take_in(item, shared, sources)
            except Exception:
                self.set_aside(record)

    def _take_in(self, item: Any, shared: Mapping[int, tuple[Evidence, ...]], sources: list[int]) -> None:
        _, code, kind, key, values, risky = item
        sender = kind, self._senders[kind].number(key)[0]
        tie = None if values is None else tie_in(values, shared.get(risky, ()), sources, self._number)
        self._assessment.update(self._number(code), sender, tie)

    def _number(self, code: str) -> int:
        return self._codes.number(code)[0]

    def use(self, rules: Rules, *, anew: bool) -> None:
        """The rules in force from here on."""
        self._signals.rules = rules
        self._assessment.use(rules)
        if anew:
            self._assessment.mark_all()

    @property
    def waits(self) -> bool:
        """Whether something has not been judged or said yet."""
        return self._judging.due or self.some_left(self._assessment.dirty) or self.outbox.waits

    @property
    def latest(self) -> int:
        """Now as far as it is known here."""
        return self._judging.now

    def advance(self, now: int) -> None:
        """Now of the whole system has grown."""
        self._judging.now = max(self._judging.now, now)

    def judge(self) -> bool:
        """Judges some of the enterprises that were touched."""
        self._judging.wake_due(self._wake)
        self._judging.run(self.stage, self.some(self._assessment.dirty), self._judge)
        return self.some_left(self._assessment.dirty)

    def _judge(self, ref: int, now: int) -> None:
        self._tell_linked(ref)
        self._assessment.judge(ref, now)

    def _tell_linked(self, ref: int) -> None:
        """What the scorecards count of others, where it is other than was said last."""
        code_of = self._codes.__getitem__
        found = tied_at_risk(ref, (tie for tie in self._assessment.tied(ref) if not tie.weak))
        risky = sorted(
            ((at, source, event, code_of(other)) for at, source, event, other in found.values()),
            key=lambda one: (one[0], self._sources[one[1]], one[2], one[3]),
        )
        digest = xxhash.xxh3_64_intdigest(encode(risky)) if risky else None
        if self._linked.get(ref) == digest:
            return
        if digest is None:
            del self._linked[ref]
        else:
            self._linked[ref] = digest
        tell_linked(self.outbox, code_of(ref), risky)

    def _wake(self, kind: int, ref: int) -> None:
        self._assessment.dirty.add(ref)

    def resend(self) -> None:
        """What waits to be judged is said anew, withdrawals included."""
        self._judging.wake_due(self._wake)
        waiting = self._assessment.dirty.take()
        self._assessment.dirty.update(waiting)
        self._signals.pretend(waiting, self._bits)
        self._linked.update(dict.fromkeys(waiting, _SAID))

    def parked_subjects(self) -> list[tuple[str, str, str, str]]:
        """The enterprises that wait for a fix."""
        parked = self._judging.parked.items()
        return [(stage, "enterprise", self._codes[ref], reason) for (stage, ref), reason in parked]

    def try_again(self, request: int) -> None:
        """Parked subjects are judged once more."""
        super().try_again(request)
        self._retry_parked()

    def _retry_parked(self) -> None:
        self._assessment.dirty.update(ref for _, ref in self._judging.parked)

    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps."""
        yield from self.base_frames()
        yield "now", self._judging.now
        yield "sources", self._sources[1:]
        yield "codes", self._codes.dump()
        yield "senders", [one.dump() for one in self._senders]
        yield "wakes", self._judging.wakes
        yield "parked", [(stage, ref, reason) for (stage, ref), reason in self._judging.parked.items()]
        yield "signals", self._signals.dump()
        yield "linked", list(self._linked.items())
        rows = self._assessment.dump()
        while chunk := list(islice(rows, _CHUNK)):
            yield "ties", chunk

    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""
        for name, payload in frames:
            if not self.load_base(name, payload):
                self._load(name, payload)
        self._assessment.dirty.clear()
        self._retry_parked()

    def _load(self, name: str, payload: Any) -> None:
        if name == "now":
            self._judging.now = payload
        elif name == "sources":
            for source in payload:
                self._sources.number(source)
        elif name == "codes":
            self._codes.load(payload)
        elif name == "senders":
            for named, dumped in zip(self._senders, payload, strict=True):
                named.load(dumped)
        elif name == "wakes":
            self._judging.wakes[:] = [(at, kind, ref) for at, kind, ref in payload]
        elif name == "parked":
            for stage, ref, reason in payload:
                self._judging.parked[stage, ref] = reason
        elif name == "signals":
            self._signals.load(payload)
        elif name == "linked":
            self._linked = dict(payload)
        elif name == "ties":
            for enterprise, ties in payload:
                for sender, tie in ties:
                    self._assessment.update(enterprise, (sender[0], sender[1]), tie_of(tie))
