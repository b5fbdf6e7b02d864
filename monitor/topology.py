"""Every stage of the monitor: what it is keyed by, what comes in, what goes out, and the class that does it.

Runners are built from this table: the embedded one joins the stages by calls in one process, the cluster by topics.
Stages know neither.
"""

from __future__ import annotations

from typing import Final

import msgspec

from monitor.events.intake import Intake
from monitor.stages.assessment import Assessment
from monitor.stages.enterprises import Enterprises
from monitor.stages.persons import Persons
from monitor.stages.rooms import Rooms


class Stage(msgspec.Struct, frozen=True):
    """One stage: `key` names the text by which its work is divided, `inputs` and `outputs` the streams."""

    name: str
    key: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kind: type


TOPOLOGY: Final = (
    Stage("intake", "subject", ("sources",), ("events", "dead-letters"), Intake),
    Stage("enterprises", "subject", ("events",), ("occupants", "leaderships", "signals"), Enterprises),
    Stage("rooms", "room", ("occupants",), ("ties", "signals"), Rooms),
    Stage("persons", "person", ("leaderships",), ("ties", "signals"), Persons),
    Stage("assessment", "subject", ("ties",), ("signals",), Assessment),
)


def stage(name: str) -> Stage:
    """The stage of a name. Raises KeyError."""
    return {one.name: one for one in TOPOLOGY}[name]


def producers(stream: str) -> tuple[str, ...]:
    """The stages that write a stream."""
    return tuple(one.name for one in TOPOLOGY if stream in one.outputs)
