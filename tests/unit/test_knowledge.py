"""What the queue asks about an enterprise: the harm that is near, by its newest industry in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.scorecards import load
from detectors.example import event, opened
from monitor.classing.book import ClassBook
from monitor.engine.knowledge import Knowing
from tests.unit.web_home import filled, take_in, writing


@pytest.mark.parametrize(
    ("changes", "industry"),
    [
        ([], "F5122"),
        ([("registration.changed", 10, {"industry": "H6210"})], "H6210"),
        ([("registration.changed", 10, {"phone": "1"})], "F5122"),
        ([("registration.changed", -10, {"industry": "H6210"})], "F5122"),
    ],
)
def test_harm_knows_the_whole_code_of_the_newest_industry(
    tmp_path: Path, changes: list[tuple[str, int, dict[str, str]]], industry: str
) -> None:
    with writing(filled(tmp_path)) as runner:
        events = [event("H001", kind, day, **data) for kind, day, data in changes]
        penalty = event("H001", "enforcement.penalised", 20, document="P")
        take_in(runner, tmp_path, [opened("H001", 0, industry="F5122"), *events, penalty])
        knowing = Knowing(ClassBook(load()))
        knowing.flow = runner.flow
        harm = knowing.harm_of("H001")
    assert harm.industries == (industry,)
    assert harm.penalties == 1
