"""一址多照: many live licences at one room. A shared address is lawful; it is a reason to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text, level_of
from detectors.example import Raw, several
from detectors.views import RoomView


def find(view: RoomView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Live, not suspended, non-branch enterprises at the room, by number; never where the kind is exempt."""
    if view.kind in parameters["exempt_kinds"]:
        return None
    levels = parameters["levels"]
    count = len(view.counted)
    level = level_of(count, levels)
    if not level:
        return None
    return Finding(
        level=level,
        value=count,
        since=view.counted[int(levels[0][1]) - 1][0],
        selector="counted",
        evidence=view.counted[-100:],
    )


def example() -> tuple[list[Raw], int, float]:
    """Five enterprises at one room."""
    return several(5, 0, room="1幢101室"), 1, 5


DETECTOR = Detector(
    id="one-address-many-licences",
    version=1,
    subject="address",
    view="room",
    title=Text("一址多照", "one address, many licences"),
    finding=Text(
        "同一房间内在营、未歇业的非分支机构达到 5 / 10 / 20 / 50 户",
        "live, not suspended, non-branch enterprises at the room: 5 / 10 / 20 / 50 or more",
    ),
    levels={
        1: Text("5 户起：留意", "from 5: notice"),
        2: Text("10 户起：核对产权与租赁", "from 10: check title and lease"),
        3: Text("20 户起：核查是否为未备案的集群地址", "from 20: check for an unregistered host"),
        4: Text("50 户起：优先实地核查", "from 50: visit first"),
    },
    basis=[
        Basis("《浙江省千万经营主体信用工程实施方案》第7项", "document"),
        Basis("《市场主体登记管理条例》第十一条（住所或者主要经营场所）", "statute"),
        Basis(
            "门槛为政策参数，无法定数值；初值为建议 / thresholds are policy parameters, first values proposed",
            "proposal",
        ),
    ],
    false_positives=[
        Text("未列入名单的托管、孵化、商场地址", "hosts, incubators and malls that are not on the host list"),
        Text("同一集团的关联公司合署办公", "affiliates of one group at its seat"),
        Text("地址只写到楼栋、未写房间", "addresses that name the building but no room"),
    ],
    reason=Text("该地址现有 {value} 户在营经营主体登记", "{value} live enterprises are registered at this address"),
    way_out=Text(
        "降到 {lowest} 户以下，或该地址依规列入托管名单",
        "fewer than {lowest} remain, or the address is put on the host list",
    ),
    find=find,
    example=example,
)
