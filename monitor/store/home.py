"""A home: the folder of an embedded monitor, with its database, snapshots, key and lock.

One process writes a home at a time; the lock is the kernel's, so it ends with the process however that ends.
Everybody else reads a consistent state beside it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from monitor.store import bulk
from monitor.store import groups_schema as _groups  # noqa: F401 - its tables are among METADATA
from monitor.store.audit import audit_schema as _audit  # noqa: F401 - likewise
from monitor.store.errors import StoreError
from monitor.store.migration import can_migrate, migrate
from monitor.store.outgoing import outbox_schema as _outbox  # noqa: F401 - likewise
from monitor.store.schema import META, METADATA, SCHEMA_VERSION
from monitor.store.work import alert_schema as _alerts  # noqa: F401 - likewise
from monitor.store.work import classes_schema as _classes  # noqa: F401 - likewise
from monitor.store.work import host_schema as _hosts  # noqa: F401 - likewise
from monitor.store.work import model_schema as _models  # noqa: F401 - likewise
from monitor.store.work import task_schema as _tasks  # noqa: F401 - likewise

DATABASE_NAME: Final = "monitor.db"
KEY_NAME: Final = "pseudonym.key"
HOME_ID: Final = "home"
"""What a home keeps its random id under: the audit log begins with it."""

_CACHE_KIB: Final = 8_192
_BRIEF: Final = " for a moment"
_BRIEF_SECONDS: Final = 5.0


class HomeError(StoreError):
    """A home that cannot be used."""


class HomeHeldError(HomeError):
    """A home that another process writes; `brief` where that is done in a moment."""

    brief = False


class HomeLock:
    """Held by the one process that writes a home."""

    def __init__(self, path: Path, *, brief: bool = False) -> None:
        """Takes the lock of a home at once, or raises HomeHeldError with the holder's process id. `brief`: it is held
        for a moment only, and who comes meanwhile may wait.
        """
        self._file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "?"
            self._file.close()
            held = HomeHeldError(
                f"{path.parent}：已有进程（{holder}）在写，一个目录只能有一个写入者 / "
                f"process {holder} writes this home already: stop it, or use another --home"
            )
            held.brief = not holder.isdecimal()  # so is a lock whose holder has not signed yet
            raise held from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}{_BRIEF if brief else ''}")
        self._file.flush()

    def release(self) -> None:
        """Lets the next writer in."""
        self._file.truncate(0)
        self._file.close()


class Home:
    """The folder at `path`."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path
        self.database = path / DATABASE_NAME
        self.snapshots = path / "snapshots"

    def __str__(self) -> str:
        """The folder."""
        return str(self.path)

    @property
    def arguments(self) -> tuple[str, ...]:
        """By what commands find it."""
        return ("--home", str(self.path))

    def release(self, engine: Engine) -> None:
        """Closes what `reader` opened."""
        engine.dispose()

    def create(self) -> None:
        """Makes the folder and what belongs into it, readable by its owner alone. Raises HomeError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.snapshots.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"{self.path}：无法写入（{error.strerror}），请换 --home / "
                f"cannot be written ({error.strerror}): choose another --home"
            ) from error

    def lock(self, *, brief: bool = False) -> HomeLock:
        """The lock of the writer, `brief` for one that writes for a moment. Raises HomeHeldError where somebody holds
        it, who is waited for if he does so for a moment.
        """
        began = time.monotonic()
        while True:
            try:
                return HomeLock(self.path / "lock", brief=brief)
            except HomeHeldError as held:
                if not held.brief or time.monotonic() - began > _BRIEF_SECONDS:
                    raise
            time.sleep(0.02)

    def key(self) -> bytes:
        """The home's own pseudonym key: made at the first run, readable by its owner alone."""
        path = self.path / KEY_NAME
        try:
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            pass
        except ValueError as error:
            raise HomeError(
                f"{path}：密钥不是十六进制文本 / the key is not hexadecimal text: restore it from its backup"
            ) from error
        made = path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_bytes(32).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # unlike a rename it leaves the key of a process that was faster
        except FileExistsError:
            pass
        finally:
            made.unlink()
        return self.key()

    def writer(self) -> Engine:
        """The database for its one writer; tables are made where they are missing. Raises HomeError."""
        engine = open_database(self.database, read_only=False)
        try:
            with engine.begin() as connection:
                self._bring_up(connection)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _bring_up(self, connection: Connection) -> None:
        found = meta(connection, "schema") if inspect(connection).has_table(META.name) else None
        if found is not None and can_migrate(found):
            # By hand: Python's driver for SQLite begins no transaction for changes of tables.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            found = migrate(connection, found)
            set_meta(connection, "schema", found)
        if found is not None:
            self._check_schema(found)
        METADATA.create_all(connection)
        if found is None:
            set_meta(connection, "schema", str(SCHEMA_VERSION))
            set_meta(connection, "seed", str(secrets.randbits(62)))
        if meta(connection, HOME_ID) is None:
            set_meta(connection, HOME_ID, secrets.token_hex(16))

    def reader(self) -> Engine:
        """The database for reading. Raises HomeError where there is none yet, or one that cannot be read."""
        engine = open_database(self.database, read_only=True)
        try:
            self._check_readable(engine)
        except BaseException:
            engine.dispose()  # a connection that stays open keeps the journal beside the database
            raise
        return engine

    def _check_readable(self, engine: Engine) -> None:
        found = None
        if self.database.exists():
            try:
                with engine.connect() as connection:
                    if inspect(connection).has_table(META.name):
                        found = meta(connection, "schema")
            except DatabaseError as error:
                raise HomeError(
                    f"{self.database}：无法读取，请从备份恢复 / "
                    f"cannot be read ({error.orig}): restore it from its backup"
                ) from error
        if found is None:
            raise HomeError(
                f"{self.path}：还没有数据，请先运行 credit-monitor run / there is nothing here yet: run "
                "`credit-monitor run --source … --home DIR` first"
            )
        if can_migrate(found):
            found = self._migrated(found)
        self._check_schema(found)

    def _migrated(self, found: str) -> str:
        """Brings an older home up, for a reader that comes before any writer of this version; its version then."""
        try:
            lock = self.lock()
        except HomeHeldError:
            return found
        try:
            self.writer().dispose()
        finally:
            lock.release()
        return str(SCHEMA_VERSION)

    def _check_schema(self, found: str) -> None:
        if found != str(SCHEMA_VERSION):
            raise HomeError(
                f"{self.path}：数据格式为 {found} 版，本程序为 {SCHEMA_VERSION} 版 / the home has schema "
                f"{found}, this program {SCHEMA_VERSION}: "
                + (
                    "stop the older program that writes it"
                    if can_migrate(found)
                    else "use the program that wrote it, or a new --home"
                )
            )


def meta(connection: Connection, key: str) -> str | None:
    """A value that the home keeps about itself."""
    found: str | None = connection.execute(select(META.c.value).where(META.c.key == key)).scalar()
    return found


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Keeps a value about the home."""
    bulk.insert(connection, META, ("key", "value"), [(key, value)], bulk.replace(("key",), ("value",)))


def forget_meta(connection: Connection, beginning: str) -> None:
    """Forgets the values whose keys begin with some text."""
    connection.execute(META.delete().where(META.c.key.startswith(beginning, autoescape=True)))


def open_database(path: Path, *, read_only: bool) -> Engine:
    """A database file of a home; a writer's is made where it is missing."""
    query = {"mode": "ro", "uri": "true"} if read_only else {"uri": "true"}
    # Quoted: a folder may be called `100%` or `a#b`.
    url = URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query=query)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if not read_only:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine
