"""What other rules would change: findings that would come, go, rise or fall, by detector and level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from config.moments import as_text
from config.ruleset import Rules
from detectors.base import LEVEL_NAMES, whole
from detectors.registry import all_detectors
from monitor.backtest.ledger import Held, Place
from monitor.backtest.trial import Trial

Change = Literal["comes", "goes", "rises", "falls"]
CHANGES: Final[dict[Change, tuple[str, str]]] = {
    "comes": ("新增", "comes"),
    "goes": ("消失", "goes"),
    "rises": ("升级", "rises"),
    "falls": ("降级", "falls"),
}


class Difference(msgspec.Struct, frozen=True):
    """One finding that differs. `today`, `other`: its levels, None where there is none; `since` in microseconds."""

    detector: str
    kind: str
    key: str
    label: str
    region: str | None
    change: Change
    today: int | None
    other: int | None
    value: float
    since: int
    reason: dict[str, str]

    def row(self) -> dict[str, Any]:
        """As a line of JSON."""
        return {
            "detector": self.detector,
            "subject": {"kind": self.kind, "key": self.key, "label": self.label},
            "region": self.region,
            "change": self.change,
            "today": self.today,
            "other": self.other,
            "value": whole(self.value),
            "since": as_text(self.since),
            "reason": self.reason,
        }


def differences(trial: Trial, today: Rules, other: Rules, since: int | None) -> list[Difference]:
    """What differs, the highest levels first. `since`: of what began at or after this moment alone."""
    found = []
    for place in trial.today.keys() | trial.other.keys():
        before, after = trial.today.get(place), trial.other.get(place)
        shown = after or before
        if shown is None or (since is not None and shown.since < since):
            continue
        change = _change(before, after)
        if change is not None:
            found.append(_difference(trial, place, before, after, shown, change, other if after else today))
    return sorted(found, key=_order)


def counted(found: dict[Place, Held], since: int | None) -> Counter[tuple[str, int]]:
    """How many findings there are, by detector and level."""
    names = [one.id for one in all_detectors()]
    began = -1 if since is None else since
    return Counter((names[place[0]], held.level) for place, held in found.items() if held.since >= began)


def lines(trial: Trial, differing: list[Difference], since: int | None) -> Iterator[tuple[str, list[str]]]:
    """A row a detector: for each level `today → other`, then how many come, go, rise and fall."""
    today, other = counted(trial.today, since), counted(trial.other, since)
    changes = Counter((one.detector, one.change) for one in differing)
    for detector in sorted({name for name, _ in (*today, *other)}):
        cells = []
        for level in LEVEL_NAMES:
            before, after = today[detector, level], other[detector, level]
            same = f"{before:,}" if before else "·"
            cells.append(same if before == after else f"{before:,} → {after:,}")
        yield detector, [*cells, *(f"{changes[detector, change]:,}" for change in CHANGES)]


def _change(before: Held | None, after: Held | None) -> Change | None:
    if before is None:
        return "comes"
    if after is None:
        return "goes"
    if before.level == after.level:
        return None
    return "rises" if after.level > before.level else "falls"


def _difference(
    trial: Trial, place: Place, before: Held | None, after: Held | None, shown: Held, change: Change, rules: Rules
) -> Difference:
    detector = all_detectors()[place[0]]
    key, label = trial.subjects[place[1], place[2]]
    levels = rules.parameters(detector.id, shown.region).get("levels", ((0, 0),))
    return Difference(
        detector=detector.id,
        kind=place[1],
        key=key,
        label=label,
        region=shown.region,
        change=change,
        today=None if before is None else before.level,
        other=None if after is None else after.level,
        value=shown.value,
        since=shown.since,
        reason=detector.said(shown.value, float(levels[0][1]), shown.facts)["reason"],
    )


def _order(one: Difference) -> tuple[Any, ...]:
    return -(one.other or one.today or 0), one.detector, one.change, one.kind, one.key
