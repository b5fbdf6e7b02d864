"""Classes on a cluster, worked out at cuts: all at the first of each month, one when a red signal arrives.

The same reckoning as in a home, over what the boards wrote of histories and ties.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from config.moments import shanghai_date
from config.ruleset import Rules
from config.scorecards import SIGNAL, Cards
from detectors.base import Evidence
from detectors.views import Tie
from monitor.classing.happenings import bands_of, profile_of
from monitor.classing.reckoning import AsOf, Reckoning, classify
from monitor.cluster.supervision.knowing import histories
from monitor.store.home import meta, set_meta
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

    def due(self, connection: Connection, now: int) -> bool:
        """Whether all classes are due: a new month has begun, or the cards are others."""
        return meta(connection, _DONE) != self._wanted(now)

    def turn(self, connection: Connection, now: int, worsened: Iterable[str], *, everything: bool) -> None:
        """What a cut asks for: every class, or those of the enterprises, by code, on which something red arrived."""
        card = classes.number_of(connection, self.cards)
        if everything:
            classes.write_all(connection, self._reckonings(connection, now, None), now, card)
            set_meta(connection, _DONE, self._wanted(now))
            return
        refs = sorted(self._references.reference("enterprise", code) for code in worsened)
        for start in range(0, len(refs), _AT_ONCE):
            some = refs[start : start + _AT_ONCE]
            classes.write_some(connection, list(self._reckonings(connection, now, some)), now, card)

    def _reckonings(
        self, connection: Connection, now: int, refs: list[int] | None
    ) -> Iterator[tuple[int, Reckoning | None]]:
        """The reckonings of all enterprises, or of some. One that fails, a defect of ours, has no class and is told of;
        the others go on.
        """
        as_of, failed = AsOf(now, self.cards), 0
        names = {ref: name for ref, name in connection.execute(select(SOURCES.c.ref, SOURCES.c.name))}
        trusted = {ref: self._rules.trusts_kind_of(name) for ref, name in names.items()}
        standings = classes.standings(connection, self._detectors, refs)
        linked = _linked(connection, refs)
        for ref, entries in histories(connection, refs):
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

    def _wanted(self, now: int) -> str:
        return f"{shanghai_date(now):%Y-%m} {self.cards.content_hash}"


def _linked(connection: Connection, refs: list[int] | None) -> dict[int, tuple[Evidence, ...]]:
    query = select(LINKED)
    if refs is not None:
        query = query.where(LINKED.c.enterprise.in_(refs))
    return {ref: tuple(_evidence(body)) for ref, body in connection.execute(query)}


def _tie(risky: tuple[Evidence, ...]) -> Tie:
    """One tie that stands for all: since when each is tied and at risk was worked out before."""
    return Tie(weak=False, since=_EVER, opened=0, opened_event=(0, ""), county=None, risky=risky)
