"""Names of events that retention has deleted, as keyed digests: a second arrival of one changes nothing, for ever
(contract §1), though nothing of it is left.

A digest is 64 bits of BLAKE2b over (subject, source, id), keyed by the home's secret seed: that an event meets the
digest of another one among two million has odds of 1 in ten million million.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from monitor.store import bulk
from monitor.store.home import meta, set_meta
from monitor.store.schema import FORGOTTEN

_BEFORE: Final = "forgotten before"
_NEVER: Final = -(1 << 62)


class Forgotten:
    """The names that were deleted, as the writer of a home asks for them."""

    def __init__(self, connection: Connection) -> None:
        """Takes them over from the store."""
        self._key = _key(connection)
        self.before = int(meta(connection, _BEFORE) or _NEVER)
        """No deleted event was as late as this, in microseconds since 1970."""
        ordered = select(FORGOTTEN.c.digest).order_by(FORGOTTEN.c.digest)
        self._digests = array("q", connection.execute(ordered).scalars())

    def holds(self, subject: str, source: str, event_id: str) -> bool:
        """Whether an event was deleted."""
        digest = _digest(self._key, subject, source, event_id)
        place = bisect_left(self._digests, digest)
        return place < len(self._digests) and self._digests[place] == digest


def add(connection: Connection, names: Iterable[tuple[str, str, str]], before: int) -> None:
    """Keeps the digests of names that are deleted, all of events from before a moment."""
    key = _key(connection)
    bulk.insert(connection, FORGOTTEN, ("digest",), [(_digest(key, *name),) for name in names], bulk.leave)
    set_meta(connection, _BEFORE, str(max(before, int(meta(connection, _BEFORE) or _NEVER))))


def _key(connection: Connection) -> bytes:
    return int(meta(connection, "seed") or 0).to_bytes(16, "big")


def _digest(key: bytes, *name: str) -> int:
    found = hashlib.blake2b("\0".join(name).encode(), digest_size=8, key=key).digest()
    return int.from_bytes(found, "big", signed=True)
