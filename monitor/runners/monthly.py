"""Every class as of one cut, worked out in pieces between the turns of a live monitor.

The cut that begins it keeps what histories and ties were: pages of records are replaced and never changed, so a copy of
their list is enough; what an enterprise is tied by is kept when it changes; signals are read as they were committed.
So the classes are those of that cut, whatever comes while they are worked out, and a replay works them out at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine

from config.scorecards import Cards
from detectors.views import Tie
from monitor.classing.book import ClassBook
from monitor.classing.reckoning import Standing
from monitor.engine.flow import Flow
from monitor.store.work import classes

_ROWS: Final = 1_000
_ENTERPRISES: Final = 200
"""So many in one piece: some 10 ms, and as long again on a slow disk."""


class Monthly:
    """One working out of all classes. `as_of`: Now of its cut; `seq`: the block of it; `wanted`: what it is good for.

    It is read as the histories and ties of a `ClassBook`.
    """

    def __init__(self, flow: Flow, cards: Cards, detectors: set[str], seq: int, wanted: str) -> None:
        """Inside the cut's transaction, after its judgement. `detectors`: whose signals count."""
        self.as_of, self.seq, self.wanted = flow.now, seq, wanted
        self.finished = False
        self.changed: set[int] = set()
        """Enterprises that were classed by themselves since: theirs is the newer class."""
        self.book = ClassBook(cards)
        self.records = flow.enterprises.records.copy()
        self.sources = flow.enterprises.sources
        self._rules = flow.rules
        self._assessment = flow.assessment
        self._before: dict[int, list[Tie]] = {}
        flow.assessment.remember(self._before)
        self._detectors = detectors
        self._gathering = classes.Gathering()
        self._reading: Connection | None = None
        self._rows: Iterator[Sequence[Any]] = iter(())
        self._next = 1
        self._mix: Counter[classes.Place] = Counter()

    def trusts(self, source: int) -> bool:
        """Whether the kinds of address that a source declares hold."""
        return self._rules is None or self._rules.trusts_kind_of(self.sources[source])

    def tied(self, enterprise: int) -> list[Tie]:
        """What rooms and persons told an enterprise at the cut."""
        before = self._before.get(enterprise)
        return self._assessment.tied(enterprise) if before is None else before

    def get(self, enterprise: int, default: Sequence[Standing]) -> Sequence[Standing]:
        """The signals that counted it."""
        return self._gathering.of(enterprise) or default

    def look(self, engine: Engine) -> None:
        """Begins to read signals as they are now, before anything is written after the cut."""
        self._reading = engine.connect()
        if self._reading.dialect.name == "sqlite":
            self._reading.exec_driver_sql("BEGIN")
        question = classes.counted(self._detectors)
        self._rows = self._reading.execution_options(yield_per=_ROWS).execute(question).partitions()

    @property
    def reads(self) -> bool:
        """Whether signals are still being read: the next piece writes nothing."""
        return self._reading is not None

    def read(self) -> None:
        """A piece of the reading."""
        rows = next(self._rows, None)
        if rows is None:
            self.drop_reading()
        else:
            self._gathering.take(rows)

    def drop_reading(self) -> None:
        """Ends the look at the signals."""
        if self._reading is not None:
            self._rows = iter(())
            self._reading.close()
            self._reading = None

    def write(self, connection: Connection, card: int) -> None:
        """A piece of the classes. `card`: the number of the cards."""
        refs = range(self._next, min(self._next + _ENTERPRISES, len(self.records)))
        found = self.book.reckonings(refs, self, self, self, self.as_of)
        self._mix += classes.write_next(connection, refs, found, self.as_of, card)
        self._next = refs.stop
        self.finished = self._next >= len(self.records)

    def all(self, connection: Connection, card: int) -> None:
        """Everything at once, as in a replay."""
        self._gathering.take(connection.execute(classes.counted(self._detectors)))
        while not self.finished:
            self.write(connection, card)

    def take(self, connection: Connection, book: ClassBook) -> None:
        """Lets these classes hold, also in the `book` of the home."""
        for ref in self.changed:
            self.book.keep(ref, book.class_of(ref) or "")
        classes.take_next(connection, len(self.records), self.changed, self._mix)
        book.classes = self.book.classes

    def drop(self) -> None:
        """It is over, or is given up."""
        self.drop_reading()
        self._assessment.remember(None)
