"""What the queue asks about an enterprise, from the state of a home: visits to it, and what says that harm is near."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from config.moments import DAY, shanghai_date
from monitor.classing.book import ClassBook
from monitor.engine.flow import Flow
from monitor.identifiers.pseudonyms import is_weak
from monitor.stages.history import Entry, Kind, entries_of, events_with
from monitor.store.cutsignals import ref_of_group
from monitor.store.work import classes
from monitor.supervision.scoring import NO_HARM, Harm

_YEAR: Final = 365 * DAY


class Knowing:
    """Asks the flow and the store of the moment."""

    def __init__(self, book: ClassBook) -> None:
        """`book`: the classes as they are."""
        self.flow: Flow
        self.connection: Connection
        self._book = book
        self._refs: dict[str, int] = {}

    def use(self, flow: Flow, connection: Connection) -> None:
        """From here on these are asked, until the next time."""
        self.flow, self.connection = flow, connection
        self._refs.clear()

    def ref_of(self, kind: str, key: str) -> int:
        """The number of the subject of a signal by its kind and key; 0 where there is none."""
        flow = self.flow
        if kind == "enterprise":
            return self._ref(key)
        if kind == "address":
            return flow.rooms_by_key.find(key)
        if kind == "group":
            return ref_of_group(self.connection, key)
        person, within, county = key.rpartition("@")
        if within and is_weak(person):
            key = f"#{flow.persons_by_key.find(person)}@{county}"
        return flow.persons_by_key.find(key)

    def class_of(self, code: str) -> str | None:
        """The class of an enterprise; None where it has none."""
        return self._book.class_of(self._ref(code))

    def tolerated(self, code: str) -> bool:
        """容错: whether the reckoning of an enterprise says that its first slight fault makes no task."""
        return classes.is_tolerated(self.connection, self._ref(code))

    def events_of(self, code: str, document: str) -> frozenset[tuple[str, str]]:
        """The (source, id) of the events of an enterprise that carry a document."""
        sources = self.flow.sources
        return frozenset((sources[source], event) for source, event in events_with(self._record(code), document))

    def visits_of(self, code: str) -> list[dt.date]:
        """The days on which officers were at an enterprise: inspections and visits, each day once."""
        return visits_in(entries_of(self._record(code)))

    def letters_of(self, code: str) -> list[dt.date]:
        """The days on which letters were sent to an enterprise; of several sendings of one number the last counts."""
        return letters_in(entries_of(self._record(code)), self.flow.sources)

    def harm_of(self, code: str) -> Harm:
        """Penalties and complaints of the year up to Now, and the industry."""
        return harm_in(entries_of(self._record(code)), self.flow.now)

    def _ref(self, code: str) -> int:
        """The number of an enterprise, which is asked for several times at a cut; 0 where there is none."""
        found = self._refs.get(code)
        if found is None:
            found = self._refs[code] = self.flow.subjects.find(code)
        return found

    def _record(self, code: str) -> bytes:
        return self.flow.enterprises.record(self._ref(code))


def visits_in(entries: Sequence[Entry]) -> list[dt.date]:
    """The days on which officers were at an enterprise of some history: inspections and visits, each day once."""
    kinds = (Kind.INSPECTED, Kind.VISITED)
    return sorted({shanghai_date(entry[2]) for entry in entries if entry[3] in kinds})


def letters_in(entries: Sequence[Entry], sources: Sequence[str] | Mapping[int, str]) -> list[dt.date]:
    """The days on which letters were sent, by some history; `sources`: their names by number."""
    sent: dict[object, tuple[int, str, str]] = {}
    for entry in entries:
        if entry[3] == Kind.LETTER_SENT:
            order = (entry[2], sources[entry[0]], entry[1])
            sent[entry[5]] = max(order, sent.get(entry[5], order))
    return sorted(shanghai_date(at) for at, _, _ in sent.values())


def harm_in(entries: Sequence[Entry], now: int) -> Harm:
    """Penalties and complaints of the year up to `now`, and the industry, of some history."""
    if not entries:
        return NO_HARM
    since = now - _YEAR
    penalties: set[object] = set()
    complaints: set[object] = set()
    industry, industry_at = "", -1 << 62
    for entry in entries:
        at, kind = entry[2], entry[3]
        if kind == Kind.PENALISED and since < at <= now:
            penalties.add(entry[5])
        elif kind == Kind.COMPLAINT and since < at <= now:
            complaints.add(entry[5])
        elif kind <= Kind.CHANGED and entry[10] and at >= industry_at:
            industry, industry_at = entry[10], at
    return Harm(len(penalties), len(complaints), 0, (industry,) if industry else ())
