"""Classes of a home, worked out at cuts: all at the first of each month, one when a red signal arrives.

A live monitor works all of them out in pieces (`monitor.runners.monthly`), as of the cut that begins it; they hold from
the first cut after the last piece on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, Engine

from config.moments import shanghai_date
from config.scorecards import SIGNAL, Cards
from monitor.classing.book import ClassBook
from monitor.engine.flow import Flow
from monitor.events.acts import CutData
from monitor.runners.monthly import Monthly
from monitor.store.home import meta, set_meta
from monitor.store.work import classes

RED: Final = 4
"""A signal of this level has its enterprise classed at once."""

_BLOCK: Final = "block of all classes"
_REST: Final = 3
"""So many times as long as a piece took, nothing is done about classes."""


class Classing:
    """The classes of one home, for its one writer."""

    def __init__(self, cards: Cards) -> None:
        """`cards`: those in force."""
        self.cards = cards
        self.book = ClassBook(cards)
        self._detectors = _detectors_of(cards)
        self._number = 0
        self._done: str | None = None
        self._block = 0
        self._rests_until = 0.0
        self.monthly: Monthly | None = None
        """What is being worked out in pieces."""

    def use(self, cards: Cards) -> None:
        """Cards that come into force."""
        self.cards, self._number = cards, 0
        self.book.use(cards)
        self._detectors = _detectors_of(cards)

    def load(self, connection: Connection) -> None:
        """Takes over what the store knows."""
        self._done = meta(connection, "classes")
        self._block = int(meta(connection, _BLOCK) or 0)
        for ref, name in classes.known(connection):
            self.book.keep(ref, name)

    @staticmethod
    def numbers(connection: Connection) -> str:
        """What rows of classes rest on: where it is the same after a rebuild of the state they stand as they were."""
        return classes.numbering(connection)

    def forget(self, connection: Connection) -> None:
        """The state is built anew from the log, and numbers are others: the next cut works out every class."""
        forget_classes(connection)
        self._done = ""

    def behind(self, seq: int) -> bool:
        """Whether the log, whose last block is `seq`, has grown since all were worked out."""
        return seq > self._block

    def due(self, now: int) -> bool:
        """Whether all classes are due: a new month has begun, or the cards are others."""
        return self._done != self._wanted(now)

    @property
    def known(self) -> bool:
        """Whether all classes were ever worked out."""
        return bool(self._done)

    def turn(self, connection: Connection, flow: Flow, seq: int, worsened: Iterable[str], cut: CutData) -> None:
        """What a cut asks for: every class, or those of the enterprises, by code, on which something red arrived."""
        if cut.classes:
            self.all(connection, flow, seq)
            return
        refs = sorted(ref for code in worsened if (ref := flow.subjects.find(code)))
        if refs:
            standings = classes.standings(connection, self._detectors, refs)
            found = self.book.reckonings(refs, flow.enterprises, flow.assessment, standings, flow.now)
            classes.write_some(connection, list(found), flow.now, self._card(connection))
            if self.monthly is not None:
                self.monthly.changed.update(refs)
        if cut.taken and self.monthly is not None:
            self.monthly.take(connection, self.book)
            self._note(connection, self.monthly.wanted, self.monthly.seq)
            self.drop()
        if cut.begun:
            self.drop()
            self.monthly = Monthly(flow, self.cards, self._detectors, seq, self._wanted(flow.now))

    def drop(self) -> None:
        """Gives up what is being worked out in pieces, if anything is."""
        if self.monthly is not None:
            self.monthly.drop()
            self.monthly = None

    def whole(self, connection: Connection) -> None:
        """Works out all that is left of it at once, as in a replay."""
        if self.monthly is not None:
            self.monthly.all(connection, self._card(connection))

    def piece(self, engine: Engine) -> bool:
        """Works out a piece of it where it is time for one; whether there was something."""
        monthly = self.monthly
        if monthly is None or monthly.finished or time.monotonic() < self._rests_until:
            return False
        began = time.monotonic()
        if monthly.reads:
            monthly.read()
        else:
            with engine.begin() as connection:
                monthly.write(connection, self._card(connection))
        ended = time.monotonic()
        self._rests_until = ended + _REST * (ended - began)
        return True

    def all(self, connection: Connection, flow: Flow, seq: int) -> None:
        """Works out every class at Now, with what stands in the log up to the block `seq`."""
        self.drop()
        standings = classes.standings(connection, self._detectors)
        found = self.book.recompute(flow.enterprises, flow.assessment, standings, flow.now)
        classes.write_all(connection, found, flow.now, self._card(connection))
        self._note(connection, self._wanted(flow.now), seq)

    def _note(self, connection: Connection, done: str, seq: int) -> None:
        self._done, self._block = done, seq
        set_meta(connection, "classes", done)
        set_meta(connection, _BLOCK, str(seq))

    def _wanted(self, now: int) -> str:
        return f"{shanghai_date(now):%Y-%m} {self.cards.content_hash}"

    def _card(self, connection: Connection) -> int:
        self._number = self._number or classes.number_of(connection, self.cards)
        return self._number


def forget_classes(connection: Connection) -> None:
    """Forgets the rows: the next cut works out every class."""
    classes.forget(connection)
    set_meta(connection, "classes", "")


def _detectors_of(cards: Cards) -> set[str]:
    """The detectors whose signals some card counts."""
    return {fact.removeprefix(SIGNAL) for line in cards.lines() for fact in line.item.facts if fact.startswith(SIGNAL)}
