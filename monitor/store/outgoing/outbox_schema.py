"""Tables of the outbox: what shall be told, to which channel it goes, and every sending with its receipt.

Messages are written by whoever has something to say, in its own transaction. Everything about delivery is written by
the sender alone (`monitor.push.sender`), a thread of the same process with a connection of its own; only an
acknowledgement touches both.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, text

from monitor.store.schema import METADATA, REFERENCE, WORDS

PUSH_MESSAGES: Final = Table(
    "push_messages",
    METADATA,
    Column("key", WORDS, primary_key=True),
    Column("kind", WORDS, nullable=False),
    Column("number", WORDS, nullable=False),
    Column("title_zh", WORDS, nullable=False),
    Column("title_en", WORDS, nullable=False),
    Column("body_zh", WORDS, nullable=False),
    Column("body_en", WORDS, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("region", WORDS),
    Column("recipients", WORDS, nullable=False),
    Column("remind_every", BigInteger, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("enqueued_at", BigInteger, nullable=False),
    Column("acknowledged_at", BigInteger),
    Column("routed_at", BigInteger),
    Index(
        "push_messages_not_routed",
        "enqueued_at",
        sqlite_where=text("routed_at IS NULL"),
        postgresql_where=text("routed_at IS NULL"),
    ),
    Index(
        "push_messages_not_acknowledged",
        "enqueued_at",
        sqlite_where=text("acknowledged_at IS NULL"),
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
)
"""What was said: the channel `in-app` is this table, which pages show. `recipients`: JSON, a list of officers' ids.
`routed_at`: when the sender gave it to the other channels."""

PUSH_DELIVERIES: Final = Table(
    "push_deliveries",
    METADATA,
    Column("key", WORDS, primary_key=True),
    Column("channel", WORDS, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("status", WORDS, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("born_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("remind_every", BigInteger, nullable=False),
    Column("reminders_left", Integer, nullable=False),
    Column("reminded", Integer, nullable=False),
    Column("send", BigInteger),
    Column("sent_at", BigInteger),
    Column("receipt", WORDS),
    Column("detail", WORDS),
    Index("push_deliveries_due", "channel", "status", "level", "due_at"),
    Index("push_deliveries_by_send", "send"),
    sqlite_with_rowid=False,
)
"""A message on its way through a channel. `status`: `waiting`, `sent`, `stopped` by an acknowledgement, `given_up`,
`skipped` where the channel knows nobody whom it is for.
`attempts` are marked before each sending, `send` is the last one's row; from `born_at` on its age is counted."""

PUSH_SENDS: Final = Table(
    "push_sends",
    METADATA,
    Column("id", REFERENCE, primary_key=True, autoincrement=True),
    Column("channel", WORDS, nullable=False),
    Column("key", WORDS),
    Column("messages", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("latest", BigInteger, nullable=False),
    Column("result", WORDS),
    Column("receipt", WORDS),
    Column("detail", WORDS),
    Index("push_sends_by_moment", "channel", "latest"),
)
"""Every sending, written before it begins: of one message, or of a digest (`key` NULL) of several. `result`: NULL while
it is under way, `sent`, `failed`, `skipped`, or `unknown` where the process ended meanwhile. `latest`: the last moment
at which the other side can have got it, by which the quota counts."""

PUSH_CHANNELS: Final = Table(
    "push_channels",
    METADATA,
    Column("channel", WORDS, primary_key=True),
    Column("rest_until", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("succeeded_at", BigInteger),
    Column("failed_at", BigInteger),
    Column("detail", WORDS, nullable=False),
)
"""How each channel is: after `failures` in a row nothing is sent before `rest_until`."""

PUSH_TOTALS: Final = Table(
    "push_totals",
    METADATA,
    Column("channel", WORDS, primary_key=True),
    Column("what", WORDS, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""Running totals. Of sendings: `sends_sent`, `sends_failed`, `sends_unknown`; of messages: `sent` by themselves,
`joined` in a digest, `stopped`, `given_up`, `skipped`."""
