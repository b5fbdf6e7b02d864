"""For an adverse item: whether, when and how it can be repaired (信用修复), as the cards' `repair.yaml` has it."""

from __future__ import annotations

import calendar
import datetime as dt

import msgspec

from config.moments import shanghai_date
from config.scorecards import Cards, Repair, repair_of
from monitor.classing.items import Item, Reckoning


class Advice(msgspec.Struct, frozen=True):
    """`from_date`: the first date on which a repair may be applied for (None: not to be applied for); `ends`: when it
    is over by itself, by repair rules or with its lapse.
    """

    repair: Repair
    from_date: dt.date | None
    ends: dt.date | None


def months_later(day: dt.date, months: int) -> dt.date:
    """The same day some months on, or the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def advice_on(item: Item, reckoning: Reckoning, cards: Cards) -> Advice | None:
    """What can be done about an item; None for one that speaks for the enterprise."""
    if cards.card(reckoning.kind, reckoning.industry, reckoning.platform).weights[item.id].points < 0:
        return None
    repair = repair_of(cards.repair, item.fact)
    if repair is None:  # every adverse fact of checked cards has one
        return None
    day = shanghai_date(item.at)
    industries = cards.industries_of(reckoning.industry, platform=reckoning.platform)
    waits = [repair.by_industry[name] for name in industries if name in repair.by_industry]
    months = max([repair.after_months or 0, *waits])
    ends = [] if item.lapses_at is None else [shanghai_date(item.lapses_at)]
    if repair.most_months is not None:
        ends.append(months_later(day, repair.most_months))
    return Advice(repair, None if repair.never else months_later(day, months), min(ends, default=None))
