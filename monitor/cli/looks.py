"""What a command shows about named subjects is on record in the audit log before it is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from config.settings import Settings, account
from monitor.cli import opening
from monitor.desk.recording import hand_in
from monitor.store.audit.chain import AuditEntry, Outcome, Value
from monitor.store.errors import StoreError
from monitor.store.home import Home
from monitor.store.postgresql.database import Database


def seen(
    home: Path | None,
    officer: str | None,
    action: str,
    kind: str,
    key: str = "",
    detail: Mapping[str, Value] | None = None,
) -> str:
    """Records that an officer sees something in a home, both given by flags, else by the settings. Where that cannot be
    done the look goes on: what is to be told then, else an empty text. Raises StoreError where there is no home.
    """
    chosen = opening.settings(home=home, officer=officer)
    entry = entry_of(chosen, action, kind, key, "seen", detail)
    database = opening.database_of(chosen) if home is None else None
    if database is not None:
        return _recorded(chosen, database, entry)
    place = Home(chosen.home)
    place.reader().dispose()
    try:
        if hand_in(place, [entry]):
            return ""
    except DatabaseError as error:
        return _unrecorded(str(error.orig))
    except OSError as error:
        return _unrecorded(f"{error.filename}: {error.strerror}")
    except StoreError as error:
        return _unrecorded(str(error))
    return "写入者正忙，此次查看稍后记入审计日志 / the writer is busy and will record this look later"


def _recorded(chosen: Settings, database: Database, entry: AuditEntry) -> str:
    """The same where the workers of a cluster keep the audit log."""
    from monitor.cluster import ClusterError  # what speaks to brokers is slow to import
    from monitor.cluster.supervision import asking

    try:
        asking.record(chosen, database, [entry])
    except asking.UnansweredError:
        return "节点尚未应答，此次查看稍后记入审计日志 / the workers will record this look later"
    except (ClusterError, StoreError) as error:
        return _unrecorded(str(error))
    finally:
        database.close()
    return ""


def tell(notice: str) -> None:
    """Tells what `seen` gave, on standard error."""
    if notice:
        print(notice, file=sys.stderr)


def entry_of(
    chosen: Settings,
    action: str,
    kind: str,
    key: str,
    outcome: Outcome = "accepted",
    detail: Mapping[str, Value] | None = None,
) -> AuditEntry:
    """An entry for the officer of the settings, now, which also names the operating system's user."""
    return AuditEntry(
        at=time.time_ns() // 1000,
        officer=chosen.officer,
        action=action,
        kind=kind,
        key=key,
        outcome=outcome,
        detail={**(detail or {}), "account": account()},
    )


def county(text: str | None) -> str | None:
    """The code of a county, None for whatever else was typed in its place."""
    return text if text is not None and len(text) == 6 and text.isdecimal() else None


def digest(text: str) -> str:
    """What stands in the audit log for a text that may say too much."""
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _unrecorded(why: str) -> str:
    return f"注意：此次查看未能记入审计日志（{why}） / mind: this look could not be recorded in the audit log ({why})"
