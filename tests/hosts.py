"""A cluster in memory: the hosts and keepers of the product on topics that are lists, without a broker.

Messages are delivered in any interleaving, lost, delivered twice; hosts are taken over from their snapshots while the
owner before goes on for a while. What must come out is what one process finds.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from config.moments import as_text
from config.ruleset import Rules
from monitor.cluster.hosts.assessment_host import AssessmentHost
from monitor.cluster.hosts.board_items import SIGNAL, TOTALS
from monitor.cluster.hosts.enterprises_host import EnterprisesHost
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.hosts.intake_host import IntakeHost
from monitor.cluster.hosts.persons_host import PersonsHost
from monitor.cluster.hosts.rooms_host import RoomsHost
from monitor.cluster.keeper import Keeper
from monitor.cluster.snapshots import SnapshotStore
from monitor.cluster.wire.batches import PLACES, RAW, SOURCE
from monitor.cluster.wire.boxes import Outgoing
from monitor.cluster.wire.facts import decode_message
from monitor.cluster.wire.partitions import partition_of
from monitor.identifiers.pseudonyms import Pseudonymiser
from tests.engine import CLOCK, KEY, Signal

TOPICS = ("intake", "events", "occupants", "leaderships", "ties", "signals", "dead-letters")
STAGES = ("intake", "enterprises", "rooms", "persons", "assessment")
_places = msgspec.msgpack.Encoder().encode


class MemoryBroker:
    """Topics as lists of messages."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.epochs = 0
        self.refusing = 0
        """So many of the messages to come are refused."""

    async def send(self, message: Outgoing) -> asyncio.Future[None]:
        if self.refusing:
            self.refusing -= 1
            raise ConnectionError
        log = self.logs[message.topic, message.partition]
        log.append(Record(len(log), CLOCK, message.value))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def read(self, topic: str, partition: int, start: int) -> AsyncIterator[Record]:
        for record in self.logs[topic, partition][start:]:
            yield record

    async def claim(self, writer: str) -> int:
        self.epochs += 1
        return self.epochs


