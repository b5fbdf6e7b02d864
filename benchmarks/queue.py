"""A day's queue: the tasks of 90 counties out of a storm of alerts, beside the same alerts merely sorted by level.

`python -m benchmarks.queue [CANDIDATES]` (default 500,000): made-up alerts, nine of ten on enterprises, one of ten on
rooms and persons of two to thirty enterprises; 4,500 open tasks, visits made this year, classes in the published mix.
The baseline groups by county and sorts by level alone: no merging, points, caps or reasons.
"""

from __future__ import annotations

import datetime as dt
import gc
import random
import statistics
import sys

from benchmarks.machine import described, peak_mib, say, timed
from config.moments import DAY, parse_moment
from config.queueing import QueuePolicy
from config.workdays import Deadline
from monitor.supervision.queue import Context, Proposals, propose
from monitor.supervision.scoring import Candidate, Harm
from monitor.supervision.tasks import Task, proposed

_NOW = parse_moment("2026-06-01T01:00:00Z")
_COUNTIES = [f"33{number:04d}" for number in range(90)]
_MIX = "A" * 65 + "B" * 25 + "C" * 8 + "D" * 2
_ROUNDS = 5


class Pool:
    """Ten thousand enterprises a county."""

    def counties(self) -> list[str]:
        """All of them."""
        return _COUNTIES

    def size(self, county: str) -> int:
        """The same for each."""
        return 10_000

    def at(self, county: str, place: int) -> str:
        """A code that no candidate has."""
        return f"{county}P{place:06d}"


def storm(count: int, chance: random.Random) -> list[Candidate]:
    """Alerts in a random order."""
    some = []
    for number in range(count):
        county = chance.choice(_COUNTIES)
        code = f"{county}E{chance.randrange(max(count // 60, 1)):06d}"
        codes: tuple[str, ...] = (code,)
        kind, key = "enterprise", code
        if number % 10 == 0:
            kind, key = chance.choice(("address", "person")), f"K{number:07d}"
            codes = tuple(f"{county}E{chance.randrange(9000):06d}" for _ in range(chance.randrange(2, 30)))
        some.append(
            Candidate(
                alert=f"a-{number:07d}",
                kind=kind,
                key=key,
                region=county,
                level=chance.choices((1, 2, 3, 4), (60, 25, 12, 3))[0],
                detector=chance.choice(("linked-risk", "complaint-surge", "phoenix", "untraceable")),
                opened_at=_NOW - chance.randrange(60) * DAY,
                enterprises=codes,
                weak=chance.random() < 0.1,
                harm=Harm(penalties=chance.randrange(3), industries=("H62",)) if number % 3 == 0 else Harm(),
            )
        )
    return some


def standing(chance: random.Random) -> list[Task]:
    """Fifty open tasks a county."""
    return [
        proposed(
            _NOW - chance.randrange(1, 30) * DAY,
            region=county,
            target=f"{county}E{number:06d}",
            enterprises=[f"{county}E{number:06d}"],
            alerts=[],
            parts={"level": 25.0},
            cls="C",
            mode="on_site",
            due=Deadline(dt.date(2026, 6, 30), provisional=False),
        )
        for county in _COUNTIES
        for number in range(50)
    ]


def by_level(candidates: list[Candidate]) -> int:
    """The baseline: the first twenty of each county by level alone."""
    counties: dict[str, list[Candidate]] = {}
    for one in candidates:
        counties.setdefault(one.region or "", []).append(one)
    return sum(len(sorted(some, key=lambda one: (-one.level, one.alert))[:20]) for some in counties.values())


def main(count: int) -> None:
    """Five rounds of each."""
    say(described())
    chance = random.Random(20260601)
    candidates, tasks = storm(count, chance), standing(chance)
    made = [dt.date(2026, 3, 1), dt.date(2026, 4, 1)]
    context = Context(
        now=_NOW,
        class_of=lambda code: _MIX[int(code[-6:]) % 100],
        tolerated=lambda code: code.endswith("77"),
        visits_of=lambda code: made[: int(code[-1]) % 3],
        has_alert=lambda code: False,
        open_tasks=tasks,
        pool=Pool(),
    )
    policy = QueuePolicy()

    def queue() -> Proposals:
        return propose(candidates, context, policy)

    gc.freeze()
    base, walls, processors = [], [], []
    for _ in range(_ROUNDS):
        base.append(timed(lambda: by_level(candidates))[1])
        out, wall, processor = timed(queue)
        walls.append(wall)
        processors.append(processor)
    reasons: dict[str, int] = {}
    for counts in out.counts.values():
        for reason, number in counts.items():
            reasons[reason] = reasons.get(reason, 0) + number
    say(f"candidates {len(candidates):,}, open tasks {len(tasks):,}, counties {len(_COUNTIES)}")
    say(f"tasks {len(out.tasks):,}, joining {len(out.joining):,}, not made: {reasons}")
    say(f"sorted by level alone: {statistics.median(base):.2f} s (median of {_ROUNDS})")
    say(
        f"the queue: {statistics.median(walls):.2f} s, {statistics.median(processors):.2f} s of processor "
        f"(least {min(processors):.2f}), {statistics.median(walls) / len(candidates) * 1e6:.1f} µs an alert; "
        f"peak {peak_mib():.0f} MiB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
