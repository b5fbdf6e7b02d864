"""The board of signals in force: what the stages publish, gathered in memory and written with the micro-batch."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from detectors.registry import all_detectors
from monitor.store import signalrows
from monitor.store.home import set_meta
from monitor.store.schema import SIGNAL_MEMBERS, SIGNALS
from monitor.store.signalrows import Change, Row, merge, row_of
from monitor.store.work.alert_schema import CUT_WHOLE, note_changes

Key = tuple[int, int]
"""Place of the detector in the registry, number of the subject."""


class SignalBoard:
    """A `SignalSink` for one home."""

    def __init__(self) -> None:
        """Nothing in force."""
        self._detectors = all_detectors()
        self._bits: dict[SubjectKind, array[int]] = {
            "enterprise": array("H"),
            "address": array("H"),
            "person": array("H"),
        }
        self._pending: dict[Key, Change | None] = {}

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """The signals in force on a subject, as bits by the detectors' places."""
        bits = self._bits[kind]
        return bits[ref] if ref < len(bits) else 0

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Times are the flow's business."""

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
        """Takes in a finding or its end; see `SignalSink`."""
        key = (detector, ref)
        bits = self._bits[kind]
        if ref >= len(bits):
            bits.extend([0] * (ref + 1024 - len(bits)))
        if finding is None:
            bits[ref] &= ~(1 << detector)
            self._pending[key] = None
            return
        bits[ref] |= 1 << detector
        merge(self._pending, key, finding, kind, region, members, changed)

    def load(self, connection: Connection) -> list[tuple[SubjectKind, int]]:
        """Takes over what the database says is in force; the subjects concerned."""
        places = {detector.id: place for place, detector in enumerate(self._detectors)}
        subjects: set[tuple[SubjectKind, int]] = set()
        gone: set[str] = set()
        for name, kind, ref in connection.execute(select(SIGNALS.c.detector, SIGNALS.c.kind, SIGNALS.c.ref)):
            if name not in places:
                gone.add(name)
                continue
            if self._detectors[places[name]].at_cut:
                continue  # these come and go at cuts of their own, see `monitor.store.cutsignals`
            bits = self._bits[kind]
            if ref >= len(bits):
                bits.extend([0] * (ref + 1024 - len(bits)))
            bits[ref] |= 1 << places[name]
            subjects.add((kind, ref))
        if gone:
            set_meta(connection, CUT_WHOLE, "1")
        for name in gone:
            connection.execute(delete(SIGNALS).where(SIGNALS.c.detector == name))
            connection.execute(delete(SIGNAL_MEMBERS).where(SIGNAL_MEMBERS.c.detector == name))
        return sorted(subjects)

    @property
    def waiting(self) -> bool:
        """Whether something is not written yet."""
        return bool(self._pending)

    def flush(self, connection: Connection, rules: Rules, now: int, seq: int) -> None:
        """Writes what was published since the last time."""
        pending, self._pending = self._pending, {}
        if not pending:
            return
        names = [detector.id for detector in self._detectors]
        note_changes(connection, ((names[place], ref) for place, ref in pending))
        signalrows.end(connection, [(names[place], ref) for (place, ref), change in pending.items() if change is None])
        rows: list[Row] = []
        whole: dict[signalrows.Key, set[int]] = {}
        partly: dict[signalrows.Key, dict[int, bool]] = {}
        for (place, ref), change in pending.items():
            if change is None:
                continue
            rows.append(
                row_of(self._detectors[place], ref, change.finding, change.region, rules, now, seq, change.kind)
            )
            if change.members is None:
                partly[names[place], ref] = change.changed
            else:
                whole[names[place], ref] = change.members
        signalrows.upsert(connection, rows)
        signalrows.write_members(connection, whole, partly)
