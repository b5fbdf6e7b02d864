"""Alerts as commands, pages and the API show them: the form of contract §5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from config.moments import as_text, shanghai_date
from detectors.base import whole
from detectors.registry import by_id
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.explained import contributions
from monitor.supervision.alerts import Alert

_unpack = msgspec.msgpack.Decoder(Alert).decode
_AT_ONCE: Final = 200

_OF_A_GROUP: Final = ("predecessors", "subgraph")
"""What an alert on a group carries besides: the keys of groups that went into it, and its part of the graph."""

LIVE: Final = ALERTS.c.status.in_(("open", "acknowledged", "dispatched"))
"""Alerts that still ask for something."""


def read(connection: Connection, *which: ColumnElement[bool], newest: int | None = None) -> Iterator[dict[str, Any]]:
    """Alerts, by the moment of their opening and id; or the `newest` ones that changed last, newest first."""
    query = select(ALERTS.c.body).where(*which)
    if newest is None:
        query = query.order_by(ALERTS.c.opened_at, ALERTS.c.id)
    else:
        query = query.order_by(ALERTS.c.changed_at.desc(), ALERTS.c.level.desc(), ALERTS.c.id).limit(newest)
    for bodies in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        for body in bodies:
            yield shown(_unpack(body))


def one(connection: Connection, alert_id: str) -> dict[str, Any] | None:
    """An alert by its id."""
    return next(read(connection, ALERTS.c.id == alert_id), None)


def counts(connection: Connection) -> dict[tuple[str, int, str], int]:
    """How many alerts there are, by detector, level and status."""
    columns = ALERTS.c.detector, ALERTS.c.level, ALERTS.c.status
    rows = connection.execute(select(*columns, func.count()).group_by(*columns))
    return {(detector, level, status): count for detector, level, status, count in rows}


def asking(connection: Connection) -> int:
    """How many alerts ask for attention now: live, and neither quieted nor fallen away."""
    return int(connection.execute(select(func.count()).select_from(ALERTS).where(ALERTS.c.asks)).scalar() or 0)


def shown(alert: Alert) -> dict[str, Any]:
    """One alert in the form of contract §5, with `seen` for whoever acts upon it."""
    signal = alert.signal
    flags = {
        "snoozed": alert.snoozed_until is not None,
        "inhibited": bool(alert.inhibited_by),
        "disputed": alert.disputed,
        "stale": signal.stale,
        "opening_stock": alert.opening_stock,
    }
    return {
        "id": alert.id,
        "detector": f"{signal.detector}@{signal.version}",
        "config_hash": alert.config_hash,
        "subject": {"kind": signal.kind, "key": signal.key, "label": signal.label},
        "level": signal.level,
        "status": alert.status,
        "flags": [flag for flag, holds in flags.items() if holds],
        "region": signal.region,
        "opened_at": as_text(alert.opened_at),
        "signals": [
            {
                "detector": signal.detector,
                "version": signal.version,
                "level": signal.level,
                "value": whole(signal.value),
                "since": as_text(signal.since),
                "weak_identity": signal.weak,
                "in_force": alert.gone_at is None,
            }
        ],
        "reasons": [_reason(alert), *_of_a_model(alert)],
        "history": [
            {
                "at": as_text(step.at),
                "what": step.what,
                "level": step.level,
                **({"officer": step.officer} if step.officer else {}),
                **({"reason": step.reason} if step.reason else {}),
            }
            for step in alert.history
        ],
        "task": alert.task or None,
        "previous": alert.previous or None,
        "snoozed_until": None if alert.snoozed_until is None else as_text(alert.snoozed_until),
        "inhibited_by": alert.inhibited_by or None,
        "seen": alert.seen,
        **{name: signal.facts[name] for name in _OF_A_GROUP if name in signal.facts},
    }


def _of_a_model(alert: Alert) -> list[dict[str, Any]]:
    """What single features contributed to a model's finding."""
    explained = alert.signal.facts.get("explanation")
    return contributions(explained["reasons"], alert.signal.key) if explained else []


def _reason(alert: Alert) -> dict[str, Any]:
    """Why: the rule, what it compared with what, the events, and what would have to change."""
    signal = alert.signal
    return {
        "rule": f"{signal.detector}@{signal.version}",
        "contribution": signal.level,
        "value": whole(signal.value),
        "threshold": whole(signal.lowest),
        **by_id(signal.detector).said(signal.value, signal.lowest, signal.facts),
        "evidence": [
            {
                "id": event,
                "source": source,
                "subject": code,
                "time": as_text(at),
                "date": shanghai_date(at).isoformat(),
            }
            for at, source, event, code in signal.evidence
        ],
        "deadlines": list(signal.deadlines),
    }
