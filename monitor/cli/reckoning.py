"""The part of `explain` that shows a credit-risk class: the whole reckoning, the way up, and repair item by item."""

from __future__ import annotations

from typing import Any

from config.moments import as_text, shanghai_date
from config.scorecards import DIMENSIONS, Cards
from monitor.classing.items import Item, Reckoning
from monitor.classing.repairs import advice_on
from monitor.classing.ways import Way, way_up
from monitor.rulebook import certainty_text
from monitor.store.reader import Reader
from monitor.store.work.classes import Found, cards_of

_SHOWN = 10


def class_lines(reader: Reader, found: Found | None) -> list[str]:
    """The class of an enterprise in words, Chinese first."""
    if found is None:
        return ["", "  信用风险类别：无（未存续或尚未计算） / class: none (not live, or not worked out yet)"]
    cards = cards_of(reader.connection, found.card)
    out = [
        "",
        f"  信用风险类别 class {found.class_}　得分 score {found.score}　截至 as of {as_text(found.as_of)}",
        "    门槛 thresholds "
        + " ".join(f"{name}≥{points}" for name, points in cards.general.thresholds.items())
        + f"　评分卡 card {cards.content_hash[:12]}（{cards.general.owner}）",
        "    仅供监管参考，不对外公布，不据此自动作出任何决定 / a reference alone: not published, decides nothing",
    ]
    reckoning = found.reckoning
    if reckoning is None:
        return [*out, "    没有计分项 / no item counts"]
    if reckoning.tolerated:
        out.append("    容错：首次轻微失信，不产生任务 / tolerated: a first slight fault makes no task")
    for dimension, (zh, en) in DIMENSIONS.items():
        items = [item for item in reckoning.items if item.dimension == dimension]
        if items:
            out.append(f"    【{zh} {en}】 {sum(item.points for item in items):+d}")
            for item in items:
                out += _item_lines(reader, item, reckoning, cards)
    return out + _way_lines(way_up(reckoning, cards), cards, reckoning)


def _item_lines(reader: Reader, item: Item, reckoning: Reckoning, cards: Cards) -> list[str]:
    line = cards.card(reckoning.kind, reckoning.industry, reckoning.platform).lines[item.id]
    out = [f"      {item.points:+4d}  {line.item.title.zh} {line.item.title.en}  [{item.id}]  {shanghai_date(item.at)}"]
    if item.disputed:
        out.append("            有异议待决，暂仍计分 / disputed: an objection waits; it counts until decided")
    for at, source, event, _ in item.events[-_SHOWN:]:
        out.append(f"            依据 evidence {shanghai_date(at)} {reader.source(source)} {event}")
    advice = advice_on(item, reckoning, cards)
    if advice is not None:
        way = advice.repair.way
        out.append(f"            修复 repair {way.zh} / {way.en}")
        when = []
        if advice.from_date is not None:
            when.append(f"可申请 may be applied for from {advice.from_date}")
        if advice.ends is not None:
            when.append(f"最迟 over by itself on {advice.ends}")
        sure = certainty_text(advice.repair.certainty)
        out.append(f"            {'；'.join([*when, advice.repair.basis])}（{sure}）")
    elif item.lapses_at is not None:
        out.append(f"            有效至 counts until {shanghai_date(item.lapses_at)}")
    return out


def _way_lines(way: Way | None, cards: Cards, reckoning: Reckoning) -> list[str]:
    if way is None:
        return []
    card = cards.card(reckoning.kind, reckoning.industry, reckoning.platform)
    out = [
        f"    升至 to {way.class_}：须少 {way.points} 分 / {way.points} points less",
        f"      消除下列事项后为 {way.reached} / {way.reached} without:",
    ]
    if not way.points:
        out[0] = f"    升至 to {way.class_}：消除直接定级的事项 / what fixes the class must go"
    for items in way.causes:
        title = card.lines[items[0].id].item.title
        out.append(f"        {shanghai_date(items[0].at)} {title.zh} {title.en}")
    if way.by_itself is not None:
        out.append(f"      或至期满 or by itself on {shanghai_date(way.by_itself)}")
    return out


def class_value(reader: Reader, found: Found | None) -> dict[str, Any] | None:
    """The same for machines."""
    if found is None:
        return None
    cards = cards_of(reader.connection, found.card)
    value: dict[str, Any] = {
        "class": found.class_,
        "score": found.score,
        "as_of": as_text(found.as_of),
        "card": cards.content_hash,
        "tolerated": False,
        "items": [],
        "to_next": None,
    }
    reckoning = found.reckoning
    if reckoning is None:
        return value
    value["tolerated"] = reckoning.tolerated
    value["items"] = [_item_value(reader, item, reckoning, cards) for item in reckoning.items]
    way = way_up(reckoning, cards)
    if way is not None:
        value["to_next"] = {
            "class": way.class_,
            "reached": way.reached,
            "points": way.points,
            "without": [[{"id": item.id, "date": shanghai_date(item.at)} for item in items] for items in way.causes],
            "by_itself": None if way.by_itself is None else shanghai_date(way.by_itself),
        }
    return value


def _item_value(reader: Reader, item: Item, reckoning: Reckoning, cards: Cards) -> dict[str, Any]:
    advice = advice_on(item, reckoning, cards)
    return {
        "id": item.id,
        "dimension": item.dimension,
        "fact": item.fact,
        "points": item.points,
        "date": shanghai_date(item.at),
        "lapses": None if item.lapses_at is None else shanghai_date(item.lapses_at),
        "disputed": item.disputed,
        "events": [
            {"id": event, "source": reader.source(source), "time": as_text(at)} for at, source, event, _ in item.events
        ],
        "repair": None
        if advice is None
        else {
            "way": {"zh": advice.repair.way.zh, "en": advice.repair.way.en},
            "from": advice.from_date,
            "ends": advice.ends,
            "basis": advice.repair.basis,
            "certainty": advice.repair.certainty,
        },
    }
