"""What a reckoning says, as it is kept: a class with the items that it counted.

Not among the compiled modules: a compiled class has no annotations, by which msgspec reads these back.
"""

from __future__ import annotations

import msgspec

from detectors.base import Evidence


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One occurrence that an item of a card counts. `points`: after what all of the item give at most; `lapses_at`:
    when it stops counting by itself (None: with what it rests on). `disputed`: an objection waits; it still counts.
    """

    id: str
    points: int
    dimension: str
    fact: str
    at: int
    events: tuple[Evidence, ...]
    lapses_at: int | None
    disputed: bool
    level: int


class Reckoning(msgspec.Struct, frozen=True, array_like=True):
    """What the cards say of one live enterprise. `class_`: A, B, C or D. `tolerated`: its only fault is a slight one
    (容错), which makes no task.
    """

    class_: str
    score: int
    kind: str
    county: int
    industry: str
    platform: bool
    tolerated: bool
    items: tuple[Item, ...]
