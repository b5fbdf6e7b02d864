"""Version 1: the read model as the first workers write it, with the salt of its references.

Written out as it was then, and never changed: the tables of the program go on changing after it.
"""

from __future__ import annotations

import secrets
from typing import Final

from alembic import op
from sqlalchemy import column, table

revision: Final = "1"
down_revision: Final = None

_TABLES: Final = """
CREATE TABLE meta (
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (key)
);
CREATE TABLE dead_letters (
    number BIGSERIAL NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    received BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    masked BOOLEAN NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    tries INTEGER DEFAULT '1' NOT NULL,
    mended_at BIGINT,
    mended_by TEXT COLLATE "C",
    mended_from TEXT COLLATE "C",
    became TEXT COLLATE "C",
    identity BYTEA NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (identity)
);
CREATE INDEX open_dead_letters_by_reason ON dead_letters (reason, number) WHERE mended_at IS NULL;
CREATE INDEX open_dead_letters_by_source ON dead_letters (source, reason, number) WHERE mended_at IS NULL;
CREATE TABLE dead_letter_counts (
    day TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    open BIGINT NOT NULL,
    PRIMARY KEY (day, source, reason)
);
CREATE TABLE open_dead_letters (
    source TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (source, reason)
);
CREATE TABLE sources (
    ref BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ref)
);
CREATE TABLE enterprises (
    ref BIGINT NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    named_at BIGINT NOT NULL,
    named_by TEXT COLLATE "C" NOT NULL,
    named_in TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ref)
);
CREATE INDEX enterprises_by_code ON enterprises (code);
CREATE TABLE rooms (
    ref BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ref)
);
CREATE TABLE persons (
    ref BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ref)
);
CREATE TABLE signals (
    detector TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    value FLOAT NOT NULL,
    region TEXT COLLATE "C",
    since BIGINT NOT NULL,
    weak BOOLEAN NOT NULL,
    stale BOOLEAN NOT NULL,
    raised_at BIGINT NOT NULL,
    raised_in BIGINT NOT NULL,
    lowest FLOAT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (detector, ref)
);
CREATE INDEX signals_by_raising ON signals (raised_in);
CREATE INDEX signals_by_subject ON signals (kind, ref);
CREATE TABLE signal_members (
    detector TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    enterprise BIGINT NOT NULL,
    PRIMARY KEY (detector, ref, enterprise)
);
CREATE INDEX signal_members_by_enterprise ON signal_members (enterprise);
CREATE TABLE board_offsets (
    topic TEXT COLLATE "C" NOT NULL,
    partition BIGINT NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (topic, partition)
);
CREATE TABLE fences (
    topic TEXT COLLATE "C" NOT NULL,
    partition BIGINT NOT NULL,
    writer TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (topic, partition, writer)
);
CREATE TABLE worker_counters (
    writer TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (writer, name, label)
);
CREATE TABLE worker_parked (
    writer TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (writer, stage, ref)
);
CREATE INDEX worker_parked_by_subject ON worker_parked (ref);
CREATE VIEW counters AS
    SELECT name, label, CAST(sum(value) AS bigint) AS value
    FROM worker_counters GROUP BY name, label;
CREATE VIEW parked AS
    SELECT stage, ref, min(reason) AS reason
    FROM worker_parked GROUP BY stage, ref;
"""


def upgrade() -> None:
    """Makes the tables and the salt."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    meta = table("meta", column("key"), column("value"))
    op.bulk_insert(meta, [{"key": "salt", "value": secrets.token_hex(32)}])


def downgrade() -> None:
    """Takes the tables away, with all that is in them: workers fill them again from the topics."""
    op.execute("DROP VIEW counters, parked")
    op.execute(
        "DROP TABLE meta, dead_letters, dead_letter_counts, open_dead_letters, sources, enterprises, "
        "rooms, persons, signals, signal_members, board_offsets, fences, worker_counters, worker_parked"
    )
