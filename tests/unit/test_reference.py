"""The reference agrees with the worked cases, and the generated cases reach what they are meant to reach."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.reference import detectors_conduct as conduct
from tests.reference import detectors_persons as persons
from tests.reference import detectors_rooms as rooms
from tests.reference import detectors_ties as ties
from tests.reference import findings, world
from tests.reference.cases import RECEIVED, make_case, poisoned, repeated, shuffled
from tests.reference.cases_poison import AHEAD, BLANK, BROKEN, MISSING, REPLACED
from tests.reference.findings import Signal
from tests.reference.intake import Intake
from tests.reference.naive import signals

EXAMPLES = Path(__file__).parent.parent / "data" / "example_cases"
SEEDS = range(1, 13)
SIZE = 600


def comparable(found: Iterable[Signal]) -> Counter[tuple[Any, ...]]:
    """The fields that the worked cases state, as a multiset; shares to half a percentage point."""
    return Counter(
        (
            one["detector"],
            one["level"],
            round(one["value"] * 200) if one["detector"] == "address-at-risk" else one["value"],
            tuple(one["enterprises"]),
            one["subject"]["kind"],
            one["subject"]["key"] if one["subject"]["kind"] == "enterprise" else None,
        )
        for one in found
    )


@cache
def lines_of(seed: int) -> list[bytes]:
    """The case of a seed."""
    return make_case(seed, SIZE)


@cache
def right_signals(seed: int) -> Counter[tuple[Any, ...]]:
    """What the reference finds in it."""
    return comparable(signals(lines_of(seed), received=RECEIVED).signals)


@pytest.mark.parametrize(("case", "dead_letters"), [("plain", (38, 40)), ("hubs", (0, 0)), ("nasty", (57, 60))])
def test_worked_case_comes_out(case: str, dead_letters: tuple[int, int]) -> None:
    with gzip.open(EXAMPLES / case / "events.jsonl.gz", "rb") as lines:
        result = signals(lines, received=datetime.now(UTC))
    expected = [json.loads(line) for line in (EXAMPLES / case / "signals.jsonl").read_text("utf-8").splitlines()]
    assert comparable(result.signals) == comparable(expected)
    assert dead_letters[0] <= len(result.dead_letters) <= dead_letters[1]


def test_cases_reach_every_detector_at_every_level_and_with_bare_names() -> None:
    seen = {
        (one["detector"], one["level"], one["weak_identity"])
        for seed in SEEDS
        for one in signals(lines_of(seed), received=RECEIVED).signals
    }
    levels = {
        "one-address-many-licences": (1, 2, 3, 4),
        "address-burst": (2, 3),
        "address-at-risk": (2, 3),
        "one-person-many-enterprises": (1, 2, 3),
        "person-burst": (2, 3),
        "barred-person-appointed": (3,),
        "untraceable": (1, 2, 3, 4),
        "phoenix": (3,),
        "frequent-changes": (1, 2),
        "linked-risk": (1, 2),
        "complaint-surge": (2, 3),
    }
    weak = ("one-person-many-enterprises", "person-burst", "barred-person-appointed", "phoenix", "linked-risk")
    wanted = {(detector, level, False) for detector, each in levels.items() for level in each}
    assert seen >= wanted | {(detector, 1, True) for detector in (*weak, "frequent-changes")}


DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [
        (rooms, "ONE_ADDRESS", ((50, 4), (20, 3), (10, 2), (6, 1))),
        (rooms, "ONE_ADDRESS", ((50, 4), (20, 3), (11, 2), (5, 1))),
        (rooms, "ADDRESS_BURST", ((10, 3), (6, 2))),
        (rooms, "ADDRESS_BURST", ((11, 3), (5, 2))),
        (rooms, "AT_RISK_PER_CENT", ((60, 3), (31, 2))),
        (rooms, "AT_RISK_PER_CENT", ((61, 3), (30, 2))),
        (rooms, "AT_RISK_EVER", 6),
        (rooms, "BURST_DAYS", 30 * DAY - SECOND),
        (rooms, "BURST_FORCE", 180 * DAY - SECOND),
        (persons, "ONE_PERSON", ((20, 3), (10, 2), (6, 1))),
        (persons, "PERSON_BURST", ((5, 3), (4, 2))),
        (persons, "PERSON_BURST", ((6, 3), (3, 2))),
        (persons, "BURST_DAYS", 30 * DAY - SECOND),
        (persons, "BURST_DAYS", 30 * DAY + SECOND),
        (ties, "BAR_YEARS", 2),
        (ties, "LINKED", ((5, 2), (3, 1))),
        (ties, "LINKED", ((6, 2), (2, 1))),
        (ties, "PHOENIX_DAYS", 180 * DAY - SECOND),
        (ties, "PHOENIX_DAYS", 180 * DAY + SECOND),
        (ties, "PHOENIX_FORCE", 365 * DAY - SECOND),
        (ties, "PHOENIX_FORCE", 365 * DAY + SECOND),
        (world, "HUB", 199),
        (world, "HUB", 201),
        (conduct, "LETTER_DAYS", (16, 30)),
        (conduct, "LETTER_DAYS", (14, 30)),
        (conduct, "LETTER_DAYS", (15, 29)),
        (conduct, "LETTER_DAYS", (15, 31)),
        (conduct, "CHANGES", ((5, 2), (4, 1))),
        (conduct, "CHANGES", ((6, 2), (3, 1))),
        (conduct, "CHANGE_DAYS", 180 * DAY - SECOND),
        (conduct, "CHANGE_DAYS", 180 * DAY + SECOND),
        (conduct, "CHANGE_FORCE", 180 * DAY - SECOND),
        (conduct, "CHANGE_FORCE", 180 * DAY + SECOND),
        (conduct, "COMPLAINTS", ((15, 3), (6, 2))),
        (conduct, "COMPLAINTS", ((16, 3), (5, 2))),
        (conduct, "COMPLAINT_DAYS", 30 * DAY - SECOND),
        (conduct, "COMPLAINT_DAYS", 30 * DAY + SECOND),
        (conduct, "COMPLAINT_FORCE", 90 * DAY - SECOND),
        (conduct, "COMPLAINT_FORCE", 90 * DAY + SECOND),
        (findings, "WEAK_LEVEL", 3),
    ],
)
def test_cases_stand_on_the_edge_of_every_number(
    module: ModuleType, name: str, other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = {seed: right_signals(seed) for seed in SEEDS}
    monkeypatch.setattr(module, name, other)
    assert any(comparable(signals(lines_of(seed), received=RECEIVED).signals) != right[seed] for seed in SEEDS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_repeats_and_bad_lines_change_no_signal(seed: int) -> None:
    lines = make_case(seed, 300)
    expected = signals(lines, received=RECEIVED)
    assert expected.dead_letters == []
    assert signals(shuffled(lines, seed), received=RECEIVED).signals == expected.signals
    again = repeated(lines, seed)
    assert len(again) > len(lines)
    assert signals(again, received=RECEIVED) == expected
    bad = signals(poisoned(shuffled(again, seed), seed), received=RECEIVED)
    assert bad.signals == expected.signals
    refused = (
        len(BROKEN) + len(REPLACED) + len(AHEAD) + len(MISSING) + len(("cut", "not_utf8", "time", "type", "recorded"))
    )
    assert len(bad.dead_letters) == refused
    assert len(BLANK) + refused == len(poisoned(again, seed)) - len(again)
    assert [reason for _, reason in bad.dead_letters].count("conflicting_repeat") == 3


def test_a_case_is_the_same_each_time_and_another_for_another_seed() -> None:
    assert make_case(7, 80) == make_case(7, 80)
    assert make_case(7, 80) != make_case(8, 80)
    assert poisoned(make_case(7, 80), 1) == poisoned(make_case(7, 80), 1)


TICK = {"specversion": "1.0", "id": "1", "source": "s", "type": "clock.ticked", "subject": "clock", "data": {}}
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def reason(line: bytes) -> str | None:
    """Why a line is refused, None where it is not."""
    intake = Intake(NOW)
    intake.receive(line)
    return intake.refusals[0].reason if intake.refusals else None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"time": "2025-03-02T12:00:00Z"}, None),
        ({"time": "2025-03-02T12:00:00.000001Z"}, "too_far_ahead"),
        ({"time": "2025-03-02T20:00:00+08:00"}, None),
        ({"time": "2025-03-01T12:00:00"}, "no_time:time"),
        ({"extra": json.loads("[" * 63 + "]" * 63)}, None),
        ({"extra": json.loads("[" * 64 + "]" * 64)}, "too_deep"),
        ({"extra": "[" * 99}, None),
        ({"traceparent": None}, None),
        ({"recordedtime": None}, "null:recordedtime"),
        ({"type": "report.filed", "subject": "abcd", "data": {"year": 2023, "x": None}}, None),
        ({"type": "report.filed", "subject": "abcd", "data": {"year": None}}, "null:year"),
        ({"type": "report.filed", "subject": "abc", "data": {"year": 2023}}, "wrong_value:subject"),
        ({"type": "registration.changed", "subject": "abcd", "data": {}}, None),
    ],
)
def test_intake_at_its_limits(changes: dict[str, Any], expected: str | None) -> None:
    line = json.dumps(TICK | {"time": "2025-03-01T00:00:00Z"} | changes).encode()
    assert reason(line) == expected


@pytest.mark.parametrize(("size", "expected"), [(256 * 1024, None), (256 * 1024 + 1, "too_large")])
def test_intake_at_its_limit_of_size(size: int, expected: str | None) -> None:
    event = TICK | {"time": "2025-03-01T00:00:00Z", "extra": ""}
    padding = size - len(json.dumps(event))
    line = json.dumps(event | {"extra": "x" * padding}).encode()
    assert len(line) == size
    assert reason("\ufeff".encode() + line + b"\r\n") == expected


def test_a_dead_letter_is_not_seen() -> None:
    intake = Intake(NOW)
    good = json.dumps(TICK | {"time": "2025-03-01T00:00:00Z"}).encode()
    for line in (json.dumps(TICK | {"time": "2026-03-01T00:00:00Z"}).encode(), good, good):
        intake.receive(line)
    assert [refusal.reason for refusal in intake.refusals] == ["too_far_ahead"]
    assert len(intake.events) == 1
