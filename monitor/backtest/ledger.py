"""The findings of one set of rules, kept in memory: a sink for a state that is judged for comparison alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from detectors.base import Finding, SubjectKind

Place = tuple[int, SubjectKind, int]
"""Place of the detector in the registry, kind and number of the subject."""


class Held(msgspec.Struct, frozen=True):
    """What is kept of a finding. `since` in microseconds."""

    level: int
    value: float
    since: int
    region: str | None
    facts: dict[str, Any]


class Ledger:
    """A `monitor.stages.signals.SignalSink`."""

    def __init__(self) -> None:
        """Nothing found."""
        self._bits: dict[tuple[SubjectKind, int], int] = {}
        self._found: dict[Place, Held] = {}

    def take(self) -> dict[Place, Held]:
        """Everything found since the last time; then nothing is in force."""
        found, self._found = self._found, {}
        self._bits = {}
        return found

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """See `SignalSink`."""
        return self._bits.get((kind, ref), 0)

    def publish(
        self,
        detector: int,
        kind: SubjectKind,
        ref: int,
        finding: Finding | None,
        region: str | None,
        members: Sequence[int] | None,
        changed: Sequence[tuple[int, bool]],
    ) -> None:
        """See `SignalSink`."""
        place, bits = (detector, kind, ref), self._bits.get((kind, ref), 0)
        if finding is None:
            self._found.pop(place, None)
            self._bits[kind, ref] = bits & ~(1 << detector)
            return
        self._bits[kind, ref] = bits | 1 << detector
        self._found[place] = Held(finding.level, float(finding.value), finding.since, region, dict(finding.facts))

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Time stands still here."""
