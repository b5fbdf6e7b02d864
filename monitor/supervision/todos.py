"""Statutory clocks as dated to-dos: those of `untraceable`, from the deadlines of its alerts, and those of objections.

They stand outside the queue's cap. Days are dates in Asia/Shanghai; a to-do keeps its id while its clock runs, also
where its dates are worked out anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable
from typing import Final, Literal

import msgspec

from config.moments import shanghai_date
from config.queueing import QueuePolicy
from config.workdays import add_working_days
from monitor.supervision.alerts import Alert

Duty = Literal["second_letter", "listing", "objection_decision", "objection_limit"]
TodoStatus = Literal["waiting", "open", "overdue", "done"]

SECOND_LETTER: Final = "second_letter"

DUTIES: Final[dict[str, tuple[str, str]]] = {
    SECOND_LETTER: ("寄送第二封专用信函", "send the second letter"),
    "listing": ("核实并决定是否列入经营异常名录", "verify, and decide on the listing"),
    "objection_decision": ("对异议作出决定", "decide on the objection"),
    "objection_limit": ("异议决定最长期限", "the longest time for deciding on the objection"),
}
"""The duties, as people read them."""


class Todo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A dated duty of a county. `about` is the alert or objection that it comes from, `subject` the code of the
    enterprise. Before `opens` it waits; after `due` it is overdue. `done_at` is the moment of the cut that found it
    met, or its reason gone.
    """

    id: str
    about: str
    subject: str
    region: str | None
    duty: str
    due: dt.date
    opens: dt.date | None = None
    provisional: bool = False
    done_at: int | None = None

    def status(self, today: dt.date) -> TodoStatus:
        """Where it stands on a day."""
        if self.done_at is not None:
            return "done"
        if self.opens is not None and today < self.opens:
            return "waiting"
        return "overdue" if today > self.due else "open"


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """异议 of an enterprise: the id of its event, when it was filed, and when it was decided."""

    id: str
    subject: str
    region: str | None
    filed_at: int
    decided_at: int | None = None


def todo_id(about: str, duty: str) -> str:
    """The id of a to-do: from what it is about and the duty alone."""
    return f"d-{hashlib.blake2b(f'{about}{chr(10)}{duty}'.encode(), digest_size=16).hexdigest()}"


def sent_in_time(todo: Todo, letters: Iterable[dt.date]) -> bool:
    """Whether a second letter was sent in its window, by the days on which letters were sent: from the 15th to the 30th
    day after the first one by the rules as delivered, so the first one is never in it.
    """
    return (
        todo.duty == SECOND_LETTER and todo.opens is not None and any(todo.opens <= day <= todo.due for day in letters)
    )


def of_alert(alert: Alert) -> list[Todo]:
    """The duties that an alert's signal carries at present; none once it fell away."""
    if alert.gone_at is not None or alert.status == "cleared":
        return []
    signal = alert.signal
    return [
        Todo(
            id=todo_id(alert.id, deadline["duty"]),
            about=alert.id,
            subject=signal.key,
            region=signal.region,
            duty=deadline["duty"],
            due=dt.date.fromisoformat(deadline["due"]),
            opens=dt.date.fromisoformat(deadline["opens"]) if deadline.get("opens") else None,
            provisional=bool(deadline.get("provisional", False)),
        )
        for deadline in signal.deadlines
    ]


def of_objection(objection: Objection, policy: QueuePolicy) -> list[Todo]:
    """The two clocks of an objection, both in working days from its filing; a decision ends them.

    浙江省公共信用信息管理条例 arts. 30-31 (text of 2017): decided within 5 working days, at most within 20.
    """
    filed = shanghai_date(objection.filed_at)
    todos = []
    for duty, days in (
        ("objection_decision", policy.objection_working_days),
        ("objection_limit", policy.objection_most_working_days),
    ):
        due = add_working_days(filed, days)
        todos.append(
            Todo(
                id=todo_id(objection.id, duty),
                about=objection.id,
                subject=objection.subject,
                region=objection.region,
                duty=duty,
                due=due.day,
                provisional=due.provisional,
                done_at=objection.decided_at,
            )
        )
    return todos


def followed(before: Iterable[Todo], found: Iterable[Todo], now: int, *, met: Collection[str] = ()) -> list[Todo]:
    """The to-dos after a cut, in the order of their ids: those found now, and those of before whose duty is not there
    any more, which are done. `before` are those of the same alerts and objections; `met` names to-dos whose duty is
    known to be met although its signal still carries it, as a second letter that was sent and is on its way.

    One that is done opens again where its duty comes back.
    """
    old = {todo.id: todo for todo in before}
    after = {todo.id: todo for todo in found}
    for todo_id_, todo in after.items():
        if todo_id_ in met and todo.done_at is None:
            known = old.get(todo_id_)
            todo.done_at = known.done_at if known is not None and known.done_at is not None else now
    for todo_id_, todo in old.items():
        if todo_id_ not in after:
            if todo.done_at is None:
                todo.done_at = now
            after[todo_id_] = todo
    return [after[one] for one in sorted(after)]
