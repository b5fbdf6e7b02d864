"""How far a run has come, as it is told to people."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct):
    """How far a run has come."""

    events: int = 0
    repeats: int = 0
    dead_letters: int = 0
    done: float | None = None
    source: str = ""
