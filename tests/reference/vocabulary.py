"""Types of events and their fields, as the tables of contract §2 have them.

Stands first in the reference: `intake` checks lines against it.
"""

from __future__ import annotations

LEAD_ROLES = frozenset({"legal_representative", "principal", "operator"})
ROLES = LEAD_ROLES | {
    "director",
    "supervisor",
    "manager",
    "shareholder",
    "liaison",
    "agent",
    "beneficial_owner",
}
ID_TYPES = frozenset({"resident_id", "passport", "hk_macau_permit", "taiwan_permit", "other"})
ADDRESS_KINDS = frozenset(
    {"office", "residential", "market", "cluster", "incubator", "industrial", "rural", "platform"}
)
RESULTS = frozenset(
    {
        "none_found",
        "not_disclosed",
        "false_disclosure",
        "unreachable",
        "corrected",
        "uncooperative",
        "not_operating",
        "pending",
    }
)

WORDS = {
    "kind": frozenset({"enterprise", "individual", "cooperative", "branch"}),
    "mode": frozenset({"ordinary", "simple", "forced"}),
    "ground": frozenset({"report", "disclosure", "falsehood", "unreachable"}),
}
"""Closed lists of the fields that stand in data itself."""

SHAPES = {
    "address": "address",
    "persons": "persons",
    "person": "person",
    "kind": "word",
    "mode": "word",
    "ground": "word",
    "year": "whole",
    "capital": "number",
    "amount": "number",
    "verified": "truth",
    "reachable": "truth",
    "found": "truth",
    "random": "truth",
    "upheld": "truth",
    "results": "results",
    "documents": "texts",
    "until": "date",
    "phone": "phone",
}
"""The shape of a value by the name of its field; every other field is a text."""

_ESTABLISHED = "name* kind* address* persons* industry type_code capital phone agent"

_TABLE = {
    "registration.established": _ESTABLISHED,
    "registration.changed": "name address persons industry capital phone",
    "registration.deregistered": "mode",
    "registration.revoked": "document reason",
    "registration.cancelled": "document reason",
    "registration.suspended": "until",
    "registration.resumed": "until",
    "report.filed": "year*",
    "report.missed": "year*",
    "enforcement.inspected": "results* plan random",
    "enforcement.visited": "found*",
    "enforcement.letter_sent": "number*",
    "enforcement.letter_returned": "number*",
    "enforcement.letter_delivered": "number*",
    "enforcement.penalised": "document* category amount",
    "enforcement.abnormal_listed": "ground* document",
    "enforcement.abnormal_removed": "ground* document",
    "enforcement.dishonest_listed": "document",
    "enforcement.dishonest_removed": "document",
    "complaint.received": "number* category verified reachable",
    "sampling.failed": "document category",
    "sampling.passed": "document category",
    "court.defaulter_listed": "document person",
    "court.defaulter_removed": "document person",
    "tax.irregular": "",
    "tax.regular": "",
    "commitment.made": "document",
    "commitment.breached": "document",
    "credit.repaired": "documents*",
    "objection.filed": "document alert",
    "objection.decided": "document alert upheld*",
    "honour.awarded": "document",
    "clock.ticked": "",
}

FIELDS: dict[str, dict[str, bool]] = {
    name: {field.rstrip("*"): field.endswith("*") for field in fields.split()} for name, fields in _TABLE.items()
}
"""Per type of event its known fields, each with whether it is required."""

EITHER = {"objection.filed": ("document", "alert"), "objection.decided": ("document", "alert")}
"""Types that require one of two fields."""
