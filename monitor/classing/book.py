"""The class of every enterprise, a byte each, and the batch that works all of them out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from config.scorecards import Cards
from detectors.views import Tie
from monitor.classing.happenings import bands_of, profile_of
from monitor.classing.items import Reckoning
from monitor.classing.reckoning import AsOf, Standing, classify
from monitor.stages.history import entries_of
from monitor.stages.shelf import Shelf

log = logging.getLogger(__name__)

_TELL: Final = 10
"""So many failures of one computation are told of one by one; the others are counted."""


class Standings(Protocol):
    """Signals in force by the number of each enterprise that they count, as in a mapping."""

    def get(self, enterprise: int, default: Sequence[Standing], /) -> Sequence[Standing]:
        """Those that count an enterprise."""


class Histories(Protocol):
    """Where histories are read: `monitor.stages.enterprises`, or as they were at some moment."""

    @property
    def records(self) -> Shelf:
        """Histories by number, from 1 on."""

    @property
    def sources(self) -> Sequence[str]:
        """Names of sources by number."""

    def trusts(self, source: int) -> bool:
        """Whether the kinds of address that a source declares hold."""


class Ties(Protocol):
    """Where ties are read: `monitor.stages.assessment`, or as they were at some moment."""

    def tied(self, enterprise: int) -> list[Tie]:
        """What rooms and persons tell an enterprise."""


class ClassBook:
    """Classes by the number of an enterprise."""

    def __init__(self, cards: Cards) -> None:
        """No class is known yet."""
        self.cards = cards
        self.classes = bytearray()
        """`A` to `D` by number; 0 for one without a class: not live, or not classed yet."""
        self._bands = bands_of(cards.general.penalties)

    def use(self, cards: Cards) -> None:
        """Cards that come into force; the classes stand until they are worked out again."""
        self.cards, self._bands = cards, bands_of(cards.general.penalties)

    def keep(self, ref: int, class_: str) -> None:
        """Takes over a class that was worked out before; empty for none."""
        classes = self.classes
        if ref >= len(classes):
            classes.extend(bytes(ref + 1024 - len(classes)))
        classes[ref] = ord(class_) if class_ else 0

    def class_of(self, ref: int) -> str | None:
        """The class of an enterprise; None where it has none."""
        found = self.classes[ref] if ref < len(self.classes) else 0
        return chr(found) if found else None

    def recompute(
        self, enterprises: Histories, assessment: Ties, standings: Standings, now: int
    ) -> Iterator[tuple[int, Reckoning | None]]:
        """The reckoning of every enterprise at `now`, in the order of numbers; None for those that are not live."""
        yield from self.reckonings(range(1, len(enterprises.records)), enterprises, assessment, standings, now)

    def reckonings(
        self,
        refs: Iterable[int],
        enterprises: Histories,
        assessment: Ties,
        standings: Standings,
        now: int,
    ) -> Iterator[tuple[int, Reckoning | None]]:
        """The reckonings of some enterprises at `now`. One that fails, a defect of ours, has no class and is told of;
        the others go on.
        """
        as_of = AsOf(now, self.cards)
        records, names, trusts, tied, bands = (
            enterprises.records,
            enterprises.sources,
            enterprises.trusts,
            assessment.tied,
            self._bands,
        )
        failed = 0
        for ref in refs:
            found: Reckoning | None = None
            try:
                profile = profile_of(ref, entries_of(records[ref]), names, trusts, bands)
                found = classify(profile, tied(ref), standings.get(ref, ()), as_of)
            except Exception:
                failed += 1
                if failed <= _TELL:
                    log.exception("程序缺陷，该主体暂无类别，其余继续 / a defect: subject %d has no class", ref)
            self.keep(ref, "" if found is None else found.class_)
            yield ref, found
        if failed:
            log.error("%d 户因程序缺陷没有类别 / %d subjects have no class because of a defect", failed, failed)
