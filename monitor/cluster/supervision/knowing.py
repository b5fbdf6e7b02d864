"""What the queue asks about an enterprise, on a cluster: answered from the tables that the boards write.

The histories are with the hosts of their partitions; what of them is asked stands in `conduct`, entry by entry, so
that the same functions read it as in one process.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from monitor.engine.knowledge import harm_in, letters_in, visits_in
from monitor.identifiers.pseudonyms import is_weak
from monitor.stages.history import Entry, events_among
from monitor.store.postgresql.conduct_schema import CONDUCT
from monitor.store.references import Kind, References
from monitor.store.schema import SOURCES
from monitor.store.work import classes
from monitor.store.work.classes_schema import CLASSES
from monitor.supervision.scoring import Harm
from monitor.supervision.work import Knowledge

_unpack = msgspec.msgpack.Decoder(list[object]).decode
_KINDS: dict[str, Kind] = {"enterprise": "enterprise", "address": "address", "person": "person"}


class ClusterKnowing:
    """Answers within one transaction, at Now."""

    def __init__(self, references: References, connection: Connection, now: int) -> None:
        """`references`: those of the database."""
        self.connection, self.now = connection, now
        self._references = references
        self._known: dict[str, list[Entry]] = {}

    @property
    def knowledge(self) -> Knowledge:
        """What the queue asks, bound to this."""
        return Knowledge(
            class_of=self.class_of,
            tolerated=self.tolerated,
            visits_of=self.visits_of,
            letters_of=self.letters_of,
            harm_of=self.harm_of,
        )

    def ref_of(self, kind: str, key: str) -> int:
        """The reference of the subject of a signal by its kind and key."""
        person, within, _ = key.rpartition("@")
        if kind == "person" and within and is_weak(person):
            key = f"#{key}"
        return self._references.reference(_KINDS[kind], key)

    def class_of(self, code: str) -> str | None:
        """The class of an enterprise; None where it has none."""
        query = select(CLASSES.c["class"]).where(CLASSES.c.ref == self.ref_of("enterprise", code))
        found: str | None = self.connection.execute(query).scalar()
        return found

    def tolerated(self, code: str) -> bool:
        """容错: whether the reckoning of an enterprise says that its first slight fault makes no task."""
        return classes.is_tolerated(self.connection, self.ref_of("enterprise", code))

    def events_of(self, code: str, document: str) -> frozenset[tuple[str, str]]:
        """The (source, id) of the events of an enterprise that carry a document."""
        found = events_among(self._entries(code), document)
        names = self._names({source for source, _ in found})
        return frozenset((names[source], event) for source, event in found)

    def visits_of(self, code: str) -> list[dt.date]:
        """The days on which officers were at an enterprise, each once."""
        return visits_in(self._entries(code))

    def letters_of(self, code: str) -> list[dt.date]:
        """The days on which letters were sent to an enterprise."""
        entries = self._entries(code)
        return letters_in(entries, self._names({entry[0] for entry in entries}))

    def harm_of(self, code: str) -> Harm:
        """Penalties and complaints of the year up to Now, and the industry."""
        return harm_in(self._entries(code), self.now)

    def _names(self, refs: set[int]) -> dict[int, str]:
        if not refs:
            return {}
        query = select(SOURCES.c.ref, SOURCES.c.name).where(SOURCES.c.ref.in_(refs))
        return {ref: name for ref, name in self.connection.execute(query)}

    def _entries(self, code: str) -> list[Entry]:
        found = self._known.get(code)
        if found is None:
            query = select(CONDUCT).where(CONDUCT.c.enterprise == self.ref_of("enterprise", code))
            found = self._known[code] = [entry_of(row) for row in self.connection.execute(query)]
        return found


def entry_of(row: Any) -> Entry:
    """The entry of a history that a row of CONDUCT holds; sources are references."""
    _, source, event, at, kind, body, _ = row
    return [source, event, at, kind, 0, *_unpack(body)]


def histories(
    connection: Connection, refs: list[int] | None = None, cuts: int | None = None
) -> Iterator[tuple[int, list[Entry]]]:
    """What `conduct` holds of all enterprises, or of some, in the order of their references; of what was written before
    a cut that had `cuts` before it, where given.
    """
    query = select(CONDUCT).order_by(CONDUCT.c.enterprise)
    if cuts is not None:
        query = query.where(CONDUCT.c.cut <= cuts)
    if refs is not None:
        query = query.where(CONDUCT.c.enterprise.in_(refs))
    ref, entries = -1, list[Entry]()
    for row in connection.execute(query, execution_options={"yield_per": 2_000}):
        if row.enterprise != ref:
            if entries:
                yield ref, entries
            ref, entries = row.enterprise, []
        entries.append(entry_of(row))
    if entries:
        yield ref, entries
