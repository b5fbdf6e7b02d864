"""Tokens for machines that send events: made, listed and withdrawn by an operator; only digests are kept.

They stand in a small database of their own beside the monitor's, so that making one waits for no writer. A token is
`cm_ID_SECRET`; the secret has 256 random bits, so a plain SHA-256 of it cannot be searched.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    Row,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from monitor.store.home import Home, open_database

ACCESS_NAME: Final = "access.db"
_PREFIX: Final = "cm"
_ANY_REST: Final = "*"

_METADATA: Final = MetaData()
_TOKENS: Final = Table(
    "tokens",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("withdrawn_at", BigInteger),
)


class Token(msgspec.Struct, frozen=True):
    """A token without its secret. `sources`: those it may speak for, `*` at an end for any rest; empty: all.

    Moments are microseconds since 1970.
    """

    id: str
    name: str
    sources: tuple[str, ...]
    made_at: int
    made_by: str
    withdrawn_at: int | None

    def speaks_for(self, source: str) -> bool:
        """Whether the token's bearer may send events of a source."""
        return not self.sources or any(
            source.startswith(one[:-1]) if one.endswith(_ANY_REST) else source == one for one in self.sources
        )


class TokenStore:
    """The tokens of a home."""

    def __init__(self, home: Home) -> None:
        """Nothing is opened yet."""
        self._path: Path = home.path / ACCESS_NAME
        self._home = home
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._watching: Connection | None = None
        self._place = (0, 0)
        self._version: int | None = None
        self._rows: dict[str, Row[Any]] = {}

    def create(self, name: str, sources: Sequence[str], officer: str) -> str:
        """Makes a token; what is given back is the only time that its secret is seen. Raises HomeError."""
        self._home.create()
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._opened().begin() as connection:
            _METADATA.create_all(connection)
            token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
            connection.execute(
                insert(_TOKENS).values(
                    id=token_id,
                    name=name,
                    digest=_digest(secret),
                    sources="\n".join(sources),
                    made_at=time.time_ns() // 1000,
                    made_by=officer,
                )
            )
        return f"{_PREFIX}_{token_id}_{secret}"

    def all(self) -> list[Token]:
        """All tokens ever made, the oldest first."""
        return [_token(row) for row in self._all()]

    def withdraw(self, token_id: str) -> bool:
        """A token is good for nothing from here on; False where there is none of that id still in force."""
        if not self._there():
            return False
        with self._opened().begin() as connection:
            done = connection.execute(
                update(_TOKENS)
                .where(_TOKENS.c.id == token_id, _TOKENS.c.withdrawn_at.is_(None))
                .values(withdrawn_at=time.time_ns() // 1000)
            )
        return bool(done.rowcount)

    def find(self, text: str) -> Token | None:
        """The token that a sender shows, None where it is none in force."""
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        row = self._known().get(token_id) if prefix == _PREFIX else None
        if row is None or row.withdrawn_at is not None or not hmac.compare_digest(row.digest, _digest(secret)):
            return None
        return _token(row)

    def close(self) -> None:
        """Lets go of the database."""
        with self._lock:
            self._look_away()
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _known(self) -> dict[str, Row[Any]]:
        """All tokens by their ids. Every request asks for one, so they are read again only where the file is another,
        or somebody has written to it.
        """
        with self._lock:
            try:
                file = self._path.stat()
                if self._watching is None or self._place != (file.st_dev, file.st_ino):
                    self._look_away()
                    self._watching, self._place = self._opened().connect(), (file.st_dev, file.st_ino)
                version = self._watching.exec_driver_sql("PRAGMA data_version").scalar_one()
                if version != self._version:
                    self._rows, self._version = {row.id: row for row in self._all()}, version
            except FileNotFoundError:
                return {}
            except BaseException:
                self._look_away()
                raise
            return self._rows

    def _look_away(self) -> None:
        """Forgets what was read of a file."""
        if self._engine is not None and self._watching is not None:
            self._watching.close()
            self._engine.dispose()
            self._engine = None
        self._watching, self._version, self._rows = None, None, {}

    def _all(self) -> Sequence[Row[Any]]:
        if not self._there():
            return []
        with self._opened().connect() as connection:
            return connection.execute(select(_TOKENS).order_by(_TOKENS.c.made_at)).all()

    def _there(self) -> bool:
        return self._path.exists() and inspect(self._opened()).has_table(_TOKENS.name)

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = open_database(self._path, read_only=False)
        return self._engine


def _token(row: Row[Any]) -> Token:
    sources = tuple(row.sources.split("\n")) if row.sources else ()
    return Token(row.id, row.name, sources, row.made_at, row.made_by, row.withdrawn_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
