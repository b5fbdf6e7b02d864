"""The live enterprises of each county by code: those with a class. Control samples are drawn from here."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.store.schema import ENTERPRISES
from monitor.store.work.classes_schema import CLASS_MIX, CLASSES


class ClassedPool:
    """A `monitor.supervision.control.Pool` that holds the codes of one county at a time, as draws ask for them."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is read yet."""
        self._connection = connection
        self._county = ""
        self._codes: list[str] = []

    def counties(self) -> list[str]:
        """See `Pool`."""
        query = select(CLASS_MIX.c.region).where(CLASS_MIX.c.region != "").group_by(CLASS_MIX.c.region)
        return list(self._connection.execute(query.having(func.sum(CLASS_MIX.c.count) > 0)).scalars())

    def size(self, county: str) -> int:
        """See `Pool`."""
        return len(self._of(county))

    def at(self, county: str, place: int) -> str:
        """See `Pool`."""
        return self._of(county)[place]

    def _of(self, county: str) -> list[str]:
        if county != self._county:
            query = (
                select(ENTERPRISES.c.code)
                .join(CLASSES, CLASSES.c.ref == ENTERPRISES.c.ref)
                .where(CLASSES.c.region == county)
                .order_by(ENTERPRISES.c.code)
            )
            self._codes = list(self._connection.execute(query).scalars())
            self._county = county
        return self._codes
