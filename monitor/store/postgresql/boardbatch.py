"""What a worker hands to the read model: some messages of one partition, decoded, in the order in which they came.

Everything is absolute, so that a batch that comes again changes nothing, and speaks in texts: codes, keys, names of
sources. Moments are microseconds since 1970. A `writer` is a stage and its partition, `rooms/3`; of what it says the
highest epoch holds.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from detectors.base import Deadline, SubjectKind
from monitor.events.refusal import DeadLetter
from monitor.store.audit.chain import AuditEntry


class Named(msgspec.Struct, frozen=True):
    """The name that an event of an enterprise gives it; of several the greatest (at, source, id) holds."""

    code: str
    name: str
    at: int
    source: str
    id: str


class Stated(msgspec.Struct, frozen=True):
    """A finding in texts. `evidence`: moment, source, event id, code of the enterprise; oldest first."""

    level: int
    value: float
    since: int
    weak: bool = False
    evidence: list[tuple[int, str, str, str]] = []
    deadlines: list[Deadline] = []
    facts: dict[str, Any] = {}


class SignalItem(msgspec.Struct, frozen=True):
    """What a detector finds on a subject at `now`, or that it finds nothing any more (`finding` None).

    `key` of an enterprise is its code; a person of a bare name within a county has `#KEY@COUNTY`. `members` are the
    codes of all enterprises counted; where None, `changed` says which came in (True) or went (False). `lowest` is
    the threshold of the detector's lowest level.
    """

    writer: str
    epoch: int
    detector: str
    version: int
    kind: SubjectKind
    key: str
    now: int
    label: str = ""
    finding: Stated | None = None
    region: str | None = None
    members: list[str] | None = None
    changed: list[tuple[str, bool]] = []
    lowest: float = 0.0
    stale: bool = False


class ConductItem(msgspec.Struct, frozen=True):
    """An entry of an enterprise's history, of a kind that the queue or the scorecards count; `rest`: what follows the
    kind in it, without rooms and persons.
    """

    code: str
    source: str
    id: str
    at: int
    kind: int
    rest: list[Any]


class LinkedItem(msgspec.Struct, frozen=True):
    """All enterprises at risk that an enterprise is tied to, other than by a bare name: evidence as in `Stated`."""

    writer: str
    epoch: int
    code: str
    risky: list[tuple[int, str, str, str]]


class ObjectionItem(msgspec.Struct, frozen=True):
    """An objection to an alert or a document, or the decision on one."""

    subject: str
    source: str
    id: str
    at: int
    decided: bool
    upheld: bool
    alert: str
    document: str


class ParkedItem(msgspec.Struct, frozen=True):
    """All subjects that a writer has parked: stage, key of the subject, reason."""

    writer: str
    epoch: int
    subjects: list[tuple[str, str, str]]


class TotalsItem(msgspec.Struct, frozen=True):
    """Running totals of a writer: name, label, value.

    `events`, `repeats` (by type) and `dead_letters` (by reason) are what metrics show; `subjects` (by `enterprises`,
    `rooms`, `persons`) how many of them the writer holds.
    """

    writer: str
    epoch: int
    totals: list[tuple[str, str, int]]


_SCALARS: Final = frozenset({"topic", "partition", "offset", "next", "live", "now"})


class BoardBatch(msgspec.Struct, frozen=True):
    """What stands in one partition of a topic from `offset` up to before `next`. `now` is Now of the log; `live`: it
    holds `monitor.live`; `audited`: what the audit log shall say of events, by their ids.
    """

    topic: str
    partition: int
    offset: int
    next: int
    names: list[Named] = []
    signals: list[SignalItem] = []
    parked: list[ParkedItem] = []
    totals: list[TotalsItem] = []
    letters: list[DeadLetter] = []
    conduct: list[ConductItem] = []
    linked: list[LinkedItem] = []
    objections: list[ObjectionItem] = []
    audited: list[tuple[str, AuditEntry]] = []
    live: bool = False
    now: int | None = None

    @property
    def items(self) -> int:
        """How many things it says."""
        return sum(len(getattr(self, name)) for name in LISTS)


LISTS: Final = tuple(name for name in BoardBatch.__struct_fields__ if name not in _SCALARS)
"""The fields that say things."""
