"""The sender's side of the outbox: `route` gives messages to channels, `claim` marks an attempt before anything is
sent, `finish` writes what became of it.

A process that ends between the two has marked the attempt, so its message is sent at most once more. Each function
belongs into one short transaction; nothing is sent inside it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, case, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.moments import SECOND
from monitor.store.outgoing.messages import LEVELS, Message
from monitor.store.outgoing.outbox import add, message_of, within
from monitor.store.outgoing.outbox_schema import PUSH_CHANNELS, PUSH_DELIVERIES, PUSH_MESSAGES, PUSH_SENDS

log = logging.getLogger(__name__)

_MESSAGE = PUSH_MESSAGES.c
_DELIVERY = PUSH_DELIVERIES.c
_SEND = PUSH_SENDS.c
_CHANNEL = PUSH_CHANNELS.c

EVERYBODY: Final = ""
"""Stands among a digest's recipients for whoever gets what names nobody."""

NUMBERS_SHOWN: Final = 10
"""How many tasks and alerts a digest names."""

_JITTER: Final = 0.25
_LONGEST_BACK_OFF: Final = 3600 * SECOND
_LONGEST_REST: Final = 600 * SECOND
_FIRST_REST: Final = 5 * SECOND


class Route(msgspec.Struct, frozen=True):
    """What goes to a channel: messages of `least_level` and above whose county begins with one of `regions` (none: all;
    a message of no county goes everywhere), and that are not older than `not_before`.
    """

    channel: str
    regions: tuple[str, ...] = ()
    least_level: int = 1
    not_before: int = 0


class Limits(msgspec.Struct, frozen=True):
    """How a channel may be used; spans are microseconds.

    At most `count` sendings in any `window`; each ends within `deadline`. At present only messages of `least_level`
    and above (quiet hours). A message is given up after `attempts`, or when it has waited for `keep`; the first
    attempt that failed is followed by one after `back_off`, then twice that, and so on.
    """

    channel: str
    count: int
    window: int
    deadline: int
    attempts: int
    keep: int
    back_off: int
    least_level: int = 1


class Digest(msgspec.Struct, frozen=True):
    """Many messages in one: how many of each level, the numbers of the first, and all whom they name."""

    levels: dict[int, int]
    numbers: tuple[str, ...]
    recipients: tuple[str, ...]


