"""The single count by the discipline of the engine, as a program of its own: a host, its keepers, and a Faust app.

`python -m benchmarks.cluster.counting BOOTSTRAP PREFIX EVENTS FOLDER`: batches come as messages; the counts are kept
with the next offset in snapshots; what is delivered again is dropped and what is not delivered is read; every count
that changed is told to the topic `counts` as an absolute value. It may be killed at any moment and started again.
It tells what it took when everything is counted and kept, and works on.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import faust
import msgspec

from benchmarks.cluster.counted import BATCHES, BOARD, COUNTS, FENCES, PARTITIONS
from benchmarks.cluster.meter import Meter
from config.ruleset import Rules, load
from config.settings import Settings
from monitor.cluster.brokers import KafkaBroker, record_from_faust
from monitor.cluster.connection import Connection
from monitor.cluster.hosts.host import AT_ONCE, Host, Record
from monitor.cluster.keeper import Keeper
from monitor.cluster.snapshots import SnapshotStore
from monitor.store.snapshots import Frame

_SNAPSHOT_SECONDS: Final = 1.0
_LOOK: Final = 0.1
_CHUNK: Final = 50_000


class _Address(msgspec.Struct):
    text: str


class _Data(msgspec.Struct):
    address: _Address


class _Opened(msgspec.Struct):
    data: _Data


_decode = msgspec.json.Decoder(list[_Opened]).decode


def addresses_in(value: bytes) -> list[str]:
    """The address of each event in a message."""
    return [event.data.address.text for event in _decode(value)]


class CountHost(Host):
    """Counts enterprises by address for one partition."""

    stage = "count"
    topic = BATCHES

    def __init__(self, partition: int, topics: Mapping[str, int]) -> None:
        """An empty one."""
        super().__init__(partition, topics, [""])
        self.counts: Counter[str] = Counter()
        self.seen = 0
        self._touched: set[str] = set()

    def apply(self, record: Record) -> None:
        """Counts the events of a message."""
        try:
            addresses = addresses_in(record.value)
        except msgspec.DecodeError:
            self.unreadable(record)
            return
        self.seen += len(addresses)
        self.counts.update(addresses)
        self._touched.update(addresses)

    def use(self, rules: Rules, *, anew: bool) -> None:
        """A count has no rules."""
        if anew:
            self._touched.update(self.counts)

    @property
    def waits(self) -> bool:
        """Whether a count has not been told yet."""
        return bool(self._touched) or self.outbox.waits

    def judge(self) -> bool:
        """Tells some of the counts that changed."""
        touched = self._touched
        for _ in range(min(AT_ONCE, len(touched))):
            address = touched.pop()
            self.outbox.box(COUNTS, address).add((address, self.counts[address]))
        return bool(touched)

    def resend(self) -> None:
        """What waits is told whatever was told before."""

    def advance(self, now: int) -> None:
        """A count does not ask for Now."""

    def frames(self) -> Iterator[Frame]:
        """The counts."""
        yield from self.base_frames()
        rows = iter(self.counts.items())
        while chunk := list(islice(rows, _CHUNK)):
            yield "counts", chunk

    def load(self, frames: Iterable[Frame]) -> None:
        """Takes over what `frames` gave."""
        for name, payload in frames:
            if not self.load_base(name, payload):
                self.counts.update(dict(payload))
        self.seen = self.counts.total()


class CountWorker:
    """A Faust app that gives the messages to keepers, as `monitor.cluster.worker` does."""

    def __init__(self, bootstrap: str, prefix: str, events: int, folder: Path, meter: Meter) -> None:
        """Nothing is connected yet."""
        self._events = events
        self._meter = meter
        self._partitions = {COUNTS: PARTITIONS, BOARD: PARTITIONS}
        self._topic = f"{prefix}{BATCHES}"
        self._store = SnapshotStore(str(folder / "snapshots"))
        connection = Connection.of(Settings(kafka_bootstrap=bootstrap))
        named = {short: f"{prefix}{short}" for short in (BATCHES, COUNTS, BOARD, FENCES)}
        self._broker = KafkaBroker(connection, named, "benchmark")
        self._keepers: dict[int, Keeper] = {}
        self._working: list[asyncio.Task[None]] = []
        self._started = asyncio.Event()
        self.app = self._app(connection, f"{prefix}counting", folder)

    def _app(self, connection: Connection, group: str, folder: Path) -> faust.App:
        app = faust.App(
            group,
            **connection.for_faust(),
            store="memory://",
            datadir=str(folder),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1,
            broker_request_timeout=20,
            broker_commit_interval=2,
            stream_buffer_maxsize=32,
            stream_wait_empty=False,
            consumer_auto_offset_reset="earliest",
            worker_redirect_stdouts=False,
        )
        topic = app.topic(self._topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(topic)(self._count)
        connections: tuple[tuple[Any, Any], ...] = (
            (app.on_partitions_assigned, self._assigned),
            (app.on_partitions_revoked, self._end),
            (app.on_before_shutdown, self._ending),
        )
        for signal, receiver in connections:
            signal.connect(receiver, weak=False)
        app.task(self._watch)
        return app

    async def _count(self, stream: Any) -> None:
        async for event in stream.events():
            await self._started.wait()
            keeper = self._keepers.get(event.message.partition)
            if keeper is not None:
                await keeper.take(record_from_faust(event.message))

    async def _assigned(self, app: Any, assigned: Any, **_: Any) -> None:
        for one in assigned:
            if one.topic == self._topic and one.partition not in self._keepers:
                keeper = self._keepers[one.partition] = self._keeper(one.partition)
                self._working.append(asyncio.create_task(self._run(keeper)))

    def _keeper(self, partition: int) -> Keeper:
        return Keeper(
            lambda: CountHost(partition, self._partitions),
            self._broker,
            self._store,
            load(),
            ({"state": "1"}, {"judged": "1"}),
            snapshot_seconds=_SNAPSHOT_SECONDS,
        )

    async def _run(self, keeper: Keeper) -> None:
        await self._started.wait()
        await keeper.begin()
        await keeper.work(lambda: bool(self.app.should_stop))

    async def _watch(self) -> None:
        """Connects, and tells when everything is counted and kept."""
        await self._broker.start()
        while len(self._keepers) < PARTITIONS:
            await asyncio.sleep(_LOOK)
        self._meter.begin()
        self._started.set()
        while sum(self._counted()) < self._events:
            await asyncio.sleep(_LOOK)
        keepers = list(self._keepers.values())
        await asyncio.gather(*(keeper.end() for keeper in keepers))
        gaps, drops = sum(keeper.gaps for keeper in keepers), sum(keeper.drops for keeper in keepers)
        self._meter.end(gaps=gaps, drops=drops)

    def _counted(self) -> Iterator[int]:
        for keeper in self._keepers.values():
            if keeper.is_ready and isinstance(keeper.host, CountHost):
                yield keeper.host.seen

    async def _end(self, app: Any = None, *_: Any, **__: Any) -> None:
        keepers, self._keepers = list(self._keepers.values()), {}
        await asyncio.gather(*(keeper.end() for keeper in keepers))

    async def _ending(self, app: Any = None, **_: Any) -> None:
        await self._end()
        for task in self._working:
            task.cancel()
        await self._broker.stop()


def main(arguments: Sequence[str]) -> None:
    """Runs the worker."""
    bootstrap, prefix, events, folder = arguments
    meter = Meter()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = CountWorker(bootstrap, prefix, int(events), Path(folder), meter)
    faust.Worker(worker.app, loop=loop, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1:])
