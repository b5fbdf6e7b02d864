"""Faust's consumer, fetching from the brokers as rarely as is good for single events.

A fetch names all partitions of a worker and its answer is taken apart; brokers answer as soon as there is anything. At
some hundred single events a second that is half of a worker's processor time. So they wait until there is much, for a
fraction of a beat at most (`pace.py`). Faust has no setting for it (0.15), aiokafka has.
"""

from __future__ import annotations

from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

_MUCH: Final = 256 * 1024
_MILLISECONDS: Final = 25


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_min_bytes = _MUCH  # noqa: SLF001 - read when the consumer starts; Faust passes none on
        consumer._fetch_max_wait_ms = _MILLISECONDS  # noqa: SLF001 - the same
        return consumer


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


def fetch_rarely(app: faust.App) -> None:
    """Lets an app that has not been started fetch that way."""
    transport: Any = app.transport
    transport.Consumer = _Consumer
