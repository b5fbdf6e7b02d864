"""Deletes what has lapsed from a home: from its log, and from everything that follows from that.

Snapshots go first: they are shortcuts, and hold what goes. Then one transaction rewrites the log and deletes rows, so
that it has happened or has not. The next writer of the home, whoever that is, finds in `meta` what is to be logged as
`retention.applied`, and builds the state from the log that is left. At last the database file is written anew, so that
no byte stays in free pages or in the journal. Whoever is killed, the same command goes on.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from config.moments import shanghai_date, start_of_day, years_later
from monitor.events.acts import ACTS
from monitor.events.data import RetentionData
from monitor.events.envelope import Event
from monitor.events.intake import lift_event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.retention import lapsing
from monitor.retention.finding import Lapsed, find
from monitor.runners import activating
from monitor.runners.classing import forget_classes
from monitor.runners.embedded import EmbeddedRunner
from monitor.store import forgotten
from monitor.store import log as eventlog
from monitor.store.home import Home, HomeError, forget_meta, meta, set_meta
from monitor.store.work import lapsed as rows
from monitor.store.work.lapsed import Ended

YEARS: Final = 5
"""浙江省公共信用信息管理条例 art. 16."""

_TO_SWEEP: Final = "retention to sweep"
_ACTS: Final = frozenset(ACTS)
_PATIENCE: Final = 30.0


class Found(msgspec.Struct):
    """What has lapsed: events, and rows that follow from events."""

    before: dt.date
    events: Lapsed
    over: Ended


def newest_day(connection: Connection) -> dt.date:
    """The latest day that can be given: what ended before it did so five years before Now."""
    now = int(meta(connection, "now") or 0)
    return years_later(shanghai_date(now), -YEARS)


def check_day(connection: Connection, before: dt.date) -> None:
    """Raises HomeError for a day that is not five years back."""
    newest = newest_day(connection)
    if before > newest:
        raise HomeError(
            f"保存期限为五年，--before 最晚为 {newest} / adverse information is kept for five years: "
            f"--before is {newest} at the latest"
        )


def look(connection: Connection, pseudonyms: Pseudonymiser, before: dt.date) -> Found:
    """What had ended before a day. Raises HomeError for a day that is not five years back."""
    check_day(connection, before)
    moment = start_of_day(before)
    return Found(before, find(lambda: logged_in(connection, pseudonyms), moment), rows.ended(connection, moment))


def logged_in(connection: Connection, pseudonyms: Pseudonymiser) -> Iterator[Event]:
    """The log of a home, with the newest pseudonyms."""
    for block in eventlog.read_blocks(connection):
        for event in block.events:
            if block.generation < pseudonyms.generation:
                lift_event(event, pseudonyms, block.generation)
            yield event


def delete(home: Home, pseudonyms: Pseudonymiser, before: dt.date, officer: str) -> dict[str, int]:
    """Deletes what had ended before a day, under the writer's lock; how much of each went, nothing where nothing had
    lapsed. Raises HomeError and HomeHeldError.
    """
    lock = home.lock()
    try:
        engine = home.writer()
        try:
            with engine.connect() as connection:
                found = look(connection, pseudonyms, before)
            if not found.events.names and not found.over.alerts and not found.over.tasks:
                return {}
            for path in home.snapshots.iterdir():
                path.unlink()
            with engine.begin() as connection:
                return _deleted(connection, found, officer)
        finally:
            engine.dispose()
    finally:
        lock.release()


def _deleted(connection: Connection, found: Found, officer: str) -> dict[str, int]:
    names, before = found.events.names, start_of_day(found.before)
    ids = {*found.over.alerts, *found.over.tasks}

    def gone(event: Event) -> bool:
        return lapsing.name_of(event) in names or (type(event) in _ACTS and event.subject in ids)

    counts: dict[str, int] = dict(sorted(eventlog.rewrite(connection, gone).items()))
    counts |= rows.delete_ended(connection, found.over, names, before)
    forget_classes(connection)
    forgotten.add(connection, names, before)
    counts = {name: count for name, count in counts.items() if count}
    data = RetentionData(found.events.digest, officer, found.before, counts)
    activating.delete_noted(connection, data)
    set_meta(connection, _TO_SWEEP, found.before.isoformat())
    return counts


def is_unswept(connection: Connection) -> bool:
    """Whether what was deleted may still stand in free pages of the database."""
    return meta(connection, _TO_SWEEP) is not None


def rebuild(become_writer: Callable[[], EmbeddedRunner]) -> None:
    """Builds the state from the log that is left, logs what was done, works out alerts and classes, and snapshots."""
    runner = become_writer()
    try:
        runner.cut()
    finally:
        runner.close()


def sweep(home: Home) -> None:
    """Writes the database file anew and empties its journal. Raises HomeError while somebody reads for long."""
    lock = home.lock()
    try:
        engine = home.writer()
        try:
            _swept(engine)
            with engine.begin() as connection:
                forget_meta(connection, _TO_SWEEP)
        finally:
            engine.dispose()
    finally:
        lock.release()


def _swept(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
        began = time.monotonic()
        while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
            if time.monotonic() - began > _PATIENCE:
                raise HomeError(
                    "仍有进程在读，删除的内容可能还在日志文件中；请关闭页面与命令后再执行一次 / "
                    "somebody still reads, and the journal may hold what was deleted: close pages and commands, then "
                    "run this again"
                )
            time.sleep(0.2)
