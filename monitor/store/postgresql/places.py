"""How far each partition is in the database, and whom it listens to: offsets and epochs, locked by who writes.

Several partitions may be written in one transaction. Their rows are locked in one order, so that two workers that have
some of them in common, one being frozen or replaced, wait for each other and never in a ring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, func, select, tuple_

from monitor.store import bulk
from monitor.store.errors import GapError
from monitor.store.postgresql import conduct
from monitor.store.postgresql.boardbatch import BoardBatch, LinkedItem, ParkedItem, SignalItem, TotalsItem
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS, FENCES

STANDSTILL: Final = 30
"""Seconds after which the server ends the transaction of a worker that is frozen in it and holds up its successor."""

_OFFSET: Final = BOARD_OFFSETS.c
_FENCE: Final = FENCES.c
_BEGIN: Final = select(
    func.set_config("idle_in_transaction_session_timeout", bindparam("standstill"), True), conduct.beside_cuts()
)
Fenced = TypeVar("Fenced", SignalItem, ParkedItem, TotalsItem, LinkedItem)
Place = tuple[str, int]
"""Topic and partition."""


class Places:
    """The partitions of some batches, no two of the same, locked until the transaction ends."""

    def __init__(self, connection: Connection, batches: Sequence[BoardBatch]) -> None:
        """Waits for a cut and for whoever else writes one of them. Raises GapError where something is missing."""
        self._connection = connection
        self._batches = {(batch.topic, batch.partition): batch for batch in batches}
        connection.execute(_BEGIN, {"standstill": f"{STANDSTILL}s"})
        due = self._due()
        self.due = [batch for place, batch in self._batches.items() if batch.next > due[place]]
        """The batches that were not applied before."""
        self._epochs: dict[tuple[str, int, str], int] = {}
        self._fences = self._known() if self.due else {}

    def _due(self) -> dict[Place, int]:
        found = self._locked()
        missing = self._batches.keys() - found.keys()
        if missing:
            rows = [(topic, partition, 0) for topic, partition in missing]
            bulk.insert(self._connection, BOARD_OFFSETS, ("topic", "partition", "next"), rows, bulk.leave)
            found = self._locked()
        for place, batch in self._batches.items():
            if batch.offset > found[place]:
                raise GapError(
                    f"{batch.topic}/{batch.partition}：应从 {found[place]} 开始，却从 {batch.offset} 开始，请先补读 / "
                    f"{found[place]} is due and {batch.offset} came: read what lies between first"
                )
        return found

    def _locked(self) -> dict[Place, int]:
        rows = self._connection.execute(
            select(_OFFSET.topic, _OFFSET.partition, _OFFSET.next)
            .where(tuple_(_OFFSET.topic, _OFFSET.partition).in_(sorted(self._batches)))
            .order_by(_OFFSET.topic, _OFFSET.partition)
            .with_for_update()
        )
        return {(topic, partition): due for topic, partition, due in rows}

    def _known(self) -> dict[tuple[str, int, str], int]:
        places = sorted((batch.topic, batch.partition) for batch in self.due)
        rows = self._connection.execute(
            select(_FENCE.topic, _FENCE.partition, _FENCE.writer, _FENCE.epoch).where(
                tuple_(_FENCE.topic, _FENCE.partition).in_(places)
            )
        )
        return {(topic, partition, writer): epoch for topic, partition, writer, epoch in rows}

    def in_force(self, batch: BoardBatch) -> BoardBatch:
        """A batch without the items that came after a higher epoch of their writer in its partition."""
        return msgspec.structs.replace(
            batch,
            signals=self._in_force(batch, batch.signals),
            parked=self._in_force(batch, batch.parked),
            totals=self._in_force(batch, batch.totals),
            linked=self._in_force(batch, batch.linked),
        )

    def _in_force(self, batch: BoardBatch, items: Sequence[Fenced]) -> list[Fenced]:
        fences: dict[str, int] = {}
        found = []
        for item in items:
            place = batch.topic, batch.partition, item.writer
            known = fences.get(item.writer, self._fences.get(place, item.epoch))
            if item.epoch < known:
                continue
            fences[item.writer] = item.epoch
            found.append(item)
            self._epochs[place] = max(item.epoch, self._epochs.get(place, item.epoch))
        return found

    def advance(self) -> None:
        """Writes the epochs that were met, and that the batches are applied."""
        rows: list[tuple[Any, ...]] = [
            (*place, epoch) for place, epoch in self._epochs.items() if epoch > self._fences.get(place, epoch - 1)
        ]
        spoken = ("topic", "partition", "writer")
        bulk.insert(self._connection, FENCES, (*spoken, "epoch"), rows, bulk.replace(spoken, ("epoch",)))
        offsets = [(batch.topic, batch.partition, batch.next) for batch in self.due]
        applied = ("topic", "partition")
        bulk.insert(self._connection, BOARD_OFFSETS, (*applied, "next"), offsets, bulk.replace(applied, ("next",)))
