"""Members of rooms and persons, packed: the codec of the facts that an enterprise sends them.

Most rooms have one member and most persons lead one enterprise: a few dozen bytes each. A subject with many members
keeps its view unpacked instead, see `MemberStage`.
"""

from __future__ import annotations

from sys import intern
from typing import Any, Final, Protocol

import msgspec

from detectors.base import Evidence
from detectors.views import CourtEvent, End, Leadership, Occupant

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.decode
_unpack_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_HEADER: Final = b"\xdd"
_NUMBER: Final = 4


class View(Protocol):
    """A room's or person's view, as far as membership goes."""

    def add(self, member: Any) -> None:
        """Takes in a member that is not there yet."""

    def remove(self, ref: int) -> None:
        """Takes out a member that is there."""


def _packed(ref: int, values: list[Any]) -> bytes:
    """One member: its number in a fixed place, then its values without the empty ones at the end."""
    while values and not values[-1]:
        values.pop()
    body = _pack(values)
    return b"\x92\xce" + ref.to_bytes(4, "big") + body


def _event(name: tuple[int, str]) -> tuple[int, str] | int:
    return name if name[1] else 0


def pack_occupant(fact: Occupant) -> bytes:
    """An occupant as bytes."""
    flags = fact.present | fact.branch << 1 | fact.live << 2 | fact.counts << 3
    established: Any = None
    if fact.established is not None:
        at, source, event, _ = fact.established
        same = at == fact.entry and (source, event) == fact.entry_event
        established = 1 if same else (at, source, event)
    return _packed(
        fact.ref,
        [
            flags,
            fact.entry,
            _event(fact.entry_event),
            established,
            None if fact.first == fact.entry else (fact.first,),
            None if fact.bad_since is None else (fact.bad_since, *fact.bad_event),
            None if fact.risk_since is None else (fact.risk_since, *fact.risk_event),
            fact.declared,
            fact.shown,
            fact.resumed,
        ],
    )


def unpack_occupant(ref: int, values: list[Any]) -> Occupant:
    """The occupant that `pack_occupant` made bytes of."""
    values += [None] * (10 - len(values))
    flags, entry, event, established, first, bad, risk, declared, shown, resumed = values
    entry = entry or 0
    name = (event[0], event[1]) if event else (0, "")
    opened: Evidence | None = None
    if established == 1:
        opened = (entry, *name, ref)
    elif established:
        opened = (established[0], established[1], established[2], ref)
    flags = flags or 0
    return Occupant(
        ref,
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
        bool(flags & 8),
        entry,
        name,
        first[0] if first else entry,
        opened,
        bad[0] if bad else None,
        (bad[1], bad[2]) if bad else (0, ""),
        risk[0] if risk else None,
        (risk[1], risk[2]) if risk else (0, ""),
        (declared[0], intern(declared[1]), declared[2], declared[3]) if declared else None,
        shown or 0,
        resumed or 0,
    )


def pack_leadership(fact: Leadership) -> bytes:
    """A leadership as bytes."""
    flags = fact.leads | fact.branch << 1 | fact.cancelled << 2 | fact.live << 3
    established: Any = None
    if fact.established is not None:
        at, source, event, _ = fact.established
        same = at == fact.entry and (source, event) == fact.since_event
        established = (1, 0, "") if same else (at, source, event)
        established = (*established, fact.room, fact.division)
    return _packed(
        fact.ref,
        [
            flags,
            int(fact.county or 0),
            fact.since,
            _event(fact.since_event),
            established,
            None if fact.entry == fact.since else (fact.entry,),
            None if fact.flagged_since is None else (fact.flagged_since, *fact.flagged_event),
            None if fact.risk_since is None else (fact.risk_since, *fact.risk_event),
            fact.ends,
            fact.court,
        ],
    )


def unpack_leadership(ref: int, values: list[Any]) -> Leadership:
    """The leadership that `pack_leadership` made bytes of."""
    values += [None] * (10 - len(values))
    flags, county, since, event, established, entry, flagged, risk, ends, court = values
    flags, since = flags or 0, since or 0
    name = (event[0], event[1]) if event else (0, "")
    entry = entry[0] if entry else since
    opened: Evidence | None = None
    room, division = 0, ""
    if established:
        at, source, text, room, division = established
        opened = (entry, *name, ref) if at == 1 and not text else (at, source, text, ref)
    return Leadership(
        ref,
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
        bool(flags & 8),
        since,
        name,
        entry,
        f"{county:06d}" if county else None,
        opened,
        room,
        division,
        tuple(End(*end) for end in ends or ()),
        flagged[0] if flagged else None,
        (flagged[1], flagged[2]) if flagged else (0, ""),
        risk[0] if risk else None,
        (risk[1], risk[2]) if risk else (0, ""),
        tuple(CourtEvent(*one) for one in court or ()),
    )


def member_in(packed: bytes) -> tuple[int, list[Any]]:
    """The member that a codec packed: number and values."""
    ref, values = _unpack(packed)
    return ref, values


def members_in(record: bytes) -> list[tuple[int, list[Any]]]:
    """The members of a record: number and values; an empty one has none."""
    return [(ref, values) for ref, values in _unpack(record)] if record else []


def count_in(record: bytes) -> int:
    """How many members a record has; an empty one has none."""
    return 1 if len(record) == _NUMBER else int.from_bytes(record[1:5], "big")


def alone(ref: int) -> bytes:
    """The record of a subject that has one member, of which the number alone is kept."""
    return ref.to_bytes(_NUMBER, "big")


def alone_in(record: bytes) -> int:
    """The member of which such a record keeps the number; 0 for any other record."""
    return int.from_bytes(record, "big") if len(record) == _NUMBER else 0


def with_member(record: bytes, ref: int, packed: bytes) -> bytes | None:
    """The record (empty for none yet) with a member's new values, or None where nothing changes."""
    if not record:
        return b"\xdd\x00\x00\x00\x01" + packed
    if count_in(record) == 1:
        if record[5:] == packed:
            return None
        if record[7:11] == packed[2:6]:
            return b"\xdd\x00\x00\x00\x01" + packed
        return b"\xdd\x00\x00\x00\x02" + record[5:] + packed
    wanted = packed[2:6]
    rows = [bytes(row) for row in _unpack_raw(record)]
    for place, row in enumerate(rows):
        if row[2:6] == wanted:
            if row == packed:
                return None
            rows[place] = packed
            break
    else:
        rows.append(packed)
    return b"".join((_HEADER, len(rows).to_bytes(4, "big"), *rows))
