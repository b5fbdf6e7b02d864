"""Version 4: the host list of officers; and what a working out of all classes goes by, so that it goes in pieces.

Written out as it was then, and never changed: the tables of the program go on changing after it.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "4"
down_revision: Final = "3"

_TABLES: Final = """
CREATE TABLE hosts (
    id TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C",
    until TEXT COLLATE "C" NOT NULL,
    officer TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    ended BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE classes_next (
    ref BIGINT NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    score INTEGER NOT NULL,
    as_of BIGINT NOT NULL,
    card SMALLINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    body BYTEA,
    PRIMARY KEY (ref)
);
CREATE INDEX ix_classes_next_region ON classes_next (region);
CREATE TABLE classing_signals (
    detector TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    level SMALLINT NOT NULL,
    since BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    weak BOOLEAN NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (detector, ref)
);
CREATE TABLE classing_members (
    enterprise BIGINT NOT NULL,
    detector TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    PRIMARY KEY (enterprise, detector, ref)
);
CREATE TABLE classing_linked (
    enterprise BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (enterprise)
);
CREATE TABLE classing_changed (
    enterprise BIGINT NOT NULL,
    PRIMARY KEY (enterprise)
);
ALTER TABLE conduct ADD COLUMN cut BIGINT DEFAULT 0 NOT NULL;
"""


def upgrade() -> None:
    """Makes the tables; what is known of conduct was known before the first cut of all."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Takes the tables away; the host list stays in the log alone."""
    op.execute("DROP TABLE hosts, classes_next, classing_signals, classing_members, classing_linked, classing_changed")
    op.execute("ALTER TABLE conduct DROP COLUMN cut")
    op.execute("DELETE FROM meta WHERE key = 'classes in pieces'")
