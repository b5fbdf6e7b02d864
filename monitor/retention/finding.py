"""What has lapsed in the log of a home: walks over it, of which one keeps a part of the subjects at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final
from zlib import crc32

import msgspec
from sqlalchemy import Connection

from monitor.events.envelope import Event
from monitor.events.intake import lift_event
from monitor.events.types import type_name
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.retention import lapsing
from monitor.retention.lapsing import Name
from monitor.store.log import read_blocks

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


def find(connection: Connection, pseudonyms: Pseudonymiser, before: int) -> Lapsed:
    """What of the log had ended before a moment, in microseconds since 1970. Persons are told apart by their newest
    pseudonyms.
    """
    subjects: set[str] = set()
    courts: list[Event] = []
    for event in _events(connection, pseudonyms):
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
        for subject, events in _told(connection, pseudonyms, subjects | at_court, part, parts).items():
            if subject in subjects:
                names |= lapsing.lapsed(events, before)
            if subject in at_court:
                repairs[subject] = lapsing.repairs_of(events)
    names |= lapsing.lapsed_of_persons(
        courts, lambda event: repairs.get(event.subject, {}).get(event.data.document), before
    )
    counts: Counter[str] = Counter()
    for event in _events(connection, pseudonyms):
        if lapsing.name_of(event) in names:
            counts[type_name(event)] += 1
    return Lapsed(names, dict(sorted(counts.items())))


def _told(
    connection: Connection, pseudonyms: Pseudonymiser, subjects: Collection[str], part: int, parts: int
) -> dict[str, list[Event]]:
    """What the log says of one part of some subjects."""
    found: dict[str, list[Event]] = {}
    for event in _events(connection, pseudonyms):
        subject = event.subject
        if type(event) in lapsing.TOLD and crc32(subject.encode()) % parts == part and subject in subjects:
            found.setdefault(subject, []).append(event)
    return found


def _events(connection: Connection, pseudonyms: Pseudonymiser) -> Iterator[Event]:
    for block in read_blocks(connection):
        for event in block.events:
            if block.generation < pseudonyms.generation:
                lift_event(event, pseudonyms, block.generation)
            yield event
