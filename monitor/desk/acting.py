"""What officers do, asked of the writer of a home: by commands and pages, through `monitor.desk.requests`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from config.officers import TooFew
from monitor.desk.assigning import two_for
from monitor.desk.requests import Request
from monitor.desk.writer import HomeWriter
from monitor.events.acts import ACTS, AlertDispatched, AssignmentData, TaskAssigned, TaskCreated, TaskDispatched
from monitor.events.envelope import Event
from monitor.store.work.taskbook import TaskBook
from monitor.supervision.tasks import task_id

ACT: Final = "act"
"""The kind of such a request; its body has `type`, `subject` and `data` of the event (contract §2)."""

_KINDS: Final[dict[str, type[Event]]] = {str(kind.__struct_config__.tag): kind for kind in ACTS}

_DISPATCHES: Final = frozenset({AlertDispatched, TaskDispatched})


class Asked(msgspec.Struct, frozen=True):
    """The body of a request."""

    type: str
    subject: str
    data: dict[str, Any]


def about(done: Event) -> str:
    """The id of what an act was done to: the task that it made, or the alert, task or room that it names."""
    return task_id(done.source, done.id) if type(done) is TaskCreated else done.subject


class Acting:
    """The work on one act: accepted, durable and done, or refused with the reason."""

    def __init__(self, writer: HomeWriter, request: Request) -> None:
        """Raises ValueError for an act of no known type, or whose data do not fit it."""
        self._writer = writer
        self._asked = msgspec.convert(request.body, Asked)
        if self._asked.type not in _KINDS:
            raise ValueError(f"没有此操作 / there is no such act: {self._asked.type}")

    def step(self) -> dict[str, Any]:
        """Does it; a task that is dispatched without officers is given to two. Raises Refused and ValueError."""
        asked = self._asked
        kind = _KINDS[asked.type]
        of_type = next(field.type for field in msgspec.structs.fields(kind) if field.name == "data")
        data = msgspec.convert(asked.data, of_type)
        done = self._writer.act(kind, asked.subject, data)
        told = {"event": done.id, "subject": about(done)}
        if kind in _DISPATCHES:
            told["officers"] = self._given(done.subject, data.officer)
        return told

    def _given(self, subject: str, officer: str) -> str:
        """To whom a task was given just now, or why to nobody; empty where it had officers or there is no directory."""
        directory = self._writer.officers
        if directory is None:
            return ""
        with self._writer.reading() as connection:
            book = TaskBook(connection)
            task = book.task(subject) or next(iter(book.with_alerts([subject])), None)
            if task is None or task.assignees:
                return ""
            found = two_for(directory, connection, task, self._writer.clock())
        if isinstance(found, TooFew):
            return found.reason
        two = [found.first.id, found.second.id]
        self._writer.act(TaskAssigned, task.id, AssignmentData(officer=officer, seen=task.seen, assignees=two))
        return " ".join(two)

    def close(self) -> None:
        """Nothing is open."""
