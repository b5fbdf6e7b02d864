"""The form of a finding, and what several detectors share: levels, windows of happenings, strong before weak.

Between `world` and the `detectors_*` modules of the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.reference.thresholds import WEAK_LEVEL
from tests.reference.world import Enterprise

Levels = Sequence[tuple[int, int]]

Signal = dict[str, Any]
"""A signal in the export form of contract §4; `since` in RFC 3339, UTC with Z."""


def level_of(count: int, levels: Levels) -> int:
    """The level of a count, 0 for none; `levels` are (at least, level), highest first."""
    return next((level for least, level in levels if count >= least), 0)


def lowest(levels: Levels) -> int:
    """The lowest threshold."""
    return levels[-1][0]


def text_of(moment: datetime) -> str:
    """An instant as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def about_enterprise(
    detector: str,
    one: Enterprise,
    *,
    level: int,
    value: float,
    others: Iterable[Enterprise] = (),
    since: datetime,
    weak: bool = False,
) -> Signal:
    """A signal on an enterprise; weak ones are capped."""
    return {
        "detector": detector,
        "level": min(level, WEAK_LEVEL) if weak else level,
        "value": value,
        "enterprises": sorted({one.code} | {other.code for other in others}),
        "subject": {"kind": "enterprise", "key": one.code},
        "region": one.county,
        "since": text_of(since),
        "weak_identity": weak,
    }


def county_of_most(counted: Iterable[Enterprise]) -> str | None:
    """The county of most of the counted enterprises, of equals the smallest code; None if none has one."""
    counties = Counter(one.county for one in counted if one.county)
    return min(counties, key=lambda county: (-counties[county], county)) if counties else None


def strong_first(judge: Callable[[bool], Signal | None]) -> Signal | None:
    """Judges with strong identities alone, and only where that finds nothing with bare names as well."""
    return judge(False) or judge(True)


@dataclass(frozen=True)
class Happening:
    """Something at a time, with the enterprise it is about."""

    time: datetime
    one: Enterprise


@dataclass(frozen=True)
class Burst:
    """What windows of happenings found."""

    level: int
    value: int
    window: list[Happening]
    since: datetime


def burst(
    happenings: Iterable[Happening], levels: Levels, within: timedelta, force: timedelta, now: datetime
) -> Burst | None:
    """Windows of `within`, each up to and including its last happening, in force for `force` after it.

    The qualifying window is the latest in force that reaches the lowest threshold; level and value come from
    the fullest one in force.
    """
    rest = sorted(happenings, key=lambda happening: happening.time)
    qualifying = None
    fullest = 0
    for last in rest:
        if now - last.time > force:
            continue
        window = [one for one in rest if last.time - within <= one.time <= last.time]
        fullest = max(fullest, len(window))
        if len(window) >= lowest(levels):
            qualifying = window
    if qualifying is None:
        return None
    return Burst(level_of(fullest, levels), fullest, qualifying, qualifying[lowest(levels) - 1].time)
