"""Now of the whole cluster: each log partition sees its own events, every host must know the greatest Now of all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from aiokafka.errors import KafkaError

from monitor.cluster.brokers import NOW, KafkaBroker
from monitor.cluster.keeper import Keeper

_BEAT: Final = 0.05


class Pulse:
    """Hears Now from the topic `clock`, tells the hosts of this worker, and announces what they saw."""

    def __init__(self, broker: KafkaBroker, keepers: Callable[[], Iterable[Keeper]]) -> None:
        """`keepers`: those of this worker, at any moment."""
        self.now = 0
        self._heard = 0
        self._broker = broker
        self._keepers = keepers

    @staticmethod
    def clock() -> int:
        """The machine's time, in microseconds since 1970; for ticks alone."""
        return time.time_ns() // 1000

    def saw(self, now: int) -> None:
        """A host knows Now to be this."""
        self.now = max(self.now, now)

    def hear(self, message: Any) -> None:
        """What another worker announced."""
        if message.key == NOW and message.value.isdigit():
            self._heard = max(self._heard, int(message.value))
            self.now = max(self.now, self._heard)

    async def beat(self, should_stop: Callable[[], bool]) -> None:
        """Passes Now on, until it is stopped."""
        while not should_stop():
            await asyncio.sleep(_BEAT)
            self._tell()
            if self.now > self._heard:
                try:
                    await self._broker.announce(self.now)
                except KafkaError:
                    continue
                self._heard = max(self._heard, self.now)

    def _tell(self) -> None:
        """Tells Now to every host that knows less: also one whose snapshot is from before, taken over since Now was
        announced, when nothing moves Now any more.
        """
        for keeper in self._keepers():
            if keeper.is_ready and keeper.host.latest < self.now:
                keeper.advance(self.now)
