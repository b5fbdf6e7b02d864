"""Classes on a cluster, worked out at cuts: all at the first of each month, one when a red signal arrives.

The same reckoning as in a home, over what the boards wrote of histories and ties. Where classes are known, all of them
are worked out in pieces between the cuts (`monthly.py`), as of the cut that begins it; they hold from the first cut
after the last piece on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, select

from config.moments import shanghai_date
from config.ruleset import Rules
from config.scorecards import SIGNAL, Cards
from detectors.base import Evidence
from detectors.views import Tie
from monitor.classing.happenings import bands_of, profile_of
from monitor.classing.items import Reckoning
from monitor.classing.reckoning import AsOf, Standing, classify
from monitor.cluster.supervision import monthly
from monitor.cluster.supervision.knowing import histories
from monitor.store.home import meta, set_meta
from monitor.store.postgresql.classing_schema import CLASSING_LINKED, CLASSING_MEMBERS, CLASSING_SIGNALS
from monitor.store.postgresql.conduct_schema import LINKED
from monitor.store.references import References
from monitor.store.schema import SOURCES
from monitor.store.work import classes

log = logging.getLogger(__name__)

_DONE: Final = "classes"
_TELL: Final = 10
_EVER: Final = -(1 << 62)
_AT_ONCE: Final = 500
_evidence: Final = msgspec.msgpack.Decoder(list[tuple[int, int, str, int]]).decode


class Turn(NamedTuple):
    """What a cut does about all classes: works out `every` one at once, begins to do so in pieces (`begun`), lets those
    hold that were worked out so (`taken`).
    """

    every: bool
    begun: bool
    taken: bool


class ClusterClassing:
    """The classes of one cluster, within the transactions of its cuts."""

    def __init__(self, cards: Cards, rules: Rules, references: References) -> None:
        """`cards` and `rules`: those in force."""
        self.cards = cards
        self._rules = rules
        self._references = references
        self._bands = bands_of(cards.general.penalties)
        self._detectors = {
            fact.removeprefix(SIGNAL) for line in cards.lines() for fact in line.item.facts if fact.startswith(SIGNAL)
        }

    def due(self, connection: Connection, now: int) -> Turn:
        """What a cut at `now` has to do: a new month has begun, or the cards are others, or all pieces are done."""
        done, going_on = meta(connection, _DONE), monthly.going_on(connection)
        is_due = done != self._wanted(now)
        if not done:
            return Turn(is_due, begun=False, taken=False)
        if going_on is not None and going_on.cards != self.cards.content_hash:
            return Turn(every=False, begun=True, taken=False)
        taken = going_on is not None and going_on.finished and monthly.may_take(connection)
        return Turn(every=False, begun=is_due and going_on is None, taken=taken)

    def turn(self, connection: Connection, now: int, cuts: int, worsened: Iterable[str], turn: Turn) -> None:
        """Does it, in the transaction of the cut before which there were `cuts`; `worsened`: the enterprises, by code,
        on which something red arrived.
        """
        card = classes.number_of(connection, self.cards)
        if turn.every:
            classes.write_all(connection, self._reckonings(connection, now, None), now, card)
            set_meta(connection, _DONE, self._wanted(now))
            return
        refs = sorted(self._references.reference("enterprise", code) for code in worsened)
        for start in range(0, len(refs), _AT_ONCE):
            some = refs[start : start + _AT_ONCE]
            classes.write_some(connection, list(self._reckonings(connection, now, some)), now, card)
        monthly.note_changed(connection, refs)
        if turn.taken:
            set_meta(connection, _DONE, monthly.take(connection))
        if turn.begun:
            begun = monthly.Pieces(now, cuts, self._wanted(now), self.cards.content_hash)
            monthly.begin(connection, begun, self._detectors)

    def piece(self, connection: Connection, going_on: monthly.Pieces) -> None:
        """Works out the next of the classes that a cut has begun."""
        refs = monthly.next_refs(connection, going_on)
        if refs:
            found = list(self._reckonings(connection, going_on.as_of, refs, going_on.cuts))
            monthly.write(connection, refs, found, going_on.as_of, classes.number_of(connection, self.cards))
        monthly.note_done(connection, going_on, refs)

    def _reckonings(
        self, connection: Connection, now: int, refs: list[int] | None, cuts: int | None = None
    ) -> Iterator[tuple[int, Reckoning | None]]:
        """The reckonings of all enterprises, or of some; by what was known at a cut before which there were `cuts`,
        where given. One that fails, a defect of ours, has no class and is told of; the others go on.
        """
        as_of, failed = AsOf(now, self.cards), 0
        names = {ref: name for ref, name in connection.execute(select(SOURCES.c.ref, SOURCES.c.name))}
        trusted = {ref: self._rules.trusts_kind_of(name) for ref, name in names.items()}
        standings, linked = self._tied(connection, refs, then=cuts is not None)
        for ref, entries in histories(connection, refs, cuts):
            found: Reckoning | None = None
            try:
                profile = profile_of(ref, entries, names, trusted.__getitem__, self._bands)
                risky = linked.get(ref)
                ties = [] if risky is None else [_tie(risky)]
                found = classify(profile, ties, standings.get(ref, ()), as_of)
            except Exception:
                failed += 1
                if failed <= _TELL:
                    log.exception("程序缺陷，该主体暂无类别，其余继续 / a defect: a subject has no class")
            yield ref, found
        if failed:
            log.error("%d 户因程序缺陷没有类别 / %d subjects have no class because of a defect", failed, failed)

    def _tied(
        self, connection: Connection, refs: list[int] | None, *, then: bool
    ) -> tuple[Mapping[int, Sequence[Standing]], dict[int, tuple[Evidence, ...]]]:
        """Signals and ties as they are, or as they were at the cut that began the present pieces."""
        if then:
            asked = classes.counted(self._detectors, CLASSING_SIGNALS, CLASSING_MEMBERS)
            return classes.standings_of(connection, asked, CLASSING_MEMBERS, refs), _linked(
                connection, CLASSING_LINKED, refs
            )
        return classes.standings(connection, self._detectors, refs), _linked(connection, LINKED, refs)

    def _wanted(self, now: int) -> str:
        return f"{shanghai_date(now):%Y-%m} {self.cards.content_hash}"


def _linked(connection: Connection, table: Table, refs: list[int] | None) -> dict[int, tuple[Evidence, ...]]:
    query = select(table)
    if refs is not None:
        query = query.where(table.c.enterprise.in_(refs))
    return {ref: tuple(_evidence(body)) for ref, body in connection.execute(query)}


def _tie(risky: tuple[Evidence, ...]) -> Tie:
    """One tie that stands for all: since when each is tied and at risk was worked out before."""
    return Tie(weak=False, since=_EVER, opened=0, opened_event=(0, ""), county=None, risky=risky)
