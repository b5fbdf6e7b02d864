"""What has lapsed in a log: walks over it, of which one keeps a part of the subjects at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final
from zlib import crc32

import msgspec

from monitor.events.envelope import Event
from monitor.events.types import type_name
from monitor.retention import lapsing
from monitor.retention.lapsing import Name

_AT_ONCE: Final = 200_000
"""So many subjects are looked at in one walk."""


class Lapsed(msgspec.Struct):
    """The events that have lapsed, and how many they are by type."""

    names: set[Name]
    counts: dict[str, int]

    @property
    def digest(self) -> str:
        """SHA-256 over their names, `subject source id` a line, sorted."""
        found = hashlib.sha256()
        for name in sorted(self.names):
            found.update(f"{' '.join(name)}\n".encode())
        return found.hexdigest()


def find(logged: Callable[[], Iterable[Event]], before: int) -> Lapsed:
    """What of a log had ended before a moment, in microseconds since 1970. `logged` begins a walk over all of it, with
    persons by their newest pseudonyms.
    """
    subjects: set[str] = set()
    courts: list[Event] = []
    for event in logged():
        if type(event) in lapsing.ADVERSE:
            if lapsing.of_a_person(event):
                courts.append(event)
            elif int(event.time) < before:
                subjects.add(event.subject)
    at_court = {event.subject for event in courts}
    names: set[Name] = set()
    repairs: dict[str, dict[str, int]] = {}
    parts = 1 + len(subjects) // _AT_ONCE
    for part in range(parts):
        for subject, events in _told(logged, subjects | at_court, part, parts).items():
            if subject in subjects:
                names |= lapsing.lapsed(events, before)
            if subject in at_court:
                repairs[subject] = lapsing.repairs_of(events)
    names |= lapsing.lapsed_of_persons(
        courts, lambda event: repairs.get(event.subject, {}).get(event.data.document), before
    )
    counts: Counter[str] = Counter()
    for event in logged():
        if lapsing.name_of(event) in names:
            counts[type_name(event)] += 1
    return Lapsed(names, dict(sorted(counts.items())))


def _told(
    logged: Callable[[], Iterable[Event]], subjects: Collection[str], part: int, parts: int
) -> dict[str, list[Event]]:
    """What the log says of one part of some subjects."""
    found: dict[str, list[Event]] = {}
    for event in logged():
        subject = event.subject
        if type(event) in lapsing.TOLD and crc32(subject.encode()) % parts == part and subject in subjects:
            found.setdefault(subject, []).append(event)
    return found
