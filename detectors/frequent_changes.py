"""频繁变更: the room or the lead persons of an enterprise change again and again. Capital never counts: companies
must adjust it by mid-2027 (注册资本登记管理制度).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Evidence, Finding, Text
from detectors.example import Raw, address, event, opened
from detectors.views import EnterpriseView
from detectors.windows import find_burst


def find(view: EnterpriseView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Real changes within some 180 days, in force for 180 days after the last. Changes that rest on bare names are
    looked at only where the others find nothing.
    """
    found = _found(view.ref, view.changes, parameters, now)
    if found is None and view.weak_changes:
        found = _found(view.ref, sorted(view.changes + view.weak_changes), parameters, now)
        if found is not None:
            found.level = min(found.level, parameters["weak_level"])
            found.weak = True
    return found


def _found(ref: int, changes: list[Evidence], parameters: Mapping[str, Any], now: int) -> Finding | None:
    if len(changes) < parameters["levels"][0][1]:
        return None
    burst = find_burst(changes, parameters["levels"], parameters["window_days"], parameters["hold_days"], now)
    if burst is None:
        return None
    return Finding(
        level=burst.level,
        value=burst.fullest,
        since=burst.reached,
        until=burst.until,
        members=(ref,),
        evidence=changes[burst.first : burst.last][-100:],
        facts={"days": parameters["window_days"]},
    )


def example() -> tuple[list[Raw], int, float]:
    """Three moves in three months."""
    moves = [
        event("E000", "registration.changed", 30 * number, address=address(f"2幢{number}01室")) for number in (1, 2, 3)
    ]
    return [opened("E000", 0, persons=["p0"]), *moves], 1, 3


DETECTOR = Detector(
    id="frequent-changes",
    version=1,
    subject="enterprise",
    view="enterprise",
    title=Text("频繁变更", "frequent changes"),
    finding=Text(
        "任意 180 天内住所或牵头人员实际变更 3 / 5 次及以上；注册资本变更不计",
        "3 / 5 or more real changes of address or lead persons within some 180 days; capital never counts",
    ),
    levels={1: Text("3 次起", "from 3"), 2: Text("5 次起", "from 5")},
    basis=[
        Basis("《公司登记管理实施办法》第二十条（恶意变更登记，“职业闭店人”）", "secondary"),
        Basis("通用型企业信用风险分类指标：法定代表人、住所频繁变更", "secondary"),
    ],
    false_positives=[
        Text(
            "筹备期内搬迁并更换负责人的新店",
            "a new shop that moves and changes its principal while it starts",
        ),
    ],
    reason=Text(
        "{days} 天内住所或牵头人员变更 {value} 次",
        "address or lead persons changed {value} times within {days} days",
    ),
    way_out=Text("最后一次变更满 180 天后自动消失", "falls away 180 days after the last change"),
    find=find,
    example=example,
)
