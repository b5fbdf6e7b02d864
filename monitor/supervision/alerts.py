"""The lifecycle of an alert: what a cut makes of a signal, and what an officer may do.

Pure: an alert and what happened go in, the alert as it is then comes out. `docs/alerts.md` has the transitions.
Moments are microseconds since 1970; those of cuts are Now, those of officers' acts the time of their events.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import msgspec

from config.supervision import AlertPolicy

Status = Literal["open", "acknowledged", "dispatched", "resolved", "cleared"]

LIVE: Final = frozenset({"open", "acknowledged", "dispatched"})
"""Those that still ask for something."""

MOST_HISTORY: Final = 200
"""So many entries of a history are kept, the first among them."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal in force, by texts that are the same in every home: `key` is that of contract §4.

    `evidence` as (moment, source, event id, code of the enterprise), `facts` fill the sentence of the reason, `lowest`
    is the lowest threshold.
    """

    detector: str
    version: int
    kind: str
    key: str
    label: str
    level: int
    value: float
    lowest: float
    region: str | None
    since: int
    weak: bool = False
    stale: bool = False
    evidence: tuple[tuple[int, str, str, str], ...] = ()
    deadlines: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = {}

    @property
    def alert_id(self) -> str:
        """The id of the alert that this signal opens: from detector, subject and `since` alone (contract §5)."""
        text = "\n".join((self.detector, self.kind, self.key, str(self.since)))
        return f"a-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a history: when, what, at which level, by whom and why."""

    at: int
    what: str
    level: int = 0
    officer: str = ""
    reason: str = ""


