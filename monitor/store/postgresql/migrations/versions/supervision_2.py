"""Version 2: alerts, the queue, classes, the outbox and the audit log, as in a home; and the conduct they ask about.

Written out as it was then, and never changed: the tables of the program go on changing after it.
"""

from __future__ import annotations

import secrets
from typing import Final

from alembic import op
from sqlalchemy import column, table

revision: Final = "2"
down_revision: Final = "1"

_TABLES: Final = """
CREATE TABLE signal_changes (
    detector TEXT COLLATE "C" NOT NULL,
    ref BIGINT NOT NULL,
    PRIMARY KEY (detector, ref)
);
CREATE TABLE alerts (
    id TEXT COLLATE "C" NOT NULL,
    detector TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    newest BOOLEAN NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    region TEXT COLLATE "C",
    asks BOOLEAN NOT NULL,
    gone BOOLEAN NOT NULL,
    snoozed BOOLEAN NOT NULL,
    inhibited_by TEXT COLLATE "C" NOT NULL,
    disputed BOOLEAN NOT NULL,
    weak BOOLEAN NOT NULL,
    stock BOOLEAN NOT NULL,
    held TEXT COLLATE "C" NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    due BIGINT,
    task TEXT COLLATE "C" NOT NULL,
    seen INTEGER NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX alerts_by_due ON alerts (due) WHERE due IS NOT NULL;
CREATE INDEX alerts_by_inhibitor ON alerts (inhibited_by) WHERE inhibited_by <> '';
CREATE INDEX alerts_by_region ON alerts (region, status);
CREATE INDEX alerts_by_subject ON alerts (kind, key, detector);
CREATE TABLE objections (
    subject TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    decided BOOLEAN NOT NULL,
    upheld BOOLEAN NOT NULL,
    alert TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    fresh BOOLEAN NOT NULL,
    PRIMARY KEY (subject, source, id)
);
CREATE INDEX fresh_objections ON objections (fresh) WHERE fresh;
CREATE TABLE notice_groups (
    key TEXT COLLATE "C" NOT NULL,
    due BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (key)
);
CREATE INDEX ix_notice_groups_due ON notice_groups (due);
CREATE TABLE tasks (
    id TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    open BOOLEAN NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    priority FLOAT NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    mode TEXT COLLATE "C" NOT NULL,
    due TEXT COLLATE "C" NOT NULL,
    control BOOLEAN NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    seen INTEGER NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX open_tasks ON tasks (region, priority) WHERE open;
CREATE INDEX tasks_by_day ON tasks (day, origin);
CREATE TABLE task_alerts (
    alert TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (alert, task)
);
CREATE TABLE todos (
    id TEXT COLLATE "C" NOT NULL,
    about TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C",
    due TEXT COLLATE "C" NOT NULL,
    done BOOLEAN NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_todos_about ON todos (about);
CREATE INDEX open_todos ON todos (region, due);
CREATE TABLE classes (
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
CREATE INDEX ix_classes_region ON classes (region);
CREATE TABLE scorecards (
    number SMALLINT NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    texts TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (content_hash)
);
CREATE TABLE class_mix (
    region TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (region, kind, class)
);
CREATE TABLE push_messages (
    key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    title_zh TEXT COLLATE "C" NOT NULL,
    title_en TEXT COLLATE "C" NOT NULL,
    body_zh TEXT COLLATE "C" NOT NULL,
    body_en TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    region TEXT COLLATE "C",
    recipients TEXT COLLATE "C" NOT NULL,
    remind_every BIGINT NOT NULL,
    reminders INTEGER NOT NULL,
    enqueued_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    routed_at BIGINT,
    PRIMARY KEY (key)
);
CREATE INDEX push_messages_not_acknowledged ON push_messages (enqueued_at) WHERE acknowledged_at IS NULL;
CREATE INDEX push_messages_not_routed ON push_messages (enqueued_at) WHERE routed_at IS NULL;
CREATE TABLE push_deliveries (
    key TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    born_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    remind_every BIGINT NOT NULL,
    reminders_left INTEGER NOT NULL,
    reminded INTEGER NOT NULL,
    send BIGINT,
    sent_at BIGINT,
    receipt TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    PRIMARY KEY (key, channel)
);
CREATE INDEX push_deliveries_by_send ON push_deliveries (send);
CREATE INDEX push_deliveries_due ON push_deliveries (channel, status, level, due_at);
CREATE TABLE push_sends (
    id BIGSERIAL NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C",
    messages INTEGER NOT NULL,
    at BIGINT NOT NULL,
    latest BIGINT NOT NULL,
    result TEXT COLLATE "C",
    receipt TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    PRIMARY KEY (id)
);
CREATE INDEX push_sends_by_moment ON push_sends (channel, latest);
CREATE TABLE push_channels (
    channel TEXT COLLATE "C" NOT NULL,
    rest_until BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    succeeded_at BIGINT,
    failed_at BIGINT,
    detail TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel)
);
CREATE TABLE push_totals (
    channel TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel, what)
);
CREATE TABLE audit (
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    officer TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    previous BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE answers (
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_answers_at ON answers (at);
CREATE TABLE conduct (
    enterprise BIGINT NOT NULL,
    source BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (enterprise, source, id)
);
CREATE TABLE linked (
    enterprise BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (enterprise)
);
CREATE TABLE lettered (
    enterprise BIGINT NOT NULL,
    PRIMARY KEY (enterprise)
);
CREATE TABLE unaudited (
    event TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    waits BOOLEAN NOT NULL,
    PRIMARY KEY (event)
);
CREATE TABLE unlogged (
    number BIGINT NOT NULL,
    partition INTEGER NOT NULL,
    received BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (number)
);
"""

_GUARDS: Final = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    """Makes the tables, what refuses changes of the audit log, and the name that its chain begins with. The first cut
    looks at all signals that are in force.
    """
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in _GUARDS:
        op.execute(statement)
    op.execute("INSERT INTO signal_changes SELECT detector, ref FROM signals")
    meta = table("meta", column("key"), column("value"))
    op.bulk_insert(meta, [{"key": "home", "value": secrets.token_hex(16)}])


def downgrade() -> None:
    """Takes the tables away, with all that is in them; alerts, tasks and the audit log are lost."""
    op.execute(
        "DROP TABLE "
        "signal_changes, alerts, objections, notice_groups, tasks, task_alerts, todos, classes, "
        "scorecards, class_mix, push_messages, push_deliveries, push_sends, push_channels, "
        "push_totals, audit, answers, conduct, linked, lettered, unaudited, unlogged"
    )
    op.execute("DROP FUNCTION audit_refuse")
    op.execute("DELETE FROM meta WHERE key = 'home'")
