"""The plainest Faust app, as a program of its own: a `Record`, and one `Table` that counts enterprises by address.

`python -m benchmarks.cluster.baseline BOOTSTRAP PREFIX EVENTS FOLDER`: tells what it took when it has counted so many
events and its changelog is written, and works on. Settings are Faust's own, but where it needs none of its extras.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import faust

from benchmarks.cluster.counted import PARTITIONS, SINGLES
from benchmarks.cluster.meter import Meter


class Opened(faust.Record, serializer="json"):
    """An event; its data stay a dictionary, which costs less than a record within a record."""

    subject: str
    data: dict[str, Any]


def app_of(bootstrap: str, prefix: str, events: int, folder: str, meter: Meter) -> faust.App:
    """The app."""
    app = faust.App(
        f"{prefix}baseline",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    counts = app.Table("counts", default=int)
    topic = app.topic(f"{prefix}{SINGLES}", value_type=Opened)
    seen = 0

    async def count(stream: Any) -> None:
        nonlocal seen
        async for event in stream:
            counts[event.data["address"]["text"]] += 1
            seen += 1

    async def watch() -> None:
        tables: Any = app.tables  # its recovery is no part of the declared type
        while len(app.assignor.assigned_actives()) < PARTITIONS or not tables.recovery.completed.is_set():
            await asyncio.sleep(0.05)
        meter.begin()
        while seen < events:
            await asyncio.sleep(0.05)
        await app.producer.flush()
        meter.end()

    app.agent(topic)(count)
    app.task(watch)
    return app


def main(arguments: Sequence[str]) -> None:
    """Runs the app."""
    bootstrap, prefix, events, folder = arguments
    meter = Meter()
    app = app_of(bootstrap, prefix, int(events), folder, meter)
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1:])
