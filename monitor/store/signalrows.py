"""Signals as rows, on both databases: what is pending, what becomes a row, and which members came or went.

Shared by the board of a home, which knows subjects by number, and by the read model of a cluster, which knows them by
reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, case, delete, select

from config.ruleset import Rules
from detectors.base import Deadline, Detector, Finding, SubjectKind
from monitor.store import bulk
from monitor.store.schema import SIGNAL_MEMBERS, SIGNALS

Key = tuple[str, int]
"""Detector, and the number or reference of the subject."""

Found = TypeVar("Found")
Place = TypeVar("Place")

_pack = msgspec.msgpack.Encoder().encode
_MANY: Final = 400
_MEMBER: Final = ("detector", "ref", "enterprise")
_CHANGING: Final = ("version", "level", "value", "region", "since", "weak", "stale", "lowest", "body")


class Change(msgspec.Struct):
    """A finding to be written; `members` whole, or None and what `changed` in them."""

    finding: Any
    kind: SubjectKind
    region: str | None
    members: set[int] | None
    changed: dict[int, bool]


class Row(msgspec.Struct, frozen=True):
    """A row of `signals`, its columns in order; `raised_at` and `raised_in` hold if the level has risen."""

    detector: str
    ref: int
    version: int
    kind: str
    level: int
    value: float
    region: str | None
    since: int
    weak: bool
    stale: bool
    raised_at: int
    raised_in: int
    lowest: float
    body: bytes


def body_of(evidence: Iterable[Any], deadlines: Iterable[Deadline], facts: Any) -> bytes:
    """What of a finding is read as a whole: evidence as (moment, source, event id, enterprise), deadlines, facts."""
    return _pack((evidence, deadlines, facts))


def row_of(
    detector: Detector,
    ref: int,
    finding: Finding,
    region: str | None,
    rules: Rules,
    now: int,
    seq: int,
    kind: SubjectKind,
) -> Row:
    """A finding of a home as its row. `seq`: the block of the log in which it was made."""
    levels = rules.parameters(detector.id, region).get("levels", ((0, 0),))
    return Row(
        detector=detector.id,
        ref=ref,
        version=detector.version,
        kind=kind,
        level=finding.level,
        value=float(finding.value),
        region=region,
        since=finding.since,
        weak=finding.weak,
        stale=False,
        raised_at=now,
        raised_in=seq,
        lowest=float(levels[0][1]),
        body=body_of(finding.evidence, finding.deadlines, finding.facts),
    )


def merge(
    pending: dict[Place, Change | None],
    place: Place,
    finding: Any,
    kind: SubjectKind,
    region: str | None,
    members: Iterable[int] | None,
    changed: Iterable[tuple[int, bool]],
) -> None:
    """Adds a finding to those that wait for their writing; `members` None: `changed` says who came or went."""
    before = pending.get(place)
    if members is not None:
        pending[place] = Change(finding, kind, region, set(members), {})
    elif before is None:
        pending[place] = Change(finding, kind, region, None, dict(changed))
    else:
        before.finding, before.region = finding, region
        for member, is_in in changed:
            if before.members is None:
                before.changed[member] = is_in
            elif is_in:
                before.members.add(member)
            else:
                before.members.discard(member)


def upsert(connection: Connection, rows: Sequence[Row]) -> None:
    """Writes signals in force. When a level was reached stays, unless it has risen."""
    columns = Row.__struct_fields__
    bulk.insert(
        connection,
        SIGNALS,
        columns,
        [tuple(getattr(row, column) for column in columns) for row in rows],
        _if_not_in_force if connection.dialect.name == "sqlite" else _if_different,
    )


def end(connection: Connection, keys: Iterable[Key]) -> None:
    """Removes signals that are not in force any more, with their members."""
    for name, refs in _by_detector(keys).items():
        for start in range(0, len(refs), _MANY):
            some = refs[start : start + _MANY]
            for table in (SIGNALS, SIGNAL_MEMBERS):
                connection.execute(delete(table).where(table.c.detector == name, table.c.ref.in_(some)))


def write_members(connection: Connection, whole: dict[Key, set[int]], partly: dict[Key, dict[int, bool]]) -> None:
    """Rows of members: only those that came or went are written."""
    here = _members_now(connection, whole)
    come: list[tuple[str, int, int]] = []
    gone: list[tuple[str, int, int]] = []
    for key, members in whole.items():
        before = here.get(key, set())
        come += [(*key, one) for one in members - before]
        gone += [(*key, one) for one in before - members]
    for key, changed in partly.items():
        gone += [(*key, one) for one in changed]
        come += [(*key, one) for one, is_in in changed.items() if is_in]
    bulk.forget(connection, SIGNAL_MEMBERS, _MEMBER, gone)
    bulk.insert(connection, SIGNAL_MEMBERS, _MEMBER, come, bulk.leave)


def _if_not_in_force(statement: Any) -> Any:
    return statement.on_conflict_do_update(index_elements=["detector", "ref"], set_=_newer(statement.excluded))


def _if_different(statement: Any) -> Any:
    """A signal that is sent again, as after a restart of its worker, costs no new version of its row."""
    return statement.on_conflict_do_update(
        index_elements=["detector", "ref"],
        set_=_newer(statement.excluded),
        where=bulk.differ(statement.excluded, SIGNALS.c, _CHANGING),
    )


def _newer(new: Any) -> dict[str, Any]:
    values = {column: new[column] for column in _CHANGING}
    risen = new.level > SIGNALS.c.level
    for column in ("raised_at", "raised_in"):
        values[column] = case((risen, new[column]), else_=SIGNALS.c[column])
    return values


def _by_detector(keys: Iterable[Key]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for detector, ref in keys:
        found.setdefault(detector, []).append(ref)
    return found


def _members_now(connection: Connection, keys: Iterable[Key]) -> dict[Key, set[int]]:
    found: dict[Key, set[int]] = {}
    table = SIGNAL_MEMBERS.c
    for name, refs in _by_detector(keys).items():
        for start in range(0, len(refs), _MANY):
            rows = connection.execute(
                select(table.ref, table.enterprise).where(
                    table.detector == name, table.ref.in_(refs[start : start + _MANY])
                )
            )
            for ref, enterprise in rows:
                found.setdefault((name, ref), set()).add(enterprise)
    return found
