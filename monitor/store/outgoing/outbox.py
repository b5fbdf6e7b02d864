"""The outbox: what shall be told is written with what it follows from, and leaves through `monitor.push.sender`.

`enqueue` and `acknowledge` belong into the transaction of whoever decides; what the sender writes stands in
`monitor.store.outgoing.dispatch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, inspect, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.outgoing.messages import Message, check
from monitor.store.outgoing.outbox_schema import PUSH_CHANNELS, PUSH_DELIVERIES, PUSH_MESSAGES, PUSH_TOTALS

_AT_ONCE: Final = 500
"""Keys in one statement."""

_MESSAGE = PUSH_MESSAGES.c
_DELIVERY = PUSH_DELIVERIES.c


def enqueue(connection: Connection, messages: Sequence[Message], now: int) -> int:
    """Adds messages in the caller's transaction; how many are new. One whose key is there changes nothing, so none
    goes twice to a channel. `now`: the wall clock, by which the sender reckons what is due and what is too old. Raises
    PersonalDataError, before anything is written, for one that no channel may carry.
    """
    for message in messages:
        check(message)
    new = {message.key: message for message in reversed(messages)}  # of one key the first holds
    keys = list(new)
    for start in range(0, len(keys), _AT_ONCE):
        there = select(_MESSAGE.key).where(_MESSAGE.key.in_(keys[start : start + _AT_ONCE]))
        for key in connection.execute(there).scalars():
            del new[key]
    rows = [
        {
            **msgspec.structs.asdict(message),
            "recipients": msgspec.json.encode(message.recipients).decode(),
            "enqueued_at": now,
        }
        for message in reversed(new.values())
    ]
    if rows:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(PUSH_MESSAGES).on_conflict_do_nothing(index_elements=["key"]), rows)
    return len(rows)


def acknowledge(connection: Connection, key: str, now: int) -> bool:
    """Somebody has seen it: everything of this message that waits, reminders included, is stopped. False where there is
    no such message, or it was acknowledged before.
    """
    done = connection.execute(
        update(PUSH_MESSAGES).where(_MESSAGE.key == key, _MESSAGE.acknowledged_at.is_(None)).values(acknowledged_at=now)
    )
    waiting = (_DELIVERY.key == key, _DELIVERY.status == "waiting")
    for channel in connection.execute(select(_DELIVERY.channel).where(*waiting)).scalars().all():
        add(connection, channel, "stopped", 1)
    connection.execute(update(PUSH_DELIVERIES).where(*waiting).values(status="stopped"))
    return bool(done.rowcount)


def waiting_about(connection: Connection, number: str) -> list[str]:
    """The keys of the messages about a task or alert, by its number, that nobody has acknowledged."""
    query = select(_MESSAGE.key).where(_MESSAGE.number == number, _MESSAGE.acknowledged_at.is_(None))
    return list(connection.execute(query.order_by(_MESSAGE.key)).scalars())


class Standing(msgspec.Struct, frozen=True):
    """How a channel stands. Moments are microseconds since 1970; `totals` as in `PUSH_TOTALS`."""

    channel: str
    waiting: int = 0
    oldest_waiting: int | None = None
    rest_until: int = 0
    succeeded_at: int | None = None
    failed_at: int | None = None
    detail: str = ""
    totals: dict[str, int] = {}


def standings(connection: Connection) -> list[Standing]:
    """Every channel that was ever given a message, by name; nothing where the store has no outbox."""
    if not inspect(connection).has_table(PUSH_MESSAGES.name):
        return []
    found: dict[str, dict[str, Any]] = {}
    waiting = select(_DELIVERY.channel, func.count(), func.min(_DELIVERY.born_at)).where(_DELIVERY.status == "waiting")
    for channel, count, oldest in connection.execute(waiting.group_by(_DELIVERY.channel)):
        found.setdefault(channel, {}).update(waiting=count, oldest_waiting=oldest)
    for row in connection.execute(select(PUSH_CHANNELS)):
        kept = {name: getattr(row, name) for name in ("rest_until", "succeeded_at", "failed_at", "detail")}
        found.setdefault(row.channel, {}).update(kept)
    for row in connection.execute(select(PUSH_TOTALS)):
        found.setdefault(row.channel, {}).setdefault("totals", {})[row.what] = row.count
    return [Standing(channel, **found[channel]) for channel in sorted(found)]


def in_app(connection: Connection, newest: int, regions: Sequence[str] = ()) -> list[Message]:
    """What pages show: the newest messages that nobody has acknowledged, of some counties (by the beginnings of their
    codes) or of all; nothing where the store has no outbox.
    """
    if not inspect(connection).has_table(PUSH_MESSAGES.name):
        return []
    query = select(PUSH_MESSAGES).where(_MESSAGE.acknowledged_at.is_(None))
    if regions:
        query = query.where(within(regions))
    rows = connection.execute(query.order_by(_MESSAGE.enqueued_at.desc(), _MESSAGE.key).limit(newest))
    return [message_of(row) for row in rows]


def not_acknowledged(connection: Connection) -> int:
    """How many messages nobody has acknowledged."""
    if not inspect(connection).has_table(PUSH_MESSAGES.name):
        return 0
    waiting = select(func.count()).select_from(PUSH_MESSAGES).where(_MESSAGE.acknowledged_at.is_(None))
    return int(connection.execute(waiting).scalar() or 0)


def within(regions: Sequence[str]) -> ColumnElement[bool]:
    """Messages of counties that begin so, and those of no county."""
    beginnings = (_MESSAGE.region.startswith(region, autoescape=True) for region in regions)
    return or_(_MESSAGE.region.is_(None), *beginnings)


def message_of(row: Row[Any]) -> Message:
    """The message of a row of `PUSH_MESSAGES`."""
    fields = {name: getattr(row, name) for name in Message.__struct_fields__}
    fields["recipients"] = msgspec.json.decode(row.recipients, type=tuple[str, ...])
    return Message(**fields)


def add(connection: Connection, channel: str, what: str, count: int) -> None:
    """Counts on a running total (`PUSH_TOTALS`)."""
    if not count:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(PUSH_TOTALS).values(channel=channel, what=what, count=count)
    grown = {"count": PUSH_TOTALS.c.count + row.excluded["count"]}
    connection.execute(row.on_conflict_do_update(index_elements=["channel", "what"], set_=grown))
