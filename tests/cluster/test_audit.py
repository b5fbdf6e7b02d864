"""The audit log on PostgreSQL: the same chain, and a database that refuses to change it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from monitor.store.audit import chain as audit
from monitor.store.audit.audit_schema import AUDIT
from monitor.store.audit.chain import AuditEntry
from monitor.store.audit.proof import Fault, verify
from monitor.store.home import HOME_ID, set_meta
from monitor.store.postgresql.database import Database
from monitor.store.schema import META, METADATA

LOOK = AuditEntry(at=1, officer="李雷", action="explain", kind="enterprise", key="E0001", outcome="seen")


@pytest.fixture
def engine(empty_databases: Callable[[], Database]) -> Engine:
    """A database with a chain of 2,345 rows."""
    database = empty_databases()
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {database.schema}"))
        METADATA.create_all(connection, tables=[META, AUDIT])
        set_meta(connection, HOME_ID, "ours")
        audit.append(connection, [LOOK] * 2000)
        audit.append(connection, [LOOK] * 345)
    return database.engine


def test_the_chain_is_the_same(engine: Engine) -> None:
    with engine.connect() as connection:
        head = audit.head(connection, 0)
        assert (verify(connection, [head]).rows, verify(connection, [head]).fault) == (2345, None)
        first = next(audit.exported(connection))
        assert first["previous"] == audit.genesis("ours").hex()
        fields = (1, 1, *(first[name] for name in ("officer", "action", "kind", "key", "outcome")), "{}")
        assert first["digest"] == audit.digest_of(fields, audit.genesis("ours")).hex()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET officer = 'x' WHERE number = 2", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_the_database_refuses_to_change_it(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))


def test_a_change_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_change ON audit"))
        connection.execute(text("UPDATE audit SET key = 'E0002' WHERE number = 1777"))
    with engine.connect() as connection:
        assert verify(connection).fault == Fault(1777, "changed")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE number = 1500"))
        assert verify(connection).fault == Fault(1500, "missing")
