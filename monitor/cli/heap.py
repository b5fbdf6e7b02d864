"""How glibc holds memory while a backlog is read: `run` alone, where what it costs was measured."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2 << 20
_KEPT: Final = 8 << 20


def keep_apart() -> None:
    """Buffers of 2 MiB and more stand apart from the heap and are given back when they are freed; of what is free at
    its end 8 MiB are kept.

    By itself glibc lets buffers of up to 32 MiB into the heap once such a one was freed: what is small and stays then
    lies above them, and their place is held for good. Elsewhere nothing is changed. Source: mallopt(3).
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _LARGE)
            mallopt(_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """Gives free pages back to the system, also those between others: after work that took much at once."""
    if sys.platform == "linux":
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if malloc_trim is not None:
            malloc_trim(0)
