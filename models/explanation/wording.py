"""Sentences, Chinese and English, about a value, what is usual among peers, and what would have to change."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from config.capital import least_of
from models.features.feature import Feature

TRUTH: Final = "0/1"
SHARE: Final = "比例"
BAND: Final = "每十倍八档"


class Said(msgspec.Struct, frozen=True):
    """A sentence for people, Chinese first."""

    zh: str
    en: str


def value_said(feature: Feature, value: float) -> Said:
    """A value with its unit."""
    if math.isnan(value):
        return Said("未知", "not known")
    unit_zh, _, unit_en = feature.unit.partition(" ")
    if feature.unit == TRUTH and value in (0.0, 1.0):
        return Said("是", "yes") if value else Said("否", "no")
    if unit_zh == SHARE:
        text = f"{number(100 * value)} %"
        return Said(text, text)
    if unit_zh == BAND:
        return _yuan_said(least_of(round(value)))
    if unit_zh == TRUTH:
        unit_zh = ""
    text = number(value)
    return Said(f"{text} {unit_zh}".strip(), f"{text} {unit_en}".strip())


def _yuan_said(yuan: float) -> Said:
    """A capital of which the band is known: where the band begins."""
    if not yuan:
        return Said("不足 1,000 元", "below 1,000 yuan")
    many, unit = next(one for one in ((1e8, " 亿元"), (1e4, " 万元"), (1.0, " 元")) if yuan >= one[0])
    return Said(f"约 {number(yuan / many)}{unit}", f"about {yuan:,.0f} yuan")


def number(value: float) -> str:
    """A number as people read it: whole where it is, else with three significant digits."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def reason_said(feature: Feature, value: float, low: float, high: float, share: float) -> Said:
    """What one feature adds: its value, the range of nine in ten peers, and its share of what raised the alert."""
    own, least, most = (value_said(feature, one) for one in (value, low, high))
    percent = f"{100 * share:.0f} %"
    if math.isnan(low) or math.isnan(high):
        return Said(
            f"{feature.zh}：{own.zh}；同类情况未知；占 {percent}",
            f"{feature.en}: {own.en}; not known of peers; {percent} of the score",
        )
    usual_zh = least.zh if least == most else f"{least.zh} 至 {most.zh}"
    usual_en = least.en if least == most else f"{least.en} to {most.en}"
    return Said(
        f"{feature.zh}：{own.zh}；同类通常为 {usual_zh}；占 {percent}",
        f"{feature.en}: {own.en}; usual among peers: {usual_en}; {percent} of the score",
    )


def expected_said(said: Said, feature: Feature, expected: float) -> Said:
    """A reason with the value that the other facts of the enterprise let expect."""
    own = value_said(feature, round(expected, 1))
    return Said(
        f"{said.zh}；按其自身其他情况应约为 {own.zh}",
        f"{said.en}; its other facts let expect about {own.en}",
    )


def change_said(changes: list[tuple[Feature, float, float]], *, time_alone: bool, lapses: str | None) -> Said:
    """What would silence the alert. `changes`: features with the values from which and to which; `lapses`: the date by
    which time alone brings it, where it does and the date is known.
    """
    nearest = _nearest(changes)
    zh = nearest.zh if changes else "改变一两项不足以消除"
    en = nearest.en if changes else "no change of one or two features silences it"
    if time_alone:
        zh += f"；不再有新情况，到 {lapses} 会自行消除" if lapses else "；不再有新情况，时间会使其消除"
        en += f"; without news it lapses by {lapses}" if lapses else "; without news it lapses in time"
    return Said(f"{zh}。", f"{en}.")


def halved_said(changes: list[tuple[Feature, float, float]], *, time_alone: bool) -> Said:
    """What would halve a chance: `changes` as above, and whether time alone does, once records have faded."""
    nearest = _nearest(changes)
    zh = f"{nearest.zh}，可能性即减半" if changes else "改变一两项不足以使可能性减半"
    en = f"{nearest.en}: that halves the chance" if changes else "no change of one or two features halves the chance"
    if time_alone:
        zh += "；不再有新情况，时间也会使其减半"
        en += "; without news it halves in time"
    return Said(f"{zh}。", f"{en}.")


def _nearest(changes: list[tuple[Feature, float, float]]) -> Said:
    zh = "，且".join(f"{one.zh}由 {value_said(one, a).zh} 变为 {value_said(one, b).zh}" for one, a, b in changes)
    en = " and ".join(f"{one.en} from {value_said(one, a).en} to {value_said(one, b).en}" for one, a, b in changes)
    return Said(f"最近的改变：{zh}", f"nearest change: {en}")
