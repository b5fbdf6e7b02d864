"""Fills a new generation from the present one: topics, tables, rows, the log. After a kill the same again goes on.

The present generation is at rest meanwhile, and nothing of it is changed but that it says, at the end, by which it was
replaced. The new one is not worked on before it is whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select, text

from config.moments import start_of_day
from config.settings import Settings
from monitor.cluster import ClusterError, topics
from monitor.cluster.logreading import ClusterLog
from monitor.cluster.renewal import plan as plans
from monitor.cluster.renewal.copying import Copying
from monitor.cluster.renewal.plan import Plan
from monitor.cluster.renewal.resting import ends_at_rest
from monitor.events.acts import ACTS
from monitor.events.data import RetentionData
from monitor.events.envelope import Event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.retention import lapsing
from monitor.retention.finding import Lapsed, find
from monitor.store.home import meta, set_meta
from monitor.store.postgresql import carrying
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS
from monitor.store.postgresql.database import Database, answering
from monitor.store.postgresql.versions import upgrade
from monitor.store.work import lapsed as rows
from monitor.store.work.lapsed import Ended

_LOCK: Final = 0x72656E65
_ACTS: Final = frozenset(ACTS)


class Generation:
    """The settings of one generation, and its tables."""

    def __init__(self, chosen: Settings, database: Database) -> None:
        """Nothing is asked yet."""
        self.chosen, self.database = chosen, database


def look(present: Generation, pseudonyms: Pseudonymiser, before: dt.date) -> tuple[Lapsed, Ended]:
    """What of a generation had ended before a day: events, and rows. Raises ClusterError and StoreError."""
    log = ClusterLog(present.chosen, pseudonyms)
    moment = start_of_day(before)
    with answering(), present.database.reader().connect() as connection:
        return find(log.events, moment), rows.ended(connection, moment)


def renew(
    present: Generation,
    new: Generation,
    pseudonyms: Pseudonymiser,
    before: dt.date,
    officer: str,
    at: int,
    tell: Callable[[str], None],
) -> dict[str, int]:
    """Fills a new generation without what had ended before a day; how much of each went. `at`: the machine's time, in
    microseconds. Raises ClusterError and StoreError.
    """
    if present.chosen.kafka_prefix == new.chosen.kafka_prefix or present.database.schema == new.database.schema:
        raise ClusterError(
            "新的一代须有另一个主题前缀和另一个数据库模式 / a new generation has another prefix of topics and another "
            "schema: give --prefix and --schema"
        )
    upgrade(new.database)
    with _alone(new.database), answering():
        done = _ask(new.database, plans.done)
        if done is not None:
            if (done.prefix, done.schema) != plans.named(present.chosen):
                raise _in_use(new)
            return done.counts or {}
        plan = _planned(present, new, before, officer, at)
        log = ClusterLog(present.chosen, pseudonyms, plan.ends)
        tell("查找已满期限的 / finding what has lapsed")
        moment = start_of_day(plan.before)
        found = find(log.events, moment)
        with present.database.reader().connect() as connection:
            over = rows.ended(connection, moment)
            now = int(meta(connection, "now") or 0)
        plan = _carried(present, new, plan, found, over)
        ids = {*over.alerts, *over.tasks}

        def gone(event: Event) -> bool:
            return lapsing.name_of(event) in found.names or (type(event) in _ACTS and event.subject in ids)

        copying = Copying(log, new.chosen, plan, pseudonyms.generation, gone)
        copying.run(tell)
        counts = {name: count for name, count in {**copying.went, **(plan.counts or {})}.items() if count}
        data = RetentionData(found.digest, plan.officer, plan.before, counts)
        copying.finish(found.names, data, now, tell)
        tell("整理数据库 / writing the tables anew")
        with new.database.writer().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            carrying.sweep(connection)
        _finish(present, new, msgspec.structs.replace(plan, counts=counts))
        return counts


def _planned(present: Generation, new: Generation, before: dt.date, officer: str, at: int) -> Plan:
    """The plan that was begun, or a new one; topics are there once it is."""
    ends = ends_at_rest(present.chosen, present.database.reader())
    prefix, schema = plans.named(present.chosen)
    plan = _ask(new.database, plans.going_on)
    if plan is None:
        with new.database.writer().begin() as connection:
            if connection.execute(select(func.count()).select_from(BOARD_OFFSETS)).scalar():
                raise _in_use(new)
            plan = Plan(
                prefix=prefix,
                schema=schema,
                before=before,
                officer=officer,
                at=at,
                ends=ends.log,
                received=ends.intake,
            )
            plans.note(connection, plan)
    elif (plan.prefix, plan.schema) != (prefix, schema):
        raise _in_use(new)
    elif (plan.ends, plan.received) != ends:
        raise _moved_on(new)
    found = topics.check(present.chosen)
    topics.create(
        new.chosen,
        partitions=len(plan.ends),
        replication=next(one.replication for one in found if one.topic == topics.name_of(present.chosen, "events")),
    )
    return plan


def _carried(present: Generation, new: Generation, plan: Plan, found: Lapsed, over: Ended) -> Plan:
    """Rows are carried over and those that have lapsed deleted, at once."""
    if plan.counts is not None:
        return plan
    with present.database.reader().connect() as connection:
        old = connection.execute(text("SELECT current_schema()")).scalar_one()
    with new.database.writer().begin() as connection:
        carrying.carry(connection, old)
        counts = rows.delete_ended(connection, over, found.names, start_of_day(plan.before))
        plan = msgspec.structs.replace(plan, counts=counts)
        plans.note(connection, plan)
        return plan


def _finish(present: Generation, new: Generation, plan: Plan) -> None:
    """The old generation says by which it was replaced, then the new one is whole."""
    if (plan.ends, plan.received) != ends_at_rest(present.chosen, present.database.reader()):
        raise _moved_on(new)
    with present.database.writer().begin() as connection:
        set_meta(connection, plans.REPLACED, f"{new.chosen.kafka_prefix} {new.database.schema or ''}".strip())
    with new.database.writer().begin() as connection:
        plans.note_done(connection, plan)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """One process fills a generation. Raises ClusterError while another one does."""
    with answering(), database.writer().connect() as connection:
        key = {"half": _LOCK, "name": database.schema or ""}
        if not connection.execute(text("SELECT pg_try_advisory_lock(:half, hashtext(:name))"), key).scalar():
            raise ClusterError("另一个进程正在复制 / another process is copying into this generation: let it end")
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:half, hashtext(:name))"), key)


def _ask(database: Database, what: Callable[[Connection], Plan | None]) -> Plan | None:
    with database.reader().connect() as connection:
        return what(connection)


def _in_use(new: Generation) -> ClusterError:
    return ClusterError(
        f"{new.chosen.kafka_prefix!r}、{new.database}：已有其他数据 / they hold something else already: choose another "
        "--prefix and --schema"
    )


def _moved_on(new: Generation) -> ClusterError:
    return ClusterError(
        "旧的一代在复制开始后又有变化，请换 --prefix 和 --schema 重新复制 / the present generation went on after the "
        f"copy was begun: copy it anew, into another --prefix and --schema than {new.chosen.kafka_prefix!r}"
    )
