"""Telling people of alerts, few times: in the words of Alertmanager, grouped by subject with wait, interval and repeat.

A group gathers what happened to the alerts on one subject. It speaks when `group_wait` has passed since the first news,
then `group_interval` after it spoke last, and without news every `repeat` while something on it is open and nobody has
acknowledged it. All by Now, so a replay tells the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from config.supervision import AlertPolicy
from monitor.supervision.alerts import Alert

TOLD: Final = frozenset({"opened", "raised", "returned", "snooze_ended", "uninhibited", "undisputed", "reopened"})
"""The steps of a history that people are told of, if the alert then asks for attention."""


class Group(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is to be said, and was said, about one subject. `news`: by alert, what happened last."""

    key: str
    region: str
    alerts: list[str] = []
    news: dict[str, str] = {}
    news_at: int = 0
    spoke_at: int = 0
    times: int = 0

    def due(self, policy: AlertPolicy) -> int:
        """The moment at which it speaks, if it still has something to say."""
        if not self.news:
            return self.spoke_at + policy.repeat
        if not self.times:
            return self.news_at + policy.group_wait
        return max(self.news_at, self.spoke_at + policy.group_interval)


class Notice(msgspec.Struct, frozen=True):
    """One thing to be told: `key` is the same on every replay; `alerts` by level and id, each with what happened."""

    key: str
    region: str
    alerts: tuple[tuple[Alert, str], ...]
    again: bool

    @property
    def level(self) -> int:
        """The highest level among its alerts."""
        return max(alert.level for alert, _ in self.alerts)


def group_key(alert: Alert) -> str:
    """The group of an alert: its county and subject."""
    signal = alert.signal
    return f"{signal.region or ''}|{signal.kind}|{signal.key}"


def news_of(alert: Alert, now: int, policy: AlertPolicy) -> str:
    """What of this moment people must be told about an alert; empty: nothing."""
    last = alert.history[-1]
    if last.at != now or last.what not in TOLD or not alert.asks or alert.level < policy.least_level_pushed:
        return ""
    return "" if alert.opening_stock and last.what == "opened" else last.what


def heard(group: Group | None, alert: Alert, what: str, now: int) -> Group:
    """A group after news of one of its alerts."""
    if group is None:
        group = Group(key=group_key(alert), region=alert.signal.region or "")
    if alert.id not in group.alerts:
        group.alerts.append(alert.id)
    if not group.news:
        group.news_at = now
    group.news[alert.id] = what
    return group


def spoken(group: Group, alerts: Mapping[str, Alert], now: int, policy: AlertPolicy) -> Notice | None:
    """What a group whose moment has come says, and notes that it did; None where nobody needs to hear anything, and the
    group is over.
    """
    again = not group.news
    telling = [
        (alert, group.news.get(alert.id, alert.status))
        for one in group.alerts
        if (alert := alerts.get(one)) is not None and alert.asks and (alert.id in group.news or alert.status == "open")
    ]
    if again:
        telling = [(alert, what) for alert, what in telling if alert.status == "open"]
    if not telling:
        return None
    group.alerts = sorted(alert.id for alert, _ in telling)
    group.news = {}
    group.spoke_at = now
    group.times += 1
    telling.sort(key=lambda one: (-one[0].level, one[0].id))
    digest = hashlib.blake2b(f"{group.key}\n{now}\n{group.times}".encode(), digest_size=16).hexdigest()
    return Notice(f"n-{digest}", group.region, tuple(telling), again)
