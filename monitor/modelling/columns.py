"""The columns of all enterprises, kept from one daily cut to the next: only histories that are others are read anew.

Records are replaced and never changed, so whether a history is another shows by the record itself, whoever wrote it:
events, retention, a snapshot that was restored. What is kept is bounded by the state: one narrow row an event, and the
records of that cut, which are those of the state but for what came since. It is lost with the process, and read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Final, Self

import msgspec
import numpy as np

from models.arrays import Ints
from models.features.computing import BATCH
from models.features.facts import Facts, joined, narrowed, renewed
from models.pieces import Work
from monitor.engine.flow import Flow
from monitor.modelling.gathering import gather

_ANEW: Final = 4
"""Where more than one in so many histories of a part are others, all of it is read."""


class Histories(msgspec.Struct, frozen=True):
    """The histories of a flow as they are at a cut, whatever comes while they are read. `now`: the flow's; `records`:
    by number; `sources`: names by number; `trusts`: for each whether the kinds of address that it declares hold;
    `weak`: persons' numbers that stand for bare names, ascending.
    """

    now: int
    records: Sequence[bytes]
    sources: Sequence[str]
    trusts: tuple[bool, ...]
    weak: Ints

    @classmethod
    def of(cls, flow: Flow) -> Self:
        """Those of a flow at its Now."""
        sources = flow.sources[:]
        trusts = (False, *(flow.enterprises.trusts(source) for source in range(1, len(sources))))
        return cls(
            flow.now, flow.enterprises.records[:], sources, trusts, np.array(sorted(flow.weak_persons), np.int64)
        )


class _Part(msgspec.Struct, frozen=True):
    """Some enterprises in a row: their histories, and the columns of those."""

    records: Sequence[bytes]
    facts: Facts


class Columns:
    """What is kept, for the one writer of a home."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._parts: list[_Part] = []
        self._trusts: tuple[bool, ...] = ()

    def renew(self, histories: Histories) -> Work[Facts]:
        """The facts of all enterprises at a cut, in pieces. What is given up before its end loses nothing."""
        if histories.trusts[: len(self._trusts)] != self._trusts:
            self._parts.clear()
        self._trusts = histories.trusts
        count = len(histories.records)
        starts = range(1, count, BATCH)
        del self._parts[len(starts) :]
        for number, first in enumerate(starts):
            records = histories.records[first : first + BATCH]
            kept = self._parts[number] if number < len(self._parts) else None
            part = _renewed(kept, records, first, histories)
            if part is not kept:
                self._parts[number : number + 1] = [part]
                yield
        if not self._parts:
            return _gathered((), histories)
        facts = joined([part.facts for part in self._parts])
        yield
        return msgspec.structs.replace(facts, weak=histories.weak)

    @property
    def size(self) -> int:
        """Bytes of the columns that are kept."""
        return sum(_bytes_of(part.facts) for part in self._parts)


def _renewed(kept: _Part | None, records: Sequence[bytes], first: int, histories: Histories) -> _Part:
    before = () if kept is None else kept.records
    same = list(map(is_, records, before))
    others = [first + place for place, one in enumerate(same) if not one]
    others += range(first + len(same), first + len(records))
    if kept is not None and not others and len(records) == len(before):
        return kept
    if kept is None or len(others) * _ANEW > len(records):
        facts = _gathered(range(first, first + len(records)), histories)
    else:
        facts = renewed(kept.facts, _gathered(others, histories))
    return _Part(records, narrowed(facts))


def _gathered(refs: Sequence[int], histories: Histories) -> Facts:
    return gather(histories.records, refs, histories.sources, histories.trusts.__getitem__, ())


def _bytes_of(facts: Facts) -> int:
    tables = (facts.registrations, facts.happenings)
    columns = [getattr(table, name) for table in tables for name in table.__struct_fields__]
    return sum(column.nbytes for column in (*columns, facts.refs, facts.leads))
