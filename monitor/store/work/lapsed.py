"""Alerts, tasks, messages and dead letters that ended so long ago that nothing of them may be kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from config.moments import shanghai_date
from monitor.store import bulk
from monitor.store.outgoing.outbox_schema import PUSH_DELIVERIES, PUSH_MESSAGES
from monitor.store.schema import DEAD_LETTER_COUNTS, DEAD_LETTERS, OPEN_DEAD_LETTERS
from monitor.store.work.alert_schema import ALERTS, OBJECTIONS
from monitor.store.work.task_schema import TASK_ALERTS, TASKS, TODOS
from monitor.supervision.alerts import LIVE, Alert

_pack = msgspec.msgpack.Encoder().encode
_alert = msgspec.msgpack.Decoder(Alert).decode
_AT_ONCE: Final = 500


class Ended(msgspec.Struct, frozen=True):
    """The ids of alerts and tasks that had ended before a moment."""

    alerts: list[str]
    tasks: list[str]


def ended(connection: Connection, before: int) -> Ended:
    """Alerts of which nothing goes on, and tasks that are closed, that last changed before a moment."""
    over = (ALERTS.c.status.not_in(sorted(LIVE)), ALERTS.c.gone, ALERTS.c.changed_at < before)
    alerts = connection.execute(select(ALERTS.c.id).where(*over).order_by(ALERTS.c.id)).scalars()
    closed = (TASKS.c.open.is_(False), TASKS.c.changed_at < before)
    tasks = connection.execute(select(TASKS.c.id).where(*closed).order_by(TASKS.c.id)).scalars()
    return Ended(list(alerts), list(tasks))


def delete_ended(
    connection: Connection, over: Ended, names: Collection[tuple[str, str, str]], before: int
) -> dict[str, int]:
    """Deletes them, with what was told and filed of them; alerts that stay lose the evidence that is gone, of which
    `names` are (subject, source, id). How many of each went.
    """
    ids = [*over.alerts, *over.tasks]
    among = bulk.among
    connection.execute(delete(ALERTS).where(among(connection, ALERTS.c.id, over.alerts)))
    connection.execute(delete(TASKS).where(among(connection, TASKS.c.id, over.tasks)))
    connection.execute(delete(TASK_ALERTS).where(among(connection, TASK_ALERTS.c.alert, over.alerts)))
    connection.execute(delete(TASK_ALERTS).where(among(connection, TASK_ALERTS.c.task, over.tasks)))
    day = shanghai_date(before).isoformat()
    connection.execute(delete(TODOS).where(among(connection, TODOS.c.about, ids)))
    connection.execute(delete(TODOS).where(TODOS.c.done, TODOS.c.due < day))
    objections = OBJECTIONS.c
    for row in connection.execute(select(objections.subject, objections.source, objections.id)).all():
        if tuple(row) in names:
            here = (objections.subject == row[0], objections.source == row[1], objections.id == row[2])
            connection.execute(delete(OBJECTIONS).where(*here))
    told = connection.execute(delete(PUSH_MESSAGES).where(PUSH_MESSAGES.c.enqueued_at < before)).rowcount
    connection.execute(delete(PUSH_DELIVERIES).where(PUSH_DELIVERIES.c.key.not_in(select(PUSH_MESSAGES.c.key))))
    _without_evidence(connection, {(source, event) for _, source, event in names})
    letters = _old_letters(connection, before, day)
    return {"alerts": len(over.alerts), "tasks": len(over.tasks), "messages": told, "dead-letters": letters}


def _without_evidence(connection: Connection, gone: Collection[tuple[str, str]]) -> None:
    last = ""
    while True:
        query = select(ALERTS.c.id, ALERTS.c.body).where(ALERTS.c.id > last).order_by(ALERTS.c.id).limit(_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return
        for row in rows:
            alert = _alert(row.body)
            kept = tuple(one for one in alert.signal.evidence if (one[1], one[2]) not in gone)
            if len(kept) < len(alert.signal.evidence):
                alert.signal = msgspec.structs.replace(alert.signal, evidence=kept)
                connection.execute(update(ALERTS).where(ALERTS.c.id == row.id).values(body=_pack(alert)))
        last = rows[-1].id


def _old_letters(connection: Connection, before: int, day: str) -> int:
    """Dead letters hold what a source said: those of before go, their counts by day stay."""
    count = connection.execute(delete(DEAD_LETTERS).where(DEAD_LETTERS.c.received < before)).rowcount
    connection.execute(update(DEAD_LETTER_COUNTS).where(DEAD_LETTER_COUNTS.c.day < day).values(open=0))
    connection.execute(delete(OPEN_DEAD_LETTERS))
    letter = DEAD_LETTERS.c
    still = (
        select(letter.source, letter.reason, func.count())
        .where(letter.mended_at.is_(None))
        .group_by(letter.source, letter.reason)
    )
    connection.execute(insert(OPEN_DEAD_LETTERS).from_select(["source", "reason", "count"], still))
    return count
