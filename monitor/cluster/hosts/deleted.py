"""Events that retention has deleted from the log, as the log of a new generation names them: a second arrival of one is
a repeat.
"""

from __future__ import annotations

import sys
from array import array
from typing import Any

import msgspec

from monitor.cluster.wire.facts import Forgotten
from monitor.events.envelope import Event
from monitor.retention.forgetting import ForgottenNames


class Deleted:
    """What was deleted of one partition."""

    def __init__(self) -> None:
        """Nothing was."""
        self._said: list[Forgotten] = []
        self._names: list[ForgottenNames] = []

    def add(self, said: Forgotten) -> None:
        """Some names more."""
        self._said.append(said)
        self._names.append(_names_of(said))

    def holds(self, event: Event, at: int) -> bool:
        """Whether an event of this moment was deleted."""
        return any(at < one.before and one.holds(event.subject, event.source, event.id) for one in self._names)

    def dump(self) -> list[Forgotten]:
        """What a snapshot keeps."""
        return self._said

    def load(self, dumped: Any) -> None:
        """Takes over what `dump` gave."""
        self._said = msgspec.convert(dumped, list[Forgotten])
        self._names = list(map(_names_of, self._said))


def packed(digests: list[int]) -> bytes:
    """Digests as they are sent: ascending, eight bytes each, the lowest byte first."""
    return _little(array("q", sorted(digests))).tobytes()


def _names_of(said: Forgotten) -> ForgottenNames:
    digests = array("q")
    digests.frombytes(said.digests)
    return ForgottenNames(said.key, said.before, _little(digests))


def _little(digests: array[int]) -> array[int]:
    if sys.byteorder == "big":
        digests.byteswap()
    return digests
