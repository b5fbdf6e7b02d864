"""Every signal of contract §4 (without `shell-cluster` and `anomaly`) by brute force, from lines to findings.

Last step of the reference: `signals` is what the engine is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.reference import detectors_conduct, detectors_persons, detectors_rooms, detectors_ties
from tests.reference.findings import Signal
from tests.reference.intake import Intake
from tests.reference.world import World


@dataclass(frozen=True)
class Result:
    """Signals in force at the end, sorted; dead letters as (line number from 1, reason); Now, None for no event."""

    signals: list[Signal]
    dead_letters: list[tuple[int, str]]
    now: datetime | None


def signals(lines: Iterable[bytes], *, received: datetime) -> Result:
    """What must be found after these JSON lines, all received at one moment.

    `received` needs an offset. A signal's `since` is RFC 3339 in UTC ("2025-03-01T01:00:00Z").
    """
    intake = Intake(received)
    for line in lines:
        intake.receive(line)
    dead_letters = [(refusal.line, refusal.reason) for refusal in intake.refusals]
    accepted = list(intake.events.values())
    if not accepted:
        return Result([], dead_letters, None)
    now = max(min(event.time, received) for event in accepted)
    world = World(accepted, now)
    found = [
        signal
        for detectors in (detectors_rooms, detectors_persons, detectors_ties, detectors_conduct)
        for signal in detectors.find(world)
    ]
    found.sort(key=lambda signal: (signal["detector"], signal["subject"]["kind"], signal["subject"]["key"]))
    return Result(found, dead_letters, now)
