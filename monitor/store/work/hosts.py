"""The host list of officers as rows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, inspect, select

from monitor.store.work.host_schema import HOSTS
from monitor.supervision.hosts import Entry


def entries(connection: Connection) -> list[Entry]:
    """All entries, the newest first; none where the database keeps no such list."""
    if not inspect(connection).has_table(HOSTS.name):
        return []
    order = (HOSTS.c.at.desc(), HOSTS.c.source.desc(), HOSTS.c.event.desc())
    return [_entry(row) for row in connection.execute(select(HOSTS).order_by(*order)).mappings()]


def entry(connection: Connection, host_id: str) -> Entry | None:
    """The entry of a room, ended ones too."""
    row = connection.execute(select(HOSTS).where(HOSTS.c.id == host_id)).mappings().first()
    return None if row is None else _entry(row)


def put(connection: Connection, changed: Entry) -> None:
    """Writes an entry as it is now."""
    connection.execute(delete(HOSTS).where(HOSTS.c.id == changed.id))
    connection.execute(insert(HOSTS), [{**msgspec.structs.asdict(changed), "until": changed.until.isoformat()}])


def _entry(row: Any) -> Entry:
    return Entry(**{**row, "until": dt.date.fromisoformat(row["until"])})
