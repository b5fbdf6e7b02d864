"""The events of the single count, the same for all who count them: new enterprises, by address.

One event a message for the plainest app; batches as messages, of the same events, for the others. A message's partition
is that of its address, so that whoever counts needs no regrouping.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from monitor.cluster.wire.batches import BATCH_EVENTS
from monitor.cluster.wire.partitions import partition_of

PARTITIONS: Final = 4
SINGLES, BATCHES, COUNTS, BOARD, FENCES = "singles", "batches", "counts", "signals", "fences"
_SHARE: Final = 5
"""Enterprises of an address on average."""


class One(NamedTuple):
    """An event, as it is sent."""

    address: str
    line: bytes


def events(number: int) -> Iterator[One]:
    """So many events, always the same."""
    draws = random.Random(1)
    for place in range(number):
        address = f"浙江省杭州市西湖区文三路{draws.randrange(number // _SHARE + 1)}号1幢"
        event = {
            "specversion": "1.0",
            "id": f"e-{place}",
            "source": "//registry/zj",
            "type": "registration.established",
            "subject": f"9133010{place:011d}",
            "time": "2025-03-01T00:00:00+08:00",
            "data": {
                "name": f"杭州第{place}号贸易有限公司",
                "kind": "enterprise",
                "address": {"text": address},
                "persons": [],
            },
        }
        yield One(address, json.dumps(event, ensure_ascii=False).encode())


def truth(number: int) -> Counter[str]:
    """How many each address has."""
    return Counter(one.address for one in events(number))


def singles(number: int) -> Iterator[tuple[int, bytes]]:
    """Partition and value of each message with one event."""
    for one in events(number):
        yield partition_of(one.address, PARTITIONS), one.line


def batches(number: int) -> Iterator[tuple[int, bytes]]:
    """Partition and value of each message with many events."""
    gathered: defaultdict[int, list[bytes]] = defaultdict(list)
    for one in events(number):
        partition = partition_of(one.address, PARTITIONS)
        lines = gathered[partition]
        lines.append(one.line)
        if len(lines) == BATCH_EVENTS:
            yield partition, b"[" + b",".join(lines) + b"]"
            lines.clear()
    for partition, lines in gathered.items():
        if lines:
            yield partition, b"[" + b",".join(lines) + b"]"
