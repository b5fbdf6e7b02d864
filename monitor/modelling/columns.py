"""The columns of all enterprises, kept from one daily cut to the next: only histories that are others are read anew.

Whether a history is another shows by the record itself, whoever wrote it: events, retention, a snapshot that was
restored. What is kept is bounded by the state: one narrow row an event, and the pages of that cut, which are those of
the state but for what came since. It is lost with the process, and read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import msgspec
import numpy as np

from models.arrays import Ints
from models.features.computing import BATCH
from models.features.facts import Facts, joined, narrowed, renewed
from models.pieces import Work
from monitor.engine.flow import Flow
from monitor.modelling.gathering import gather
from monitor.stages.shelf import Shelf

_ANEW: Final = 4
"""Where more than one in so many histories of a part are others, all of it is read."""


class Histories(msgspec.Struct, frozen=True):
    """The histories of a flow as they are at a cut, whatever comes while they are read. `now`: the flow's; `records`:
    by number; `sources`: names by number; `trusts`: for each whether the kinds of address that it declares hold;
    `weak`: persons' numbers that stand for bare names, ascending.
    """

    now: int
    records: Shelf
    sources: Sequence[str]
    trusts: tuple[bool, ...]
    weak: Ints

    @classmethod
    def of(cls, flow: Flow) -> Self:
        """Those of a flow at its Now."""
        sources = flow.sources[:]
        trusts = (False, *(flow.enterprises.trusts(source) for source in range(1, len(sources))))
        return cls(
            flow.now, flow.enterprises.records.copy(), sources, trusts, np.array(sorted(flow.weak_persons), np.int64)
        )


class _Part(msgspec.Struct, frozen=True):
    """Some enterprises in a row: all histories as they were then, and the columns of theirs."""

    records: Shelf
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
            kept = self._parts[number] if number < len(self._parts) else None
            part = _renewed(kept, range(first, min(first + BATCH, count)), histories)
            self._parts[number : number + 1] = [part]
            if kept is None or part.facts is not kept.facts:
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


def _renewed(kept: _Part | None, refs: range, histories: Histories) -> _Part:
    records = histories.records
    others = refs if kept is None else records.changed(kept.records, refs)
    if kept is not None and not others:
        return _Part(records, kept.facts)
    if kept is None or len(others) * _ANEW > len(refs):
        facts = _gathered(refs, histories)
    else:
        facts = renewed(kept.facts, _gathered(others, histories))
    return _Part(records, narrowed(facts))


def _gathered(refs: Sequence[int], histories: Histories) -> Facts:
    return gather(histories.records, refs, histories.sources, histories.trusts.__getitem__, ())


def _bytes_of(facts: Facts) -> int:
    tables = (facts.registrations, facts.happenings)
    columns = [getattr(table, name) for table in tables for name in table.__struct_fields__]
    return sum(column.nbytes for column in (*columns, facts.refs, facts.leads))
