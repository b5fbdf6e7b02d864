"""Brings a worker up from the settings, and tells why it ended."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from typing import Final

import faust

from config.officers import Directory
from config.ruleset import Rules
from config.scorecards import Cards
from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection
from monitor.cluster.observing import Observer
from monitor.cluster.renewal.plan import check_whole
from monitor.cluster.topics import TOPICS, group_of, name_of, require
from monitor.cluster.wire.keys import pseudonyms_of
from monitor.cluster.worker import ClusterWorker, Plan
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.postgresql.database import Database, answering
from monitor.store.postgresql.readmodel import ReadModel

_QUIET: Final = ("faust", "aiokafka", "mode", "kafka")


def run_worker(
    chosen: Settings,
    rules: Rules,
    cards: Cards,
    officers: Directory | None,
    database: Database | None,
    *,
    tick_seconds: float,
    live: bool,
) -> None:
    """Runs a worker until it is asked to stop. Raises ClusterError and StoreError with what to do."""
    pseudonyms = pseudonyms_of(chosen)
    if chosen.cluster_snapshots is None:
        raise ClusterError(
            "未设置快照位置 / no place for snapshots is named: set CREDIT_MONITOR_CLUSTER_SNAPSHOTS (or --snapshots) "
            "to a folder or object store that all workers share"
        )
    if database is None:
        raise ClusterError(
            "未设置数据库 / no database is named: set CREDIT_MONITOR_DATABASE_URL=postgresql://user@host/db, then run "
            "`credit-monitor database upgrade`"
        )
    with answering(), database.reader().connect() as connection:
        check_whole(connection)
    with tempfile.TemporaryDirectory(prefix="credit-monitor-worker-") as scratch:
        _run(_plan(chosen, rules, cards, officers, tick_seconds, live, scratch), chosen, pseudonyms, database)


def _plan(
    chosen: Settings,
    rules: Rules,
    cards: Cards,
    officers: Directory | None,
    tick_seconds: float,
    live: bool,
    scratch: str,
) -> Plan:
    names = {one.name: name_of(chosen, one.name) for one in TOPICS}
    return Plan(
        connection=Connection.of(chosen),
        group=group_of(chosen),
        topics=names,
        partitions=require(chosen),
        rules=rules,
        cards=cards,
        officers=officers,
        officer=chosen.officer,
        snapshots=chosen.cluster_snapshots or "",
        snapshot_seconds=chosen.snapshot_seconds,
        tick_seconds=tick_seconds,
        live=live,
        scratch=scratch,
    )


def _run(plan: Plan, chosen: Settings, pseudonyms: Pseudonymiser, database: Database) -> None:
    model = ReadModel(database.writer())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = ClusterWorker(plan, pseudonyms, model)
    observer = Observer(worker, chosen.metrics_host, chosen.metrics_port)
    observer.start()
    try:
        faust.Worker(
            worker.app, loop=loop, loglevel=logging.WARNING, quiet=True, redirect_stdouts=False, override_logging=False
        ).execute_from_commandline()
    except SystemExit as ended:
        if ended.code and worker.failed is None:
            raise ClusterError(
                "节点未能运行，原因见上文日志 / the worker could not go on, the log above says why: check the brokers, "
                "then start it again"
            ) from None
    finally:
        observer.stop()
        database.close()
    if worker.failed is not None:
        raise ClusterError(str(worker.failed)) from worker.failed
