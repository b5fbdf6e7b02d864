"""Works out what the models find: reads the log up to where it was applied, then looks at the database once."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final, cast

from config.ruleset import Rules
from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.brokers import KafkaBroker
from monitor.cluster.connection import Connection
from monitor.cluster.hosts.host import Record
from monitor.cluster.modelling.found import Opinion, Question
from monitor.cluster.modelling.opinion import opinion_of
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.snapshots import Kept, SnapshotStore
from monitor.cluster.wire.keys import pseudonyms_of, seed_of
from monitor.store.home import meta
from monitor.store.postgresql.database import Database, answering
from monitor.store.work import hosts

log = logging.getLogger(__name__)

WRITER: Final = "models/0"
"""As the snapshots of the state are named."""

_ANY: Final = Kept(1 << 62, 0, "")


class LogReader:
    """Brings the state of a cluster's log up, from the newest snapshot that can be used."""

    def __init__(self, chosen: Settings, rules: Rules, topics: dict[str, str]) -> None:
        """`topics`: full names by short ones. Raises ClusterError."""
        if chosen.cluster_snapshots is None:
            raise ClusterError("未设置快照位置 / no place for snapshots is named: set CREDIT_MONITOR_CLUSTER_SNAPSHOTS")
        self._store = SnapshotStore(chosen.cluster_snapshots)
        self._pseudonyms = pseudonyms_of(chosen)
        self._rules = rules
        self.broker = KafkaBroker(Connection.of(chosen), topics, "models")

    async def state_at(self, ends: Mapping[int, int], epoch: int | None) -> LogState:
        """The state of the log up to some offsets by partition. Snapshots are written by an owner, of some epoch."""
        state = self._restored(ends)

        def keep() -> None:
            if epoch is not None:
                self._keep(state, epoch)

        for partition, end in sorted(ends.items()):
            await self._read(state, partition, end, keep)
        state.judge()
        if state.wants_snapshot(ended=True):
            keep()
        return state

    async def _read(self, state: LogState, partition: int, end: int, keep: Callable[[], None]) -> None:
        start = state.next.get(partition, 0)
        if start >= end:
            return
        messages = cast("AsyncGenerator[Record, None]", self.broker.read("events", partition, start))
        async with aclosing(messages) as records:  # its consumer ends with it
            async for record in records:
                if record.offset >= end:
                    break
                state.apply(partition, record)
                if state.wants_snapshot(ended=False):
                    state.judge()
                    keep()
        state.next[partition] = end

    def _restored(self, ends: Mapping[int, int]) -> LogState:
        for kept in self._store.others(WRITER, _ANY):
            state = self._new()
            try:
                state.load(self._store.frames(kept), ends)
            except Exception as error:  # a damaged one may fail anyhow before its digest is reached
                log.warning("快照不可用，改用更早的 / snapshot %s not used: %s", kept.name, error)
                continue
            return state
        return self._new()

    def _new(self) -> LogState:
        return LogState(seed_of(self._pseudonyms), self._pseudonyms, self._rules)

    def _keep(self, state: LogState, epoch: int) -> None:
        try:
            self._store.write(WRITER, epoch, state.offset, state.frames())
        except OSError as error:
            log.warning(
                "模型的快照未能写入，下次从更早处读起 / no snapshot of the models' state could be written: %s", error
            )


def work_out(chosen: Settings, rules: Rules, topics: dict[str, str], question: Question) -> Opinion:
    """What the models find. Raises ClusterError, StoreError, KafkaError and OSError."""
    reader = LogReader(chosen, rules, topics)
    state = asyncio.run(reader.state_at(question.log, question.epoch))
    store = None if chosen.cluster_models is None else ModelStore(chosen.cluster_models)
    database = database_of(chosen)
    try:
        with answering(), database.writer().connect() as connection, tempfile.TemporaryDirectory() as home:
            of_one_moment = connection.execution_options(isolation_level="REPEATABLE READ")
            with of_one_moment.begin():
                listed = [entry.host() for entry in hosts.entries(of_one_moment) if not entry.ended]
                state.flow.list_hosts(listed)
                state.judge(max(question.now, int(meta(of_one_moment, "now") or 0)))
                return opinion_of(state, of_one_moment, question.asked, rules, store, Path(home))
    finally:
        database.close()


def database_of(chosen: Settings) -> Database:
    """The database of the cluster, over one connection. Raises ClusterError where none is named."""
    if chosen.database_url is None:
        raise ClusterError("未设置数据库 / no database is named: set CREDIT_MONITOR_DATABASE_URL")
    return Database(chosen.database_url.get_secret_value(), chosen.database_schema, 1)
