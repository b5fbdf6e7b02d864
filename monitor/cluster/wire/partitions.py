"""Which partition of its topic a key belongs to: one rule for everybody who writes to the cluster."""

from __future__ import annotations

import xxhash


def partition_of(key: bytes | str, partitions: int) -> int:
    """The partition of a key, 0 to `partitions` - 1; a text counts as its UTF-8. The same in every process."""
    return xxhash.xxh3_64_intdigest(key.encode() if isinstance(key, str) else key) % partitions
