"""The database of a cluster: PostgreSQL, by its address, with a pool of connections and the version of its tables.

Workers write it (`monitor.store.postgresql.readmodel`), commands and pages read it (`monitor.store.reader`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from monitor.store.errors import DatabaseAddressError, DatabaseGoneError, SchemaError

REVISIONS: Final = ("1", "2", "3", "4", "5")
"""Versions of the tables, oldest first: the files of `monitor.store.migrations`."""

DRIVER: Final = "postgresql+psycopg"
UPGRADE: Final = "credit-monitor database upgrade"
_BACKENDS: Final = frozenset({"postgresql", "postgres", DRIVER})
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_DEFAULTS: Final = {
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "application_name": "credit-monitor",
    # A server that vanishes without a word is noticed within half a minute.
    "tcp_user_timeout": "30000",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}


class Database:
    """The database at an address. It is opened at the first use."""

    arguments: tuple[str, ...] = ()
    """Commands find it by CREDIT_MONITOR_DATABASE_URL, not by an argument."""

    snapshots: Path | None = None
    """The state is with the workers."""

    def __init__(self, address: str, schema: str | None = None, pool: int = 5) -> None:
        """`schema`: where the tables stand, the server's default where None. Raises DatabaseAddressError."""
        self._url = _parsed(address)
        if schema is not None and not _SCHEMA.fullmatch(schema):
            raise DatabaseAddressError(
                "CREDIT_MONITOR_DATABASE_SCHEMA：须为小写字母、数字、下划线 / "
                "CREDIT_MONITOR_DATABASE_SCHEMA is lower-case letters, digits and underscores"
            )
        self.schema = schema
        self._engine = _engine(self._url, schema, pool)

    def __str__(self) -> str:
        """The address without its password."""
        return str(self._url.set(drivername="postgresql", query={}))

    @property
    def engine(self) -> Engine:
        """Connections, whatever the version of the tables."""
        return self._engine

    def reader(self) -> Engine:
        """Connections, to tables of the program's version. Raises SchemaError and DatabaseGoneError."""
        with answering(), self._engine.connect() as connection:
            check_schema(connection)
        return self._engine

    def writer(self) -> Engine:
        """The same: what may be written is decided by epochs, not by who opens it."""
        return self.reader()

    def release(self, engine: Engine) -> None:
        """Connections stay for the next look."""

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()


@contextmanager
def answering() -> Iterator[None]:
    """Whatever says that the database cannot be reached is raised as DatabaseGoneError, as one line."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        why = " ".join(str(error.orig).split())
        if state is None and "invalid connection option" in why:
            raise DatabaseAddressError(
                f"CREDIT_MONITOR_DATABASE_URL：参数有误（{why}） / it has a parameter that is none ({why})"
            ) from None
        if not _is_gone(error, state):
            raise
        raise DatabaseGoneError(
            f"数据库连不上或已断开（{why}），请检查 CREDIT_MONITOR_DATABASE_URL、网络与服务 / the database cannot be "
            f"reached ({why}): check CREDIT_MONITOR_DATABASE_URL, the network and the server"
        ) from error
    except PoolTimeoutError as error:
        raise DatabaseGoneError(
            "等不到空闲的数据库连接，请增大 CREDIT_MONITOR_DATABASE_POOL / no connection became free: raise "
            "CREDIT_MONITOR_DATABASE_POOL"
        ) from error


def current_revision(connection: Connection) -> str | None:
    """The version of the tables, None where there are none."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check_schema(connection: Connection) -> None:
    """Raises SchemaError with what to do, where the tables are not of the program's version."""
    found = current_revision(connection)
    if found == REVISIONS[-1]:
        return
    if found is None:
        raise SchemaError(f"数据库中还没有表，请先执行 {UPGRADE} / there are no tables yet: run `{UPGRADE}`")
    said = (
        f"数据表为 {found} 版，本程序为 {REVISIONS[-1]} 版 / the tables are of version {found}, "
        f"this program's of {REVISIONS[-1]}: "
    )
    if found in REVISIONS:
        raise SchemaError(f"{said}run `{UPGRADE}`")
    raise SchemaError(f"{said}use the newer program that made them")


def salt_of(connection: Connection) -> bytes:
    """The salt of the references (`monitor.store.references`), made with the tables."""
    return bytes.fromhex(connection.execute(text("SELECT value FROM meta WHERE key = 'salt'")).scalar_one())


def _parsed(address: str) -> URL:
    """The address for the driver. What is wrong is told without quoting it: it may hold a password."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _BACKENDS or not url.database:
        raise DatabaseAddressError(
            "CREDIT_MONITOR_DATABASE_URL：应为 postgresql://用户@主机:端口/库 / it is not of the form "
            "postgresql://user@host:port/database (a password in it is quoted: %40 for @)"
        )
    return url.set(drivername=DRIVER)


def _engine(url: URL, schema: str | None, pool: int) -> Engine:
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _DEFAULTS.items() if name not in url.query},
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    if schema is not None:

        @event.listens_for(engine, "connect", insert=True)
        def prepare(connection: Any, _: Any) -> None:
            # Outside a transaction, whose end could take it back.
            connection.autocommit = True
            connection.execute(f'SET search_path TO "{schema}"')
            connection.autocommit = False

    return engine


def _is_gone(error: DBAPIError, state: str | None) -> bool:
    """Whether an error is about the connection or the server's means: no connection (08), none left or no space (53),
    shutting down or starting up (57P), a transaction that stood still for too long (25P03), or none was made at all.
    """
    if error.connection_invalidated:
        return True
    if type(error).__name__ not in ("OperationalError", "InterfaceError"):
        return False
    return state is None or state[:2] in ("08", "53") or state[:3] == "57P" or state == "25P03"
