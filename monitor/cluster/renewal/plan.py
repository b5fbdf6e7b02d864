"""What one renewal is to do, kept in the database of the new generation from its beginning to its end."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Final

import msgspec
from sqlalchemy import Connection

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.store.home import forget_meta, meta, set_meta

UNFINISHED: Final = "renewal going on"
DONE: Final = "renewal done"
REPLACED: Final = "replaced by"
"""In `meta`: of a new generation, and of one that was replaced."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of one generation, named by `prefix` and `schema` (empty: the server's default), without what had ended
    before a day. `ends`, `received`: the ends of its log and of its intake, by partition; `at`: when it was begun;
    `key`: of the digests of what is deleted; `counts`: what went with the rows, None while they are not carried over.
    """

    prefix: str
    schema: str
    before: dt.date
    officer: str
    at: int
    ends: dict[int, int]
    received: dict[int, int]
    key: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    counts: dict[str, int] | None = None


def named(chosen: Settings) -> tuple[str, str]:
    """How a generation is named: prefix of its topics, schema of its tables."""
    return chosen.kafka_prefix, chosen.database_schema or ""


def going_on(connection: Connection) -> Plan | None:
    """The renewal that fills this generation, if one does."""
    found = meta(connection, UNFINISHED)
    return None if found is None else msgspec.json.decode(found, type=Plan)


def done(connection: Connection) -> Plan | None:
    """The renewal that filled this generation, if one did."""
    found = meta(connection, DONE)
    return None if found is None else msgspec.json.decode(found, type=Plan)


def note(connection: Connection, plan: Plan) -> None:
    """Keeps a renewal that goes on."""
    set_meta(connection, UNFINISHED, msgspec.json.encode(plan).decode())


def note_done(connection: Connection, plan: Plan) -> None:
    """The new generation is whole."""
    forget_meta(connection, UNFINISHED)
    set_meta(connection, DONE, msgspec.json.encode(plan).decode())


def check_whole(connection: Connection) -> None:
    """Raises ClusterError where this generation is not whole yet, or another one has taken its place."""
    if (plan := going_on(connection)) is not None:
        raise ClusterError(
            f"这一代尚未复制完，请先完成 retention renew / this generation is still being copied from {plan.prefix!r}: "
            "run `retention renew` there again until it is done"
        )
    if (successor := meta(connection, REPLACED)) is not None:
        raise ClusterError(
            f"这一代已由 {successor} 取代，请改用新的设置 / this generation was replaced by {successor}: set its "
            "CREDIT_MONITOR_KAFKA_PREFIX, CREDIT_MONITOR_DATABASE_SCHEMA and CREDIT_MONITOR_CLUSTER_SNAPSHOTS"
        )
