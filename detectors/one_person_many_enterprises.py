"""一人多企: one person leads many live enterprises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text, level_of
from detectors.example import Raw, several
from detectors.views import PersonView


def find(view: PersonView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Live enterprises in which the person has a lead role; a bare name is at most the weak level."""
    levels = parameters["levels"]
    count = len(view.leading)
    level = level_of(count, levels)
    if not level:
        return None
    return Finding(
        level=min(level, parameters["weak_level"]) if view.weak else level,
        value=count,
        since=view.leading[int(levels[0][1]) - 1][0],
        selector="leading",
        evidence=view.leading[-100:],
        weak=view.weak,
    )


def example() -> tuple[list[Raw], int, float]:
    """Five enterprises, one legal representative."""
    spread = [
        {**opening, "time": f"20{16 + number}-03-01T09:00:00+08:00"}
        for number, opening in enumerate(several(5, 0, person="p-many"))
    ]
    return spread, 1, 5


DETECTOR = Detector(
    id="one-person-many-enterprises",
    version=1,
    subject="person",
    view="person",
    title=Text("一人多企", "one person, many enterprises"),
    finding=Text(
        "同一人担任法定代表人、负责人或经营者的在营经营主体达到 5 / 10 / 20 户",
        "the person leads 5 / 10 / 20 or more live enterprises",
    ),
    levels={
        1: Text("5 户起", "from 5"),
        2: Text("10 户起", "from 10"),
        3: Text("20 户起", "from 20"),
    },
    basis=[
        Basis("《浙江省千万经营主体信用工程实施方案》第7项", "document"),
        Basis("《公司法》（2023）不再限制一人设立多个一人公司：仅为线索，不是违法", "statute"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("连锁经营者、集团负责人", "owners of chains, heads of groups"),
        Text(
            "冒名登记的受害人：转撤销登记程序，不作处罚",
            "victims of stolen identity: route to 撤销登记, not to a penalty",
        ),
        Text(
            "只有姓名时的同名者（弱身份，最高一级）",
            "namesakes where only a name is known (weak identity, level 1 at most)",
        ),
    ],
    reason=Text(
        "该人员现在 {value} 户在营经营主体任职（法定代表人/负责人/经营者）",
        "this person leads {value} live enterprises",
    ),
    way_out=Text("任职的在营主体降到 {lowest} 户以下", "fewer than {lowest} live enterprises remain"),
    find=find,
    example=example,
)