class Claim(msgspec.Struct, frozen=True):
    """A sending that is marked and may begin: of one message, said for the `reminded`th time again, or of a digest."""

    send: int
    messages: int
    message: Message | None = None
    reminded: int = 0
    digest: Digest | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a sending. `retry_after`: microseconds that the other side asks to wait. `rests`: the fault is of
    the channel and not of the message, so nothing else is sent for a while. `nobody`: nothing was sent, the channel
    knows nobody whom it is for.
    """

    sent: bool
    receipt: str = ""
    detail: str = ""
    retry_after: int = 0
    rests: bool = False
    nobody: bool = False


def unrouted(connection: Connection) -> bool:
    """Whether there are messages that no channel has been given yet."""
    return connection.execute(select(_MESSAGE.key).where(_MESSAGE.routed_at.is_(None)).limit(1)).first() is not None


def route(connection: Connection, routes: Sequence[Route], now: int) -> None:
    """Gives what is new to the channels that take it."""
    new = (_MESSAGE.routed_at.is_(None), _MESSAGE.acknowledged_at.is_(None))
    for one in routes:
        wanted = [*new, _MESSAGE.level >= one.least_level]
        if one.regions:
            wanted.append(within(one.regions))
        too_old = _MESSAGE.enqueued_at < one.not_before
        old = connection.execute(select(func.count()).select_from(PUSH_MESSAGES).where(*wanted, too_old)).scalar()
        _count_given_up(connection, one.channel, old or 0)
        columns = {
            "key": _MESSAGE.key,
            "channel": literal(one.channel),
            "level": _MESSAGE.level,
            "status": case((too_old, "given_up"), else_="waiting"),
            "due_at": _MESSAGE.enqueued_at,
            "born_at": _MESSAGE.enqueued_at,
            "attempts": literal(0),
            "remind_every": _MESSAGE.remind_every,
            "reminders_left": _MESSAGE.reminders,
            "reminded": literal(0),
        }
        connection.execute(
            PUSH_DELIVERIES.insert().from_select(list(columns), select(*columns.values()).where(*wanted))
        )
    connection.execute(update(PUSH_MESSAGES).where(_MESSAGE.routed_at.is_(None)).values(routed_at=now))


def anything(connection: Connection, limits: Limits, now: int) -> bool:
    """Whether something is due at a channel that does not rest: asked by reading alone, so that a sender with nothing
    to do never stands in a writer's way.
    """
    resting = select(_CHANNEL.channel).where(_CHANNEL.channel == limits.channel, _CHANNEL.rest_until > now)
    if connection.execute(resting).first() is not None:
        return False
    return _lead(connection, limits, now) is not None


def claim(connection: Connection, limits: Limits, now: int) -> Claim | None:
    """The next sending of a channel, with its attempt marked; None where nothing is due or nothing may be sent.

    The highest level goes first, of equals what is due longest. Where more is due than the quota has left, everything
    that remains goes into the last sending, as a digest.
    """
    channel = limits.channel
    if _state_of(connection, channel).rest_until > now:
        return None
    _settle_unknown(connection, channel, now)
    left = limits.count - _used(connection, limits, now)
    if left <= 0:
        return None
    lead = _lead(connection, limits, now)
    if lead is not None and _is_spent(lead, limits, now):
        _give_up_spent(connection, limits, now)
        lead = _lead(connection, limits, now)
    if lead is None:
        return None
    if left == 1 and _due(connection, limits, now, 2) > 1:
        _give_up_spent(connection, limits, now)
        return _claim_digest(connection, limits, now)
    return _claim_one(connection, limits, lead.key, now)


def finish(connection: Connection, claimed: Claim, outcome: Outcome, limits: Limits, now: int) -> None:
    """Writes what became of a sending: the receipt and when to say it again, or when to try again, or that it is over.
    What was acknowledged meanwhile stays stopped.
    """
    told = {"receipt": outcome.receipt or None, "detail": outcome.detail or None}
    mine = update(PUSH_SENDS).where(_SEND.id == claimed.send)
    if outcome.nobody:
        connection.execute(mine.values(result="skipped", latest=0, **told))
        _skipped(connection, claimed, limits.channel, outcome.detail)
        return
    result = "sent" if outcome.sent else "failed"
    connection.execute(mine.values(result=result, latest=now, **told))
    add(connection, limits.channel, f"sends_{result}", 1)
    if outcome.sent:
        _delivered(connection, claimed, limits.channel, told, now)
    else:
        _failed(connection, claimed, outcome, limits, now)


def back_off(first: int, attempts: int, key: str) -> int:
    """Microseconds to wait after so many attempts: twice as long each time, an hour at most, a quarter more or less by
    the key, so that what failed together does not come again together.
    """
    length = min(_LONGEST_BACK_OFF, first << min(attempts - 1, 20))
    share = int.from_bytes(hashlib.blake2b(f"{key} {attempts}".encode(), digest_size=4).digest()) / 2**32
    return int(length * (1 - _JITTER + 2 * _JITTER * share))


# -- claims -----------------------------------------------------------------------------------------------------------


class _Lead(msgspec.Struct, frozen=True):
    """What would be sent next."""

    key: str
    attempts: int
    born_at: int


def _state_of(connection: Connection, channel: str) -> Row[Any]:
    """The row of a channel, locked where the database locks rows: two senders take turns."""
    asked = select(PUSH_CHANNELS).where(_CHANNEL.channel == channel).with_for_update()
    found = connection.execute(asked).first()
    if found is None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        fresh = {"channel": channel, "rest_until": 0, "failures": 0, "detail": ""}
        connection.execute(insert(PUSH_CHANNELS).values(fresh).on_conflict_do_nothing(index_elements=["channel"]))
        found = connection.execute(asked).one()
    return found


def _used(connection: Connection, limits: Limits, now: int) -> int:
    """Sendings that the other side may have got within the window."""
    within = (_SEND.channel == limits.channel, _SEND.latest > now - limits.window)
    return int(connection.execute(select(func.count()).select_from(PUSH_SENDS).where(*within)).scalar() or 0)


def _lead(connection: Connection, limits: Limits, now: int) -> _Lead | None:
    for level in _levels(limits):
        row = connection.execute(
            select(_DELIVERY.key, _DELIVERY.attempts, _DELIVERY.born_at)
            .where(*_of_level(limits, level), _DELIVERY.due_at <= now)
            .order_by(_DELIVERY.due_at, _DELIVERY.key)
            .limit(1)
        ).first()
        if row is not None:
            return _Lead(row.key, row.attempts, row.born_at)
    return None


def _due(connection: Connection, limits: Limits, now: int, enough: int) -> int:
    """How many messages are due, counted up to `enough`."""
    found = 0
    for level in _levels(limits):
        some = select(_DELIVERY.key).where(*_of_level(limits, level), _DELIVERY.due_at <= now).limit(enough - found)
        found += len(connection.execute(some).all())
        if found >= enough:
            break
    return found


def _levels(limits: Limits) -> list[int]:
    return [level for level in sorted(LEVELS, reverse=True) if level >= limits.least_level]


def _of_level(limits: Limits, level: int) -> tuple[ColumnElement[bool], ...]:
    return (_DELIVERY.channel == limits.channel, _DELIVERY.status == "waiting", _DELIVERY.level == level)


def _is_spent(lead: _Lead, limits: Limits, now: int) -> bool:
    return lead.attempts >= limits.attempts or lead.born_at <= now - limits.keep


def _give_up_spent(connection: Connection, limits: Limits, now: int) -> None:
    """What was tried often enough or has waited too long is given up."""
    spent = or_(_DELIVERY.attempts >= limits.attempts, _DELIVERY.born_at <= now - limits.keep)
    given_up = connection.execute(
        update(PUSH_DELIVERIES)
        .where(*_all_due(limits, now), spent)
        .values(status="given_up", detail=func.coalesce(_DELIVERY.detail, "too old"))
    )
    _count_given_up(connection, limits.channel, given_up.rowcount)


def _count_given_up(connection: Connection, channel: str, count: int) -> None:
    """Counts what is given up, and says so in the log of the process."""
    add(connection, channel, "given_up", count)
    if count:
        told = "渠道 %s 放弃 %d 条消息，页面上仍在，见 push list / it gives up messages, which stay on the pages"
        log.warning(told, channel, count)


def _all_due(limits: Limits, now: int) -> tuple[ColumnElement[bool], ...]:
    return (
        _DELIVERY.channel == limits.channel,
        _DELIVERY.status == "waiting",
        _DELIVERY.level >= limits.least_level,
        _DELIVERY.due_at <= now,
    )


def _claim_one(connection: Connection, limits: Limits, key: str, now: int) -> Claim:
    send = _begin(connection, limits, key, 1, now)
    mine = (_DELIVERY.key == key, _DELIVERY.channel == limits.channel)
    delivery = connection.execute(select(_DELIVERY.attempts, _DELIVERY.reminded).where(*mine)).one()
    attempts = delivery.attempts + 1
    due_at = now + limits.deadline + back_off(limits.back_off, attempts, f"{limits.channel} {key}")
    connection.execute(update(PUSH_DELIVERIES).where(*mine).values(attempts=attempts, due_at=due_at, send=send))
    row = connection.execute(select(PUSH_MESSAGES).where(_MESSAGE.key == key)).one()
    return Claim(send, 1, message_of(row), delivery.reminded)


def _claim_digest(connection: Connection, limits: Limits, now: int) -> Claim | None:
    """Everything that is due in one sending, whatever its number; None where nothing is."""
    due = _all_due(limits, now)
    attempts, count = connection.execute(select(func.min(_DELIVERY.attempts), func.count()).where(*due)).one()
    if not count:
        return None
    send = _begin(connection, limits, None, count, now)
    due_at = now + limits.deadline + back_off(limits.back_off, attempts + 1, f"{limits.channel} {send}")
    connection.execute(
        update(PUSH_DELIVERIES).where(*due).values(attempts=_DELIVERY.attempts + 1, due_at=due_at, send=send)
    )
    joined = select(_MESSAGE.level, func.count()).join(PUSH_DELIVERIES, _DELIVERY.key == _MESSAGE.key)
    mine = _DELIVERY.send == send
    levels = {level: number for level, number in connection.execute(joined.where(mine).group_by(_MESSAGE.level))}
    named = select(_MESSAGE.number).join(PUSH_DELIVERIES, _DELIVERY.key == _MESSAGE.key).where(mine)
    named = named.order_by(_MESSAGE.level.desc(), _MESSAGE.enqueued_at, _MESSAGE.key).limit(NUMBERS_SHOWN)
    told = select(_MESSAGE.recipients).join(PUSH_DELIVERIES, _DELIVERY.key == _MESSAGE.key).where(mine).distinct()
    named_by = (msgspec.json.decode(text, type=tuple[str, ...]) for text in connection.execute(told).scalars())
    recipients = {one for names in named_by for one in names or (EVERYBODY,)}
    digest = Digest(levels, tuple(connection.execute(named).scalars()), tuple(sorted(recipients)))
    return Claim(send, count, digest=digest)


def _begin(connection: Connection, limits: Limits, key: str | None, messages: int, now: int) -> int:
    row = {"channel": limits.channel, "key": key, "messages": messages, "at": now, "latest": now + limits.deadline}
    made = connection.execute(PUSH_SENDS.insert().values(row)).inserted_primary_key
    if made is None:  # pragma: no cover - every dialect that is used tells it
        raise RuntimeError
    return int(made[0])


def _settle_unknown(connection: Connection, channel: str, now: int) -> None:
    """Sendings that nobody can be at any more: their process ended, and whether they arrived is not known."""
    lost = (_SEND.channel == channel, _SEND.result.is_(None), _SEND.latest < now)
    if connection.execute(select(_SEND.id).where(*lost).limit(1)).first() is not None:
        settled = connection.execute(update(PUSH_SENDS).where(*lost).values(result="unknown"))
        add(connection, channel, "sends_unknown", settled.rowcount)


# -- receipts ---------------------------------------------------------------------------------------------------------


def _of_send(claimed: Claim) -> tuple[ColumnElement[bool], ...]:
    """What a sending carried and nobody has stopped; its number alone names the channel, and leads to the rows."""
    return (_DELIVERY.send == claimed.send, _DELIVERY.status == "waiting")


def _delivered(connection: Connection, claimed: Claim, channel: str, told: dict[str, str | None], now: int) -> None:
    mine = _of_send(claimed)
    last = (*mine, or_(_DELIVERY.reminders_left <= 0, _DELIVERY.remind_every <= 0))
    connection.execute(update(PUSH_DELIVERIES).where(*last).values(status="sent", sent_at=now, **told))
    connection.execute(
        update(PUSH_DELIVERIES)
        .where(*mine)
        .values(
            sent_at=now,
            due_at=now + _DELIVERY.remind_every,
            born_at=now + _DELIVERY.remind_every,
            attempts=0,
            reminders_left=_DELIVERY.reminders_left - 1,
            reminded=_DELIVERY.reminded + 1,
            **told,
        )
    )
    add(connection, channel, "sent" if claimed.digest is None else "joined", claimed.messages)
    _note(connection, channel, {"rest_until": 0, "failures": 0, "succeeded_at": now, "detail": ""})


def _skipped(connection: Connection, claimed: Claim, channel: str, detail: str) -> None:
    mine = _of_send(claimed)
    done = connection.execute(update(PUSH_DELIVERIES).where(*mine).values(status="skipped", detail=detail))
    add(connection, channel, "skipped", done.rowcount)


def _failed(connection: Connection, claimed: Claim, outcome: Outcome, limits: Limits, now: int) -> None:
    channel = limits.channel
    mine = _of_send(claimed)
    over = (*mine, _DELIVERY.attempts >= limits.attempts)
    given_up = connection.execute(update(PUSH_DELIVERIES).where(*over).values(status="given_up", detail=outcome.detail))
    _count_given_up(connection, channel, given_up.rowcount)
    connection.execute(update(PUSH_DELIVERIES).where(*mine).values(detail=outcome.detail))
    if outcome.retry_after:
        asked = now + outcome.retry_after
        early = (*mine, _DELIVERY.due_at < asked)
        connection.execute(update(PUSH_DELIVERIES).where(*early).values(due_at=asked))
    failures = _state_of(connection, channel).failures + 1 if outcome.rests else 0
    rest = min(_LONGEST_REST, _FIRST_REST << min(failures - 1, 20)) if outcome.rests else 0
    values: dict[str, int | str] = {"failures": failures, "failed_at": now, "detail": outcome.detail}
    _note(connection, channel, {**values, "rest_until": now + max(rest, outcome.retry_after if outcome.rests else 0)})


def _note(connection: Connection, channel: str, values: dict[str, int | str]) -> None:
    connection.execute(update(PUSH_CHANNELS).where(_CHANNEL.channel == channel).values(values))
