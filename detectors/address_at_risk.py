"""高危地址: of those ever registered at a room, too many were revoked or are listed abnormal. Hosts are judged by
it like any other address.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text, level_of
from detectors.example import Raw, event, several
from detectors.views import RoomView


def find(view: RoomView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """The share of the revoked or listed among those ever registered, where there are enough of them."""
    bad = len(view.bad)
    if not bad or len(view.registered) < parameters["minimum_registered"]:
        return None
    levels = parameters["levels"]
    ever = len(view.registered)
    share = bad / ever
    level = level_of(share, levels)
    if not level:
        return None
    enough = max(1, math.ceil(levels[0][1] * ever - 1e-9))
    return Finding(
        level=level,
        value=share,
        since=max(view.bad[enough - 1][0], view.registered[parameters["minimum_registered"] - 1]),
        selector="bad",
        evidence=view.bad[-100:],
        facts={"bad": bad, "ever": ever, "percent": round(100 * share, 1)},
    )


def example() -> tuple[list[Raw], int, float]:
    """Two of five listed abnormal."""
    listed = [
        event(subject, "enforcement.abnormal_listed", 100, ground="unreachable", document=f"D-{subject}")
        for subject in ("E000", "E001")
    ]
    return several(5, 0, room="1幢103室") + listed, 2, 0.4


DETECTOR = Detector(
    id="address-at-risk",
    version=1,
    subject="address",
    view="room",
    title=Text("高危地址", "address at risk"),
    finding=Text(
        "曾在该房间登记的经营主体不少于 5 户，其中被吊销或现列入经营异常名录的占 30% / 60% 及以上",
        "of 5 or more enterprises ever registered at the room, 30 % / 60 % or more are revoked or listed abnormal",
    ),
    levels={2: Text("占比 30% 起", "from 30 %"), 3: Text("占比 60% 起", "from 60 %")},
    basis=[
        Basis("《企业经营异常名录管理办法》（通过登记的住所或者经营场所无法联系等情形）", "secondary"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("租户已全部更换、地址由新业主整治", "tenants have changed and a new owner has cleaned up"),
    ],
    reason=Text(
        "曾在此登记的 {ever} 户中 {bad} 户（{percent}%）被吊销或列入异常",
        "{bad} of the {ever} enterprises ever registered here ({percent} %) are revoked or listed abnormal",
    ),
    way_out=Text("列异移出或信用修复后占比下降", "the share falls as listings are removed or repaired"),
    find=find,
    example=example,
)
