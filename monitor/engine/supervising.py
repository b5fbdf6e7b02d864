"""Cuts and acts of a home: when a cut is due, and what both write.

Alerts and tasks stand in the database, not in the state: the transaction that writes a block of the log writes what
follows from it, so that a restart finds both.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from config.moments import shanghai_date
from config.ruleset import Rules
from monitor.engine import telling
from monitor.events.acts import AlertAcknowledged, AlertDispatched, TaskAccepted, TaskAssigned, TaskDispatched
from monitor.events.envelope import Event
from monitor.store.home import forget_meta, meta, set_meta
from monitor.store.outgoing import outbox
from monitor.store.work import forecasts
from monitor.store.work.alert_schema import CUT_BLOCK, CUT_WHOLE, CUTS
from monitor.store.work.alertbook import AlertBook, RefOf
from monitor.store.work.opentasks import OpenTasks
from monitor.store.work.pool import ClassedPool
from monitor.store.work.task_schema import QUEUE_DAY
from monitor.store.work.taskbook import TaskBook
from monitor.supervision.acts import Deciding, Done
from monitor.supervision.cut import Cut
from monitor.supervision.disputes import EventsOf
from monitor.supervision.notices import Notice
from monitor.supervision.work import Knowledge, Queueing

CUT_SECONDS: Final = 2.0
"""Between two cuts of a live monitor pass at least so many seconds, ticks apart (contract §5: every few at most)."""
_SHARE: Final = 20
"""And at least so many times as long as the last one took: a machine that is hard pressed files events first."""


class Supervising:
    """How far a home's cuts have come. `changed`: something happened since the last one."""

    def __init__(self, events_of: EventsOf, ref_of: RefOf, known: Knowledge, lettered: set[str] | None = None) -> None:
        """`events_of`: which events carry a document; `ref_of`: see `RefOf`; `known`: what the queue asks about
        enterprises; `lettered`: to which letters were sent since the last cut, None where that is not known.
        """
        self._ref_of = ref_of
        self.cuts = 0
        self.changed = True
        self._lettered = lettered
        self._began = 0.0
        self._due_at = 0.0
        self._events_of = events_of
        self._known = known
        self._open_tasks = OpenTasks()

    def load(self, connection: Connection, seq: int) -> None:
        """How many cuts the alerts in the database stand for, and whether the log, whose last block is `seq`, has grown
        since.
        """
        self.cuts = int(meta(connection, CUTS) or 0)
        self.changed = seq > int(meta(connection, CUT_BLOCK) or -1)

    def letter_sent(self, code: str) -> None:
        """A letter was sent to an enterprise: its to-do may be done at the next cut. The first cut of a process looks
        at all of them, so that it finds what an earlier process had heard of.
        """
        if self._lettered is not None:
            self._lettered.add(code)

    @property
    def due(self) -> bool:
        """Whether enough time has passed for another cut."""
        return self.changed and time.monotonic() >= self._due_at

    def cut(self, connection: Connection, now: int, rules: Rules) -> Cut:
        """Works out alerts from the signals in force, which are written already; `queue` is the other half."""
        self._began = time.monotonic()
        policy = rules.document.alerts
        whole = meta(connection, CUT_WHOLE) is not None
        book = AlertBook(connection, policy, self._ref_of)
        done = Cut(book, now, policy, rules.content_hash, self._events_of, opening=self.cuts == 0, whole=whole)
        done.run()
        if whole:
            forget_meta(connection, CUT_WHOLE)
        return done

    def queue(self, connection: Connection, now: int, seq: int, rules: Rules, done: Cut, told_at: int | None) -> None:
        """Works out tasks and to-dos from the alerts of a cut. `seq`: its block; `told_at`: the machine's time, None
        where people were told before, as in a replay.
        """
        today = shanghai_date(now).isoformat()
        new_day = meta(connection, QUEUE_DAY) != today
        tasks = TaskBook(connection, self._ref_of, self._open_tasks)
        queueing = Queueing(tasks, done.book, now, rules.document.queue, self._known, ClassedPool(connection))
        foretold = forecasts.block_of(connection) == seq
        queueing.run(done.touched, done.objected, self._lettered, new_day=new_day, foretold=foretold)
        self._lettered = set()
        if told_at is not None:
            self._tell(connection, done.notices, queueing, told_at)
        self.cuts += 1
        for key, value in ((CUTS, str(self.cuts)), (CUT_BLOCK, str(seq)), (QUEUE_DAY, today)):
            set_meta(connection, key, value)
        self.changed = False
        ended = time.monotonic()
        self._due_at = ended + max(CUT_SECONDS, _SHARE * (ended - self._began))

    def _tell(self, connection: Connection, notices: Sequence[Notice], queueing: Queueing, at: int) -> None:
        messages = [telling.of_notice(notice) for notice in notices]
        messages += [telling.of_overdue(task, step, receivers) for task, step, receivers in queueing.overdue]
        outbox.enqueue(connection, messages, at)

    def check(self, connection: Connection, event: Event, rules: Rules) -> None:
        """Raises Refused where an act cannot be."""
        self._decided(connection, event, rules)

    def act(self, connection: Connection, event: Event, rules: Rules, told_at: int | None) -> None:
        """Does what an accepted act says, and tells those who must know. Raises Refused for one that cannot be."""
        done = self._decided(connection, event, rules)
        AlertBook(connection, rules.document.alerts, self._ref_of).put(done.alerts)
        TaskBook(connection, self._ref_of, self._open_tasks).put(done.tasks)
        self.changed = True
        if told_at is None:
            return
        if isinstance(event, TaskDispatched | AlertDispatched | TaskAssigned):
            waiting = [task for task in done.tasks if task.status == "dispatched"]
            for task in waiting:
                self._heard(connection, task.id, told_at)
            level = max((alert.level for alert in done.alerts), default=1)
            outbox.enqueue(connection, [telling.of_dispatch(task, level) for task in waiting], told_at)
        elif isinstance(event, AlertAcknowledged | TaskAccepted):
            self._heard(connection, event.subject, told_at)

    def _heard(self, connection: Connection, number: str, at: int) -> None:
        """Nobody needs to be told of an alert or task any more what was said so far."""
        for key in outbox.waiting_about(connection, number):
            outbox.acknowledge(connection, key, at)

    def _decided(self, connection: Connection, event: Event, rules: Rules) -> Done:
        book = AlertBook(connection, rules.document.alerts, self._ref_of)
        return Deciding(TaskBook(connection, self._ref_of), book, rules.document.queue, self._known, event).done()
