"""What detectors that are computed at cuts of their own must pass: they fire on their example, whatever the order."""

from __future__ import annotations

import random
from pathlib import Path
from string import Formatter

import pytest

from config.moments import moment
from detectors.graph.groups import find_groups
from detectors.graph.view import Group
from monitor.modelling.naming import HomeNaming
from monitor.modelling.neighbours import DETECTOR, FlowNeighbours, flagged_subjects
from tests.checks.honest import END, honest_province
from tests.cuts import SHELLS, cut_groups, running
from tests.engine import event, exported, lines, shipped_rules
from tests.graph import plain
from tests.reference.cases import rewritten

EXAMPLE = lines(SHELLS.example()[0])


def found_in(home: Path, case: list[bytes]) -> list[Group]:
    with running(home, case) as runner:
        runner.go_live()
        with runner.reading() as connection:
            engine = connection.engine
        with engine.begin() as connection:
            return cut_groups(connection, runner.flow, shipped_rules())


def test_it_fires_once_on_its_example_with_the_level_and_value_it_states(tmp_path: Path) -> None:
    _, level, value = SHELLS.example()
    (found,) = found_in(tmp_path / "home", EXAMPLE)
    assert (found.finding.level, found.finding.value) == (level, value)
    (signal,) = [one for one in exported(tmp_path / "home") if one["detector"] == SHELLS.id]
    assert signal["subject"] == {"kind": "group", "key": found.key, "label": found.label}
    assert signal["enterprises"] == [f"E{number:03d}" for number in range(6)]
    assert (signal["level"], signal["value"], signal["region"]) == (level, value, "330106")
    assert {one["id"] for one in signal["evidence"]} <= {raw["id"] for raw in SHELLS.example()[0]}
    for text in (*signal["reason"].values(), *signal["way_out"].values()):
        assert text
        assert "{" not in text


def test_its_sentences_ask_only_for_what_its_findings_give(tmp_path: Path) -> None:
    (found,) = found_in(tmp_path / "home", EXAMPLE)
    given = {"value", "lowest", *found.finding.facts}
    for text in (SHELLS.reason, SHELLS.way_out):
        for sentence in (text.zh, text.en):
            assert {name for _, name, _, _ in Formatter().parse(sentence) if name} <= given


@pytest.mark.parametrize("seed", range(4))
def test_order_and_repeats_change_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    order = EXAMPLE[:]
    chance.shuffle(order)
    for one in chance.sample(EXAMPLE, 3):
        order.insert(chance.randrange(order.index(one) + 1, len(order) + 1), rewritten(one, chance))
    wanted, found = found_in(tmp_path / "one", EXAMPLE), found_in(tmp_path / "other", order)
    assert list(map(plain, found)) == list(map(plain, wanted))


def test_its_example_needs_what_it_shows(tmp_path: Path) -> None:
    for number in range(6):
        raws = [one for one in SHELLS.example()[0] if one["subject"] != f"E{number:03d}"]
        found = found_in(tmp_path / f"home{number}", lines(raws))
        assert all(f"E{number:03d}" not in group.codes for group in found)


def test_it_is_silent_on_honest_enterprises(tmp_path: Path) -> None:
    case = lines(honest_province(1, 500))
    with running(tmp_path / "home", case, clock=lambda: moment(END)) as runner, runner.reading() as connection:
        everybody = [(ref,) for ref in range(1, len(runner.flow.enterprises.records))]
        neighbours = FlowNeighbours(runner.flow, HomeNaming(connection), shipped_rules())
        rules = shipped_rules()
        assert find_groups(neighbours, everybody, {}, lambda region: rules.parameters(DETECTOR, region), 0) == []
        assert flagged_subjects(connection, rules, HomeNaming(connection)) == []


def test_a_group_falls_away_with_what_made_it(tmp_path: Path) -> None:
    ends = [
        event(f"E{number:03d}", "registration.deregistered", "2024-05-01T00:00:00Z", mode="simple")
        for number in range(4)
    ]
    (before,) = found_in(tmp_path / "home", EXAMPLE)
    with running(tmp_path / "home", lines(ends)) as runner:
        runner.go_live()
        with runner.reading() as connection:
            engine = connection.engine
        with engine.begin() as connection:
            assert cut_groups(connection, runner.flow, shipped_rules()) == []
    assert [one for one in exported(tmp_path / "home") if one["detector"] == SHELLS.id] == []
    assert before.codes == tuple(f"E{number:03d}" for number in range(6))
