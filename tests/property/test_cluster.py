"""The hosts of the cluster find what one process finds, whatever happens to messages and owners on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from unittest import mock
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from config.ruleset import Rules
from monitor.cluster.snapshots import SnapshotStore
from monitor.stages import membership
from tests.engine import Engine, differences, shipped_rules
from tests.hosts import MemoryCluster
from tests.property.chaos import make_chaos, small_rules
from tests.property.test_signals import troubled
from tests.reference import cases

seeds = st.integers(0, 2**32 - 1)


def clustered(lines: Sequence[bytes], rules: Rules, seed: int, partitions: int, troubles: int) -> MemoryCluster:
    """A cluster in memory that took in some lines."""
    store = SnapshotStore(f"memory://{uuid4().hex}")
    cluster = MemoryCluster(partitions, rules, store, random.Random(seed))
    cluster.put(lines)
    asyncio.run(cluster.run(troubles=troubles))
    return cluster


def check(cluster: MemoryCluster, single: Engine) -> None:
    """The same signals and accepted events as one process."""
    found = cluster.signals()
    assert not differences(found, single.signals()), differences(found, single.signals())
    assert sum(value for (name, _), value in cluster.totals().items() if name == "events") == single.accepted


@settings(max_examples=10)
@given(seeds, st.sampled_from((1, 3, 5)))
def test_in_order(seed: int, partitions: int) -> None:
    lines = cases.make_case(seed, 60)
    cluster = clustered(lines, shipped_rules(), seed, partitions, troubles=0)
    single = Engine().take(lines)
    check(cluster, single)
    assert cluster.dead() == single.dead


@settings(max_examples=15)
@given(seeds, st.sampled_from((1, 3, 5)))
def test_in_trouble(seed: int, partitions: int) -> None:
    lines = troubled(cases.make_case(seed, 60), seed)
    cluster = clustered(lines, shipped_rules(), seed, partitions, troubles=12)
    single = Engine().take(lines)
    check(cluster, single)
    assert cluster.dead() == single.dead


@settings(max_examples=25)
@given(seeds, st.sampled_from((2, 3)), st.sampled_from((1, 3, 24)))
def test_in_chaos(seed: int, partitions: int, unpacked: int) -> None:
    lines = make_chaos(seed, enterprises=9, events=90)
    with mock.patch.object(membership, "UNPACKED", unpacked):
        cluster = clustered(lines, small_rules(), seed, partitions, troubles=12)
        check(cluster, Engine(rules=small_rules()).take(lines))