class Alert(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An alert. `signal` is the one it stands for as it was last seen in force; `gone_at` is when it fell away.

    `peak` is the highest level since an officer last looked; `resolved_level` the level at which it was resolved.
    `seen` grows with each change: an officer's act names the one that it was made upon.
    """

    id: str
    signal: Signal
    config_hash: str
    status: Status
    opened_at: int
    changed_at: int
    peak: int
    resolved_level: int = 0
    snoozed_until: int | None = None
    gone_at: int | None = None
    inhibited_by: str = ""
    disputed: bool = False
    opening_stock: bool = False
    task: str = ""
    previous: str = ""
    seen: int = 1
    history: list[Step] = []

    @property
    def level(self) -> int:
        """The level of its signal as last seen in force."""
        return self.signal.level

    @property
    def live(self) -> bool:
        """Whether it still asks for something."""
        return self.status in LIVE

    @property
    def asks(self) -> bool:
        """Whether it asks for attention now: live, and neither quieted nor fallen away."""
        return (
            self.live
            and self.gone_at is None
            and self.snoozed_until is None
            and not self.inhibited_by
            and not self.disputed
        )

    def due(self, policy: AlertPolicy) -> int | None:
        """The next moment at which something happens to it without news, or None."""
        moments = []
        if self.snoozed_until is not None:
            moments.append(self.snoozed_until)
        if self.gone_at is not None and self.live:
            moments.append(self.gone_at + policy.clear_after)
        return min(moments, default=None)


# -- what a cut does --------------------------------------------------------------------------------------------------


def opened(signal: Signal, now: int, config_hash: str, *, stock: bool = False, previous: str = "") -> Alert:
    """A new alert. `stock`: in force when the monitor went live; `previous`: the one of this subject before."""
    return Alert(
        id=signal.alert_id,
        signal=signal,
        config_hash=config_hash,
        status="open",
        opened_at=now,
        changed_at=now,
        peak=signal.level,
        opening_stock=stock,
        previous=previous,
        history=[Step(now, "opened", signal.level)],
    )


def is_over(alert: Alert) -> bool:
    """Whether nothing of it goes on: cleared, or resolved and its signal gone."""
    return not alert.live and alert.gone_at is not None


def found(alert: Alert | None, signal: Signal, now: int, config_hash: str, *, stock: bool = False) -> Alert:
    """What a cut makes of a signal in force. `alert`: the newest of its detector and subject, or, where that is over,
    the one that has the signal's id.
    """
    if alert is None:
        return opened(signal, now, config_hash, stock=stock)
    over = is_over(alert)
    told = alert.signal
    alert.signal, alert.config_hash = signal, config_hash
    if over:
        _mark(alert, now, "returned")
        alert.status, alert.gone_at, alert.peak, alert.resolved_level = "open", None, signal.level, 0
        return alert
    if alert.gone_at is not None:
        alert.gone_at = None
        _mark(alert, now, "came_back")
    if alert.status == "resolved":
        if signal.level > alert.resolved_level:
            _raise(alert, now)
            alert.status, alert.resolved_level = "open", 0
    elif signal.level > alert.peak:
        _raise(alert, now)
        if alert.status == "acknowledged":
            alert.status = "open"
    elif signal.level < told.level:
        _mark(alert, now, "lowered")
    alert.changed_at = now
    alert.seen += 1
    return alert


def fell_away(alert: Alert, now: int) -> Alert:
    """The signal is not in force any more; the alert clears when it has stayed away."""
    if alert.gone_at is None and alert.status != "cleared":
        alert.gone_at = now
        _mark(alert, now, "fell_away")
    return alert


def passed(alert: Alert, now: int, policy: AlertPolicy) -> Alert:
    """What the passing of time does."""
    if alert.snoozed_until is not None and alert.snoozed_until <= now:
        alert.snoozed_until = None
        _mark(alert, now, "snooze_ended")
    if alert.live and alert.gone_at is not None and alert.gone_at + policy.clear_after <= now:
        alert.status = "cleared"
        alert.snoozed_until = None
        alert.inhibited_by = ""
        _mark(alert, now, "cleared")
    return alert


def inhibit(alert: Alert, by: str, now: int) -> Alert:
    """Quiets an alert while another one stands, named by its id; an empty id lets it speak again."""
    if alert.inhibited_by != by:
        if bool(alert.inhibited_by) != bool(by):
            _mark(alert, now, "inhibited" if by else "uninhibited", reason=by)
        alert.inhibited_by = by
    return alert


def dispute(alert: Alert, disputed: bool, now: int) -> Alert:
    """An objection that is not decided suspends an alert; its decision lets it go on."""
    if alert.disputed != disputed:
        alert.disputed = disputed
        _mark(alert, now, "disputed" if disputed else "undisputed")
    return alert


def _raise(alert: Alert, now: int) -> None:
    alert.peak = alert.level
    alert.snoozed_until = None
    _mark(alert, now, "raised")


def _mark(alert: Alert, at: int, what: str, *, officer: str = "", reason: str = "") -> None:
    alert.history.append(Step(at, what, alert.level, officer, reason))
    if len(alert.history) > MOST_HISTORY:
        del alert.history[1]
    alert.changed_at = at
    alert.seen += 1


# -- what officers and the queue do -----------------------------------------------------------------------------------


class Refused(ValueError):
    """An act that an alert or task cannot take; the text says why and what to do, zh and en."""


def acknowledged(alert: Alert, at: int, officer: str, reason: str = "") -> Alert:
    """签收: somebody looks after it. Raises Refused."""
    _need(alert, "open")
    alert.status = "acknowledged"
    _mark(alert, at, "acknowledged", officer=officer, reason=reason)
    return alert


def snoozed(alert: Alert, at: int, officer: str, reason: str, until: int) -> Alert:
    """Quiet until a moment, with a reason. Raises Refused."""
    _need(alert, "open", "acknowledged")
    if until <= at:
        raise Refused("暂缓期限已过，请给将来的日期 / the snooze would be over already: give a later date")
    alert.snoozed_until = until
    _mark(alert, at, "snoozed", officer=officer, reason=reason)
    return alert


def dispatched(alert: Alert, at: int, officer: str, task: str, reason: str = "") -> Alert:
    """Work on it is under way in a task. Raises Refused."""
    _need(alert, "open", "acknowledged")
    if alert.disputed:
        raise Refused("异议未决，不能派发 / an objection is not decided yet: it cannot be dispatched")
    alert.status, alert.task = "dispatched", task
    alert.snoozed_until = None
    _mark(alert, at, "dispatched", officer=officer, reason=reason)
    return alert


def withdrawn(alert: Alert, at: int, officer: str, reason: str = "") -> Alert:
    """Its task came to no outcome: it asks for something again."""
    if alert.status == "dispatched":
        alert.status, alert.task = "open", ""
        _mark(alert, at, "withdrawn", officer=officer, reason=reason)
    return alert


def resolved(alert: Alert, at: int, officer: str, outcome: str) -> Alert:
    """Its task was closed with an outcome."""
    if alert.live:
        alert.status = "resolved"
        alert.resolved_level = alert.level
        alert.snoozed_until = None
        _mark(alert, at, "resolved", officer=officer, reason=outcome)
    return alert


def reopened(alert: Alert, at: int, officer: str, reason: str) -> Alert:
    """Taken up again. Raises Refused where it is open, or its signal is gone."""
    if alert.snoozed_until is None:
        _need(alert, "acknowledged", "resolved")
    if alert.gone_at is not None:
        raise Refused("信号已消除，无可重开 / its signal is gone: there is nothing to take up again")
    alert.status, alert.task, alert.resolved_level = "open", "", 0
    alert.snoozed_until = None
    _mark(alert, at, "reopened", officer=officer, reason=reason)
    return alert


def _need(alert: Alert, *statuses: Status) -> None:
    if alert.status not in statuses:
        raise Refused(
            f"预警状态为 {alert.status}，需为 {'、'.join(statuses)}，请刷新后再试 / "
            f"the alert is {alert.status}, it must be {' or '.join(statuses)}: look at it again"
        )
