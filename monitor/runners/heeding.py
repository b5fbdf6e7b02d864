"""What events say beyond the histories: names, objections, promotions. Kept until the next transaction writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from monitor.engine.flow import Flow
from monitor.events.envelope import Event
from monitor.events.types import Changed, Established, ModelPromoted
from monitor.store import writer
from monitor.store.schema import PERSONS, ROOMS
from monitor.store.work import objections, promotions

HEEDED: Final = frozenset({Established, Changed, ModelPromoted, *objections.KINDS})
"""Types of event that say more than a history keeps: the others need not be shown to `Heeding.heed`."""


class Heeding:
    """What was heard and not written yet."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._subjects: list[tuple[int, str]] = []
        self._named: list[tuple[int, str, Event]] = []
        self._objections: list[Event] = []
        self._promoted: list[Event] = []
        self._known_sources = 0

    def met(self, subjects: Iterable[tuple[int, str]]) -> None:
        """Enterprises by number and code that were never heard of before."""
        self._subjects += subjects

    def heed(self, ref: int, event: Event) -> None:
        """One event that is new, of the enterprise of this number."""
        if writer.gives_name(event):
            self._named.append((ref, event.subject, event))
        elif type(event) in objections.KINDS:
            self._objections.append(event)
        elif type(event) is ModelPromoted:
            self._promoted.append(event)

    def begin_anew(self) -> None:
        """The store may lack sources that were written before."""
        self._known_sources = 0

    def write(self, connection: Connection, flow: Flow) -> None:
        """Writes everything, with the rooms and persons that the flow met."""
        writer.write_sources(connection, flow.sources, self._known_sources)
        self._known_sources = len(flow.sources) - 1
        writer.write_enterprises(connection, self._subjects, self._named)
        writer.write_subjects(connection, ROOMS, flow.new_rooms)
        writer.write_subjects(connection, PERSONS, flow.new_persons)
        objections.write(connection, self._objections)
        promotions.write(connection, self._promoted)
        for written in (self._subjects, self._named, self._objections, self._promoted):
            written.clear()
        flow.new_rooms.clear()
        flow.new_persons.clear()
