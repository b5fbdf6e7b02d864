"""The board of signals in force: what the stages publish, gathered in memory and written with the micro-batch."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from detectors.registry import all_detectors
from monitor.store.schema import SIGNAL_MEMBERS, SIGNALS

_pack = msgspec.msgpack.Encoder().encode
_MANY: Final = 400
_FORGET_MEMBER: Final = delete(SIGNAL_MEMBERS).where(
    SIGNAL_MEMBERS.c.detector == bindparam("a_detector"),
    SIGNAL_MEMBERS.c.ref == bindparam("a_ref"),
    SIGNAL_MEMBERS.c.enterprise == bindparam("an_enterprise"),
)

Key = tuple[int, int]
"""Place of the detector in the registry, number of the subject."""


class Change(msgspec.Struct):
    """A finding to be written; `members` whole, or None and what `changed` in them."""

    finding: Finding
    kind: SubjectKind
    region: str | None
    members: set[int] | None
    changed: dict[int, bool]


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
        before = self._pending.get(key)
        if members is not None:
            self._pending[key] = Change(finding, kind, region, set(members), {})
        elif before is None:
            self._pending[key] = Change(finding, kind, region, None, dict(changed))
        else:
            before.finding, before.region = finding, region
            for member, is_in in changed:
                if before.members is None:
                    before.changed[member] = is_in
                elif is_in:
                    before.members.add(member)
                else:
                    before.members.discard(member)

    def load(self, connection: Connection) -> list[tuple[SubjectKind, int]]:
        """Takes over what the database says is in force; the subjects concerned."""
        places = {detector.id: place for place, detector in enumerate(self._detectors)}
        subjects: set[tuple[SubjectKind, int]] = set()
        gone: set[str] = set()
        for name, kind, ref in connection.execute(select(SIGNALS.c.detector, SIGNALS.c.kind, SIGNALS.c.ref)):
            if name not in places:
                gone.add(name)
                continue
            bits = self._bits[kind]
            if ref >= len(bits):
                bits.extend([0] * (ref + 1024 - len(bits)))
            bits[ref] |= 1 << places[name]
            subjects.add((kind, ref))
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
        ended = [key for key, change in pending.items() if change is None]
        self._end(connection, ended)
        rows, whole, partly = [], {}, {}
        for key, change in pending.items():
            if change is None:
                continue
            rows.append(self._row(key, change, rules, now, seq))
            if change.members is None:
                partly[key] = change.changed
            else:
                whole[key] = change.members
        self._upsert(connection, rows)
        self._write_members(connection, whole, partly)

    def _row(self, key: Key, change: Change, rules: Rules, now: int, seq: int) -> dict[str, Any]:
        detector, finding = self._detectors[key[0]], change.finding
        levels = rules.parameters(detector.id, change.region).get("levels", ((0, 0),))
        return {
            "detector": detector.id,
            "ref": key[1],
            "version": detector.version,
            "kind": change.kind,
            "level": finding.level,
            "value": float(finding.value),
            "region": change.region,
            "since": finding.since,
            "weak": finding.weak,
            "stale": False,
            "raised_at": now,
            "raised_in": seq,
            "lowest": float(levels[0][1]),
            "body": _pack((finding.evidence, finding.deadlines, finding.facts)),
        }

    @staticmethod
    def _upsert(connection: Connection, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(SIGNALS)
        new = insert.excluded
        risen = new.level > SIGNALS.c.level
        values = {
            column: getattr(new, column)
            for column in ("version", "level", "value", "region", "since", "weak", "stale", "lowest", "body")
        }
        for column in ("raised_at", "raised_in"):
            values[column] = case((risen, getattr(new, column)), else_=SIGNALS.c[column])
        connection.execute(insert.on_conflict_do_update(index_elements=["detector", "ref"], set_=values), rows)

    def _end(self, connection: Connection, keys: list[Key]) -> None:
        by_detector: dict[int, list[int]] = {}
        for detector, ref in keys:
            by_detector.setdefault(detector, []).append(ref)
        for detector, refs in by_detector.items():
            name = self._detectors[detector].id
            for start in range(0, len(refs), _MANY):
                some = refs[start : start + _MANY]
                for table in (SIGNALS, SIGNAL_MEMBERS):
                    connection.execute(delete(table).where(table.c.detector == name, table.c.ref.in_(some)))

    def _write_members(
        self, connection: Connection, whole: dict[Key, set[int]], partly: dict[Key, dict[int, bool]]
    ) -> None:
        """Rows of members: only those that came or went are written."""
        here = self._members_now(connection, list(whole))
        come: list[dict[str, Any]] = []
        gone: list[dict[str, Any]] = []
        for key, members in whole.items():
            name, before = self._detectors[key[0]].id, here.get(key, set())
            come += [{"detector": name, "ref": key[1], "enterprise": one} for one in members - before]
            gone += [{"a_detector": name, "a_ref": key[1], "an_enterprise": one} for one in before - members]
        for key, changed in partly.items():
            name = self._detectors[key[0]].id
            gone += [{"a_detector": name, "a_ref": key[1], "an_enterprise": one} for one in changed]
            come += [{"detector": name, "ref": key[1], "enterprise": one} for one, is_in in changed.items() if is_in]
        if gone:
            connection.execute(_FORGET_MEMBER, gone)
        if come:
            connection.execute(SIGNAL_MEMBERS.insert(), come)

    def _members_now(self, connection: Connection, keys: list[Key]) -> dict[Key, set[int]]:
        by_detector: dict[int, list[int]] = {}
        for detector, ref in keys:
            by_detector.setdefault(detector, []).append(ref)
        found: dict[Key, set[int]] = {}
        table = SIGNAL_MEMBERS.c
        for detector, refs in by_detector.items():
            for start in range(0, len(refs), _MANY):
                rows = connection.execute(
                    select(table.ref, table.enterprise).where(
                        table.detector == self._detectors[detector].id,
                        table.ref.in_(refs[start : start + _MANY]),
                    )
                )
                for ref, enterprise in rows:
                    found.setdefault((detector, ref), set()).add(enterprise)
        return found
