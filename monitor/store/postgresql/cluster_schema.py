"""Tables of the read model in PostgreSQL, which the workers of a cluster write and pages and commands read.

Those of a home that are read by pages and commands stand here under the same names, so that one reader serves both;
`counters` and `parked` are views here, because every writer keeps its own rows. The log is not here: it is in Kafka.
`monitor.store.migrations` makes what is described here, and a test compares both.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table

from monitor.store import groups_schema, schema
from monitor.store.audit import audit_schema
from monitor.store.outgoing import outbox_schema
from monitor.store.postgresql import classing_schema, conduct_schema
from monitor.store.schema import REFERENCE, WORDS
from monitor.store.work import alert_schema, classes_schema, host_schema, model_schema, task_schema

CLUSTER: Final = MetaData()

for _table in (
    schema.META,
    schema.DEAD_LETTERS,
    schema.DEAD_LETTER_COUNTS,
    schema.OPEN_DEAD_LETTERS,
    schema.SOURCES,
    schema.ENTERPRISES,
    schema.ROOMS,
    schema.PERSONS,
    schema.SIGNALS,
    schema.SIGNAL_MEMBERS,
    alert_schema.SIGNAL_CHANGES,
    alert_schema.ALERTS,
    alert_schema.OBJECTIONS,
    alert_schema.NOTICE_GROUPS,
    task_schema.TASKS,
    task_schema.TASK_ALERTS,
    task_schema.TODOS,
    host_schema.HOSTS,
    classes_schema.CLASSES,
    classes_schema.CLASSES_NEXT,
    classes_schema.SCORECARDS,
    classes_schema.CLASS_MIX,
    model_schema.FORECASTS,
    model_schema.FORECAST_REASONS,
    outbox_schema.PUSH_MESSAGES,
    outbox_schema.PUSH_DELIVERIES,
    outbox_schema.PUSH_SENDS,
    outbox_schema.PUSH_CHANNELS,
    outbox_schema.PUSH_TOTALS,
    audit_schema.AUDIT,
    groups_schema.GROUPS,
    model_schema.PROMOTIONS,
    model_schema.DRIFTS,
    model_schema.SHADOWS,
    *conduct_schema.TABLES.sorted_tables,
    *classing_schema.TABLES.sorted_tables,
):
    _table.to_metadata(CLUSTER)

DEAD_LETTERS: Final = CLUSTER.tables["dead_letters"]
DEAD_LETTERS.append_column(Column("identity", LargeBinary, nullable=False, unique=True))
"""What tells dead letters apart: one that comes again is stored once."""

DEAD_LETTERS.indexes.clear()
for _columns in (("reason",), ("source", "reason")):
    Index(
        f"open_dead_letters_by_{_columns[0]}",
        *(DEAD_LETTERS.c[name] for name in (*_columns, "number")),
        postgresql_where=DEAD_LETTERS.c.mended_at.is_(None),
    )

BOARD_OFFSETS: Final = Table(
    "board_offsets",
    CLUSTER,
    Column("topic", WORDS, primary_key=True),
    Column("partition", BigInteger, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)
"""How far each partition is applied."""

FENCES: Final = Table(
    "fences",
    CLUSTER,
    Column("topic", WORDS, primary_key=True),
    Column("partition", BigInteger, primary_key=True, autoincrement=False),
    Column("writer", WORDS, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)
"""The highest epoch of a writer in each partition: what follows there of a lower one comes from a worker that has
lost its part, and is refused. In another partition what an earlier owner wrote may be still to come.
"""

WORKER_COUNTERS: Final = Table(
    "worker_counters",
    CLUSTER,
    Column("writer", WORDS, primary_key=True),
    Column("name", WORDS, primary_key=True),
    Column("label", WORDS, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Running totals of each writer; the view `counters` is their sum."""

WORKER_PARKED: Final = Table(
    "worker_parked",
    CLUSTER,
    Column("writer", WORDS, primary_key=True),
    Column("stage", WORDS, primary_key=True),
    Column("ref", REFERENCE, primary_key=True),
    Column("reason", WORDS, nullable=False),
    Index("worker_parked_by_subject", "ref"),
)
"""Parked subjects of each writer; the view `parked` shows them all."""

VIEWS: Final = {
    "counters": "SELECT name, label, CAST(sum(value) AS bigint) AS value FROM worker_counters GROUP BY name, label",
    "parked": "SELECT stage, ref, min(reason) AS reason FROM worker_parked GROUP BY stage, ref",
}
