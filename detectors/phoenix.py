"""注销重开: an enterprise opens soon after another one of a same lead person, with a bad record, was closed at the
same room or in the same industry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.moments import DAY
from detectors.base import Basis, Detector, Finding, Text, newest
from detectors.example import Raw, event, opened
from detectors.views import Predecessor, TiesView


def find(view: TiesView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Counts the predecessors; in force for `hold_days` after the establishment. Strong identities come first."""
    with_predecessors = [tie for tie in view.ties if tie.predecessors]
    if not with_predecessors:
        return None
    opened_at = with_predecessors[0].opened
    until = opened_at + parameters["hold_days"] * DAY
    if now > until:
        return None
    strong = [tie for tie in with_predecessors if not tie.weak]
    counted: dict[int, Predecessor] = {}
    for tie in strong or with_predecessors:
        for predecessor in tie.predecessors:
            counted.setdefault(predecessor.ref, predecessor)
    name = with_predecessors[0].opened_event
    return Finding(
        level=parameters["level"] if strong else min(parameters["level"], parameters["weak_level"]),
        value=len(counted),
        since=min(max(opened_at, one.ended, one.flagged) for one in counted.values()),
        until=until + 1,
        members=sorted({view.ref, *counted}),
        evidence=newest(
            [
                (opened_at, *name, view.ref),
                *((one.ended, one.source, one.event, one.ref) for one in counted.values()),
            ]
        ),
        weak=not strong,
        facts={"days": parameters["within_days"]},
    )


def example() -> tuple[list[Raw], int, float]:
    """Penalised, deregistered, and open again at the same room a month later."""
    return (
        [
            opened("E000", 0, room="1幢401室", persons=["p-phoenix"]),
            event("E000", "enforcement.penalised", 50, document="P1"),
            event("E000", "registration.deregistered", 100),
            opened("E001", 130, room="1幢401室", persons=["p-phoenix"]),
        ],
        3,
        1,
    )


DETECTOR = Detector(
    id="phoenix",
    version=1,
    subject="enterprise",
    view="ties",
    title=Text("注销重开", "phoenix"),
    finding=Text(
        "同一牵头人员的另一户有处罚或列异记录、注销或吊销后 180 天内，在同一房间或同一行业新设本户",
        "established within 180 days after another enterprise of a same lead person, with a penalty or abnormal "
        "listing, was deregistered or revoked, at the same room or in the same industry",
    ),
    levels={
        1: Text("仅凭姓名（弱身份）", "by name alone (weak identity)"),
        3: Text("核查是否逃避处罚或债务", "check for evasion of penalties or debts"),
    },
    basis=[
        Basis("《公司登记管理实施办法》第二十条（逃避监管的恶意登记）", "secondary"),
        Basis("天数为政策参数 / days are policy parameters", "proposal"),
    ],
    false_positives=[
        Text(
            "个体工商户变更经营者时的“注销再登记”",
            "an individual business re-registered to change its operator",
        ),
        Text("个转企升级", "an individual business turned into a company"),
    ],
    reason=Text(
        "{value} 户有不良记录的前身在 {days} 天内注销或吊销",
        "{value} predecessors with a bad record ended within the {days} days before",
    ),
    way_out=Text(
        "成立满 365 天，或前身的记录依法修复",
        "365 days after the establishment, or when the record is repaired",
    ),
    find=find,
    example=example,
)
