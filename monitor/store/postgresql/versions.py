"""Brings the tables of a PostgreSQL database to another version, by Alembic, in one transaction.

Workers may start at once: an advisory lock lets one of them do it, and the others find it done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.store.errors import SchemaError
from monitor.store.postgresql.cluster_schema import CLUSTER
from monitor.store.postgresql.database import Database, answering, current_revision

_LOCK: Final = 0x63726564
"""Half of the key of the lock; the other half stands for the schema."""


def upgrade(database: Database, revision: str = "head") -> tuple[str | None, str | None]:
    """Brings the tables up to a version; the versions before and after.

    Raises SchemaError where the tables are newer than the program, or the database does not hold UTF-8.
    """
    with answering(), database.engine.begin() as connection:
        _prepare(connection, database.schema)
        before = current_revision(connection)
        if before is not None and before not in revisions():
            raise SchemaError(
                f"数据表为 {before} 版，本程序不认识 / the tables are of version {before}, which this program does not "
                "know: use the newer program that made them"
            )
        command.upgrade(_config(connection), revision)
        return before, current_revision(connection)


def downgrade(database: Database, revision: str) -> None:
    """Brings the tables down to a version, `base` for none at all; what a later one added is lost."""
    with answering(), database.engine.begin() as connection:
        _prepare(connection, database.schema)
        command.downgrade(_config(connection), revision)


def differences(connection: Connection) -> list[Any]:
    """How the tables differ from those that the program describes; empty where they do not. Others may stand beside."""

    def is_ours(_: Any, name: str | None, kind: str, reflected: bool, described: Any) -> bool:
        return not (kind == "table" and reflected and described is None)

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": is_ours}
    )
    return list(compare_metadata(context, CLUSTER))


def revisions() -> tuple[str, ...]:
    """The versions that there are files for, oldest first."""
    scripts = ScriptDirectory.from_config(_config(None))
    return tuple(one.revision for one in reversed(list(scripts.walk_revisions())))


def _prepare(connection: Connection, schema: str | None) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise SchemaError(
            f"数据库编码为 {encoding}，须为 UTF8 / the database holds {encoding}: create it with ENCODING 'UTF8'"
        )
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:half, hashtext(:name))"), {"half": _LOCK, "name": schema or ""}
    )
    if schema is not None:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


def _config(connection: Connection | None) -> Config:
    config = Config()
    place = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
