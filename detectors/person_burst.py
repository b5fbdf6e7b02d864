"""短期多设: one person sets up several enterprises within a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text
from detectors.example import Raw, several
from detectors.views import PersonView
from detectors.windows import find_burst


def find(view: PersonView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Establishments led by the person within some 30 days, in force for 180 days after the last."""
    openings = view.openings
    if len(openings) < parameters["levels"][0][1]:
        return None
    burst = find_burst(openings, parameters["levels"], parameters["window_days"], parameters["hold_days"], now)
    if burst is None:
        return None
    window = openings[burst.first : burst.last]
    return Finding(
        level=min(burst.level, parameters["weak_level"]) if view.weak else burst.level,
        value=burst.fullest,
        since=burst.reached,
        until=burst.until,
        members=[opening[3] for opening in window],
        evidence=window[-100:],
        weak=view.weak,
        facts={"days": parameters["window_days"]},
    )


def example() -> tuple[list[Raw], int, float]:
    """Three establishments in three days."""
    return several(3, 0, person="p-burst"), 2, 3


DETECTOR = Detector(
    id="person-burst",
    version=1,
    subject="person",
    view="person",
    title=Text("短期多设", "person burst"),
    finding=Text(
        "同一人任意 30 天内牵头新设 3 / 5 户及以上（最后一户之后 180 天内有效）",
        "3 / 5 or more establishments led by the person within some 30 days (in force for 180 days after the last)",
    ),
    levels={
        1: Text("仅凭姓名（弱身份）", "by name alone (weak identity)"),
        2: Text("30 天内 3 户起", "from 3 within 30 days"),
        3: Text("30 天内 5 户起", "from 5 within 30 days"),
    },
    basis=[
        Basis("《浙江省千万经营主体信用工程实施方案》第7项", "document"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("连锁品牌同期开店", "a chain that opens several shops at once"),
        Text("冒名登记的受害人", "victims of stolen identity"),
    ],
    reason=Text("该人员 {days} 天内牵头新设 {value} 户", "this person led {value} establishments within {days} days"),
    way_out=Text("最后一次密集新设满 180 天后自动消失", "falls away 180 days after the last of them"),
    find=find,
    example=example,
)
