"""What hosts tell the board: signals, names, totals and parked subjects, as items of the topic `signals`.

An item is an array whose first member says what it is; see the functions here. The board (`board.py`)
writes them to the read model. Each goes to the partition of its subject's own key: with as many partitions of `signals`
as of the host's topic, that is the host's own number, so that what a host says at a beat is one message.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from detectors.registry import all_detectors
from monitor.cluster.wire.boxes import Outbox
from monitor.store.audit.chain import AuditEntry

SIGNALS: Final = "signals"
SIGNAL, NAME, TOTALS, PARKED = "signal", "name", "totals", "parked"
CONDUCT, LINKED, OBJECTION, AUDITED, LIVE = "conduct", "linked", "objection", "audited", "live"
_AT_ONCE: Final = 4_000
"""So many members of a hub stand in one item; the others follow."""


class SignalOutbox:
    """A `SignalSink` of a host: knows what is in force, and sends what changes."""

    def __init__(
        self,
        outbox: Outbox,
        kind: SubjectKind,
        key_of: Callable[[int], str],
        code_of: Callable[[int], str],
        label_of: Callable[[int], str] = lambda ref: "",
    ) -> None:
        """`key_of`: a subject's key by its number, `code_of`: an enterprise's code by its number in findings,
        `label_of`: what to call a subject.
        """
        self.rules: Rules | None = None
        self._outbox = outbox
        self._kind = kind
        self._key_of = key_of
        self._code_of = code_of
        self._label_of = label_of
        self._detectors = all_detectors()
        self._bits = array("H")

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """The signals in force on a subject, as bits by the detectors' places."""
        bits = self._bits
        return bits[ref] if ref < len(bits) else 0

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Times are the host's business."""

    def pretend(self, refs: Iterable[int], places: int) -> None:
        """As if all detectors of `places` (bits) had signals in force on some subjects: judged, each is sent anew or
        withdrawn. That is how a new owner corrects whatever the one before it may have said last.
        """
        for ref in refs:
            self._room_for(ref)
            self._bits[ref] |= places

    def publish(
        self,
        detector: int,
        kind: SubjectKind,
        ref: int,
        finding: Finding | None,
        region: str | None,
        members: Sequence[int] | None,
        changed: Sequence[tuple[int, bool]],
    ) -> None:
        """Sends a finding or its end; see `SignalSink`."""
        self._room_for(ref)
        key, one = self._key_of(ref), self._detectors[detector]
        box = self._outbox.box(SIGNALS, key)
        if finding is None:
            self._bits[ref] &= ~(1 << detector)
            box.add((SIGNAL, one.id, one.version, kind, key, "", None, None, None, ()))
            return
        self._bits[ref] |= 1 << detector
        code_of, source, label = self._code_of, box.source, self._label_of(ref)
        lowest = 0.0
        if self.rules is not None:
            lowest = float(self.rules.parameters(one.id, region).get("levels", ((0, 0),))[0][1])
        body = (
            finding.level,
            float(finding.value),
            finding.since,
            finding.weak,
            lowest,
            [(at, source(number), event, code_of(who)) for at, number, event, who in finding.evidence],
            finding.deadlines,
            finding.facts,
        )
        whole: list[str] | None = None
        delta: list[tuple[str, bool]] = []
        if members is None:
            delta = [(code_of(member), is_in) for member, is_in in changed]
        else:
            whole = [code_of(member) for member in members[:_AT_ONCE]]
            delta = [(code_of(member), True) for member in members[_AT_ONCE:]]
        first = delta[:_AT_ONCE]
        box.add(
            (SIGNAL, one.id, one.version, kind, key, label, body, region, whole, first),
            len(whole or ()) + len(first) + len(finding.evidence),
        )
        for start in range(_AT_ONCE, len(delta), _AT_ONCE):
            some = delta[start : start + _AT_ONCE]
            box = self._outbox.box(SIGNALS, key)
            source = box.source
            again = (
                *body[:5],
                [(at, source(number), event, code_of(who)) for at, number, event, who in finding.evidence],
                *body[6:],
            )
            box.add((SIGNAL, one.id, one.version, kind, key, label, again, region, None, some), len(some))

    def _room_for(self, ref: int) -> None:
        if ref >= len(self._bits):
            self._bits.extend([0] * (ref + 1024 - len(self._bits)))

    def dump(self) -> bytes:
        """What a snapshot keeps."""
        return self._bits.tobytes()

    def load(self, dumped: bytes) -> None:
        """Takes over what `dump` gave."""
        self._bits = array("H", dumped)


def bits_of(view: str) -> int:
    """The places in the registry of the detectors that judge a kind of view, as bits."""
    return sum(1 << place for place, one in enumerate(all_detectors()) if one.view == view)


def tell_name(outbox: Outbox, code: str, name: str, order: tuple[int, str, str]) -> None:
    """The name that the event of `order` (time, source, id) gives an enterprise."""
    outbox.box(SIGNALS, code).add((NAME, code, name, *order))


def tell_conduct(outbox: Outbox, code: str, entry: Sequence[Any], rest: Sequence[Any]) -> None:
    """An entry of an enterprise's history, with `rest` in place of what follows its kind."""
    box = outbox.box(SIGNALS, code)
    box.add((CONDUCT, code, box.source(entry[0]), entry[1], entry[2], entry[3], rest))


def tell_linked(outbox: Outbox, code: str, risky: Sequence[tuple[int, int, str, str]]) -> None:
    """All that an enterprise is linked to: moment, number of the source, event id, code."""
    box = outbox.box(SIGNALS, code)
    box.add((LINKED, code, [(at, box.source(source), event, other) for at, source, event, other in risky]), len(risky))


def tell_objection(outbox: Outbox, row: tuple[Any, ...]) -> None:
    """An objection or decision: the columns of the table, see `monitor.store.objections.row_of`."""
    outbox.box(SIGNALS, row[0]).add((OBJECTION, *row))


def tell_audited(outbox: Outbox, event: str, entry: AuditEntry) -> None:
    """What the audit log shall say of an event."""
    outbox.own_box(SIGNALS).add((AUDITED, event, msgspec.to_builtins(entry)))


def tell_live(outbox: Outbox) -> None:
    """From here on alerts are for people."""
    outbox.own_box(SIGNALS).add((LIVE,))


def tell_totals(outbox: Outbox, totals: dict[tuple[str, str], int]) -> None:
    """The running totals of a host, whole."""
    rows: list[Any] = [(name, label, value) for (name, label), value in totals.items()]
    outbox.own_box(SIGNALS).add((TOTALS, rows), len(rows))


def tell_parked(outbox: Outbox, parked: list[tuple[str, str, str, str]]) -> None:
    """The subjects that a host has parked, whole: (stage, kind, key, reason)."""
    outbox.own_box(SIGNALS).add((PARKED, parked), 20 * len(parked))
