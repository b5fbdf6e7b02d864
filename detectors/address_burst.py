"""集中注册: many establishments at one room within a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Finding, Text
from detectors.example import Raw, several
from detectors.views import RoomView
from detectors.windows import find_burst


def find(view: RoomView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Establishments at the room within some 30 days, in force for 180 days after the last; same exemptions as
    `one-address-many-licences`.
    """
    openings = view.openings
    if len(openings) < parameters["levels"][0][1] or view.kind in parameters["exempt_kinds"]:
        return None
    burst = find_burst(openings, parameters["levels"], parameters["window_days"], parameters["hold_days"], now)
    if burst is None:
        return None
    window = openings[burst.first : burst.last]
    return Finding(
        level=burst.level,
        value=burst.fullest,
        since=burst.reached,
        until=burst.until,
        members=[opening[3] for opening in window],
        evidence=window[-100:],
        facts={"days": parameters["window_days"]},
    )


def example() -> tuple[list[Raw], int, float]:
    """Five establishments in five days."""
    return several(5, 0, room="1幢102室"), 2, 5


DETECTOR = Detector(
    id="address-burst",
    version=1,
    subject="address",
    view="room",
    title=Text("集中注册", "address burst"),
    finding=Text(
        "同一房间任意 30 天内新设 5 / 10 户及以上（最后一户之后 180 天内有效）",
        "5 / 10 or more establishments at the room within some 30 days (in force for 180 days after the last)",
    ),
    levels={
        2: Text("30 天内 5 户起", "from 5 within 30 days"),
        3: Text("30 天内 10 户起", "from 10 within 30 days"),
    },
    basis=[
        Basis("《浙江省千万经营主体信用工程实施方案》第7项", "document"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("新开业的写字楼或孵化器尚未列入名单", "a newly opened building or incubator not yet listed"),
        Text("批量补录存量数据时误填成立日期", "stock entered late with a wrong date of establishment"),
    ],
    reason=Text("该地址 {days} 天内新设 {value} 户", "{value} establishments at this address within {days} days"),
    way_out=Text("最后一次密集新设满 180 天后自动消失", "falls away 180 days after the last of them"),
    find=find,
    example=example,
)
