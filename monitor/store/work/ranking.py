"""`rank`: all live subjects, most in need of attention first, by the reckoning that gives tasks their priority."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, func, select

from config.queueing import QueuePolicy
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.classes_schema import CLASSES
from monitor.supervision.scoring import FORECAST, PARTS, Candidate, Reckoning
from monitor.supervision.tasks import priority_of

CLASS_SCORE: Final = ("风险分类得分", "score of the class")
GROUPS: Final = ("涉及的群体预警", "alerts on addresses and persons that count it")
_A_POINT: Final = 0.01
"""What a point of the scorecard adds: it orders those of one class and no alerts, and no more."""

Ranked = tuple[float, str, dict[str, float]]


def ranked(
    connection: Connection,
    now: int,
    policy: QueuePolicy,
    region: str | None = None,
    chances: Mapping[str, float] | None = None,
) -> Iterator[dict[str, Any]]:
    """Live enterprises, of one county or all, in the form of contract §6; equals by code. `now` is Now.

    Counted are an enterprise's own alerts that ask for attention or are quieted by another one, how many signals on
    addresses and persons count it, its class, the points of its class, and what the models found, as a second
    opinion. `chances`: what a forecast says, by code.
    It was learned from the records that the class counts, so it stands in the place of both points of the class:
    its reason says by how much it moved the enterprise, up or down.
    """
    opinions = policy.second_opinions
    alerts = _alerts(connection, region, opinions)
    groups = _groups(connection, opinions)
    found = _opinions(connection, opinions)
    reckoning = Reckoning(policy, now)
    query = select(CLASSES.c.ref, ENTERPRISES.c.code, CLASSES.c["class"], CLASSES.c.score).join(
        ENTERPRISES, ENTERPRISES.c.ref == CLASSES.c.ref
    )
    if region is not None:
        query = query.where(CLASSES.c.region == region)
    rows: list[Ranked] = []
    for ref, code, cls, points in connection.execute(query, execution_options={"yield_per": 10_000}):
        parts = reckoning.parts(alerts.get(code, ()), cls)
        if ref in found:
            parts.update(reckoning.opinion(found[ref].values()))
        if ref in groups:
            parts["groups"] = policy.weights.further_alert.points(groups[ref])
        if points:
            parts["class_score"] = points * _A_POINT
        chance = None if chances is None else chances.get(code)
        if chance is not None:
            classed = parts.get("class", 0.0) + parts.get("class_score", 0.0)
            parts[FORECAST] = policy.weights.forecast * chance - classed
        rows.append((-_score(parts), code, parts))
    rows.sort(key=lambda row: row[:2])
    for score, code, parts in rows:
        chance = None if chances is None else chances.get(code)
        yield {
            "subject": code,
            "score": -score or 0.0,
            "reasons": [_reason(part, parts[part], chance) for part in parts],
        }


def _score(parts: dict[str, float]) -> float:
    """The sum of the parts. With a forecast to a ten-millionth: it orders those whom nothing else tells apart."""
    return round(sum(parts.values()), 7) if FORECAST in parts else priority_of(parts)


def _alerts(connection: Connection, region: str | None, opinions: Collection[str]) -> dict[str, list[Candidate]]:
    """The alerts of rules on enterprises that go on, by code."""
    table = ALERTS.c
    query = select(
        table.id, table.key, table.region, table.level, table.detector, table.opened_at, table.weak, table.stock
    )
    query = query.where(
        table.kind == "enterprise",
        table.status.in_(("open", "acknowledged", "dispatched")),
        ~table.gone,
        ~table.disputed,
        table.detector.not_in(opinions),
    )
    if region is not None:
        query = query.where(table.region == region)
    found: dict[str, list[Candidate]] = {}
    for row in connection.execute(query.order_by(table.key, table.level.desc(), table.id)):
        found.setdefault(row.key, []).append(
            Candidate(
                alert=row.id,
                kind="enterprise",
                key=row.key,
                region=row.region,
                level=row.level,
                detector=row.detector,
                opened_at=row.opened_at,
                enterprises=(row.key,),
                weak=row.weak,
                stock=row.stock,
            )
        )
    return found


def _groups(connection: Connection, opinions: Collection[str]) -> dict[int, int]:
    """How many signals of rules on addresses and persons count an enterprise, by its number."""
    query = (
        select(SIGNAL_MEMBERS.c.enterprise, func.count())
        .join(SIGNALS, (SIGNALS.c.detector == SIGNAL_MEMBERS.c.detector) & (SIGNALS.c.ref == SIGNAL_MEMBERS.c.ref))
        .where(SIGNALS.c.kind != "enterprise", SIGNALS.c.detector.not_in(opinions))
        .group_by(SIGNAL_MEMBERS.c.enterprise)
    )
    return {enterprise: count for enterprise, count in connection.execute(query)}


def _opinions(connection: Connection, opinions: Collection[str]) -> dict[int, dict[str, int]]:
    """The highest level of what each model found on an enterprise or a group that counts it, by its number."""
    query = (
        select(SIGNAL_MEMBERS.c.enterprise, SIGNALS.c.detector, func.max(SIGNALS.c.level))
        .join(SIGNALS, (SIGNALS.c.detector == SIGNAL_MEMBERS.c.detector) & (SIGNALS.c.ref == SIGNAL_MEMBERS.c.ref))
        .where(SIGNALS.c.detector.in_(opinions))
        .group_by(SIGNAL_MEMBERS.c.enterprise, SIGNALS.c.detector)
    )
    found: dict[int, dict[str, int]] = {}
    for enterprise, detector, level in connection.execute(query):
        found.setdefault(enterprise, {})[detector] = level
    return found


def _reason(part: str, points: float, chance: float | None) -> dict[str, Any]:
    if part == FORECAST and chance is not None:
        return {
            "part": part,
            "points": round(points, 3),
            "chance": round(chance, 5),
            "zh": f"模型预测：十二个月内有不良事件的可能 {chance:.1%}，代替风险分类的分数",
            "en": f"forecast: something adverse within twelve months, chance {chance:.1%}, in place of the class",
        }
    zh, en = {**PARTS, "groups": GROUPS, "class_score": CLASS_SCORE}[part]
    return {"part": part, "points": round(points, 3), "zh": zh, "en": en}