class MemoryCluster:
    """Every host of every partition, driven by chance."""

    def __init__(self, partitions: int, rules: Rules, store: SnapshotStore, chance: random.Random) -> None:
        self.partitions = partitions
        self.broker = MemoryBroker()
        self.rules, self.store, self.chance = rules, store, chance
        self.topics = dict.fromkeys(TOPICS, partitions)
        self.pseudonyms = Pseudonymiser([KEY])
        self.now = 0
        self.troubles = 0
        self.keepers = {(stage, one): self.keeper(stage, one) for stage in STAGES for one in range(partitions)}
        self.zombies: list[Keeper] = []
        self.coming: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]] = []

    def keeper(self, stage: str, partition: int) -> Keeper:
        makers: dict[str, Callable[[], Host]] = {
            "intake": lambda: IntakeHost(partition, self.topics, self.pseudonyms),
            "enterprises": lambda: EnterprisesHost(partition, self.topics, self.pseudonyms, 11),
            "rooms": lambda: RoomsHost(partition, self.topics, 12),
            "persons": lambda: PersonsHost(partition, self.topics, 13),
            "assessment": lambda: AssessmentHost(partition, self.topics, 14),
        }
        return Keeper(
            makers[stage],
            self.broker,
            self.store,
            self.rules,
            ({"state": "1"}, {"rules": "1"}),
            totals_seconds=0.0,
            saw_now=self._saw,
        )

    def _saw(self, now: int) -> None:
        self.now = max(self.now, now)

    def put(self, lines: Sequence[bytes], first: int = 1) -> None:
        """Lines onto the topic `intake`, by subject, some of them together, each with its number."""
        waiting: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for number, line in enumerate(lines, start=first):
            subject = _subject_of(line)
            if subject is None:
                self._put(self.chance.randrange(self.partitions), [(number, line)], alone=True)
                continue
            partition = partition_of(subject, self.partitions)
            waiting[partition].append((number, line))
            if self.chance.random() < 0.3:
                self._put(partition, waiting.pop(partition), alone=False)
        for partition, some in waiting.items():
            self._put(partition, some, alone=False)

    def _put(self, partition: int, some: Sequence[tuple[int, bytes]], *, alone: bool) -> None:
        value = some[0][1] if alone else b"[" + b",".join(line for _, line in some) + b"]"
        places = _places([(number, 0) for number, _ in some])
        raw = ((RAW, b"1"),) if alone else ()
        self.coming.append((partition, value, ((SOURCE, b"lines"), (PLACES, places), *raw)))

    def _arrive(self) -> bool:
        """Some messages reach the topic `intake`; whether there were any."""
        some = self.coming[: self.chance.randrange(1, 6)]
        del self.coming[: len(some)]
        for partition, value, headers in some:
            log = self.broker.logs["intake", partition]
            log.append(Record(len(log), CLOCK, value, headers))
        return bool(some)

    async def run(self, *, troubles: int) -> None:
        """Until nothing is left to do; `troubles`: how many things go wrong on the way."""
        self.troubles = troubles
        for keeper in self.keepers.values():
            await keeper.begin()
        quiet = 0
        while quiet < 3:
            busy = self._arrive()
            for place in self.chance.sample(sorted(self.keepers), len(self.keepers)):
                try:
                    busy = await self._step(place) or busy
                except ConnectionError:
                    busy = True
            if not busy:
                self.broker.refusing = 0
                for keeper in self.keepers.values():
                    await keeper.fill()
                    while await keeper.turn():
                        pass
                    keeper.advance(self.now)
                self.zombies.clear()
                quiet += 1
            else:
                quiet = 0

    async def _step(self, place: tuple[str, int]) -> bool:
        """Something at one host; whether there was anything."""
        chance, keeper = self.chance, self.keepers[place]
        if self.troubles and chance.random() < 0.05:
            self.troubles -= 1
            await self._trouble(place)
            keeper = self.keepers[place]
        # One that would take its host back is told first that it owns it no more: see `ClusterWorker._take_back`.
        self.zombies = [zombie for zombie in self.zombies if zombie.is_ready]
        for zombie in self.zombies:
            if chance.random() < 0.3:
                await self._deliver(zombie)
                await zombie.turn()
        busy = False
        for _ in range(chance.randrange(1, 5)):
            busy = await self._deliver(keeper) or busy
        if chance.random() < 0.7 or not busy:
            while await keeper.turn():
                busy = True
        if chance.random() < 0.5:
            keeper.advance(self.now)
        return busy

    async def _deliver(self, keeper: Keeper) -> bool:
        log = self.broker.logs[keeper.host.topic, keeper.host.partition]
        if keeper.next >= len(log):
            return False
        skipped = self.chance.choice((0,) * 18 + (1, 3))
        await keeper.take(log[min(keeper.next + skipped, len(log) - 1)])
        if self.chance.random() < 0.1:
            await keeper.take(log[self.chance.randrange(len(log))])
        return True

    async def _trouble(self, place: tuple[str, int]) -> None:
        """A snapshot, or a new owner beside or after the one before it."""
        chance, keeper = self.chance, self.keepers[place]
        if chance.random() < 0.4:
            await keeper.snapshot()
            return
        if chance.random() < 0.3:
            self.broker.refusing = chance.randrange(1, 4)
            return
        if chance.random() < 0.5:
            self.zombies.append(keeper)
        other = self.keepers[place] = self.keeper(*place)
        await other.begin()
        if self.zombies and chance.random() < 0.3:
            await chance.choice(self.zombies).snapshot()

    # -- what came out --------------------------------------------------------------------------------------------

    def signals(self) -> list[Signal]:
        """The signals in force, as whoever reads the topic knows them."""
        rows: dict[tuple[str, str, str], tuple[Any, str | None, set[str]]] = {}
        for item in self._items():
            if item[0] != SIGNAL:
                continue
            _, detector, _, kind, key, _, body, region, whole, changed = item
            name = detector, kind, key
            if body is None:
                rows.pop(name, None)
                continue
            members = rows[name][2] if whole is None else set(whole)
            for code, is_in in changed:
                (members.add if is_in else members.discard)(code)
            rows[name] = body, region, members
        return [
            {
                "detector": detector,
                "level": body[0],
                "value": body[1],
                "enterprises": sorted(members),
                "subject": {"kind": kind, "key": key},
                "region": region,
                "since": as_text(body[2]),
                "weak_identity": body[3],
            }
            for (detector, kind, key), (body, region, members) in rows.items()
        ]

    def totals(self) -> dict[tuple[str, str], int]:
        """The running totals over all hosts."""
        last: dict[str, list[Any]] = {}
        for writer, item in self._items_of_writers():
            if item[0] == TOTALS:
                last[writer] = item[1]
        summed: dict[tuple[str, str], int] = defaultdict(int)
        for rows in last.values():
            for name, label, value in rows:
                summed[name, label] += value
        return summed

    def dead(self) -> list[tuple[int, str]]:
        """Number and reason of every refused line."""
        found = set()
        for partition in range(self.partitions):
            for record in self.broker.logs["dead-letters", partition]:
                for item in decode_message(record.value).items:
                    found.add((item[1], item[4]))
        return sorted(found)

    def _items(self) -> Iterable[Any]:
        return (item for _, item in self._items_of_writers())

    def _items_of_writers(self) -> Iterable[tuple[str, Any]]:
        """What the board takes in: messages of a replaced writer are left out."""
        for partition in range(self.partitions):
            fences: dict[str, int] = {}
            for record in self.broker.logs["signals", partition]:
                message = decode_message(record.value)
                if message.epoch < fences.get(message.writer, 0):
                    continue
                fences[message.writer] = message.epoch
                for item in message.items:
                    yield message.writer, item


def _subject_of(line: bytes) -> str | None:
    """The subject of a line that can stand in a JSON array without harm to its neighbours."""
    try:
        subject = json.loads(line.decode())["subject"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return subject if isinstance(subject, str) and subject.isascii() else None
