"""Histories as columns: one tight pass over the packed entries of many enterprises. First step of every model.

What comes out (`models.features.facts`) is a function of the sets of events alone: entries are put in the order
`(time, source, id)` before they are numbered.
"""

from __future__ import annotations

import gc
import logging
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import numpy as np
import xxhash

from models.features.facts import (
    CATEGORY,
    FOREIGN_COUNTY,
    FOREIGN_INDUSTRY,
    NOT_GIVEN,
    Facts,
    Happenings,
    Registrations,
)
from monitor.engine.flow import Flow
from monitor.stages.history import RECORDED, Kind, raw_entries
from monitor.stages.shelf import Shelf

_at: Final = itemgetter(2)
_ESTABLISHED, _CHANGED = int(Kind.ESTABLISHED), int(Kind.CHANGED)

_SKIPPED, _BARE, _FIRST, _SECOND, _PENALTY, _COMPLAINED, _MARKED, _BOTH, _GROUND, _COURT, _UNTIL, _MANY = range(12)
_FORMS: Final[dict[int, tuple[Kind, ...]]] = {
    _SKIPPED: (Kind.REMEMBERED, Kind.OBJECTED),
    _FIRST: (Kind.FILED, Kind.MISSED, Kind.VISITED),
    _SECOND: (Kind.INSPECTED,),
    _PENALTY: (Kind.PENALISED,),
    _MARKED: (
        Kind.LETTER_SENT,
        Kind.LETTER_RETURNED,
        Kind.DISHONEST_LISTED,
        Kind.DEFAULTER_LISTED,
        Kind.SAMPLING_FAILED,
        Kind.COMMITMENT_BREACHED,
    ),
    _BOTH: (Kind.DECIDED,),
    _GROUND: (Kind.ABNORMAL_LISTED, Kind.ABNORMAL_REMOVED),
    _COMPLAINED: (Kind.COMPLAINT,),
    _COURT: (Kind.COURT_LISTED, Kind.COURT_REMOVED),
    _UNTIL: (Kind.SUSPENDED,),
    _MANY: (Kind.REPAIRED,),
}
"""What the entries of a kind hold behind what all hold: nothing, a detail first or second, a mark, both, …"""

_FORM_OF: Final = [_BARE] * (max(Kind) + 1)
for _form, _kinds in _FORMS.items():
    for _kind in _kinds:
        _FORM_OF[_kind] = _form

log = logging.getLogger(__name__)

_POSITIVE: Final = (1 << 63) - 1
_REGISTRATION: Final = struct.Struct("=q2d14q")
_HAPPENING: Final = struct.Struct("=q2d3q")
"""Rows of both tables, but for their owners; moments in seconds, as entries hold them."""

_pack_registration, _pack_happening = _REGISTRATION.pack, _HAPPENING.pack


def gather(
    records: Shelf,
    refs: Iterable[int],
    names: Sequence[str],
    trusted: Callable[[int], bool],
    weak: Iterable[int],
) -> Facts:
    """The facts of some enterprises. `records`: histories by number; `names`: sources by number; `trusted`: whether the
    kinds of address that a source declares hold; `weak`: persons' numbers that stand for bare names.
    """
    chosen = array("q", refs)
    registered, happened = bytearray(), bytearray()
    leads: list[int] = []
    registrations, happenings = array("q"), array("q")
    trusts = [trusted(source) for source in range(1, len(names))]
    trusts.insert(0, False)
    collects = gc.isenabled()
    gc.disable()  # entries make no cycles; looking for some among them takes a third of the time
    try:
        for ref in chosen:
            record = records[ref]
            before = len(registered), len(happened), len(leads)
            try:
                if record:
                    _take(_ordered(record, names), registered, happened, leads, trusts)
            except Exception:  # whatever a damaged history makes of itself: it holds back no other
                log.exception(
                    "程序缺陷：一户的历史无法读取 / a defect: the history of enterprise %d cannot be read", ref
                )
                del registered[before[0] :], happened[before[1] :], leads[before[2] :]
            registrations.append(len(registered))
            happenings.append(len(happened))
    finally:
        if collects:
            gc.enable()
    return Facts(
        _column(chosen),
        Registrations(_owners(registrations, _REGISTRATION.size), *_table(registered, _REGISTRATION)),
        Happenings(_owners(happenings, _HAPPENING.size), *_table(happened, _HAPPENING)),
        np.array(leads, np.int64),
        np.array(sorted(weak), np.int64),
    )


def facts_of(flow: Flow, refs: Iterable[int] | None = None) -> Facts:
    """The facts of some enterprises of a running flow, or of all: the live writer's and a reader's way alike."""
    records = flow.enterprises.records
    chosen = range(1, len(records)) if refs is None else refs
    return gather(records, chosen, flow.sources, flow.enterprises.trusts, flow.weak_persons)


