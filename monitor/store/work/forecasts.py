"""What the forecast said at its last daily cut, as rows: chances of all live enterprises, and reasons for some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from config.moments import shanghai_date
from monitor.store import bulk
from monitor.store.home import meta, set_meta
from monitor.store.schema import ENTERPRISES
from monitor.store.work.classes_schema import CLASSES
from monitor.store.work.explained import contributions
from monitor.store.work.model_schema import FORECAST_REASONS, FORECASTS

PLACES: Final = 3
"""Chances are kept to a thousandth: those of the quiet then stay from day to day, and are not written again."""

_BLOCK: Final = "forecast block"
_MODEL: Final = "forecast model"
_AT: Final = "forecast now"

_COLUMNS: Final = ("enterprise", "chance")
_reasons: Final = msgspec.msgpack.Decoder().decode


def put(
    connection: Connection, model: str, chances: Mapping[int, float], reasons: Mapping[int, bytes], now: int, seq: int
) -> int:
    """Makes this what the forecast says, by the number of each enterprise; how many chances came, changed or went.

    `model`: its hash; `reasons`: packed, of some of them; `now`: the cut's Now, `seq`: its block.
    """
    others = differing(connection, chances)
    change(connection, model, others, reasons, now, seq)
    return len(others)


def differing(connection: Connection, chances: Mapping[int, float]) -> dict[int, float]:
    """Those that are others than what stands, to a thousandth, by number; 0 for one that goes."""
    query = select(FORECASTS.c.enterprise, FORECASTS.c.chance)
    before = {ref: chance for ref, chance in connection.execute(query, execution_options={"yield_per": 10_000})}
    found = {ref: value for ref, one in chances.items() if (value := round(one, PLACES)) != before.pop(ref, 0.0)}
    return found | dict.fromkeys(before, 0.0)


def change(
    connection: Connection, model: str, others: Mapping[int, float], reasons: Mapping[int, bytes], now: int, seq: int
) -> None:
    """Writes what `differing` gave, and all reasons anew; see `put`."""
    changed = [(ref, chance) for ref, chance in others.items() if chance]
    gone = [(ref,) for ref, chance in others.items() if not chance]
    bulk.insert(connection, FORECASTS, _COLUMNS, changed, bulk.replace(("enterprise",), ("chance",)))
    bulk.forget(connection, FORECASTS, ("enterprise",), gone)
    connection.execute(delete(FORECAST_REASONS))
    bulk.insert(connection, FORECAST_REASONS, ("enterprise", "body"), list(reasons.items()), bulk.refuse)
    for key, text in ((_MODEL, model), (_AT, str(now)), (_BLOCK, str(seq))):
        set_meta(connection, key, text)


def block_of(connection: Connection) -> int:
    """The block of the cut at which the forecast was asked last; -1 before the first."""
    return int(meta(connection, _BLOCK) or -1)


def chances_of(connection: Connection, codes: Collection[str]) -> dict[str, float]:
    """What was said of some enterprises, by code; nothing of those whose chance rounds to none."""
    if not codes or meta(connection, _MODEL) is None:
        return {}
    query = select(ENTERPRISES.c.code, FORECASTS.c.chance).join(FORECASTS, FORECASTS.c.enterprise == ENTERPRISES.c.ref)
    rows = connection.execute(query.where(bulk.among(connection, ENTERPRISES.c.code, sorted(codes))))
    return {code: chance for code, chance in rows.all()}


def of_all(connection: Connection) -> dict[str, float] | None:
    """What was said of everybody who has a class, by code: none of those who came since, as of those whose chance
    rounds to none. None without a forecast.
    """
    if meta(connection, _MODEL) is None:
        return None
    query = (
        select(ENTERPRISES.c.code, func.coalesce(FORECASTS.c.chance, 0.0))
        .join_from(CLASSES, ENTERPRISES, ENTERPRISES.c.ref == CLASSES.c.ref)
        .outerjoin(FORECASTS, FORECASTS.c.enterprise == CLASSES.c.ref)
    )
    return {code: chance for code, chance in connection.execute(query, execution_options={"yield_per": 10_000})}


def told(connection: Connection, code: str) -> dict[str, Any] | None:
    """What was said of one enterprise and why, as JSON gives it; None without a forecast.

    `chance` within twelve months, `model` its hash, `as_of` the day of the cut; and where they were worked out,
    `reasons` (see `monitor.store.work.explained`) and `way_out`, zh and en.
    """
    model = meta(connection, _MODEL)
    if model is None:
        return None
    query = (
        select(FORECASTS.c.chance, FORECAST_REASONS.c.body)
        .join_from(ENTERPRISES, FORECASTS, FORECASTS.c.enterprise == ENTERPRISES.c.ref)
        .outerjoin(FORECAST_REASONS, FORECAST_REASONS.c.enterprise == ENTERPRISES.c.ref)
    )
    row = connection.execute(query.where(ENTERPRISES.c.code == code)).first()
    if row is None:
        return None
    found = {"chance": row[0], "model": model, "as_of": shanghai_date(int(meta(connection, _AT) or 0)).isoformat()}
    return found if row[1] is None else {**found, **explained(_reasons(row[1]), code)}


def explained(why: Mapping[str, Any], code: str) -> dict[str, Any]:
    """The reasons of a forecast (`models.explanation.foretelling.Foretold` as builtins) as JSON gives them."""
    return {"reasons": contributions(why["reasons"], code), "way_out": why["way_out"]}
