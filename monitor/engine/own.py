"""The monitor's own events: what it writes into the log beside what sources send (contract §2)."""

from __future__ import annotations

from typing import Final

from config.moments import as_text
from monitor.events.acts import ACTS, Cut
from monitor.events.envelope import Event

SOURCE: Final = "//credit-monitor"

APART: Final = frozenset({Cut, *ACTS})
"""Kept in no enterprise's history: what follows from them is the stage `supervision`'s."""


def own_event(kind: type[Event], subject: str, data: object, *, at: int, now: int, mark: str = "") -> Event:
    """An event of the monitor's own. `at`: its time; `now`: the machine's, which with `mark` makes its id."""
    name = str(kind.__struct_config__.tag)
    return kind(
        id=" ".join(part for part in (name, as_text(now), mark) if part),
        source=SOURCE,
        subject=subject,
        time=at,
        recordedtime=now,
        specversion="1.0",
        data=data,
    )
