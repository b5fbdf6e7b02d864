"""What outcomes teach: how often a rule is a false alarm in a county, which threshold an owner might sign, and how much
targeting finds over chance.

Pure, and never in force by itself: a proposal is data for the owner of the rule. Intervals are Wilson's score interval
for a proportion (Wilson 1927, JASA 22:209-212) and the log method for a ratio of proportions (Katz et al. 1978,
Biometrics 34:469-474).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from config.queueing import Tuning
from monitor.supervision.alerts import Alert
from monitor.supervision.tasks import Task

FALSE_ALARM: Final = "false_alarm"
NOTHING: Final = frozenset({"none_found", FALSE_ALARM})
"""Outcomes that found nothing to act upon."""

EVERYWHERE: Final = ""
"""In place of a county: all of them."""


class Case(NamedTuple):
    """The outcome of a task for one of its alerts: the number that was compared and its lowest threshold then."""

    detector: str
    region: str
    value: float
    lowest: float
    false_alarm: bool


class Share(NamedTuple):
    """A proportion with the ends of its interval."""

    hits: int
    of: int
    share: float
    low: float
    high: float


class Proposal(NamedTuple):
    """For the owner of a rule to sign, or not. `threshold`: from which lowest threshold on the false alarms were borne,
    with their share there; None where none was found: the rule itself is to be looked at.
    """

    detector: str
    region: str
    now: float
    threshold: float | None
    false_alarms: Share
    then: Share | None


class Lift(NamedTuple):
    """How many times as often targeted tasks find something as random ones, with its interval."""

    targeted: Share
    control: Share
    ratio: float
    low: float
    high: float


def cases(tasks: Iterable[Task], alerts: Mapping[str, Alert]) -> list[Case]:
    """One case for each alert of each closed task, by the outcome that holds now."""
    return [
        Case(alert.signal.detector, task.region, alert.signal.value, alert.signal.lowest, _is_false(task))
        for task in tasks
        if task.status == "closed"
        for alert in (alerts[one] for one in task.alerts if one in alerts)
    ]


def _is_false(task: Task) -> bool:
    return task.outcome is not None and task.outcome.result == FALSE_ALARM


def wilson(hits: int, of: int, confidence: float) -> Share:
    """A proportion and its interval; of nothing, that is from 0 to 1."""
    if of == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    z = _z(confidence)
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    below = 1 + z * z / of
    low = 0.0 if hits == 0 else (middle - half) / below
    high = 1.0 if hits == of else (middle + half) / below
    return Share(hits, of, share, low, high)


def false_alarms(some: Iterable[Case], confidence: float) -> dict[tuple[str, str], Share]:
    """The share of false alarms by detector and county, and by detector everywhere."""
    counts: dict[tuple[str, str], list[int]] = {}
    for case in some:
        for place in (case.region, EVERYWHERE):
            count = counts.setdefault((case.detector, place), [0, 0])
            count[0] += case.false_alarm
            count[1] += 1
    return {key: wilson(hits, of, confidence) for key, (hits, of) in sorted(counts.items())}


def proposals(some: Sequence[Case], policy: Tuning) -> list[Proposal]:
    """Where a rule's false alarms are surely more than is borne, from enough outcomes: the least observed value from
    which on they were borne, again from enough outcomes.

    Only ever higher thresholds: of what a lower one would raise there are no outcomes.
    """
    places: dict[tuple[str, str], list[Case]] = {}
    for case in some:
        for place in (case.region, EVERYWHERE):
            places.setdefault((case.detector, place), []).append(case)
    out = []
    for (detector, region), own in sorted(places.items()):
        share = wilson(sum(case.false_alarm for case in own), len(own), policy.confidence)
        if len(own) < policy.least_outcomes or share.low <= policy.false_alarms_borne:
            continue
        now = max(case.lowest for case in own)
        threshold, then = _threshold(own, now, policy)
        out.append(Proposal(detector, region, now, threshold, share, then))
    return out


def _threshold(own: Sequence[Case], now: float, policy: Tuning) -> tuple[float | None, Share | None]:
    """The least value above the threshold of now from which on false alarms are borne, and their share there."""
    ordered = sorted(own, key=lambda case: case.value)
    left, wrong = len(ordered), sum(case.false_alarm for case in ordered)
    for place, case in enumerate(ordered):
        new = place == 0 or case.value != ordered[place - 1].value
        if new and left < policy.least_outcomes:
            break
        if new and case.value > now and wrong <= left * policy.false_alarms_borne:
            return case.value, wilson(wrong, left, policy.confidence)
        left -= 1
        wrong -= case.false_alarm
    return None, None


def lift(tasks: Iterable[Task], confidence: float) -> Lift | None:
    """How much closed tasks that rest on alerts find over those of the control sample; None without any of either.

    Where one of the two found nothing, or always something, half a case is added to each cell, so that the interval
    exists (Haldane 1956, Anscombe 1956). Tasks made by hand count on neither side.
    """
    counts = {True: [0, 0], False: [0, 0]}
    for task in tasks:
        if task.status == "closed" and task.outcome is not None and not task.by_hand:
            count = counts[task.control]
            count[0] += task.outcome.result not in NOTHING
            count[1] += 1
    (hits, of), (base_hits, base) = counts[False], counts[True]
    if not of or not base:
        return None
    half = 0.5 if 0 in (hits, base_hits) or hits == of or base_hits == base else 0.0
    a, n, b, m = hits + half, of + 2 * half, base_hits + half, base + 2 * half
    ratio = (a / n) / (b / m)
    error = _z(confidence) * sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return Lift(
        wilson(hits, of, confidence),
        wilson(base_hits, base, confidence),
        ratio,
        exp(log(ratio) - error),
        exp(log(ratio) + error),
    )


def _z(confidence: float) -> float:
    """The quantile of the normal distribution for a two-sided interval."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)
