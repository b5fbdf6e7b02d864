"""模型异常: an enterprise that is too unlike its peers for chance, by the anomaly model in force.

A second opinion, computed once a day over all live enterprises (`models.anomaly.findings`). It is yellow at most: a
model says that something is unusual, never that it is wrong, and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from detectors.base import Basis, Detector, Evidence, Finding, Text, level_of, newest
from detectors.example import Raw, event, opened

_LEAST_Q: Final = 1e-12


class AnomalyView(msgspec.Struct, frozen=True):
    """What the model says of one enterprise. `q`: the least rate of false discoveries in its county at which it is
    found; `since`: the cut at which it was found first; `peers`: whom it was compared with; `odd`: what is unusual, in
    words; `way_out`: what would silence it, zh and en.
    """

    ref: int
    p: float
    q: float
    since: int
    peers: Text
    odd: Text
    way_out: Mapping[str, str]
    evidence: Sequence[Evidence] = ()


def find(view: AnomalyView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """The finding where the evidence reaches a level."""
    value = evidence_of(view.q)
    level = level_of(value, parameters["levels"])
    if not level:
        return None
    return Finding(
        level=level,
        value=value,
        since=view.since,
        members=(view.ref,),
        evidence=newest(list(view.evidence)),
        facts={
            "p": f"{view.p:.1g}",
            "peers_zh": view.peers.zh,
            "peers_en": view.peers.en,
            "odd_zh": view.odd.zh,
            "odd_en": view.odd.en,
            "way_out": dict(view.way_out),
        },
    )


def evidence_of(q: float) -> float:
    """The negative decimal logarithm of a rate of false discoveries, to a tenth, downwards: 1 is one in ten, 2 one in a
    hundred. Tenths, so that a finding does not change with each day's rounding.
    """
    return math.floor(-math.log10(max(q, _LEAST_Q)) * 10 + 1e-9) / 10


def example() -> tuple[list[Raw], int, float]:
    """Twelve penalties in a month and a new address every week: unlike any ordinary shop. Level and value are the least
    that a model trained on ordinary ones must find.
    """
    penalties = [
        event("E000", "enforcement.penalised", 300 + 2 * number, document=f"D-{number}") for number in range(12)
    ]
    moves = [
        event("E000", "registration.changed", 301 + 7 * number, address={"text": f"杭州市西湖区文三路{90 + number}号"})
        for number in range(4)
    ]
    return [*opened_alone(), *penalties, *moves], 1, 1.0


def opened_alone() -> list[Raw]:
    """One enterprise by itself."""
    return [opened("E000", 0, room="1幢501室")]


DETECTOR = Detector(
    id="anomaly",
    version=1,
    subject="enterprise",
    view="cut",
    title=Text("模型异常", "anomaly by the model"),
    finding=Text(
        "在用模型认为，与同类（主体类型 × 行业门类 × 存续年限）相比罕见到难以归于偶然的存续主体；"
        "每县每日按错误发现率控制，数值为其负常用对数",
        "live enterprises that are too unlike their peers (kind × section of industry × age) for chance, by the model "
        "in force; the rate of false discoveries is held for each county and day; the value is its negative decimal "
        "logarithm",
    ),
    levels={
        1: Text("错误发现率 10 % 以内", "within a rate of false discoveries of 10 %"),
        2: Text("错误发现率 1 % 以内；模型意见不足以定橙色", "within 1 %; an opinion of a model is never orange"),
    },
    basis=[
        Basis("模型为第二意见，只提示关注，不作处理依据 / a second opinion: it asks for attention alone", "proposal"),
        Basis("Benjamini and Hochberg 1995；门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("新业态、试点企业与同类本就不同", "new trades and pilots that lawfully differ from their peers"),
        Text("集团、连锁企业人员与场所众多", "groups and chains with many persons and places"),
    ],
    reason=Text(
        "在{peers_zh}中罕见：{odd_zh}（偶然概率 p = {p}）", "rare among {peers_en}: {odd_en} (by chance: p = {p})"
    ),
    way_out=Text(
        "上述特征回到同类通常范围；每条预警写明最近的改变与自行消失的日期",
        "what is named returns to what is usual among peers; each alert says the nearest change, and when it lapses",
    ),
    find=find,
    example=example,
)
