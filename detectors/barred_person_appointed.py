"""任职限制: a lead person led another enterprise when that was revoked, or is listed by a court as a defaulter.

A pointer for legal review, never a conclusion: whether somebody was personally responsible is for the law to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import Basis, Detector, Evidence, Finding, Text, newest
from detectors.example import Raw, event, opened
from detectors.views import Tie, TiesView


def find(view: TiesView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Counts the lead persons concerned; strong identities are judged first, by themselves."""
    concerned = [tie for tie in view.ties if tie.bars or tie.court is not None]
    if not concerned:
        return None
    strong = [tie for tie in concerned if not tie.weak]
    counted = strong or concerned
    evidence: list[Evidence] = []
    for tie in counted:
        evidence += [(bar.revoked, bar.source, bar.event, bar.ref) for bar in tie.bars]
        if tie.court is not None:
            evidence.append((*tie.court, view.ref))
    return Finding(
        level=parameters["level"] if strong else min(parameters["level"], parameters["weak_level"]),
        value=len(counted),
        since=min(_since(tie) for tie in counted),
        members=sorted({view.ref, *(bar.ref for tie in counted for bar in tie.bars)}),
        evidence=newest(evidence),
        weak=not strong,
        facts={"court": sum(tie.court is not None for tie in counted)},
    )


def _since(tie: Tie) -> int:
    """The later of the facts that make the finding, for the earliest of a person's grounds."""
    grounds = [bar.revoked for bar in tie.bars]
    if tie.court is not None:
        grounds.append(tie.court[0])
    return max(min(grounds), tie.since, tie.opened)


def example() -> tuple[list[Raw], int, float]:
    """Its legal representative led another enterprise when that was revoked half a year before."""
    return (
        [
            opened("E000", 0, room="1幢301室", persons=["p-barred"]),
            event("E000", "registration.revoked", 100, document="R1"),
            opened("E001", 280, room="1幢302室", persons=["p-barred"], industry="C1713"),
        ],
        3,
        1,
    )


DETECTOR = Detector(
    id="barred-person-appointed",
    version=1,
    subject="enterprise",
    view="ties",
    title=Text("任职限制", "barred person appointed"),
    finding=Text(
        "牵头人员在另一户被吊销时任其牵头人员，且三年内到本户任职；或现为失信被执行人。仅供法律审查",
        "a lead person led another enterprise when it was revoked and took up the role here within 3 years, or is "
        "listed as a court defaulter: a pointer for legal review",
    ),
    levels={
        1: Text("仅凭姓名（弱身份）", "by name alone (weak identity)"),
        3: Text("移交法律审查", "to legal review"),
    },
    basis=[
        Basis("《公司法》（2023）第一百七十八条第一款第四、五项", "statute"),
        Basis("《市场主体登记管理条例》第十二条", "statute"),
    ],
    false_positives=[
        Text("对吊销不负个人责任的负责人", "a principal who was not personally responsible for the revocation"),
        Text("被冒名登记的人", "a person whose identity was stolen"),
    ],
    reason=Text("{value} 名牵头人员存在任职限制线索", "{value} lead persons show signs of being barred"),
    way_out=Text(
        "相关人员离任，或失信记录移除、吊销被撤销",
        "the person leaves, or the court listing or revocation is lifted",
    ),
    find=find,
    example=example,
)