def _ordered(record: bytes, names: Sequence[str]) -> list[list[Any]]:
    """The entries of a record in the order `(time, source, id)`, moments in seconds."""
    entries = raw_entries(record)
    before, sorts, equal = -1e18, False, False
    for entry in entries:
        at = entry[2]
        if at <= before:
            sorts = True
            break
        before = at
    if sorts:
        entries.sort(key=_at)
        for place in range(1, len(entries)):
            if entries[place][2] == entries[place - 1][2]:
                equal = True
                break
        if equal:
            entries.sort(key=lambda entry: (entry[2], names[entry[0]], entry[1]))
    return entries


def _take(
    entries: list[list[Any]], registered: bytearray, happened: bytearray, leads: list[int], trusts: list[bool]
) -> None:
    """Adds the rows of one enterprise."""
    turn = -1
    for entry in entries:
        turn += 1
        at = entry[2]
        kind: int = entry[3]
        known = at
        if kind > RECORDED:
            kind -= RECORDED
            known = entry.pop()
        if kind <= _CHANGED:
            registered += _registration(entry, kind, turn, known, leads, trusts)
            continue
        form = _FORM_OF[kind]
        if form == _SKIPPED:
            continue
        detail = mark = 0
        if form == _BARE:
            pass
        elif form == _SECOND:
            detail = entry[6]
        elif form == _PENALTY:
            mark, detail = _mark(entry[5]), entry[6] | entry[7] << CATEGORY
        elif form == _FIRST:
            detail = entry[5]
        elif form == _COMPLAINED:
            mark, detail = _mark(entry[5]), entry[6] | entry[7] << 1
        elif form == _BOTH:
            mark, detail = _mark(entry[5]), entry[6]
        elif form == _MARKED:
            mark = _mark(entry[5])
        elif form == _GROUND:
            detail = entry[5]
            mark = _mark(entry[6]) if len(entry) > 6 else 0
        elif form == _COURT:
            mark, detail = entry[5], _mark(entry[6])
        elif form == _UNTIL:
            mark = entry[5] or 0
        else:
            for document in entry[5]:
                happened += _pack_happening(turn, at, known, kind, 0, _mark(document))
            continue
        happened += _pack_happening(turn, at, known, kind, detail, mark)


def _registration(entry: list[Any], kind: int, turn: int, known: float, leads: list[int], trusts: list[bool]) -> bytes:
    """One row of registrations."""
    established = kind == _ESTABLISHED
    room, county, declared, shown, led, industry = entry[5:11]
    traits = entry[13] if established else entry[11]
    capital, name, phone, area = traits[0], traits[1], traits[3], traits[4]
    agent = traits[2] if established else NOT_GIVEN
    if room is None:
        room = county = town = shown = NOT_GIVEN
    else:
        if declared and trusts[entry[0]]:
            shown |= 1 << declared
        town = area or 0
        if not county and area is not None:
            county = FOREIGN_COUNTY + (area >> 16)
    first = len(leads)
    lead_set = NOT_GIVEN
    if led is not None:
        leads += led
        lead_set = hash(tuple(led)) & _POSITIVE
    return _pack_registration(
        turn,
        entry[2],
        known,
        int(established),
        room,
        county,
        town,
        shown,
        NOT_GIVEN if industry is None else _industry(industry),
        NOT_GIVEN if capital is None else capital,
        NOT_GIVEN if name is None else name,
        agent or 0,
        NOT_GIVEN if phone is None else phone,
        entry[12] if established else NOT_GIVEN,
        lead_set,
        first,
        len(leads),
    )


@lru_cache(maxsize=1 << 16)
def _industry(code: str) -> int:
    """The number of an industry as `monitor.stages.traits.industry_code` gives it."""
    if not code:
        return 0
    if code[0] == "#":
        return FOREIGN_INDUSTRY + int(code[1:], 16)
    return (ord(code[0]) - 64) * 10_000 + int(code[1:].ljust(4, "0"))


def _mark(mark: str | int | None) -> int:
    """A mark of a history as a positive number; 0 for none."""
    if mark is None:
        return 0
    if type(mark) is str:
        mark = xxhash.xxh3_64_intdigest(mark.encode())
    return int(mark) & _POSITIVE or 1


def _column(values: array[int]) -> Any:
    return np.frombuffer(values, np.int64) if values else np.empty(0, np.int64)


def _owners(ends: array[int], size: int) -> Any:
    """The places of the enterprises whose rows, of so many bytes, end there."""
    found = np.diff(_column(ends), prepend=0) // size
    return np.repeat(np.arange(len(found)), found)


def _table(rows: bytearray, form: struct.Struct) -> list[Any]:
    """The columns of a table, the two of moments in microseconds: rounded as `entries_of` rounds them."""
    columns = list(np.ascontiguousarray(np.frombuffer(rows, np.int64).reshape(-1, form.size // 8).T))
    for place in (1, 2):
        columns[place] = np.rint(columns[place].view(np.float64) * 1e6).astype(np.int64)
    return columns
