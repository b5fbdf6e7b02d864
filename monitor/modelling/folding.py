"""Events of files as facts, without a home: a fold in memory that is thrown away, for `evaluate` on data at hand.

Lines go through intake and are filed as in any run; nothing is judged, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from models.features.facts import Facts
from monitor.engine.filing import Admission
from monitor.engine.flow import Flow
from monitor.events.intake import Intake
from monitor.events.refusal import Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.gathering import facts_of
from monitor.sources import Position, Source, SourceError, open_source

_SEED: Final = 1
_KEY: Final = bytes(32)
"""Persons only have to be told apart here, and nothing of them is kept: no secret is needed."""

_CHUNK: Final = 1 << 20


class Read(msgspec.Struct, frozen=True):
    """What some sources hold: facts of every subject, codes by the numbers in `facts.refs`, and how many lines became
    events and how many were refused.
    """

    facts: Facts
    codes: list[str]
    events: int
    refused: int


class Nowhere:
    """A sink for signals that nobody asked for."""

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """None."""
        return 0

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
        """Lets it go."""

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Nobody sleeps here."""


def open_all(paths: Sequence[str], mappings: Sequence[Path]) -> list[Source]:
    """The sources behind some paths. Of several mappings, each table takes the one that names its file. Raises
    SourceError, also where a mapping does not fit.
    """
    if len(mappings) <= 1:
        return [source for path in paths for source in open_source(path, mappings[0] if mappings else None)]
    found: list[Source] = []
    for path in paths:
        failures: list[SourceError] = []
        for mapping in mappings:
            try:
                found += open_source(path, mapping)
                break
            except SourceError as failure:
                failures.append(failure)
        else:
            raise failures[0]
    return found


def read_all(sources: Sequence[Source], rules: Rules, received: int) -> Read:
    """Takes in all lines of some sources, received at `received`. Raises SourceError where one cannot be read."""
    flow = Flow(_SEED, Nowhere())
    flow.set_rules(rules)
    intake = Intake(Pseudonymiser([_KEY]))
    codes = [""]
    events = refused = 0
    for source in sources:
        position = Position()
        while True:
            chunk = source.read(position, _CHUNK)
            if chunk.error:
                raise SourceError(chunk.error)
            for place, line in enumerate(chunk.lines):
                try:
                    candidate = None if place in chunk.problems else intake.read(line, received)
                except Refusal:
                    refused += 1
                    continue
                refused += place in chunk.problems
                if candidate is None:
                    continue
                event = candidate.event
                ref, new = flow.subjects.number(event.subject)
                if new:
                    codes.append(event.subject)
                events += flow.admit(ref, event, candidate.at, candidate.content, received) is Admission.NEW
            position = chunk.position
            if chunk.eof:
                break
    return Read(facts_of(flow), codes, events, refused)
