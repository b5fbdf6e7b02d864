"""References: in PostgreSQL, where many workers write, a subject or source is known by a keyed hash of its text.

A home has one writer, which counts its names. Workers cannot count together, so each works out the same 63 bits
(BLAKE2b, RFC 7693) from the text, its kind and a salt that the database keeps: nobody outside can look for two texts
that meet. With 27 million names that two of one kind ever meet has odds of about 1 in 25,000; the writer refuses it.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

Kind = Literal["enterprise", "address", "person", "source", "letter"]

SALT_BYTES: Final = 32
_MASK: Final = (1 << 63) - 1
_PERSONAL: Final[dict[str, bytes]] = {
    kind: kind.encode().ljust(16, b"\0") for kind in ("enterprise", "address", "person", "source", "letter")
}


class References:
    """The references of one database. They are kept for as long as the object lives, up to some number of them."""

    def __init__(self, salt: bytes, kept: int = 1 << 18) -> None:
        """`salt`: the database's own, see `monitor.store.postgresql.database.salt_of`."""
        self._salt = salt
        self._kept = kept
        self._known: dict[tuple[Kind, str], int] = {}

    def reference(self, kind: Kind, key: str) -> int:
        """The reference of a text, from 0 to 2^63 - 1."""
        known = self._known.get((kind, key))
        if known is not None:
            return known
        digest = hashlib.blake2b(
            key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt, person=_PERSONAL[kind]
        ).digest()
        found = int.from_bytes(digest, "big") & _MASK
        if len(self._known) >= self._kept:
            self._known.clear()
        self._known[kind, key] = found
        return found
