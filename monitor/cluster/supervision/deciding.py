"""One act of an officer on a cluster: accepted and done, or refused with the reason, within one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from config.officers import Directory, TooFew
from config.ruleset import Rules
from monitor.cluster.supervision.requests import Act, Answer
from monitor.desk.acting import about
from monitor.desk.assigning import two_for
from monitor.engine.auditing import entries_of, refused_of
from monitor.engine.own import own_event
from monitor.engine.supervising import Supervising
from monitor.events.acts import ACTS, HOST_ACTS, AlertDispatched, AssignmentData, TaskAssigned, TaskDispatched
from monitor.events.envelope import Event
from monitor.store.audit import chain
from monitor.store.work import hosts
from monitor.store.work.taskbook import TaskBook
from monitor.supervision.alerts import Refused
from monitor.supervision.hosts import after, check

log = logging.getLogger(__name__)

_KINDS: Final[dict[str, type[Event]]] = {str(kind.__struct_config__.tag): kind for kind in ACTS}
_DISPATCHES: Final = (AlertDispatched, TaskDispatched)


class Deciding:
    """Decides about acts with the alerts and tasks as they are."""

    def __init__(
        self,
        connection: Connection,
        supervising: Supervising,
        rules: Rules,
        officers: Directory | None,
        put: Callable[[Event], int],
        now: int,
    ) -> None:
        """`officers`: among whom tasks are given out; `put`: puts an accepted act among those that go to the log;
        `now`: Now.
        """
        self._connection = connection
        self._supervising = supervising
        self._rules = rules
        self._officers = officers
        self._log = put
        self._now = now

    def answer(self, request: Act, at: int) -> Answer:
        """Does what is asked at a moment, in microseconds, or says why not."""
        kind = _KINDS.get(request.type)
        if kind is None:
            return Answer(error=f"集群上没有此操作 / there is no such act on a cluster: {request.type}")
        try:
            of_type = next(field.type for field in msgspec.structs.fields(kind) if field.name == "data")
            data = msgspec.convert(request.data, of_type)
            event = self._done(kind, request.subject, data, at, request.id)
            told = {"event": event.id, "subject": about(event)}
            if isinstance(event, _DISPATCHES):
                told["officers"] = self._given(event.subject, data.officer, at, request.id)
        except (Refused, ValueError) as error:
            return Answer(error=str(error))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("程序缺陷：操作未完成 / a defect: the act %s was not done", request.type)
            return Answer(error=str(error) or type(error).__name__)
        return Answer(told)

    def _done(self, kind: type[Event], subject: str, data: Any, at: int, mark: str) -> Event:
        """The event of an act that has been done. Raises Refused, which is on record then, and ValueError."""
        event = own_event(kind, subject, data, at=at, now=at, mark=mark)
        entries = entries_of(event)
        try:
            with self._connection.begin_nested():
                if type(event) in HOST_ACTS:
                    self._list(event)
                else:
                    self._supervising.act(self._connection, event, self._rules, at)
                self._log(event)
                chain.append(self._connection, entries)
        except Refused:
            chain.append(self._connection, refused_of(entries))
            raise
        return event

    def _list(self, event: Event) -> None:
        """Lists a room as a host, or ends its entry; the rooms hear of it from the log. Raises Refused."""
        before = hosts.entry(self._connection, event.subject)
        check(before, event, self._now)
        entry = after(before, event)
        if entry is not None:
            hosts.put(self._connection, entry)

    def _given(self, subject: str, officer: str, at: int, mark: str) -> str:
        """To whom a task was given just now, or why to nobody; empty where it had officers or there is no directory."""
        if self._officers is None:
            return ""
        book = TaskBook(self._connection)
        task = book.task(subject) or next(iter(book.with_alerts([subject])), None)
        if task is None or task.assignees:
            return ""
        found = two_for(self._officers, self._connection, task, at)
        if isinstance(found, TooFew):
            return found.reason
        two = [found.first.id, found.second.id]
        self._done(TaskAssigned, task.id, AssignmentData(officer=officer, seen=task.seen, assignees=two), at, mark)
        return " ".join(two)
