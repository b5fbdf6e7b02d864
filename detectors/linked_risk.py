"""关联风险: enterprises tied by a lead person or a room are revoked or listed. Guilt by association is weak: it only
raises attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detectors.base import Basis, Detector, Evidence, Finding, Text, level_of, newest
from detectors.example import Raw, event, several
from detectors.views import Tie, TiesView


def find(view: TiesView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Tied enterprises that are revoked or listed abnormal or dishonest; strong ties come first."""
    levels = parameters["levels"]
    counted = tied_at_risk(view.ref, (tie for tie in view.ties if not tie.weak))
    level = level_of(len(counted), levels)
    weak = False
    if not level:
        counted = tied_at_risk(view.ref, view.ties)
        level = min(level_of(len(counted), levels), parameters["weak_level"])
        weak = True
    if not level:
        return None
    return Finding(
        level=level,
        value=len(counted),
        since=sorted(counted.values())[int(levels[0][1]) - 1][0],
        members=sorted({view.ref, *counted}),
        evidence=newest(list(counted.values())),
        weak=weak,
    )


def tied_at_risk(ref: int, ties: Iterable[Tie]) -> dict[int, Evidence]:
    """The other enterprises at risk that ties name, by number, each since it has been tied and at risk."""
    found: dict[int, Evidence] = {}
    for tie in ties:
        for since, source, name, other in tie.risky:
            if other != ref:
                risk = (max(since, tie.since), source, name, other)
                found[other] = min(risk, found.get(other, risk))
    return found


def example() -> tuple[list[Raw], int, float]:
    """Two of three enterprises at one room are listed abnormal: the third is tied to both."""
    listed = [
        event(subject, "enforcement.abnormal_listed", 50, ground="report", document=f"D-{subject}")
        for subject in ("E000", "E001")
    ]
    return several(3, 0, room="1幢501室") + listed, 1, 2


DETECTOR = Detector(
    id="linked-risk",
    version=1,
    subject="enterprise",
    view="ties",
    title=Text("关联风险", "linked risk"),
    finding=Text(
        "由牵头人员或非豁免房间关联的经营主体中，被吊销、列入异常或严重违法失信的达到 2 / 5 户",
        "2 / 5 or more enterprises tied by a lead person or a non-exempt room are revoked or listed",
    ),
    levels={1: Text("2 户起", "from 2"), 2: Text("5 户起", "from 5")},
    basis=[
        Basis("通用型企业信用风险分类指标：关联企业吊销/列异/严重违法失信比例", "secondary"),
        Basis("门槛为政策参数 / thresholds are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("同一房间前后租户、互不相识", "tenants who followed one another and do not know each other"),
    ],
    reason=Text("{value} 户关联经营主体被吊销或列入名录", "{value} tied enterprises are revoked or listed"),
    way_out=Text("关联解除，或关联方移出名录", "the tie ends, or the tied ones are removed from the lists"),
    find=find,
    example=example,
)
