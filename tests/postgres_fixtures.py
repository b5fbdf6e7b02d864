"""Fixtures of the read model: one PostgreSQL server a session, a schema of its own for each test.

`CREDIT_MONITOR_DATABASE_URL` names a server to use in place of our own; its user may create schemas.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from monitor.store.postgresql.database import Database
from monitor.store.postgresql.versions import upgrade
from tests.postgres import Postgres

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL database."""
    given = os.environ.get("TESTS_DATABASE_URL")
    if given:
        yield given
        return
    server = Postgres()
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@pytest.fixture(scope="session")
def empty_databases(postgres: str) -> Iterator[Callable[[], Database]]:
    """Makes databases without tables, each in a schema of its own; they are removed at the end."""
    made: list[Database] = []

    def make() -> Database:
        for one in made:
            one.engine.dispose()  # an earlier test is done with it, and a server has only so many connections
        made.append(Database(postgres, f"test_{secrets.token_hex(4)}_{next(_numbers)}"))
        return made[-1]

    yield make
    for one in made:
        with one.engine.begin() as connection:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{one.schema}" CASCADE'))
        one.close()


@pytest.fixture(scope="session")
def databases(empty_databases: Callable[[], Database]) -> Callable[[], Database]:
    """Makes databases with the tables."""

    def make() -> Database:
        found = empty_databases()
        upgrade(found)
        return found

    return make


@pytest.fixture
def database(databases: Callable[[], Database]) -> Database:
    """A database with the tables, empty."""
    return databases()
