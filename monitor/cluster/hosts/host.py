"""What the hosts of stages have in common: one host is one stage of the topology for one partition.

A host is a pure function of the messages it is given, in the order of their offsets: it knows no broker, no clock
and no database. Whoever keeps it (`monitor.cluster.keeper`) brings the messages, sends what it says, and keeps its
snapshots.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from config.ruleset import Rules
from monitor.cluster.hosts.board_items import tell_parked, tell_totals
from monitor.cluster.wire.boxes import Outbox, Outgoing
from monitor.cluster.wire.facts import Message, decode_message
from monitor.stages.touched import Touched
from monitor.store.snapshots import Frame

log = logging.getLogger(__name__)

_TELL_DEFECTS: Final = 10
AT_ONCE: Final = 2_000
"""So many subjects are judged before others get their turn."""


class Record(NamedTuple):
    """A message as Kafka has it; `moment`: its timestamp in microseconds since 1970."""

    offset: int
    moment: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Progress(NamedTuple):
    """How far a host is: under which epoch, the offset after the last message whose consequences are all said, Now as
    they were worked out by, and the newest request to try parked subjects again that was followed.
    """

    epoch: int
    next: int
    now: int
    tried: int = 0


class Host(ABC):
    """One stage for one partition."""

    stage: str
    topic: str
    """The topic whose messages come in."""

    def __init__(self, partition: int, topics: Mapping[str, int], names: Sequence[str]) -> None:
        """`topics`: how many partitions each topic has; `names`: the host's sources by number, growing."""
        self.partition = partition
        self.outbox = Outbox(f"{self.stage}/{partition}", topics, names)
        self.totals: Counter[tuple[str, str]] = Counter()
        self.refused = 0
        """Messages of a writer that is no longer the owner of its partition."""
        self.tried = 0
        """The newest request to try parked subjects again that was followed."""
        self._queue = array("I")
        self._set_aside = 0
        self._fences: dict[str, int] = {}
        self._told_totals: Counter[tuple[str, str]] = Counter()
        self._told_parked: list[tuple[str, str, str, str]] | None = None

    # -- what every stage does in its own way ---------------------------------------------------------------------

    @abstractmethod
    def apply(self, record: Record) -> None:
        """Takes in a message; what follows from it waits for `judge`. Never raises for what the message holds."""

    @abstractmethod
    def use(self, rules: Rules, *, anew: bool) -> None:
        """The rules by which judging goes on; `anew`: everything is judged again by them."""

    @property
    @abstractmethod
    def waits(self) -> bool:
        """Whether something has not been judged or said yet."""

    @abstractmethod
    def judge(self) -> bool:
        """Works out some of what follows; whether something is left."""

    @abstractmethod
    def resend(self) -> None:
        """What waits to be judged is said anew, withdrawals included, whatever was said of it before."""

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps of the stage."""

    @abstractmethod
    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""

    # -- what is the same in all ----------------------------------------------------------------------------------

    @property
    def whole(self) -> bool:
        """Whether the state holds all that the messages said, so that a snapshot may be taken of it."""
        return not self._set_aside

    @property
    def latest(self) -> int:
        """Now as far as this host knows it."""
        return 0

    @abstractmethod
    def advance(self, now: int) -> None:
        """Now of the whole system has grown."""

    @property
    def totals_wait(self) -> bool:
        """Whether totals have changed since they were said."""
        return dict.__ne__(self.totals, self._told_totals)  # Counter's own compares one by one

    def take(self, epoch: int, *, totals: bool) -> list[Outgoing]:
        """Everything to be sent, with it parked subjects where they changed, and `totals` where asked."""
        if totals and self.totals_wait:
            tell_totals(self.outbox, self.totals)
            self._told_totals = Counter(self.totals)
        parked = self.parked_subjects()
        if parked != self._told_parked:
            tell_parked(self.outbox, parked)
            self._told_parked = parked
        return self.outbox.take(epoch, self.latest)

    def parked_subjects(self) -> list[tuple[str, str, str, str]]:
        """(stage, kind, key, reason) of the subjects that wait for a fix."""
        return []

    def try_again(self, request: int) -> None:
        """Parked subjects are judged once more, where there are any, as the request of this number asks."""
        self.tried = max(self.tried, request)

    def progress(self, epoch: int, following: int) -> Progress:
        """How far it is, under an epoch, where nothing before the offset `following` is left to be said."""
        return Progress(epoch, following, self.latest, self.tried)

    def message(self, record: Record) -> Message | None:
        """The message of another host, or None where it cannot be read or its writer has been replaced."""
        try:
            message = decode_message(record.value)
        except Exception:
            self.unreadable(record)
            return None
        known = self._fences.get(message.writer, 0)
        if message.epoch < known:
            self.refused += 1
            return None
        self._fences[message.writer] = message.epoch
        self.advance(message.now)
        return message

    def set_aside(self, record: Record) -> None:
        """A part of a message brought out a defect of ours, just raised: the rest goes on without it. No snapshot is
        taken of such a state: after the fix a restart reads the message again.
        """
        self._set_aside += 1
        self.totals["defects", self.stage] += 1
        if self._set_aside <= _TELL_DEFECTS:
            log.exception(
                "程序缺陷，该条事实暂未计入 / a defect: a fact in %s/%d at offset %d is set aside",
                self.topic,
                self.partition,
                record.offset,
            )

    def unreadable(self, record: Record) -> None:
        """A message of no known form: only the monitor writes what hosts read, so somebody else did."""
        self.totals["unreadable_messages", self.stage] += 1
        log.error(
            "主题 %s 分区 %d 偏移 %d 的消息无法读取，已略过；只有监测系统可写此主题 / "
            "topic %s, partition %d, offset %d: a message that cannot be read is left out; only the monitor may "
            "write this topic",
            *(self.topic, self.partition, record.offset) * 2,
        )

    def some(self, dirty: Touched) -> array[int]:
        """The next of the subjects that wait to be judged, at most AT_ONCE; see `some_left`."""
        if not self._queue:
            self._queue = dirty.take()
        taken, self._queue = self._queue[:AT_ONCE], self._queue[AT_ONCE:]
        return taken

    def some_left(self, dirty: Touched) -> bool:
        """Whether subjects still wait to be judged."""
        return bool(self._queue or dirty)

    def base_frames(self) -> Iterator[Frame]:
        """What a snapshot keeps of every host."""
        yield "fences", self._fences
        yield "totals", [(name, label, value) for (name, label), value in self.totals.items()]

    def load_base(self, name: str, payload: Any) -> bool:
        """Takes over one of `base_frames`; whether it was one."""
        if name == "fences":
            self._fences = dict(payload)
        elif name == "totals":
            self.totals = Counter({(one, label): value for one, label, value in payload})
        else:
            return False
        return True
