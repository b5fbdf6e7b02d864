"""When everything that had arrived has been applied everywhere: what a cut waits for (contract §5).

Every keeper announces how far it is: up to which offset all that follows has been said, and is with the brokers. So
the stages are gone through in the order of the flow. The ends of a stage's partitions are asked for once the stage
before has reached its own; whatever arrived before the first question is then, stage by stage, behind an end that was
waited for, and last of all in the database.

A new owner of a host says things again that are older than what was said, until it has caught up. So what was
announced counts only under the newest claim, and claims are looked at once more inside the transaction of the cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiokafka.errors import KafkaError

from monitor.cluster.brokers import AGAIN, NOW, KafkaBroker
from monitor.cluster.hosts.host import Progress
from monitor.cluster.keeper import Keeper

_EVERY: Final = 0.3
_POLL: Final = 0.05

WAVES: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (("intake", "intake"),),
    (("events", "enterprises"),),
    (("occupants", "rooms"), ("leaderships", "persons")),
    (("ties", "assessment"),),
)
"""Topics with the stages that read them, in the order of the flow. Only intake does not know Now."""

_unpack: Final = msgspec.msgpack.Decoder(Progress).decode


class Ends(Protocol):
    """Who knows where partitions end."""

    async def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offsets after the last messages of some partitions (topic, number)."""


class Announcing:
    """Hears how far all hosts are, and tells it of those of this worker."""

    def __init__(self, broker: KafkaBroker, keepers: Callable[[], Mapping[str, Keeper]]) -> None:
        """`keepers`: those of this worker by writer, at any moment."""
        self.heard: dict[str, Progress] = {}
        self.asked = 0
        """The newest request to try parked subjects again."""
        self._broker = broker
        self._keepers = keepers
        self._told: dict[str, Progress] = {}

    def hear(self, message: Any) -> None:
        """What a worker announced; of a writer the newest claim holds."""
        if message.key is None or message.key == NOW or not message.value:
            return
        if message.key == AGAIN:
            self.asked = max(self.asked, int(message.value))
            return
        found = _unpack(message.value)
        writer = message.key.decode()
        before = self.heard.get(writer)
        if before is None or found >= before:
            self.heard[writer] = found

    async def announce(
        self, should_stop: Callable[[], bool], patiently: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    ) -> None:
        """Tells how far the hosts here are, as they get further, until it is stopped."""
        while not should_stop():
            await asyncio.sleep(_EVERY)
            for writer, keeper in list(self._keepers().items()):
                if keeper.host.tried < self.asked:
                    await patiently(lambda keeper=keeper: self._try_again(keeper))  # type: ignore[misc]
                await patiently(lambda writer=writer, keeper=keeper: self._tell(writer, keeper))  # type: ignore[misc]

    async def _try_again(self, keeper: Keeper) -> None:
        """Parked subjects are judged once more; a host that lacks something is brought up again, as at a start."""
        if not keeper.host.whole:
            await keeper.begin()
        await keeper.call(lambda host, _: host.try_again(self.asked))

    async def _tell(self, writer: str, keeper: Keeper) -> None:
        found = await keeper.settled()
        if found is None or found == self._told.get(writer):
            return
        try:
            await self._broker.announce_progress(writer, msgspec.msgpack.encode(found))
        except KafkaError:
            return  # the next round tells it
        self._told[writer] = found


class Barrier:
    """Waits until what had arrived has been applied everywhere."""

    def __init__(
        self,
        broker: Ends,
        partitions: Mapping[str, int],
        heard: Mapping[str, Progress],
        claims: Mapping[str, int],
        stored: Callable[[], Awaitable[Mapping[int, int]]],
    ) -> None:
        """`partitions`: how many each topic has; `heard`: how far each writer is; `claims`: their newest epochs;
        `stored`: up to where each partition of `signals` is in the database.
        """
        self._broker = broker
        self._partitions = partitions
        self._heard = heard
        self._claims = claims
        self._stored = stored
        self._epochs: dict[str, int] = {}
        self.now = 0
        """Now of the log, as everything was worked out by at least."""
        self.log: dict[int, int] = {}
        """Up to where each partition of the log was waited for."""

    async def passed(self, should_stop: Callable[[], bool]) -> bool:
        """Returns once it is so; False where it is stopped before."""
        self._epochs = {}
        now = 0
        for place, wave in enumerate(WAVES):
            ends = await self._ends(topic for topic, _ in wave)
            writers = {f"{stage}/{number}": ends[topic, number] for topic, stage in wave for number in self._of(topic)}
            if not await self._wait(lambda w=writers, n=now: self._all(w, n), should_stop):  # type: ignore[misc]
                return False
            if place == 1:
                self.log = {number: ends["events", number] for number in self._of("events")}
                # What the log says of Now is known by those who have read it, and passed on to all.
                now = self.now = max(self._heard[writer].now for writer in writers)
                if not await self._wait(lambda w=writers, n=now: self._all(w, n), should_stop):  # type: ignore[misc]
                    return False
        return await self._is_stored(should_stop)

    async def _is_stored(self, should_stop: Callable[[], bool]) -> bool:
        """Waits until everything that was said is in the database."""
        ends = await self._ends(("signals",))
        while not should_stop():
            stored = await self._stored()
            if all(stored.get(number, 0) >= ends["signals", number] for number in self._of("signals")):
                return True
            await asyncio.sleep(_POLL)
        return False

    def _present(self, writer: str) -> Progress | None:
        """How far a writer is under its newest claim."""
        found = self._heard.get(writer)
        return None if found is None or found.epoch != self._claims.get(writer, found.epoch) else found

    async def tried(self, request: int, should_stop: Callable[[], bool]) -> bool:
        """Returns once every host has tried its parked subjects again, as the request of a number asks, and what came
        of it is in the database; False where it is stopped before.
        """
        writers = [f"{stage}/{number}" for wave in WAVES for topic, stage in wave for number in self._of(topic)]

        def all_did() -> bool:
            found = (self._present(writer) for writer in writers)
            return all(one is not None and one.tried >= request for one in found)

        return await self._wait(all_did, should_stop) and await self._is_stored(should_stop)

    def holds(self) -> bool:
        """Whether nobody has taken a host over since it was passed."""
        return all(self._claims.get(writer, epoch) == epoch for writer, epoch in self._epochs.items())

    def _all(self, writers: Mapping[str, int], now: int) -> bool:
        for writer, end in writers.items():
            found = self._present(writer)
            if found is None or found.next < end or found.now < now:
                return False
        self._epochs.update((writer, self._heard[writer].epoch) for writer in writers)
        return True

    async def _wait(self, is_so: Callable[[], bool], should_stop: Callable[[], bool]) -> bool:
        while not is_so():
            if should_stop():
                return False
            await asyncio.sleep(_POLL)
        return True

    async def _ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        return await self._broker.ends([(topic, number) for topic in topics for number in self._of(topic)])

    def _of(self, topic: str) -> range:
        return range(self._partitions[topic])
