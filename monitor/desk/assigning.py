"""Two officers for a task that is dispatched without any: by jurisdiction, workload and rotation, from the directory.

Whom it was given to stands in the log as an act of its own, so a replay needs no directory. One writer decides one act
after the other, so two dispatches never count on the same officer's last free place.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from config.moments import shanghai_date
from config.officers import Directory, Pair, TooFew, Visit, assign
from monitor.store.work.taskbook import TaskBook
from monitor.supervision.tasks import Task


def two_for(directory: Directory, connection: Connection, task: Task, now: int) -> Pair | TooFew:
    """Two officers for a task at a moment, or why there are none."""
    book = TaskBook(connection)
    loads = Counter(officer for one in book.open_tasks() if one.id != task.id for officer in one.assignees)
    before = book.last_on(task.target)
    return assign(
        directory.officers,
        loads,
        Visit(task.region, frozenset(task.enterprises), shanghai_date(now)),
        task.id,
        () if before is None else before.assignees,
    )
