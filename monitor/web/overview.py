"""What the page shows of a home at one moment: read once for all who look, whatever their language."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from monitor.metrics import Doing
from monitor.store.reader import Reader
from monitor.store.work import alertreader, taskreader

NEWEST: Final = 20
"""Signals in the list of the newest ones."""

SHOWN: Final = 5
"""Pieces of evidence, and enterprises, shown of one signal."""


class Overview(msgspec.Struct, frozen=True):
    """Totals by name, signals in force by (detector, level), the newest signals (see `Reader.newest`), Now."""

    events: int = 0
    repeats: int = 0
    enterprises: int = 0
    rooms: int = 0
    persons: int = 0
    dead_letters: int = 0
    parked: int = 0
    signals: dict[tuple[str, int], int] = {}
    newest: list[dict[str, Any]] = []
    now: int | None = None
    supervised: bool = False
    asking: int = 0
    open_tasks: int = 0

    @property
    def in_force(self) -> int:
        """How many signals are in force."""
        return sum(self.signals.values())

    def by_level(self, level: int) -> int:
        """How many signals of a level are in force."""
        return sum(count for (_, its_level), count in self.signals.items() if its_level == level)


class Moment(msgspec.Struct, frozen=True):
    """An overview, and what the writer was doing when it was read."""

    overview: Overview
    doing: Doing
    done: float | None


def overview_of(reader: Reader) -> Overview:
    """Reads the overview of a home."""
    totals = reader.totals()
    return Overview(
        events=sum(value for (name, _), value in totals.items() if name == "events"),
        repeats=sum(value for (name, _), value in totals.items() if name == "repeats"),
        **reader.counts(),
        signals=reader.signal_counts(),
        newest=reader.newest(NEWEST, SHOWN),
        now=reader.now(),
        supervised=reader.supervised,
        asking=alertreader.asking(reader.connection) if reader.supervised else 0,
        open_tasks=taskreader.open_count(reader.connection) if reader.supervised else 0,
    )
