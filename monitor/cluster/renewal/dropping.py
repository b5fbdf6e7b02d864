"""Drops a generation that another one has replaced: topics, tables, snapshots. After a kill the same again goes on."""

from __future__ import annotations

from typing import Final

import fsspec
from sqlalchemy import text

from config.settings import Settings
from monitor.cluster import ClusterError, topics
from monitor.cluster.renewal import plan as plans
from monitor.cluster.renewal.renewing import Generation
from monitor.cluster.renewal.resting import intake_ends, refuse_members
from monitor.store.home import forget_meta, meta, set_meta
from monitor.store.postgresql.database import Database, answering, current_revision
from monitor.store.postgresql.versions import downgrade

_DROPPING: Final = "renewal dropping"
_DROPPED: Final = "renewal dropped"


def drop(present: Generation, old: Settings, database: Database, snapshots: str, *, discard: bool) -> None:
    """Drops the generation from which the present one was made: `old` and `database` name its topics and tables,
    `snapshots` its snapshots. Raises ClusterError where it is another one, where somebody works on it, or where it has
    received something that was not copied, unless `discard`.
    """
    with answering(), present.database.reader().connect() as connection:
        plan = plans.done(connection)
        begun, ended = meta(connection, _DROPPING), meta(connection, _DROPPED)
    if plan is None or (plan.prefix, plan.schema) != plans.named(old):
        raise ClusterError(
            "现在的一代不是由它复制而来，不删除 / the present generation was not made from that one, nothing is "
            "dropped: give the --prefix and --schema of the one before, under the settings of the new one"
        )
    if ended is not None:
        return
    if begun is None:
        refuse_members(old)
        more = sum(intake_ends(old).values()) - sum(plan.received.values())
        if more and not discard:
            raise ClusterError(
                f"复制之后旧的 intake 又收到 {more} 条消息，删除即丢失 / the old intake has received {more} messages "
                "since it was copied, which would be lost: have their sources send them to the new generation, then "
                "add --discard"
            )
        with answering(), present.database.writer().begin() as connection:
            set_meta(connection, _DROPPING, "1")
    topics.delete(old)
    _drop_tables(database)
    files, root = fsspec.core.url_to_fs(snapshots)
    if files.exists(root):
        files.rm(root, recursive=True)
    with answering(), present.database.writer().begin() as connection:
        forget_meta(connection, _DROPPING)
        set_meta(connection, _DROPPED, "1")


def _drop_tables(database: Database) -> None:
    with answering(), database.engine.connect() as connection:
        there = current_revision(connection) is not None
    if there:
        downgrade(database, "base")
    with answering(), database.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        if database.schema is not None:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{database.schema}"'))
