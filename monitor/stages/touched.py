"""Which subjects were touched since they were last judged: a flag each, where a set of numbers takes 60 bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np


class Touched:
    """Numbers of subjects that wait to be judged, each once."""

    def __init__(self) -> None:
        """None waits."""
        self._flags = bytearray()
        self._waiting = array("I")

    def add(self, ref: int) -> None:
        """A subject was touched."""
        flags = self._flags
        if ref >= len(flags):
            flags.extend(bytes(ref + 1024 - len(flags)))
        if not flags[ref]:
            flags[ref] = 1
            self._waiting.append(ref)

    def update(self, refs: Iterable[int]) -> None:
        """Several subjects were touched."""
        for ref in refs:
            self.add(ref)

    def take(self) -> array[int]:
        """Those that wait, in the order of their numbers; none waits from here on."""
        waiting = self._waiting
        self._waiting = array("I")
        flags = self._flags
        if len(waiting) * 8 < len(flags):
            taken = array("I", sorted(waiting))
            for ref in taken:
                flags[ref] = 0
            return taken
        taken = array("I")
        ref = flags.find(1)
        while ref >= 0:
            taken.append(ref)
            ref = flags.find(1, ref + 1)
        self._flags = bytearray(len(flags))
        return taken

    def dump(self) -> bytes:
        """What a snapshot keeps: those that wait, in the order of their numbers."""
        return np.sort(np.frombuffer(self._waiting, np.uint32)).tobytes() if self._waiting else b""

    def clear(self) -> None:
        """None waits."""
        self.take()

    def __bool__(self) -> bool:
        """Whether some wait."""
        return bool(self._waiting)
