"""The closed word lists of the contract (§2), shared by event types, schema and stages."""

from __future__ import annotations

from typing import Final, Literal

EnterpriseKind = Literal["enterprise", "individual", "cooperative", "branch"]
AddressKind = Literal["office", "residential", "market", "cluster", "incubator", "industrial", "rural", "platform"]
HostKind = Literal["cluster", "incubator", "market", "platform"]
"""What an officer can list a room as: kinds of address that lawfully have many licences."""

Role = Literal[
    "legal_representative",
    "principal",
    "operator",
    "director",
    "supervisor",
    "manager",
    "shareholder",
    "liaison",
    "agent",
    "beneficial_owner",
]
IdType = Literal["resident_id", "passport", "hk_macau_permit", "taiwan_permit", "other"]
DeregistrationMode = Literal["ordinary", "simple", "forced"]
InspectionResult = Literal[
    "none_found",
    "not_disclosed",
    "false_disclosure",
    "unreachable",
    "corrected",
    "uncooperative",
    "not_operating",
    "pending",
]
TaskMode = Literal["off_site", "on_site", "joint"]
Outcome = Literal[InspectionResult, "false_alarm"]
ModelKind = Literal["anomaly", "forecast", "anomaly-challenger"]
"""What a model is in force as. A challenger is asked in shadow, beside the anomaly model in force."""

ListingGround = Literal["report", "disclosure", "falsehood", "unreachable"]

LEAD_ROLES: Final = frozenset({"legal_representative", "principal", "operator"})
"""Roles in which a person leads an enterprise: 法定代表人, 负责人, 经营者."""

CLOCK_SUBJECT: Final = "clock"
MONITOR_SUBJECT: Final = "monitor"
