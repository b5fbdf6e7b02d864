"""When a cut may be taken: only once everything that had arrived has been applied by every host, and stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from monitor.cluster.hosts.host import Progress
from monitor.cluster.supervision import barrier
from monitor.cluster.supervision.barrier import Announcing, Barrier

TOPICS = ("intake", "events", "occupants", "leaderships", "ties", "signals")
WRITERS = ("intake/0", "enterprises/0", "rooms/0", "persons/0", "assessment/0")


class Cluster:
    """One partition of everything, each with five messages, applied and stored."""

    def __init__(self) -> None:
        self.all_ends = dict.fromkeys(TOPICS, 5)
        self.heard = {writer: Progress(1, 5, 7) for writer in WRITERS}
        self.claims = dict.fromkeys(WRITERS, 1)
        self.in_database = 5
        self.turns = 0

    async def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {place: self.all_ends[place[0]] for place in places}

    async def stored(self) -> Mapping[int, int]:
        return {0: self.in_database}

    def barrier(self) -> Barrier:
        return Barrier(self, dict.fromkeys(TOPICS, 1), self.heard, self.claims, self.stored)

    def is_stopped(self) -> bool:
        self.turns += 1
        return self.turns > 20


def passed(cluster: Cluster) -> bool:
    return asyncio.run(cluster.barrier().passed(cluster.is_stopped))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "_POLL", 0.0)


def test_everything_is_applied() -> None:
    cluster = Cluster()
    found = cluster.barrier()
    assert asyncio.run(found.passed(cluster.is_stopped))
    assert found.now == 7
    assert found.holds()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_host_is_behind(writer: str) -> None:
    cluster = Cluster()
    cluster.heard[writer] = Progress(1, 4, 7)
    assert not passed(cluster)


@pytest.mark.parametrize("writer", WRITERS[2:])
def test_a_host_does_not_know_now(writer: str) -> None:
    cluster = Cluster()
    cluster.heard[writer] = Progress(1, 5, 6)
    assert not passed(cluster)


def test_the_database_is_behind() -> None:
    cluster = Cluster()
    cluster.in_database = 4
    assert not passed(cluster)


def test_a_new_owner_has_not_caught_up() -> None:
    cluster = Cluster()
    cluster.claims["rooms/0"] = 2
    assert not passed(cluster)


def test_a_host_is_taken_over_afterwards() -> None:
    cluster = Cluster()
    found = cluster.barrier()
    assert asyncio.run(found.passed(cluster.is_stopped))
    cluster.claims["persons/0"] = 2
    assert not found.holds()


def test_what_arrives_while_it_waits_is_not_waited_for() -> None:
    """The ends are those of the moment at which a stage is reached: a stream that never rests holds up no cut."""

    class Growing(Cluster):
        async def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
            found = await super().ends(places)
            for topic, _ in found:
                self.all_ends[topic] += 3
            return found

    assert passed(Growing())


def test_of_what_is_announced_the_newest_claim_holds() -> None:
    class Message:
        def __init__(self, key: bytes, value: Any) -> None:
            self.key, self.value = key, msgspec.msgpack.encode(value)

    announcing = Announcing(None, dict)  # type: ignore[arg-type]  # hears only
    for found in ((2, 10, 5), (1, 99, 9), (2, 12, 6), (2, 11, 6)):
        announcing.hear(Message(b"rooms/0", found))
    announcing.hear(Message(b"now", 5))
    assert announcing.heard == {"rooms/0": Progress(2, 12, 6)}


def test_parked_subjects_were_tried_by_every_host() -> None:
    cluster = Cluster()
    cluster.heard = {writer: Progress(1, 5, 7, 3) for writer in WRITERS}
    assert asyncio.run(cluster.barrier().tried(3, cluster.is_stopped))
    assert not asyncio.run(cluster.barrier().tried(4, cluster.is_stopped))


@pytest.mark.parametrize("writer", WRITERS)
def test_a_host_has_not_tried_again_under_its_newest_claim(writer: str) -> None:
    cluster = Cluster()
    cluster.heard = {one: Progress(1, 5, 7, 3) for one in WRITERS}
    cluster.claims[writer] = 2
    assert not asyncio.run(cluster.barrier().tried(3, cluster.is_stopped))


def test_what_came_of_trying_again_is_waited_for() -> None:
    cluster = Cluster()
    cluster.heard = {writer: Progress(1, 5, 7, 3) for writer in WRITERS}
    cluster.in_database = 4
    assert not asyncio.run(cluster.barrier().tried(3, cluster.is_stopped))


def test_the_newest_request_to_try_again_is_heard() -> None:
    class Message:
        def __init__(self, key: bytes, value: bytes) -> None:
            self.key, self.value = key, value

    announcing = Announcing(None, dict)  # type: ignore[arg-type]  # hears only
    for value in (b"4", b"9", b"7"):
        announcing.hear(Message(b"again", value))
    announcing.hear(Message(b"rooms/0", msgspec.msgpack.encode((2, 10, 5))))  # as an earlier version announced it
    assert announcing.asked == 9
    assert announcing.heard == {"rooms/0": Progress(2, 10, 5, 0)}
