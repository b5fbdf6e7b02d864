"""One streaming worker: a Faust app with an agent for each stage, and keepers that make its deliveries exact.

Faust divides the partitions among the workers and delivers messages. Its acknowledgement and its commits are hints:
what counts as done is what a host's newest snapshot holds, and what the read model has in its tables. No exception
reaches Faust: it would acknowledge and drop the message.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError

from monitor.addresses import NORMALISER_VERSION
from monitor.cluster.brokers import KafkaBroker, record_from_faust
from monitor.cluster.fetching import fetch_rarely
from monitor.cluster.hosts.assessment_host import AssessmentHost
from monitor.cluster.hosts.board import BoardKeeper
from monitor.cluster.hosts.enterprises_host import EnterprisesHost
from monitor.cluster.hosts.groupcommit import GroupCommit
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.hosts.intake_host import IntakeHost
from monitor.cluster.hosts.persons_host import PersonsHost
from monitor.cluster.hosts.rooms_host import RoomsHost
from monitor.cluster.keeper import DefectError, Keeper, RetentionError, UnsentError, VersionError
from monitor.cluster.modelling.process import ModelsProcess
from monitor.cluster.pace import Pace
from monitor.cluster.plan import Plan
from monitor.cluster.snapshots import SnapshotStore
from monitor.cluster.supervision.barrier import Announcing
from monitor.cluster.supervision.book import TOPIC as SUPERVISION
from monitor.cluster.supervision.book import SupervisionBook
from monitor.cluster.supervision.keeper import SupervisionKeeper
from monitor.cluster.ticking import Pulse
from monitor.cluster.wire.keys import seed_of
from monitor.engine.state import judgement_versions
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.errors import StoreError
from monitor.store.postgresql.readmodel import ReadModel

log = logging.getLogger(__name__)

CLUSTER_STATE: Final = 4
"""Raised whenever hosts keep their state, or say their facts, in another way."""

BOARDS: Final = ("signals", "dead-letters")
SESSION_SECONDS: Final = 6.0
_SUPERSEDED_SECONDS: Final = 10.0
"""A host whose place was claimed by another waits so long before it claims it back, if it is still its owner then: a
worker that was frozen has learnt by that time that it is none.
"""
_LAST_LOOK: Final = 2.0
_ENDING_SECONDS: Final = 3.5
_GIVING_UP_SECONDS: Final = 8.0

AnyKeeper = Keeper | BoardKeeper | SupervisionKeeper


class ClusterWorker:
    """A worker; `app` is its Faust app. `failed` is why it stopped, where it had to."""

    def __init__(self, plan: Plan, pseudonyms: Pseudonymiser, model: ReadModel) -> None:
        """Nothing is connected yet."""
        self.plan = plan
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self.broker = KafkaBroker(plan.connection, plan.topics, self.name)
        self.keepers: dict[tuple[str, int], AnyKeeper] = {}
        self.failed: Exception | None = None
        self.tails = 0
        """How often messages were read that nobody delivered."""
        self.ends: dict[tuple[str, int], int] = {}
        """By topic and partition: the offset after the last message, as it was seen last."""
        self.stored_after: Callable[[float], None] = lambda seconds: None
        self._model = model
        self._group = GroupCommit(model)
        self._pace = Pace()
        self._pseudonyms = pseudonyms
        self._seed = seed_of(pseudonyms)
        self._store = SnapshotStore(plan.snapshots)
        self._versions = {
            "state": str(CLUSTER_STATE),
            "normaliser": NORMALISER_VERSION,
            "pseudonyms": pseudonyms.fingerprint,
        }
        self._short = {full: short for short, full in plan.topics.items()}
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._background: list[asyncio.Task[None]] = []
        self._claims: dict[str, int] = {}
        self._started = asyncio.Event()
        self.pulse = Pulse(self.broker, lambda: [one for one in self.keepers.values() if isinstance(one, Keeper)])
        self.announcing = Announcing(self.broker, self._ready_ones)
        self.app = self._app()

    @property
    def is_started(self) -> bool:
        """Whether it is connected."""
        return self._started.is_set()

    def _hear(self, message: Any) -> None:
        self.pulse.hear(message)
        self.announcing.hear(message)

    def _ready_ones(self) -> dict[str, Keeper]:
        return {one.writer: one for one in self.keepers.values() if isinstance(one, Keeper)}

    # -- what Faust calls -----------------------------------------------------------------------------------------

    def _app(self) -> faust.App:
        plan = self.plan
        app = faust.App(
            plan.group,
            **plan.connection.for_faust(),
            store="memory://",
            datadir=plan.scratch,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=1,
            broker_request_timeout=20,
            broker_commit_interval=2,
            stream_buffer_maxsize=32,
            stream_wait_empty=False,
            consumer_auto_offset_reset="earliest",
            worker_redirect_stdouts=False,
        )
        fetch_rarely(app)
        for short in ("intake", "events", "occupants", "leaderships", "ties", *BOARDS, SUPERVISION):
            topic = app.topic(
                plan.topics[short],
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
            )
            app.agent(topic, name=f"credit-monitor.{short}")(self._agent(short))
        connections: tuple[tuple[Any, Any], ...] = (
            (app.on_partitions_assigned, self._assigned),
            (app.on_partitions_revoked, self._revoked),
            (app.on_before_shutdown, self._ending),
        )
        for signal, receiver in connections:
            signal.connect(receiver, weak=False)
        app.task(self._begin)
        return app

    def _agent(self, short: str) -> Callable[[Any], Awaitable[None]]:
        async def consume(stream: Any) -> None:
            async for event in stream.events():
                await self._deliver(short, event.message.partition, record_from_faust(event.message))

        return consume

    async def _begin(self, app: Any = None) -> None:
        """Everything beside the agents: connections, Now, claims, ticks."""
        try:
            await self.broker.start()
        except KafkaError as error:
            self._fail(error)
            return
        seen, claimed = asyncio.Event(), asyncio.Event()
        for task in (
            self.broker.follow("clock", self._hear, seen),
            self.broker.follow("fences", self._claim_seen, claimed),
        ):
            self._background.append(asyncio.create_task(task))
        await seen.wait()
        await claimed.wait()
        self._background += [
            asyncio.create_task(self.pulse.beat(self._should_stop)),
            asyncio.create_task(self._look_for_tails()),
            asyncio.create_task(self._tick()),
            asyncio.create_task(self.announcing.announce(self._should_stop, self._patiently)),
        ]
        self._started.set()

    async def _assigned(self, app: Any, assigned: Any, **_: Any) -> None:
        """Keepers for the partitions of this worker; each takes its host over on its own."""
        for place in self._places(assigned):
            if place not in self.keepers:
                keeper = self.keepers[place] = self._keeper(*place)
                self._tasks[place] = asyncio.create_task(self._run(place, keeper))

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        """Partitions go to another worker: what they know is kept first. Faust waits for this."""
        await self._let_go(self._places(revoked))

    async def _ending(self, app: Any = None, **_: Any) -> None:
        await self._let_go(list(self.keepers))
        for task in self._background:
            task.cancel()
        await self.broker.stop()

    def _places(self, partitions: Any) -> list[tuple[str, int]]:
        return [(self._short[one.topic], one.partition) for one in partitions if one.topic in self._short]

    # -- keepers --------------------------------------------------------------------------------------------------

    def _keeper(self, short: str, partition: int) -> AnyKeeper:
        plan = self.plan
        if short == SUPERVISION:
            return self._supervision()
        if short in BOARDS:
            return BoardKeeper(
                short,
                partition,
                self.broker,
                self._model,
                self._group,
                self._pace,
                self._should_stop,
                lambda took: self.stored_after(took),
            )
        return Keeper(
            lambda: self._host(short, partition),
            self.broker,
            self._store,
            plan.rules,
            (self._versions, judgement_versions(plan.rules.content_hash)),
            snapshot_seconds=plan.snapshot_seconds,
            pace=self._pace,
            saw_now=self.pulse.saw,
        )

    def _supervision(self) -> SupervisionKeeper:
        plan = self.plan
        models = ModelsProcess(plan.models)
        parts = plan.rules, plan.cards, plan.officers, plan.partitions["events"], models.store
        return SupervisionKeeper(
            SupervisionBook(self._model.engine, *parts),
            models,
            self.broker,
            plan.partitions,
            self.announcing.heard,
            self._claims,
            self._pseudonyms.generation,
            self._should_stop,
        )

    def _host(self, short: str, partition: int) -> Host:
        topics = self.plan.partitions
        if short == "intake":
            return IntakeHost(partition, topics, self._pseudonyms)
        if short == "events":
            return EnterprisesHost(partition, topics, self._pseudonyms, self._seed)
        kinds: dict[str, Callable[..., Host]] = {
            "occupants": RoomsHost,
            "leaderships": PersonsHost,
            "ties": AssessmentHost,
        }
        return kinds[short](partition, topics, self._seed)

    async def _run(self, place: tuple[str, int], keeper: AnyKeeper) -> None:
        """Takes a host over and works until the partition goes."""
        await self._started.wait()
        if isinstance(keeper, Keeper):
            await self._patiently(keeper.begin)
            if place == ("intake", 0):
                await self._patiently(lambda: keeper.call(self._activate))
        else:
            await self._patiently(keeper.fill)
        await self._patiently(lambda: keeper.work(self._should_stop))

    async def _deliver(self, short: str, partition: int, record: Record) -> None:
        """A message of Faust for the keeper of its partition."""
        await self._started.wait()
        keeper = self.keepers.get((short, partition))
        if keeper is not None:  # else the partition has just gone: its next owner reads it again
            await self._patiently(lambda: keeper.take(record))

    async def _patiently(self, do: Callable[[], Awaitable[None]]) -> None:
        """Waits for brokers that are away; whatever cannot be waited out ends the worker, without acknowledging."""
        while True:
            try:
                await do()
                return
            except (KafkaError, ConnectionError, TimeoutError) as error:
                log.warning("Kafka 暂不可用，稍后再试 / the brokers are away, trying again: %r", error)
                await asyncio.sleep(1)
            except (RetentionError, VersionError, DefectError, UnsentError, StoreError) as error:
                self._fail(error)
            except Exception as error:
                log.exception("程序缺陷，进程停止 / a defect: the worker stops")
                self._fail(error)
            if self._should_stop():
                await asyncio.Event().wait()  # until the loop ends: returning would acknowledge the message

    async def _let_go(self, places: list[tuple[str, int]]) -> None:
        gone = [(place, self.keepers.pop(place)) for place in places if place in self.keepers]

        async def end(place: tuple[str, int], keeper: AnyKeeper) -> None:
            task = self._tasks.pop(place)
            try:
                await asyncio.wait_for(keeper.end(), _ENDING_SECONDS)
            except Exception as error:
                log.warning(
                    "分区 %s/%d 未能保存，接手者将补读 / not kept, its next owner reads more: %r", *place, error
                )
            task.cancel()

        await asyncio.gather(*(end(place, keeper) for place, keeper in gone))

    # -- beside ---------------------------------------------------------------------------------------------------

    def _should_stop(self) -> bool:
        return self.failed is not None or bool(self.app.should_stop)

    def _fail(self, error: Exception) -> None:
        if self.failed is None:
            self.failed = error
            log.error("%s", error)
            self._background.append(asyncio.get_running_loop().create_task(self._give_up(error)))

    async def _give_up(self, error: Exception) -> None:
        """Ends the process: in order if that can be, but it ends. Messages that wait are not acknowledged."""
        try:
            await asyncio.wait_for(self._let_go(list(self.keepers)), _GIVING_UP_SECONDS)
        except Exception as trouble:
            log.debug("not in order: %r", trouble)
        print(f"credit-monitor: {error}", file=sys.stderr, flush=True)
        os._exit(1)  # agents hold their messages, and the framework would wait for them

    def _claim_seen(self, message: Any) -> None:
        """Somebody took over a host: where it is one of ours, its keeper has to take it back, if it is still ours."""
        writer, epoch = message.key.decode(), message.offset + 1
        self._claims[writer] = epoch
        for place, keeper in self.keepers.items():
            if isinstance(keeper, Keeper) and keeper.writer == writer and 0 < keeper.epoch < epoch:
                self._background.append(asyncio.create_task(self._take_back(place, keeper)))

    async def _take_back(self, place: tuple[str, int], keeper: Keeper) -> None:
        await asyncio.sleep(_SUPERSEDED_SECONDS)
        if self.keepers.get(place) is keeper and keeper.epoch < self._claims[keeper.writer]:
            log.warning("%s 曾被他人接管，重新接管 / was taken over meanwhile, and is taken back", keeper.writer)
            await self._patiently(keeper.begin)

    async def _look_for_tails(self) -> None:
        """A last message that Faust lost has no follower to show the gap, and after some rebalances Faust delivers
        nothing more: the brokers are asked for the ends every two seconds, and what is there is read.
        """
        while True:
            await asyncio.sleep(_LAST_LOOK)
            try:
                self.ends = await self.broker.ends(list(self.keepers))
            except (KafkaError, OSError) as error:
                log.debug("no ends: %r", error)
                continue
            for place, keeper in list(self.keepers.items()):
                behind = self.ends.get(place, 0) > keeper.next >= 0
                if behind and keeper.next == keeper.seen_next and self.keepers.get(place) is keeper:
                    self.tails += 1
                    await self._patiently(keeper.fill)
                keeper.seen_next = keeper.next

    async def _tick(self) -> None:
        """A live monitor logs once a minute that time has passed."""
        while self.plan.tick_seconds:
            await asyncio.sleep(self.plan.tick_seconds)
            keeper = self.keepers.get(("intake", 0))
            if isinstance(keeper, Keeper):
                await self._patiently(lambda keeper=keeper: keeper.call(_tick))  # type: ignore[misc]

    def _activate(self, host: Host, epoch: int) -> None:
        if isinstance(host, IntakeHost):
            plan, now = self.plan, self.pulse.clock()
            host.activate(plan.rules, plan.officer, self.pulse.now, now, epoch)
            if plan.live:
                host.go_live(plan.officer, self.pulse.now, now, epoch)


def _tick(host: Host, epoch: int) -> None:
    if isinstance(host, IntakeHost):
        host.tick(Pulse.clock())
