"""Shell clusters planted by `generate`, found through the whole engine: who is in, and who is not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from detectors.graph.view import Group
from models.population import write_province
from monitor.modelling.clustering import groups_at, lately_opened
from monitor.modelling.naming import HomeNaming
from tests.cuts import SHELLS, running
from tests.engine import shipped_rules
from tests.graph import plain

RECEIVED = 1_780_000_000_000_000
"""After the end of the generated window."""


def found_in(home: Path, lines: list[bytes]) -> list[Group]:
    with running(home, lines, clock=lambda: RECEIVED) as runner, runner.reading() as connection:
        presents = lately_opened(runner.flow, shipped_rules())
        return groups_at(connection, runner.flow, shipped_rules(), HomeNaming(connection), presents)


def test_planted_groups_are_found_whole_and_nothing_else(tmp_path: Path) -> None:
    write_province(2_500, 5, 5, tmp_path)
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    planted: list[dict[str, Any]] = [one for one in truth if one["detector"] == SHELLS.id]
    wanted = {tuple(sorted(one["enterprises"])) for one in planted if one["fires"]}
    silent = {code for one in planted if not one["fires"] for code in one["enterprises"]}
    found = found_in(tmp_path / "home", lines)
    assert wanted
    assert silent
    assert {group.codes for group in found} == wanted
    assert silent.isdisjoint(code for group in found for code in group.codes)
    random.Random(1).shuffle(lines)
    assert list(map(plain, found_in(tmp_path / "shuffled", lines))) == list(map(plain, found))
