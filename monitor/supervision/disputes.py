"""异议: which alerts are disputed by objections that are not decided.

An objection names an alert, or a document: then it is about every alert on its enterprise that rests on an event with
that document. It suspends the alert until it is decided; what an upheld one changes follows from the signals, because
its document counts nowhere from then on (contract §2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from monitor.supervision import todos
from monitor.supervision.alerts import Alert


class Objection(NamedTuple):
    """An objection, or the decision on one; `at`, `source` and `id` are their order."""

    at: int
    source: str
    id: str
    alert: str
    document: str
    decided: bool
    upheld: bool


EventsOf = Callable[[str, str], frozenset[tuple[str, str]]]
"""From the code of an enterprise and a document to the (source, id) of the events that carry it."""


def pending(objections: Iterable[Objection]) -> list[Objection]:
    """The objections that are not decided: the last word on their alert or document, by (time, source, id)."""
    last: dict[tuple[str, str], Objection] = {}
    for one in sorted(objections):
        last[one.alert, one.document] = one
    return [one for one in last.values() if not one.decided]


def is_disputed(alert: Alert, objections: Iterable[Objection], events_of: EventsOf) -> bool:
    """Whether an objection to an alert on an enterprise waits for its decision."""
    waiting = pending(objections)
    if any(one.alert == alert.id for one in waiting):
        return True
    code = alert.signal.key
    contested = {event for one in waiting if one.document for event in events_of(code, one.document)}
    return any(whose == code and (source, event) in contested for _, source, event, whose in alert.signal.evidence)


def clocks(code: str, region: str | None, objections: Iterable[Objection]) -> list[todos.Objection]:
    """Every objection of an enterprise with the moment of its decision: the first word on its alert or document after
    it that decides.
    """
    ordered = sorted(objections)
    found = []
    for place, one in enumerate(ordered):
        if one.decided:
            continue
        decided = (
            later.at
            for later in ordered[place + 1 :]
            if later.decided and (later.alert, later.document) == (one.alert, one.document)
        )
        found.append(
            todos.Objection(
                id=f"{one.source} {one.id}",
                subject=code,
                region=region,
                filed_at=one.at,
                decided_at=next(decided, None),
            )
        )
    return found
