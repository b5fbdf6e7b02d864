"""The names of events that retention has deleted from a home, see `monitor.retention.forgetting`: keyed by the home's
secret seed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from monitor.retention.forgetting import ForgottenNames, digest_of
from monitor.store import bulk
from monitor.store.home import meta, set_meta
from monitor.store.schema import FORGOTTEN

_BEFORE: Final = "forgotten before"
_NEVER: Final = -(1 << 62)


def names_in(connection: Connection) -> ForgottenNames:
    """The names that were deleted, as the writer of a home asks for them."""
    ordered = select(FORGOTTEN.c.digest).order_by(FORGOTTEN.c.digest)
    digests = array("q", connection.execute(ordered).scalars())
    return ForgottenNames(_key(connection), int(meta(connection, _BEFORE) or _NEVER), digests)


def add(connection: Connection, names: Iterable[tuple[str, str, str]], before: int) -> None:
    """Keeps the digests of names that are deleted, all of events from before a moment."""
    key = _key(connection)
    bulk.insert(connection, FORGOTTEN, ("digest",), [(digest_of(key, *name),) for name in names], bulk.leave)
    set_meta(connection, _BEFORE, str(max(before, int(meta(connection, _BEFORE) or _NEVER))))


def _key(connection: Connection) -> bytes:
    return int(meta(connection, "seed") or 0).to_bytes(16, "big")
