"""The single count on bare aiokafka, as a program of its own: what batches as messages alone give.

`python -m benchmarks.cluster.bare BOOTSTRAP PREFIX EVENTS`: reads the batches, counts, keeps nothing; a kill would lose
everything.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.cluster.counted import BATCHES, PARTITIONS
from benchmarks.cluster.counting import addresses_in
from benchmarks.cluster.meter import Meter


async def count(bootstrap: str, topic: str, events: int, meter: Meter) -> Counter[str]:
    """How many each address has, after so many events."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        meter.begin()
        counts: Counter[str] = Counter()
        seen = 0
        while seen < events:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                for message in messages:
                    addresses = addresses_in(message.value)
                    counts.update(addresses)
                    seen += len(addresses)
        return counts
    finally:
        await consumer.stop()


def main(arguments: Sequence[str]) -> None:
    """Counts and tells."""
    bootstrap, prefix, events = arguments
    meter = Meter()
    counts = asyncio.run(count(bootstrap, f"{prefix}{BATCHES}", int(events), meter))
    meter.end(counts=dict(counts))


if __name__ == "__main__":
    main(sys.argv[1:])
