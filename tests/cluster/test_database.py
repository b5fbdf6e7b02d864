"""The PostgreSQL database of a cluster: its tables by version, its address, and what is said where one is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from monitor.store.errors import DatabaseAddressError, SchemaError
from monitor.store.postgresql import versions
from monitor.store.postgresql.cluster_schema import CLUSTER, VIEWS
from monitor.store.postgresql.database import REVISIONS, Database, current_revision, salt_of

_SHAPE = (
    "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = :schema",
    "SELECT tablename, indexname, replace(indexdef, :schema, '') FROM pg_indexes WHERE schemaname = :schema",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = CAST(:schema AS regnamespace)",
    "SELECT viewname, replace(definition, :schema, '') FROM pg_views WHERE schemaname = :schema",
)


def shape(database: Database) -> set[tuple[str, ...]]:
    """Columns, indexes, constraints and views, as the server describes them."""
    found: set[tuple[str, ...]] = set()
    with database.engine.connect() as connection:
        for query in _SHAPE:
            rows = connection.execute(text(query), {"schema": database.schema})
            found |= {tuple(str(value).replace(str(database.schema), "") for value in row) for row in rows}
    return {row for row in found if not row[0].startswith("alembic")}


def make_views(connection: Connection) -> None:
    for name, query in VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {query}"))


def test_migrations_lead_to_what_the_program_describes(
    database: Database, empty_databases: Callable[[], Database]
) -> None:
    with database.engine.connect() as connection:
        assert versions.differences(connection) == []
    described = empty_databases()
    with described.engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {described.schema}"))
        CLUSTER.create_all(connection)
        make_views(connection)
    assert shape(database) == shape(described)
    assert len(shape(database)) > 80


def test_a_difference_would_be_found(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE signals ADD COLUMN more bigint"))
        connection.execute(text("DROP INDEX signals_by_raising"))
        assert len(versions.differences(connection)) == 2


def test_tables_of_others_are_no_difference(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_others (one bigint)"))
        assert versions.differences(connection) == []


def test_the_program_names_the_versions_there_are() -> None:
    assert versions.revisions() == REVISIONS


def test_down_and_up_again(database: Database) -> None:
    before = shape(database)
    for revision in ("base", *REVISIONS[:-1]):
        versions.downgrade(database, revision)
        assert versions.upgrade(database) == (None if revision == "base" else revision, REVISIONS[-1])
        assert shape(database) == before
    assert versions.upgrade(database) == (REVISIONS[-1], REVISIONS[-1])


def test_every_database_has_a_salt_of_its_own_that_stays(databases: Callable[[], Database]) -> None:
    found = []
    for database in (databases(), databases()):
        for _ in range(2):
            versions.upgrade(database)
            with database.engine.connect() as connection:
                found.append(salt_of(connection))
    assert found[0] == found[1] != found[2] == found[3]
    assert len(found[0]) == 32


def test_workers_that_start_at_once_upgrade_once(postgres: str, empty_databases: Callable[[], Database]) -> None:
    schema = empty_databases().schema
    done: list[tuple[str | None, str | None] | Exception] = []
    together = threading.Barrier(6)

    def start() -> None:
        database = Database(postgres, schema)
        together.wait()
        try:
            done.append(versions.upgrade(database))
        except Exception as error:
            done.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, done)) == sorted(map(str, [(None, REVISIONS[-1])] + [(REVISIONS[-1], REVISIONS[-1])] * 5))


def test_a_database_of_another_version_is_refused_with_what_to_do(empty_databases: Callable[[], Database]) -> None:
    database = empty_databases()
    with pytest.raises(SchemaError, match="no tables yet: run `credit-monitor database upgrade`"):
        database.reader()
    versions.upgrade(database)
    assert database.reader() is database.writer()
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999'"))
        assert current_revision(connection) == "999"
    for what in (database.reader, database.writer, lambda: versions.upgrade(database)):
        with pytest.raises(SchemaError, match=r"of version 999.*use the newer program"):
            what()


def test_an_older_one_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.postgresql.database.REVISIONS", (*REVISIONS, "next"))
    with pytest.raises(SchemaError, match=f"of version {REVISIONS[-1]}.*run `credit-monitor database upgrade`"):
        database.reader()


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "host",
            "sqlite:///x",
            "mysql://u:secret@h/d",
            "postgresql://u:secret@host",
            "postgresql://u:secret@h:x/d",
        ),
        *("postgresql+asyncpg://u:secret@h/d", "://u:secret@h/d", "postgresql//u:secret@h/d"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(address: str) -> None:
    with pytest.raises(DatabaseAddressError, match="postgresql://user@host:port/database") as told:
        Database(address)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("address", ["postgresql://u:secret@h:1/d?sslmode=require", "postgres://u:secret@h:1/d"])
def test_a_database_is_named_without_its_password(address: str) -> None:
    assert str(Database(address)) == "postgresql://u:***@h:1/d"


@pytest.mark.parametrize("schema", ["", "Public", "a b", 'x"; DROP', "1a", "a" * 64])
def test_a_schema_is_a_plain_name(schema: str) -> None:
    with pytest.raises(DatabaseAddressError, match="CREDIT_MONITOR_DATABASE_SCHEMA"):
        Database("postgresql://u@h/d", schema)


def test_a_parameter_that_is_none_is_told(postgres: str) -> None:
    database = Database(f"{postgres}?sslmood=require")
    with pytest.raises(DatabaseAddressError, match="sslmood"):
        database.reader()
