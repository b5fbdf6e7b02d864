"""投诉激增: many complaints about one enterprise within a month. An unverified complaint is not a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text
from detectors.example import Raw, event, opened
from detectors.views import EnterpriseView
from detectors.windows import find_burst


def find(view: EnterpriseView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Complaints, each number once, within some 30 days; in force for 90 days after the last."""
    complaints = view.complaints
    if len(complaints) < parameters["levels"][0][1]:
        return None
    burst = find_burst(complaints, parameters["levels"], parameters["window_days"], parameters["hold_days"], now)
    if burst is None:
        return None
    return Finding(
        level=burst.level,
        value=burst.fullest,
        since=burst.reached,
        until=burst.until,
        members=(view.ref,),
        evidence=complaints[burst.first : burst.last][-100:],
        facts={"days": parameters["window_days"]},
    )


def example() -> tuple[list[Raw], int, float]:
    """Five complaints in five days."""
    complaints = [event("E000", "complaint.received", day, number=f"T{day}") for day in range(10, 15)]
    return [opened("E000", 0, persons=["p0"]), *complaints], 2, 5


DETECTOR = Detector(
    id="complaint-surge",
    version=1,
    subject="enterprise",
    view="enterprise",
    title=Text("投诉激增", "complaint surge"),
    finding=Text(
        "任意 30 天内被投诉举报 5 / 15 件及以上（最后一件之后 90 天内有效）",
        "5 / 15 or more complaints within some 30 days (in force for 90 days after the last)",
    ),
    levels={
        2: Text("30 天内 5 件起", "from 5 within 30 days"),
        3: Text("30 天内 15 件起", "from 15 within 30 days"),
    },
    basis=[
        Basis("企业信用风险分类：近一年12345投诉举报次数、近三月增长率", "secondary"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("职业索赔人集中投诉", "professional claimants"),
        Text("客流很大的平台或商场", "platforms and malls with very many customers"),
    ],
    reason=Text("{days} 天内收到 {value} 件投诉举报", "{value} complaints within {days} days"),
    way_out=Text("最后一次密集投诉满 90 天后自动消失", "falls away 90 days after the last of them"),
    find=find,
    example=example,
)
