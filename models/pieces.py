"""Work that may be done in pieces: a generator that stops between them, and returns what it has worked out.

Who does it at once calls `finished`. The result is the same: what a piece reads must not change while others wait.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

_Found = TypeVar("_Found")

Work = Generator[None, None, _Found]


def finished(work: Work[_Found]) -> _Found:
    """All pieces at once; what they worked out."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: _Found = end.value
            return found
