"""The events of an enterprise that lie behind a feature, from its history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from detectors.base import Evidence
from models.features.feature import Feature
from monitor.stages.history import Entry, Kind

KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "registration.established": (Kind.ESTABLISHED,),
    "registration.changed": (Kind.CHANGED,),
    "registration.deregistered": (Kind.DEREGISTERED,),
    "registration.revoked": (Kind.REVOKED,),
    "registration.cancelled": (Kind.CANCELLED,),
    "registration.suspended": (Kind.SUSPENDED,),
    "registration.resumed": (Kind.RESUMED,),
    "report.filed": (Kind.FILED,),
    "report.missed": (Kind.MISSED,),
    "enforcement.inspected": (Kind.INSPECTED,),
    "enforcement.visited": (Kind.VISITED,),
    "enforcement.letter_sent": (Kind.LETTER_SENT,),
    "enforcement.letter_returned": (Kind.LETTER_RETURNED,),
    "enforcement.letter_delivered": (Kind.LETTER_DELIVERED,),
    "enforcement.penalised": (Kind.PENALISED,),
    "enforcement.abnormal_listed": (Kind.ABNORMAL_LISTED,),
    "enforcement.abnormal_removed": (Kind.ABNORMAL_REMOVED,),
    "enforcement.dishonest_listed": (Kind.DISHONEST_LISTED,),
    "enforcement.dishonest_removed": (Kind.DISHONEST_REMOVED,),
    "complaint.received": (Kind.COMPLAINT,),
    "sampling.failed": (Kind.SAMPLING_FAILED,),
    "sampling.passed": (Kind.SAMPLING_PASSED,),
    "court.defaulter_listed": (Kind.COURT_LISTED, Kind.DEFAULTER_LISTED),
    "court.defaulter_removed": (Kind.COURT_REMOVED, Kind.DEFAULTER_REMOVED),
    "tax.irregular": (Kind.TAX_IRREGULAR,),
    "tax.regular": (Kind.TAX_REGULAR,),
    "commitment.breached": (Kind.COMMITMENT_BREACHED,),
    "credit.repaired": (Kind.REPAIRED,),
    "objection.decided": (Kind.DECIDED,),
    "honour.awarded": (Kind.HONOURED,),
}
"""Under which kinds histories keep a type of event."""


def sources_of(
    entries: Iterable[Entry], names: Sequence[str], now: int
) -> Callable[[Feature], list[tuple[int, str, str]]]:
    """Gives the events behind a feature, up to `now`, oldest first: moment, source, id. `names`: sources by number."""
    by_kind: dict[int, list[tuple[int, str, str]]] = {}
    for entry in entries:
        if entry[2] <= now:
            by_kind.setdefault(entry[3], []).append((entry[2], names[entry[0]], entry[1]))

    def events_of(feature: Feature) -> list[tuple[int, str, str]]:
        return sorted(one for kind in _kinds(feature) for one in by_kind.get(kind, ()))

    return events_of


def evidence_of(entries: Iterable[Entry], features: Iterable[Feature], ref: int, now: int) -> list[Evidence]:
    """The events behind some features as evidence of a finding on the enterprise of this number."""
    wanted = {kind for feature in features for kind in _kinds(feature)}
    return sorted((entry[2], entry[0], entry[1], ref) for entry in entries if entry[3] in wanted and entry[2] <= now)


def _kinds(feature: Feature) -> set[Kind]:
    return {kind for event in feature.events for kind in KINDS.get(event, ())}
