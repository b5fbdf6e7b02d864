"""Read models for the tests, and short ways to say things to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from monitor.events.refusal import DeadLetter
from monitor.store.postgresql.boardbatch import BoardBatch, SignalItem, Stated
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.reader import looking
from tests.engine import CLOCK

ROOM = "one-address-many-licences"
PERSON = "one-person-many-enterprises"


class Board:
    """A read model that is handed batches one after another, whose partition and offsets it keeps itself."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.model = ReadModel(database.writer())

    def say(self, partition: int = 0, **what: Any) -> Any:
        """Applies the next batch of a partition."""
        due = self.model.next_offset("signals", partition)
        return self.model.apply(BoardBatch("signals", partition, due, due + 1, **what))

    def read(self, what: Any) -> Any:
        with looking(self.database) as reader:
            return what(reader)

    def signals(self) -> dict[str, dict[str, Any]]:
        """Signals in force by the key of their subject."""
        return self.read(lambda reader: {one["subject"]["key"]: one for one in reader.signals()})  # type: ignore[no-any-return]

    def rows(self, table: str, columns: str = "*") -> list[Any]:
        with self.database.engine.connect() as connection:
            return sorted(connection.execute(text(f"SELECT {columns} FROM {table}")).all())  # noqa: S608 - of this file


def found(level: int, *, value: float = 5, since: int = CLOCK, weak: bool = False, **more: Any) -> Stated:
    return Stated(level=level, value=value, since=since, weak=weak, **more)


def item(key: str, finding: Stated | None, **more: Any) -> SignalItem:
    given: dict[str, Any] = {"writer": "rooms/0", "epoch": 1, "kind": "address", "detector": ROOM, "now": CLOCK}
    if finding is not None and "changed" not in more:
        given["members"] = []
    return SignalItem(key=key, finding=finding, version=1, **{**given, **more})


def letter(line: int, *, source: str = "kafka:intake/3", reason: str = "not_json", received: int = CLOCK) -> DeadLetter:
    return DeadLetter(
        source=source,
        line=line,
        offset=7,
        received=received,
        reason=reason,
        detail="",
        text="{",
        masked=False,
        digest="",
    )
