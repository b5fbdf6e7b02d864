"""Whether the machine's clock can be trusted."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator
from typing import Final

from monitor.doctor.finding import Finding, ok, warning, wrong

_WATCHED: Final = 0.3
_JUMP: Final = 0.1
_TIMEX_BYTES: Final = 512
_TIME_ERROR: Final = 5
"""What adjtimex(2) says of a clock that nobody keeps right."""


def machine() -> Iterator[Finding]:
    """The findings about the clock: whether it runs evenly now, and whether the kernel says that somebody keeps it."""
    jump = _jump()
    if abs(jump) > _JUMP:
        yield wrong(
            "machine-clock",
            f"时钟在检查时跳动 {jump:+.1f} 秒，请校准（NTP） / the clock jumped by {jump:+.1f} s meanwhile: "
            "put it right (NTP)",
        )
    elif _is_kept() is False:
        yield warning(
            "machine-clock",
            "内核称时钟未同步，请启用 NTP（chrony） / the kernel says that nobody keeps the clock right: run NTP",
        )
    else:
        yield ok("machine-clock", "走时均匀 / the clock runs evenly")


def _jump() -> float:
    """By how many seconds the clock was set while it was watched."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(_WATCHED)
    return (time.time() - wall) - (time.monotonic() - steady)


def _is_kept() -> bool | None:
    """Whether the kernel knows the clock to be right; None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
