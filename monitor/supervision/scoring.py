"""What a subject's alerts, class and harm add up to: the priority of its task, and its place in the ranking.

One reckoning for both, and every part of it is shown. Points come from the policy (`config/queueing.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from config.moments import DAY
from config.queueing import QueuePolicy
from monitor.supervision.alerts import Alert

FORECAST: Final = "forecast"

PARTS: Final[dict[str, tuple[str, str]]] = {
    "level": ("预警等级", "level of the alerts"),
    "further_alerts": ("另有预警", "further alerts"),
    "class": ("风险分类", "class"),
    "age": ("预警时长", "age of the alerts"),
    "enterprises": ("涉及主体数", "enterprises beyond the first"),
    "penalties": ("近一年处罚", "penalties of the last year"),
    "complaints": ("近一年投诉", "complaints of the last year"),
    "failed_samples": ("近一年抽检不合格", "failed samples of the last year"),
    "sensitive_industry": ("食品药品等行业", "food, drugs and the like"),
    "second_opinion": ("模型第二意见", "second opinion of the models"),
    FORECAST: ("模型预测", "forecast, a second opinion"),
    "weak_identity": ("仅凭姓名", "rests on bare names"),
    "opening_stock": ("上线前已有", "there before the monitor went live"),
}
"""The parts of a priority, as people read them."""


class Harm(msgspec.Struct, frozen=True, gc=False):
    """What of the last year says that harm is near: numbers, and the industries (GB/T 4754) of the enterprises."""

    penalties: int = 0
    complaints: int = 0
    failed_samples: int = 0
    industries: tuple[str, ...] = ()


NO_HARM: Final = Harm()


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An alert that asks for attention, as the queue sees it. `kind` and `key` are its subject's; `enterprises` those
    that it counts, by code; `opened_at` a moment; `stock`: in force before the monitor went live.
    """

    alert: str
    kind: str
    key: str
    region: str | None
    level: int
    detector: str
    opened_at: int
    enterprises: tuple[str, ...]
    weak: bool = False
    stock: bool = False
    harm: Harm = NO_HARM


def candidate_of(alert: Alert, enterprises: Iterable[str], harm: Harm = NO_HARM) -> Candidate:
    """An alert as the queue sees it, with the enterprises that its signal counts."""
    signal = alert.signal
    return Candidate(
        alert=alert.id,
        kind=signal.kind,
        key=signal.key,
        region=signal.region,
        level=signal.level,
        detector=signal.detector,
        opened_at=alert.opened_at,
        enterprises=tuple(enterprises),
        weak=signal.weak,
        stock=alert.opening_stock,
        harm=harm,
    )


def target_of(kind: str, key: str) -> str:
    """What open tasks merge by: the code of an enterprise, or kind and key of another subject."""
    return key if kind == "enterprise" else f"{kind}:{key}"


class Reckoning:
    """The points of a policy at a moment, made ready for many subjects."""

    def __init__(self, policy: QueuePolicy, now: int) -> None:
        """`now` is what age is counted to."""
        weights = policy.weights
        self._now = now
        self._level = weights.level.by_level
        self._class = {"A": weights.cls.A, "B": weights.cls.B, "C": weights.cls.C, "D": weights.cls.D}
        self._unknown = policy.unknown_class
        self._further = weights.further_alert
        self._age = weights.age_day
        self._enterprise = weights.enterprise
        self._harm = weights.harm
        self._sensitive = weights.harm.sensitive_industries
        self._opinion = weights.second_opinion
        self._forecast = weights.forecast_in_task
        self._weak = weights.weak_identity
        self._stock = weights.opening_stock

    def parts(self, signals: Sequence[Candidate], cls: str | None) -> dict[str, float]:
        """The parts of the priority of one subject with all its alerts, by the names of PARTS; those that are 0 are
        left out. Their order is fixed, so that the sum is the same on every machine.
        """
        parts: dict[str, float] = {}
        points = self._class[cls or self._unknown]
        if not signals:
            return {"class": points} if points else parts
        first = signals[0]
        level, since, number, weak, stock = (
            first.level,
            first.opened_at,
            len(first.enterprises),
            first.weak,
            first.stock,
        )
        for one in signals[1:]:
            level = max(level, one.level)
            since = min(since, one.opened_at)
            number = max(number, len(one.enterprises))
            weak = weak and one.weak
            stock = stock and one.stock
        parts["level"] = self._level[level]
        if len(signals) > 1:
            parts["further_alerts"] = self._further.points(len(signals) - 1)
        if points:
            parts["class"] = points
        days = (self._now - since) // DAY
        if days > 0:
            parts["age"] = self._age.points(days)
        if number > 1:
            parts["enterprises"] = self._enterprise.points(number - 1)
        harm = first.harm if len(signals) == 1 else _worst(signals)
        if harm is not NO_HARM:
            self._add_harm(parts, harm)
        if weak:
            parts["weak_identity"] = -self._weak
        if stock:
            parts["opening_stock"] = -self._stock
        return parts

    def opinion(self, levels: Iterable[int]) -> dict[str, float]:
        """The part that the models' findings add, by their levels; none without findings."""
        total = sum(levels)
        return {"second_opinion": self._opinion.points(total)} if total else {}

    def forecast(self, chances: Mapping[str, float], codes: Iterable[str]) -> dict[str, float]:
        """The part that the forecast adds for the likeliest of some enterprises, to a tenth of a point; none where that
        is nothing. `chances`: of something adverse, by code.
        """
        points = round(self._forecast * max((chances.get(code, 0.0) for code in codes), default=0.0), 1)
        return {FORECAST: points} if points else {}

    def _add_harm(self, parts: dict[str, float], harm: Harm) -> None:
        weights = self._harm
        if harm.penalties:
            parts["penalties"] = weights.penalties.points(harm.penalties)
        if harm.complaints:
            parts["complaints"] = weights.complaints.points(harm.complaints)
        if harm.failed_samples:
            parts["failed_samples"] = weights.failed_samples.points(harm.failed_samples)
        for code in harm.industries:
            if code.startswith(self._sensitive):
                parts["sensitive_industry"] = weights.sensitive_industry
                return


def _worst(signals: Sequence[Candidate]) -> Harm:
    """The alerts of one subject tell of the same harm: the greatest numbers count."""
    if all(one.harm is NO_HARM for one in signals):
        return NO_HARM
    return Harm(
        max(one.harm.penalties for one in signals),
        max(one.harm.complaints for one in signals),
        max(one.harm.failed_samples for one in signals),
        tuple(sorted({code for one in signals for code in one.harm.industries})),
    )
