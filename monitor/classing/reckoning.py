"""The reckoning of one enterprise: from happenings to items, points and a class. Second step.

A class is a pure function of the history, what others cast on the enterprise, the signals in force on it, the moment
`as_of` and the cards. It is a reference for supervision, not a rating; it lists, fines and blocks nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from config.moments import shanghai_date, shanghai_day, start_of_day, years_later
from config.scorecards import CLASSES, FAULTS, SIGNAL, Card, Cards, Line
from detectors.base import Evidence
from detectors.linked_risk import tied_at_risk
from detectors.views import Tie
from monitor.classing.happenings import Happening, Profile
from monitor.classing.items import Item, Reckoning

_SHOWN: Final = 5
"""So many of the newest events of a signal stand in an item."""

_FAR: Final = 1 << 62
_at: Final = attrgetter("at")


class Standing(NamedTuple):
    """A signal in force that counts the enterprise, with its newest evidence."""

    detector: str
    level: int
    since: int
    evidence: tuple[Evidence, ...]


class AsOf:
    """The moment of a reckoning, with the beginnings of the periods that count up to it."""

    def __init__(self, now: int, cards: Cards) -> None:
        """`now`: microseconds since 1970. What happened stops counting when its anniversary (Asia/Shanghai) begins."""
        self.now = now
        self.cards = cards
        self._begins: dict[int, int] = {}
        self._lapses: dict[tuple[int, int], int] = {}

    def begins(self, years: int) -> int:
        """What happened before this moment has lapsed after so many years."""
        found = self._begins.get(years)
        if found is None:
            found = self._begins[years] = _period_before(self.now, years)
        return found

    def lapse_of(self, at: int, years: int) -> int:
        """When what happened at a moment stops counting: the beginning of its anniversary, Asia/Shanghai."""
        key = shanghai_day(at), years
        found = self._lapses.get(key)
        if found is None:
            found = self._lapses[key] = _lapse_of(*key)
        return found


def _period_before(now: int, years: int) -> int:
    today = shanghai_date(now)
    first = years_later(today, -years)
    while years_later(first, years) <= today:
        first = first.fromordinal(first.toordinal() + 1)
    return start_of_day(first)


def _lapse_of(day: int, years: int) -> int:
    """The beginning of the anniversary of a day (see `shanghai_day`)."""
    return start_of_day(years_later(dt.date.fromordinal(day), years))


def classify(profile: Profile, ties: Sequence[Tie], signals: Sequence[Standing], as_of: AsOf) -> Reckoning | None:
    """The reckoning of an enterprise; None for one that is not live."""
    established = profile.established
    if established is None:
        return None
    cards = as_of.cards
    happenings = profile.happenings
    young = established[0] >= as_of.begins(1)
    if young or ties or signals:
        happenings = list(happenings)
        if young:
            happenings.append(Happening("young", established[0], (established,)))
        happenings += _cast(established[3], ties, signals)
    card = cards.card(profile.kind, profile.industry, profile.platform)
    if not happenings:
        return Reckoning(CLASSES[0], 0, profile.kind, profile.county, profile.industry, profile.platform, False, ())
    score, worst, items = reckon(card, happenings, as_of)
    return Reckoning(
        CLASSES[max(worst, cards.class_of(score))],
        score,
        profile.kind,
        profile.county,
        profile.industry,
        profile.platform,
        _tolerated(items, card, cards),
        items,
    )


def _cast(ref: int, ties: Sequence[Tie], signals: Sequence[Standing]) -> list[Happening]:
    """What others cast on an enterprise. A tie by a bare name alone counts nothing: it may be a namesake."""
    found = [
        Happening("linked", event[0], (event,), holds=True)
        for event in tied_at_risk(ref, (tie for tie in ties if not tie.weak)).values()
    ]
    for one in signals:
        found.append(Happening(SIGNAL + one.detector, one.since, one.evidence[-_SHOWN:], True, level=one.level))
    return found


def reckon(card: Card, happenings: Iterable[Happening], as_of: AsOf) -> tuple[int, int, tuple[Item, ...]]:
    """Score, the place of the worst class that an item demands, and items; of happenings that have not lapsed."""
    counted: dict[str, list[Happening]] = {}
    by_fact = card.by_fact
    for happening in happenings:
        for line in by_fact.get(happening.fact, ()):
            levels = line.item.levels
            if levels is not None and happening.level not in levels:
                continue
            if happening.holds or happening.at >= as_of.begins(as_of.cards.years(line)):
                counted.setdefault(line.id, []).append(happening)
    items: list[Item] = []
    worst = 0
    for name in sorted(counted, key=card.places.__getitem__) if len(counted) > 1 else counted:
        some = counted[name]
        line = card.lines[name]
        rows = _rows(line, card, some, as_of)
        if rows and line.item.worst_class is not None:
            worst = max(worst, CLASSES.index(line.item.worst_class))
        items += rows
    return max(0, sum(item.points for item in items)), worst, tuple(items)


def _rows(line: Line, card: Card, happenings: list[Happening], as_of: AsOf) -> list[Item]:
    """One item for each occurrence, oldest first, or one for all of them."""
    happenings.sort(key=_at)  # stable: at equal times they stay in the order of the walk
    weight, years, lapse_of = card.weights[line.id], as_of.cards.years(line), as_of.lapse_of
    if line.item.once:
        if len(happenings) < line.item.at_least:
            return []
        lapses = sorted(_FAR if one.holds else lapse_of(one.at, years) for one in happenings)
        ends = lapses[len(lapses) - line.item.at_least]
        events = tuple(sorted((event for one in happenings for event in one.events), key=_time_and_id)[-_SHOWN:])
        return [
            Item(
                line.id,
                weight.points,
                line.item.dimension,
                happenings[-1].fact,
                happenings[0].at,
                events,
                None if ends == _FAR else ends,
                any(one.disputed for one in happenings),
                max(one.level for one in happenings),
            )
        ]
    left = weight.most
    rows = []
    for one in happenings:
        points = weight.points
        if left is not None:
            points = min(points, left) if points > 0 else max(points, left)
            left -= points
        rows.append(
            Item(
                line.id,
                points,
                line.item.dimension,
                one.fact,
                one.at,
                one.events,
                None if one.holds else lapse_of(one.at, years),
                one.disputed,
                one.level,
            )
        )
    return rows


def _time_and_id(event: Evidence) -> tuple[int, str]:
    return event[0], event[2]


def _tolerated(items: Sequence[Item], card: Card, cards: Cards) -> bool:
    """Whether there is one fault alone, and a slight one. Several lines may count it: their points are added."""
    faults = [item for item in items if item.dimension in FAULTS and card.weights[item.id].points > 0]
    return (
        bool(faults)
        and len({(item.fact, item.at, item.events) for item in faults}) == 1
        and sum(item.points for item in faults) < cards.general.tolerance_points
        and all(card.lines[item.id].item.worst_class is None for item in faults)
    )
