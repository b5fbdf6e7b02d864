"""Version 3: what the models find at cuts of their own: groups, which model is in force, how far it has drifted,
and what a challenger would have found.

Written out as it was then, and never changed: the tables of the program go on changing after it.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "3"
down_revision: Final = "2"

_TABLES: Final = """
CREATE TABLE groups (
    ref BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    standing BOOLEAN NOT NULL,
    members BYTEA NOT NULL,
    PRIMARY KEY (ref),
    UNIQUE (key)
);
CREATE TABLE model_promotions (
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    seed BIGINT NOT NULL,
    officer TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE model_drift (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value FLOAT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE TABLE model_shadows (
    as_of BIGINT NOT NULL,
    challenger TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    "both" INTEGER NOT NULL,
    in_force_alone INTEGER NOT NULL,
    challenger_alone INTEGER NOT NULL,
    correlation FLOAT NOT NULL,
    PRIMARY KEY (as_of, challenger)
);
"""


def upgrade() -> None:
    """Makes the tables."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Takes the tables away; what the models found is no signal any more. Promotions stay in the log alone."""
    op.execute("DROP TABLE groups, model_promotions, model_drift, model_shadows")
    op.execute("DELETE FROM signals WHERE detector IN ('anomaly', 'shell-cluster')")
    op.execute("DELETE FROM signal_members WHERE detector IN ('anomaly', 'shell-cluster')")
