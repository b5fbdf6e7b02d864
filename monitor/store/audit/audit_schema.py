"""The table of the audit log, and what makes the database itself refuse to change it.

Whoever owns the database can take the triggers away: they stop mistakes. What finds a forger is the chain of digests
(`monitor.store.audit.chain`, `monitor.store.audit.proof`) with its heads kept elsewhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, BigInteger, Column, LargeBinary, Table, event

from monitor.store.schema import METADATA, REFERENCE, WORDS

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", REFERENCE, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("officer", WORDS, nullable=False),
    Column("action", WORDS, nullable=False),
    Column("kind", WORDS, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("outcome", WORDS, nullable=False),
    Column("detail", WORDS, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Who saw and did what: numbers from 1 without gaps, each row with the digest of the row before."""

GUARDS: Final[dict[str, tuple[str, ...]]] = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        # REPLACE deletes without asking the trigger above: a row is only ever the next one.
        "CREATE TRIGGER audit_in_order BEFORE INSERT ON audit "
        "WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit) "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
}
"""By the name of the dialect: what is run once the table stands. For a migration of PostgreSQL too."""

for _dialect, _statements in GUARDS.items():
    for _statement in _statements:
        event.listen(AUDIT, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
