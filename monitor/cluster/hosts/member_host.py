"""What the hosts of rooms and persons have in common: subjects told of by enterprises, which tie them in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from detectors.base import SubjectKind
from detectors.views import Tie
from monitor.cluster.hosts.board_items import SignalOutbox, bits_of
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.wire.boxes import Outbox
from monitor.cluster.wire.facts import Message, risky_out, tie_out
from monitor.cluster.wire.partitions import partition_of
from monitor.cluster.wire.texts import Named, Texts
from monitor.engine.judging import Judging
from monitor.stages.membership import MemberStage
from monitor.stages.names import Names
from monitor.store.snapshots import Frame

TIES: Final = "ties"
TIE, RISKY = "t", "r"
_CHUNK: Final = 2_048


class MemberHost(Host):
    """Subjects of one partition, each with the enterprises that told of themselves."""

    kind: SubjectKind
    view: str
    counted: str
    """What the read model counts its subjects as."""
    members: MemberStage[Any, Any]

    def __init__(self, partition: int, topics: Mapping[str, int], seed: int) -> None:
        """`seed`: the cluster's, for hashes."""
        self.sources = Names()
        super().__init__(partition, topics, self.sources)
        self._partitions = topics[self.topic]
        self.subjects = Named(seed)
        self.codes = Named(seed + 1)
        self._labels = Texts()
        self._later_labels: dict[int, str] = {}
        self.signals = SignalOutbox(
            self.outbox, self.kind, self.subjects.__getitem__, self.codes.__getitem__, self._label_of
        )
        self.judging = Judging(self.signals)
        self._bits = bits_of(self.view)

    @abstractmethod
    def take_in(self, message: Message, item: Any, sources: list[int]) -> None:
        """Takes in one item of a message; `sources`: this host's numbers by their places in it."""

    def apply(self, record: Record) -> None:
        """Takes in what enterprises say."""
        message = self.message(record)
        if message is None:
            return
        sources = [self.sources.number(name) if name else 0 for name in message.sources]
        for item in message.items:
            try:
                self.take_in(message, item, sources)
            except Exception:
                self.set_aside(record)

    def subject(self, key: str, label: str | None) -> int:
        """The number of a subject; the first label that is given stays."""
        number, new = self.subjects.number(key)
        if new:
            self._labels.add(label or "")
            self.totals["subjects", self.counted] += 1
        elif label and not self._label_of(number):
            self._later_labels[number] = label
        return number

    def _label_of(self, ref: int) -> str:
        return self._later_labels.get(ref) or self._labels[ref]

    def is_mine(self, key: str) -> bool:
        """Whether a key belongs to this partition."""
        return partition_of(key, self._partitions) == self.partition

    @property
    def waits(self) -> bool:
        """Whether something has not been judged or said yet."""
        return self.judging.due or self.some_left(self.members.dirty) or self.outbox.waits

    @property
    def latest(self) -> int:
        """Now as far as it is known here."""
        return self.judging.now

    def advance(self, now: int) -> None:
        """Now of the whole system has grown."""
        self.judging.now = max(self.judging.now, now)

    def judge(self) -> bool:
        """Judges some of the subjects that were touched."""
        self.judging.wake_due(self._wake)
        self.judging.run(self.stage, self.some(self.members.dirty), self.members.judge)
        return self.some_left(self.members.dirty)

    def _wake(self, kind: int, ref: int) -> None:
        self.members.dirty.add(ref)

    def resend(self) -> None:
        """What waits to be judged is said anew, withdrawals included."""
        self.judging.wake_due(self._wake)
        waiting = self.members.dirty.take()
        self.members.dirty.update(waiting)
        self.signals.pretend(waiting, self._bits)
        for ref in waiting:
            self.members.pretend_ties(ref)

    def parked_subjects(self) -> list[tuple[str, str, str, str]]:
        """The subjects that wait for a fix."""
        parked = self.judging.parked.items()
        return [(stage, self.kind, self.subjects[ref], reason) for (stage, ref), reason in parked]

    def try_again(self, request: int) -> None:
        """Parked subjects are judged once more."""
        super().try_again(request)
        self._retry_parked()

    def _retry_parked(self) -> None:
        self.members.dirty.update(ref for _, ref in self.judging.parked)

    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps."""
        yield from self.base_frames()
        yield "now", self.judging.now
        yield "sources", self.sources[1:]
        yield "subjects", self.subjects.dump()
        yield "codes", self.codes.dump()
        yield "labels", [self._labels.dump(), list(self._later_labels.items())]
        yield "wakes", self.judging.wakes
        yield "parked", [(stage, ref, reason) for (stage, ref), reason in self.judging.parked.items()]
        yield "signals", self.signals.dump()
        yield "tied", self.members.tied()
        rows = self.members.dump()
        while chunk := list(islice(rows, _CHUNK)):
            yield "members", chunk

    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""
        for name, payload in frames:
            if not self.load_base(name, payload):
                self.load_one(name, payload)
        self._retry_parked()

    def load_one(self, name: str, payload: Any) -> None:
        """Takes over one frame."""
        if name == "now":
            self.judging.now = payload
        elif name == "sources":
            for source in payload:
                self.sources.number(source)
        elif name == "subjects":
            self.subjects.load(payload)
        elif name == "codes":
            self.codes.load(payload)
        elif name == "labels":
            self._labels.load(payload[0])
            self._later_labels = dict(payload[1])
        elif name == "wakes":
            self.judging.wakes[:] = [(at, kind, ref) for at, kind, ref in payload]
        elif name == "parked":
            for stage, ref, reason in payload:
                self.judging.parked[stage, ref] = reason
        elif name == "signals":
            self.signals.load(payload)
        elif name == "tied":
            for ref, enterprises in payload:
                for enterprise in enterprises:
                    self.members.remember_tie(ref, enterprise)
        elif name == "members":
            self.members.load([(ref, record) for ref, record in payload])


def tell_tie(outbox: Outbox, codes: Named, enterprise: int, kind: int, key: str, tie: Tie | None) -> None:
    """Sends what a room (kind 0) or person (1) of a key tells an enterprise; None: nothing any more.

    Those at risk are often many and the same for all whom a subject ties: a message holds them once.
    """
    code = codes[enterprise]
    box = outbox.box(TIES, code)
    if tie is None:
        box.add((TIE, code, kind, key, None, 0))
        return
    place = box.shared.get(id(tie.risky)) if tie.risky else 0
    if place is None:
        place = box.add((RISKY, risky_out(tie, box.source, codes.__getitem__)), len(tie.risky))
        box.shared[id(tie.risky)] = place
        box.kept.append(tie.risky)
    box.add((TIE, code, kind, key, tie_out(tie, box.source, codes.__getitem__), place if tie.risky else -1))
