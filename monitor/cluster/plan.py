"""What one worker is to do: how it connects, by what it judges, where it keeps its state."""

from __future__ import annotations

import msgspec

from config.officers import Directory
from config.ruleset import Rules
from config.scorecards import Cards
from monitor.cluster.connection import Connection
from monitor.cluster.modelling.process import Ground


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do: `topics` full names by short ones, `partitions` by short names."""

    connection: Connection
    group: str
    topics: dict[str, str]
    partitions: dict[str, int]
    rules: Rules
    cards: Cards
    officers: Directory | None
    officer: str
    snapshots: str
    snapshot_seconds: float
    tick_seconds: float
    live: bool
    scratch: str
    """A folder that Faust asks for; nothing of ours is in it."""
    models: Ground
    """What the models work with, in a process of their own."""
