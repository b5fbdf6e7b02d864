"""Tables of the queue: tasks, which alerts are in them, and the dated duties beside them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, text

from monitor.store.schema import METADATA, WORDS

QUEUE_DAY: Final = "queue day"
"""In `meta`: the date (Asia/Shanghai) on which all alerts were last weighed for the queue."""

TASKS: Final = Table(
    "tasks",
    METADATA,
    Column("id", WORDS, primary_key=True),
    Column("target", WORDS, nullable=False),
    Column("region", WORDS, nullable=False),
    Column("origin", WORDS, nullable=False),
    Column("status", WORDS, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("day", WORDS, nullable=False),
    Column("priority", Float, nullable=False),
    Column("class", WORDS, nullable=False),
    Column("mode", WORDS, nullable=False),
    Column("due", WORDS, nullable=False),
    Column("control", Boolean, nullable=False),
    Column("outcome", WORDS, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("open_tasks", "region", "priority", sqlite_where=text("open"), postgresql_where=text("open")),
    Index("tasks_by_day", "day", "origin"),
)
"""Every task, open or ended; `day`: on which it was made. `body` is the whole of it."""

TASK_ALERTS: Final = Table(
    "task_alerts",
    METADATA,
    Column("alert", WORDS, primary_key=True),
    Column("task", WORDS, primary_key=True),
    sqlite_with_rowid=False,
)
"""Which alerts are in which tasks, ended ones too."""

TODOS: Final = Table(
    "todos",
    METADATA,
    Column("id", WORDS, primary_key=True),
    Column("about", WORDS, nullable=False, index=True),
    Column("region", WORDS),
    Column("due", WORDS, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("open_todos", "region", "due"),
)
"""Dated duties of counties."""
