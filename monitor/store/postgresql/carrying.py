"""From the tables of one generation into those of another in the same database: what does not follow from the log.

Signals, names, conduct and ties are not carried over: the workers of the new generation find them again. Alerts, tasks,
what was told and decided, dead letters and the audit log are, because they stand here alone.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from monitor.store.home import set_meta
from monitor.store.postgresql.cluster_schema import CLUSTER
from monitor.store.work.alert_schema import CUT_WHOLE

_FOLLOWING: Final = frozenset(
    {
        *("meta", "sources", "enterprises", "rooms", "persons", "signals", "signal_members", "signal_changes"),
        *("board_offsets", "fences", "worker_counters", "worker_parked", "conduct", "linked", "lettered", "unlogged"),
        *("answers", "classes", "classes_next", "class_mix", "forecasts", "forecast_reasons", "model_drift"),
        *("classing_signals", "classing_members", "classing_linked", "classing_changed"),
    }
)
"""What follows from the log, or is of one generation alone."""

_OF_ONE: Final = (
    *("now", "live", "classes", "models day", "forecast model", "forecast now", "forecast block"),
    *("now of the last cut", "acted since the last cut"),
)
_BEGINNINGS: Final = ("classes in pieces%", "parked asked %", "renewal %", "replaced by%")
"""Keys of `meta` that are not carried over."""

_ACTS: Final = "acts and cuts"


def carry(connection: Connection, old: str) -> None:
    """Copies what stands in the schema `old` into the tables of the connection, which are as they were made."""
    there = f'"{old}"'
    connection.execute(text("DELETE FROM meta"))
    unlike = " AND ".join(f"key NOT LIKE '{one}'" for one in _BEGINNINGS)
    connection.execute(
        text(f"INSERT INTO meta SELECT key, value FROM {there}.meta WHERE key <> ALL(:left) AND {unlike}"),  # noqa: S608
        {"left": list(_OF_ONE)},
    )
    set_meta(connection, CUT_WHOLE, "1")
    for table in carried():
        columns = ", ".join(f'"{column.name}"' for column in CLUSTER.tables[table].columns)
        connection.execute(text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {there}.{table}"))  # noqa: S608
        for column in CLUSTER.tables[table].primary_key.columns:
            name = f"pg_get_serial_sequence('{table}', '{column.name}')"
            following = f"SELECT setval({name}, coalesce(max({column.name}), 0) + 1, false) FROM {table}"  # noqa: S608
            if connection.execute(text(f"SELECT {name}")).scalar() is not None:
                connection.execute(text(following))
    connection.execute(
        text(f"INSERT INTO board_offsets SELECT * FROM {there}.board_offsets WHERE topic = :acts"),  # noqa: S608
        {"acts": _ACTS},
    )
    # What was refused and what came again is counted where it came, of which the new log knows nothing.
    connection.execute(
        text(
            "INSERT INTO worker_counters SELECT 'earlier', name, label, sum(value) "  # noqa: S608
            f"FROM {there}.worker_counters WHERE name = 'repeats' OR (name = 'dead_letters' AND "
            "(writer LIKE 'intake/%' OR writer = 'earlier')) GROUP BY name, label"
        )
    )


def carried() -> list[str]:
    """The tables whose rows are carried over."""
    return [table.name for table in CLUSTER.sorted_tables if table.name not in _FOLLOWING]


def sweep(connection: Connection) -> None:
    """Writes the tables anew, so that nothing that was deleted stands in free space. Outside a transaction."""
    for table in carried():
        connection.execute(text(f"VACUUM FULL {table}"))
