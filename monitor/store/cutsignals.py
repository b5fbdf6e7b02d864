"""Signals that are computed at cuts of their own, once a day: `shell-cluster` and `anomaly` (contract §4).

Such a cut gives all findings of its detector at once; they take the place of those of the last one. Only what differs
is written and told to the next cut of alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select, update

from config.ruleset import Rules
from detectors.base import Detector, Finding
from detectors.graph.view import Group
from monitor.store import bulk, signalrows
from monitor.store.groups_schema import GROUPS
from monitor.store.schema import SIGNAL_MEMBERS, SIGNALS
from monitor.store.signalrows import Row
from monitor.store.work.alert_schema import note_changes

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[str, ...]).decode
_COLUMNS: Final = ("ref", "key", "label", "standing", "members")
_COMPARED: Final = ("version", "level", "value", "region", "since", "weak", "lowest", "body")


class CutFinding(msgspec.Struct, frozen=True):
    """A finding of such a cut on the subject of a number (of an enterprise, or of a group: see `put_groups`)."""

    ref: int
    finding: Finding
    region: str | None


def put_cut_signals(
    connection: Connection, detector: Detector, findings: Iterable[CutFinding], rules: Rules, now: int, seq: int
) -> int:
    """Makes the findings of a cut all that is in force of its detector; how many signals came, changed or went.

    `now`: the cut's Now; `seq`: the block of the log that holds it. What changed is noted for the next cut of alerts,
    as the board does. `Finding.members` are the numbers of the enterprises counted. Raises ValueError for a detector
    that a stage judges, and for two findings on one subject.
    """
    if not detector.at_cut:
        msg = f"{detector.id} is judged by a stage, not at cuts of its own"
        raise ValueError(msg)
    rows: dict[int, Row] = {}
    members: dict[int, set[int]] = {}
    for one in findings:
        if one.ref in rows:
            msg = f"{detector.id} found subject {one.ref} twice"
            raise ValueError(msg)
        rows[one.ref] = signalrows.row_of(detector, one.ref, one.finding, one.region, rules, now, seq, detector.subject)
        members[one.ref] = set(one.finding.members)
    before = _before(connection, detector.id)
    counted = _members(connection, detector.id)
    gone = before.keys() - rows.keys()
    changed = [
        ref for ref, row in rows.items() if _differs(row, before.get(ref)) or members[ref] != counted.get(ref, set())
    ]
    note_changes(connection, ((detector.id, ref) for ref in (*sorted(gone), *changed)))
    signalrows.end(connection, [(detector.id, ref) for ref in sorted(gone)])
    signalrows.upsert(connection, [rows[ref] for ref in changed])
    signalrows.write_members(connection, {(detector.id, ref): members[ref] for ref in changed}, {})
    return len(gone) + len(changed)


def put_groups(connection: Connection, groups: Sequence[Group]) -> list[CutFinding]:
    """Writes the groups of a cut as those that stand now; their findings by the numbers that they have in this store.

    A key keeps its number for ever, so that alerts on a group that is no more still name it.
    """
    table = GROUPS.c
    refs = {key: ref for key, ref in connection.execute(select(table.key, table.ref))}
    following = max(refs.values(), default=0) + 1
    for group in groups:
        if group.key not in refs:
            refs[group.key] = following
            following += 1
    connection.execute(update(GROUPS).where(table.standing).values(standing=False))
    rows = [(refs[group.key], group.key, group.label, True, _pack(group.codes)) for group in groups]
    bulk.insert(connection, GROUPS, _COLUMNS, rows, bulk.replace(("ref",), ("label", "standing", "members")))
    return [CutFinding(refs[group.key], group.finding, group.region) for group in groups]


def signalled(connection: Connection) -> set[int]:
    """The enterprises that a signal in force is about, by number."""
    return set(connection.execute(select(SIGNALS.c.ref).where(SIGNALS.c.kind == "enterprise")).scalars())


def standing_groups(connection: Connection) -> dict[str, tuple[str, ...]]:
    """The groups of the last such cut: the codes of each by its key, for `detectors.graph.groups.find_groups`."""
    rows = connection.execute(select(GROUPS.c.key, GROUPS.c.members).where(GROUPS.c.standing).order_by(GROUPS.c.key))
    return {key: _unpack(members) for key, members in rows}


def ref_of_group(connection: Connection, key: str) -> int:
    """The number of a group; 0 where there is none."""
    return connection.execute(select(func.max(GROUPS.c.ref)).where(GROUPS.c.key == key)).scalar() or 0


def _before(connection: Connection, detector: str) -> dict[int, Any]:
    columns = [SIGNALS.c[name] for name in ("ref", *_COMPARED)]
    return {row.ref: row for row in connection.execute(select(*columns).where(SIGNALS.c.detector == detector))}


def _members(connection: Connection, detector: str) -> dict[int, set[int]]:
    table = SIGNAL_MEMBERS.c
    found: dict[int, set[int]] = {}
    for ref, enterprise in connection.execute(select(table.ref, table.enterprise).where(table.detector == detector)):
        found.setdefault(ref, set()).add(enterprise)
    return found


def _differs(row: Row, before: Any) -> bool:
    return before is None or any(getattr(row, name) != getattr(before, name) for name in _COMPARED)
