"""Names of events that retention has deleted, as keyed digests: a second arrival of one changes nothing, for ever
(contract §1), though nothing of it is left.

A digest is 64 bits of BLAKE2b over (subject, source, id), keyed by a secret: that an event meets the digest of another
one among two million has odds of 1 in ten million million.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left


def digest_of(key: bytes, subject: str, source: str, event_id: str) -> int:
    """The digest of a name: a whole number of 64 bits with its sign."""
    found = hashlib.blake2b("\0".join((subject, source, event_id)).encode(), digest_size=8, key=key).digest()
    return int.from_bytes(found, "big", signed=True)


class ForgottenNames:
    """Names that were deleted. `before`: none was of an event as late as this, in microseconds since 1970."""

    def __init__(self, key: bytes, before: int, digests: array[int]) -> None:
        """`digests`: ascending."""
        self.before = before
        self._key = key
        self._digests = digests

    def holds(self, subject: str, source: str, event_id: str) -> bool:
        """Whether an event was deleted."""
        digest = digest_of(self._key, subject, source, event_id)
        place = bisect_left(self._digests, digest)
        return place < len(self._digests) and self._digests[place] == digest
