"""What would lead to the next better class: the fewest causes that would have to go, and the day it comes by itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from config.scorecards import CLASSES, Card, Cards
from monitor.classing.items import Item, Reckoning

Cause = tuple[Any, ...]


class Way(msgspec.Struct, frozen=True):
    """`class_`: the next better class; `points`: how many the score must fall by. `causes`: items, each with the others
    that fall away with it; when all of them are gone the class is `reached`. `by_itself`: the moment at which enough
    has lapsed, where that comes.
    """

    class_: str
    reached: str
    points: int
    causes: tuple[tuple[Item, ...], ...]
    by_itself: int | None


def way_up(reckoning: Reckoning, cards: Cards) -> Way | None:
    """The way to the next better class; None for an A."""
    now = CLASSES.index(reckoning.class_)
    if now == 0:
        return None
    card = cards.card(reckoning.kind, reckoning.industry, reckoning.platform)
    causes: dict[Cause, list[Item]] = {}
    for item in reckoning.items:
        if card.weights[item.id].points > 0:
            causes.setdefault(_cause(item, card), []).append(item)
    gone: list[tuple[Item, ...]] = []
    left = list(reckoning.items)
    while (found := _class_of(left, card, cards)) >= now and causes:
        chosen = min(causes, key=lambda cause: _worth(causes[cause], left, card, cards, now))
        items = causes.pop(chosen)
        gone.append(tuple(items))
        left = [item for item in left if not _is_among(item, items)]
    return Way(
        CLASSES[now - 1],
        CLASSES[found],
        max(0, reckoning.score - cards.thresholds[now - 1] + 1),
        tuple(gone),
        _lapsing(reckoning, card, cards, now),
    )


def _cause(item: Item, card: Card) -> Cause:
    """Items that rest on one thing fall away together."""
    return (item.fact,) if card.lines[item.id].item.once else (item.fact, item.at, item.events)


def _worth(items: list[Item], left: list[Item], card: Card, cards: Cards, now: int) -> tuple[int, int, int]:
    """The lower, the sooner a cause is chosen: of those that suffice alone the slightest; else those that by themselves
    demand the class, then the gravest.
    """
    rest = [item for item in left if not _is_among(item, items)]
    score, points = _score(rest, card), sum(card.weights[item.id].points for item in items)
    if _class_of(rest, card, cards) < now:
        return -2, -score, points
    demands = any(CLASSES.index(card.lines[item.id].item.worst_class or "A") >= now for item in items)
    return -demands, score, -points


def _is_among(item: Item, items: Collection[Item]) -> bool:
    return any(item is one for one in items)


def _score(items: Collection[Item], card: Card) -> int:
    """The score of some items: an occurrence that goes may let another, beyond the most, count."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item.id] = counts.get(item.id, 0) + 1
    score = 0
    for name, count in counts.items():
        weight = card.weights[name]
        points = weight.points * count
        if weight.most is not None:
            points = min(points, weight.most) if points > 0 else max(points, weight.most)
        score += points
    return max(0, score)


def _class_of(items: Collection[Item], card: Card, cards: Cards) -> int:
    worst = [CLASSES.index(card.lines[item.id].item.worst_class or "A") for item in items]
    return max([cards.class_of(_score(items, card)), *worst])


def _lapsing(reckoning: Reckoning, card: Card, cards: Cards, now: int) -> int | None:
    for moment in sorted({item.lapses_at for item in reckoning.items if item.lapses_at is not None}):
        left = [item for item in reckoning.items if item.lapses_at is None or item.lapses_at > moment]
        if _class_of(left, card, cards) < now:
            return moment
    return None
