"""When what came is judged: at once where that is cheap, and in a backlog so rarely that it takes a tenth of the time.

An enterprise is judged once, however many of its events came in between, so waiting saves work.
"""

from __future__ import annotations

import time
from typing import Final

_SHARE: Final = 5
"""While much comes, judging takes at most about a fifth of the time."""
_BACKLOG_SHARE: Final = 10
"""While a backlog is read, a tenth."""
_REST: Final = 0.03
"""So many seconds at most nothing is judged where nothing comes: senders that wait for answers send again by then."""


class Pace:
    """How long the last judgement took, and when it ended. Seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Nothing was judged."""
        self._took = 0.0
        self._ended = 0.0

    def judged(self, began: float) -> None:
        """A judgement that began at a moment ends now."""
        self._ended = time.monotonic()
        self._took = self._ended - began

    def is_due(self, every: float) -> bool:
        """Whether to judge though more may come: every so many seconds at most, 0 in a live monitor, and within the
        share.
        """
        share = _BACKLOG_SHARE if every else _SHARE
        return time.monotonic() - self._ended > max(every, share * self._took)

    @property
    def rest(self) -> float:
        """For so many seconds it is better to wait for more than to judge what has come; 0: not at all."""
        return max(0.0, self._ended + min(_REST, _SHARE * self._took) - time.monotonic())
