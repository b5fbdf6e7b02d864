"""Alerts as a page lists them: chosen by county, level, rule and state; those of highest level first, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from monitor.store.work import alertreader
from monitor.store.work.alert_schema import ALERTS

State = Literal["asking", "open", "acknowledged", "dispatched", "quiet", "resolved", "cleared", "all"]
STATES: Final[tuple[State, ...]] = get_args(State)
"""What can be listed: those that ask for attention, those of a status, those that are live but quieted, or all."""

_IN: Final[dict[State, ColumnElement[bool] | None]] = {
    "asking": ALERTS.c.asks,
    "quiet": alertreader.LIVE & ~ALERTS.c.asks,
    "all": None,
}


class Chosen(msgspec.Struct, frozen=True):
    """Which alerts: of a county, a level, a rule (the detector's id); None: of any. And in which state."""

    region: str | None = None
    level: int | None = None
    rule: str | None = None
    state: State = "asking"

    def conditions(self, *, state: bool = True) -> list[ColumnElement[bool]]:
        """What a row of `ALERTS` must fulfil; `state`: that of the state too."""
        found: list[ColumnElement[bool]] = []
        if self.region is not None:
            found.append(ALERTS.c.region == self.region)
        if self.level is not None:
            found.append(ALERTS.c.level == self.level)
        if self.rule is not None:
            found.append(ALERTS.c.detector == self.rule)
        if state:
            within = _IN[self.state] if self.state in _IN else ALERTS.c.status == self.state
            if within is not None:
                found.append(within)
        return found


def asking(connection: Connection, region: str | None) -> dict[tuple[str, int], int]:
    """How many ask for attention, by detector and level; of a county, or of all."""
    columns = ALERTS.c.detector, ALERTS.c.level
    query = select(*columns, func.count()).where(*Chosen(region).conditions()).group_by(*columns)
    return {(detector, level): count for detector, level, count in connection.execute(query)}


def by_state(connection: Connection, chosen: Chosen) -> dict[State, int]:
    """How many of those chosen there are in each state."""
    columns = ALERTS.c.status, ALERTS.c.asks
    query = select(*columns, func.count()).where(*chosen.conditions(state=False)).group_by(*columns)
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    for status, asks, count in connection.execute(query):
        counts["all"] += count
        counts[status] += count
        if asks:
            counts["asking"] += count
        elif status in ("open", "acknowledged", "dispatched"):
            counts["quiet"] += count
    return counts


def listed(connection: Connection, chosen: Chosen, most: int, also: Sequence[str]) -> list[dict[str, Any]]:
    """Those chosen, in the form of contract §5: highest level first, of them the newest: what somebody acts upon stays
    in its place. At most `most`, and those of the ids `also`, whatever they are.
    """
    order = ALERTS.c.level.desc(), ALERTS.c.opened_at.desc(), ALERTS.c.id
    # The ids first: whole alerts are large, and all those chosen would be sorted.
    ids = list(
        connection.execute(select(ALERTS.c.id).where(*chosen.conditions()).order_by(*order).limit(most)).scalars()
    )
    wanted = {*ids, *also}
    found = connection.execute(select(ALERTS.c.id).where(ALERTS.c.id.in_(wanted)).order_by(*order)).scalars().all()
    alerts = {one["id"]: one for one in alertreader.read(connection, ALERTS.c.id.in_(wanted))}
    return [alerts[one] for one in found]
