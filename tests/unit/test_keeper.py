"""Keepers and hosts where something is wrong: a defect in a stage, foreign messages, damaged or replaced snapshots."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from monitor.cluster.brokers import KafkaBroker
from monitor.cluster.hosts.assessment_host import AssessmentHost
from monitor.cluster.hosts.enterprises_host import EnterprisesHost
from monitor.cluster.hosts.host import Host, Record
from monitor.cluster.hosts.intake_host import IntakeHost
from monitor.cluster.hosts.persons_host import PersonsHost
from monitor.cluster.hosts.rooms_host import RoomsHost
from monitor.cluster.keeper import DefectError, Keeper, RetentionError, UnsentError, VersionError
from monitor.cluster.snapshots import SnapshotStore
from monitor.cluster.ticking import Pulse
from monitor.cluster.topics import TOPICS
from monitor.stages.assessment import Assessment
from monitor.stages.enterprises import Enterprises
from monitor.stages.persons import Persons
from monitor.stages.rooms import Rooms
from monitor.store.snapshots import SnapshotError
from monitor.topology import TOPOLOGY
from tests.engine import CLOCK, Engine, differences, shipped_rules
from tests.hosts import MemoryCluster
from tests.reference import cases

SEED = 12


def store() -> SnapshotStore:
    return SnapshotStore(f"memory://{uuid4().hex}")


def cluster_of(kept: SnapshotStore, partitions: int = 2) -> MemoryCluster:
    return MemoryCluster(partitions, shipped_rules(), kept, random.Random(SEED))


def run(cluster: MemoryCluster) -> MemoryCluster:
    asyncio.run(cluster.run(troubles=0))
    return cluster


def parked(cluster: MemoryCluster) -> list[tuple[str, str]]:
    """(stage, key) of every subject that waits for a fix."""
    return [(one[0], one[2]) for keeper in cluster.keepers.values() for one in keeper.host.parked_subjects()]


@pytest.mark.parametrize("stage", [Enterprises, Rooms, Persons, Assessment])
def test_a_subject_that_makes_a_stage_raise(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = cases.make_case(SEED, 60)
    wanted = Engine().take(lines).signals()
    right = stage.judge
    broken: set[int] = set()

    def judge(self: Any, ref: int, now: int) -> None:
        if not broken:
            broken.add(ref)
        if ref in broken:
            raise ValueError("an injected defect")
        right(self, ref, now)

    cluster = cluster_of(store())
    cluster.put(lines)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "judge", judge)
        run(cluster)
        names = {one[0] for one in parked(cluster)}
        assert names == {stage.__name__.lower()}
        missing = differences(cluster.signals(), wanted).splitlines()
        assert len(missing) < len(wanted) / 4  # everything else goes on

    async def after_the_fix() -> None:
        for place, keeper in list(cluster.keepers.items()):
            await keeper.snapshot()
            cluster.keepers[place] = cluster.keeper(*place)
        await cluster.run(troubles=0)

    asyncio.run(after_the_fix())
    assert parked(cluster) == []
    assert not differences(cluster.signals(), wanted)


def test_an_event_that_cannot_be_filed_keeps_its_host_from_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = cases.make_case(SEED, 50)
    wanted = Engine().take(lines).signals()
    cluster = cluster_of(store(), partitions=1)
    cluster.put(lines)
    with monkeypatch.context() as patch:
        patch.setattr("monitor.engine.filing.normalise", lambda text, region: 1 / 0)
        run(cluster)
        keeper = cluster.keepers["enterprises", 0]
        assert not keeper.host.whole
        asyncio.run(keeper.snapshot())
        assert keeper.kept == -1

    async def after_the_fix() -> None:
        cluster.keepers["enterprises", 0] = cluster.keeper("enterprises", 0)
        await cluster.run(troubles=0)

    asyncio.run(after_the_fix())
    assert not differences(cluster.signals(), wanted)


@pytest.mark.parametrize("topic", ["events", "occupants", "leaderships", "ties"])
def test_messages_of_somebody_else(topic: str) -> None:
    lines = cases.make_case(SEED, 50)
    cluster = cluster_of(store())
    log = cluster.broker.logs[topic, 0]
    for value in (b"", b"not of ours", b"\x95\xa1x\x01\x00\x90\x91\x01"):
        log.append(Record(len(log), 0, value))
    cluster.put(lines)
    run(cluster)
    assert not differences(cluster.signals(), Engine().take(lines).signals())
    assert sum(value for (name, _), value in cluster.totals().items() if name == "unreadable_messages") >= 2


def test_messages_that_retention_has_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(store())

    async def read(topic: str, partition: int, start: int) -> AsyncIterator[Record]:
        for lost in (topic,):
            raise RetentionError(lost)
        yield Record(0, 0, b"")

    monkeypatch.setattr(cluster.broker, "read", read)
    with pytest.raises(RetentionError):
        asyncio.run(cluster.keeper("rooms", 0).begin())


def test_a_defect_in_the_same_message_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(store(), partitions=1)
    keeper = cluster.keepers["rooms", 0]

    def fail(record: Record) -> None:
        raise MemoryError

    async def deliver() -> None:
        await keeper.begin()
        cluster.broker.logs["occupants", 0].append(Record(0, 0, b""))
        monkeypatch.setattr(type(keeper.host), "apply", lambda host, record: fail(record))
        await keeper.take(Record(0, 0, b""))

    with pytest.raises((DefectError, MemoryError)):
        asyncio.run(deliver())
    assert keeper.next == 0


# --- snapshots


def test_a_snapshot_of_another_version_is_refused() -> None:
    kept = store()
    cluster = run(cluster_of(kept, partitions=1))
    cluster.put(cases.make_case(SEED, 50))
    run(cluster)
    keeper = cluster.keepers["enterprises", 0]
    asyncio.run(keeper.snapshot())
    other = cluster.keeper("enterprises", 0)
    other._versions = {"state": "2"}  # noqa: SLF001 - as another program would have it
    with pytest.raises(VersionError, match="generation"):
        asyncio.run(other.begin())


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(path.read_bytes()[:-9]), lambda path: path.unlink()])
def test_a_damaged_snapshot(harm: Callable[[Path], None], tmp_path: Path) -> None:
    lines = cases.make_case(SEED, 50)
    cluster = cluster_of(SnapshotStore(str(tmp_path)), partitions=1)
    cluster.put(lines)
    run(cluster)
    keeper = cluster.keepers["persons", 0]
    asyncio.run(keeper.snapshot())
    (newest,) = tmp_path.rglob("persons/0/*.snapshot")
    harm(newest)

    async def again() -> Keeper:
        other = cluster.keepers["persons", 0] = cluster.keeper("persons", 0)
        await other.begin()
        await cluster.run(troubles=0)
        return other

    assert asyncio.run(again()).next >= keeper.next
    assert not differences(cluster.signals(), Engine().take(lines).signals())


def test_a_replaced_owner_cannot_hand_down_its_snapshots(tmp_path: Path) -> None:
    kept = SnapshotStore(str(tmp_path))
    kept.write("rooms/0", 1, 10, [("a", 1)])
    chosen, sound = kept.begin("rooms/0", 2)
    assert chosen is not None
    assert (chosen.next, sound) == (10, True)
    kept.write("rooms/0", 1, 50, [("a", 2)])  # the owner before, frozen meanwhile: what it said may have been refused
    chosen, sound = kept.begin("rooms/0", 3)
    assert chosen is not None
    assert (chosen.next, sound) == (10, True)
    kept.write("rooms/0", 3, 60, [("a", 3)])
    kept.write("rooms/0", 3, 70, [("a", 4)])
    chosen, _ = kept.begin("rooms/0", 4)
    assert chosen is not None
    assert list(kept.frames(chosen)) == [("a", 4)]
    assert sorted(path.name[:12] for path in tmp_path.rglob("*.snapshot")) == ["000000000003"] * 2


def test_a_base_whose_snapshot_is_gone_means_that_all_is_said_again(tmp_path: Path) -> None:
    kept = SnapshotStore(str(tmp_path))
    kept.write("rooms/0", 1, 10, [("a", 1)])
    kept.begin("rooms/0", 2)
    next(tmp_path.rglob("*.snapshot")).unlink()
    assert kept.begin("rooms/0", 3) == (None, False)


def test_a_store_that_nothing_can_open() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        SnapshotStore("nowhere://x")
    with pytest.raises(SnapshotError):
        list(store().frames(store().begin("a/0", 1)[0] or _missing()))


def _missing() -> Any:
    from monitor.cluster.snapshots import Kept

    return Kept(1, 1, "/nowhere/1-1.snapshot")


def test_every_stage_has_a_host_that_reads_its_stream() -> None:
    hosts = (IntakeHost, EnterprisesHost, RoomsHost, PersonsHost, AssessmentHost)
    wanted = {one.name: "intake" if one.inputs == ("sources",) else one.inputs[0] for one in TOPOLOGY}
    assert {host.stage: host.topic for host in hosts} == wanted
    assert {topic for one in TOPOLOGY for topic in one.outputs} <= {spec.name for spec in TOPICS}


def test_the_monitor_logs_its_rules_and_that_it_is_live_once() -> None:
    cluster = cluster_of(store())
    cluster.put(cases.make_case(SEED, 50))
    run(cluster)
    keeper = cluster.keepers["intake", 0]

    def own(host: Host, epoch: int) -> None:
        assert isinstance(host, IntakeHost)
        host.activate(shipped_rules(), "officer", cluster.now, CLOCK, epoch)
        host.go_live("officer", cluster.now, CLOCK, epoch)
        host.tick(CLOCK)

    async def twice() -> None:
        before = cluster.now
        for _ in range(2):
            await keeper.call(own)
            await keeper.snapshot()
            await keeper.begin()
            await cluster.run(troubles=0)
        assert cluster.now == max(before, CLOCK)

    asyncio.run(twice())
    totals = cluster.totals()
    kinds = ("config.activated", "monitor.live", "clock.ticked")
    assert [totals["events", kind] - ticked(cluster, kind) for kind in kinds] == [1, 1, 1]
    assert totals["repeats", "clock.ticked"] == 1


def ticked(cluster: MemoryCluster, kind: str) -> int:
    """Ticks that the case holds itself."""
    if kind != "clock.ticked":
        return 0
    return sum(b'"clock.ticked"' in line for line in cases.make_case(SEED, 50))


def test_a_message_that_was_given_up_ends_the_keeper_without_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(store(), partitions=1)
    cluster.put(cases.make_case(SEED, 50))
    run(cluster)
    keeper = cluster.keepers["intake", 0]

    async def lose(message: Any) -> asyncio.Future[None]:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lost.set_exception, ConnectionError())
        return lost

    def own(host: Host, epoch: int) -> None:
        assert isinstance(host, IntakeHost)
        host.tick(CLOCK)

    async def give_up() -> None:
        monkeypatch.setattr(cluster.broker, "send", lose)
        await keeper.call(own)
        with pytest.raises(UnsentError):
            await keeper.snapshot()
        with pytest.raises(UnsentError):
            await keeper.turn()
        with pytest.raises(UnsentError):
            await keeper.begin()

    asyncio.run(give_up())
    assert keeper.kept == -1


def test_a_long_gap_is_read_in_steps_that_are_sent_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("monitor.cluster.keeper._STEP", 5)
    lines = cases.make_case(SEED, 60)
    cluster = cluster_of(SnapshotStore(str(tmp_path)), partitions=1)
    cluster.put(lines)
    while cluster.coming:
        cluster._arrive()  # noqa: SLF001 - everything is there before anybody reads
    keeper = cluster.keepers["intake", 0]
    keeper._snapshot_seconds = 0.0  # noqa: SLF001 - each step is kept
    read, seen = cluster.broker.read, list[int]()

    async def broken_off(topic: str, partition: int, start: int) -> AsyncIterator[Record]:
        seen.append(start)
        async for record in read(topic, partition, start):
            if record.offset == start + 8:
                raise ConnectionError
            yield record

    async def again_and_again() -> None:
        monkeypatch.setattr(cluster.broker, "read", broken_off)
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await keeper.begin()
        monkeypatch.setattr(cluster.broker, "read", read)
        await cluster.run(troubles=0)

    asyncio.run(again_and_again())
    assert seen == [0, 5, 10]
    assert not differences(cluster.signals(), Engine().take(lines).signals())


def test_now_reaches_a_host_that_is_taken_over_after_it_was_announced() -> None:
    cluster = cluster_of(store(), partitions=1)
    keeper = cluster.keeper("rooms", 0)
    pulse = Pulse(cast("KafkaBroker", cluster), lambda: [keeper])
    pulse.hear(SimpleNamespace(key=b"now", value=str(CLOCK).encode()))

    async def takeover() -> None:
        beating = asyncio.create_task(pulse.beat(lambda: False))
        await asyncio.sleep(0.2)
        await keeper.begin()
        for _ in range(100):
            if keeper.host.latest == CLOCK:
                break
            await asyncio.sleep(0.05)
        beating.cancel()

    asyncio.run(takeover())
    assert keeper.host.latest == CLOCK
