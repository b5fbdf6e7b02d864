"""What every detector must pass (docs/architecture.md): one file each, put through these checks by being found.

It fires on its own example with the level and value that it states; repeats, other orders, restarts at any point and
replays change nothing; a view kept up bit by bit finds what one built at once finds; and honest enterprises leave it
silent.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec
import pytest

from config.moments import moment
from detectors.base import LEVEL_NAMES, MOST_EVIDENCE, Detector, Finding, level_of, newest
from detectors.registry import all_detectors
from monitor.stages import membership
from monitor.stages.signals import Judge
from tests.checks.honest import END, honest_province
from tests.engine import (
    Engine,
    Raw,
    Signal,
    contents,
    differences,
    event,
    exported,
    line,
    lines,
    run_file,
    shipped_rules,
)
from tests.reference.cases import make_case, rewritten

every_detector = pytest.mark.parametrize("detector", all_detectors(), ids=lambda one: one.id)
every_judged = pytest.mark.parametrize(
    "detector", [one for one in all_detectors() if not one.at_cut], ids=lambda one: one.id
)
"""Those that a stage judges; for the others see `tests/checks/test_cut_detectors.py`."""


def example_of(detector: Detector) -> list[bytes]:
    """The raw events of a detector's example, as lines."""
    return lines(detector.example()[0])


def found_by(detector: Detector, engine: Engine) -> list[Signal]:
    """The signals of one detector."""
    return [one for one in engine.signals() if one["detector"] == detector.id]


# --- it fires on its own example


@every_judged
def test_it_fires_once_on_its_example_with_the_level_and_value_it_states(detector: Detector) -> None:
    _, level, value = detector.example()
    (found,) = found_by(detector, Engine().take(example_of(detector)))
    assert (found["level"], found["value"]) == (level, pytest.approx(value))
    assert found["subject"]["kind"] == detector.subject
    assert level in detector.levels


@every_judged
def test_its_example_needs_what_it_shows(detector: Detector) -> None:
    raws, _, _ = detector.example()
    engine = Engine().take(lines(raws))
    for code in found_by(detector, engine)[0]["enterprises"]:
        without = Engine().take(lines(one for one in raws if one["subject"] != code))
        assert found_by(detector, without) != found_by(detector, engine)


@every_judged
def test_its_example_is_found_again_by_the_page_and_in_words(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(example_of(detector)))
    run_file(tmp_path / "home", tmp_path / "events.jsonl")
    (signal,) = [one for one in exported(tmp_path / "home") if one["detector"] == detector.id]
    for text in (*signal["reason"].values(), *signal["way_out"].values()):
        assert text
        assert "{" not in text
    assert signal["evidence"]
    known = {raw["id"] for raw in detector.example()[0]}
    assert {one["id"] for one in signal["evidence"]} <= known


# --- nothing but the set of events counts


def arrangements(case: list[bytes]) -> Iterator[tuple[list[bytes], int]]:
    """The same events in other orders, some repeated and written otherwise; with how often to judge."""
    for seed in range(6):
        chance = random.Random(seed)
        order = case[:]
        chance.shuffle(order)
        for one in chance.sample(case, len(case) // 2):
            order.insert(chance.randrange(order.index(one) + 1, len(order) + 1), rewritten(one, chance))
        yield order, seed % 3


@every_judged
def test_order_and_repeats_change_nothing(detector: Detector) -> None:
    wanted = Engine().take(example_of(detector)).signals()
    for order, pace in arrangements(example_of(detector)):
        assert not differences(Engine().take(order, judge_every=pace).signals(), wanted)


@every_judged
def test_it_survives_a_restart_at_any_point(detector: Detector, tmp_path: Path) -> None:
    case = example_of(detector)
    wanted = Engine().take(case).signals()
    for cut in range(len(case) + 1):
        engine = Engine().take(case[:cut]).restarted(tmp_path)
        assert not differences(engine.take(case[cut:]).signals(), wanted), cut


@every_judged
def test_a_replay_gives_the_same(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(example_of(detector)))
    run_file(tmp_path / "home", tmp_path / "events.jsonl")
    wanted = exported(tmp_path / "home")
    assert detector.id in {one["detector"] for one in wanted}
    for path in (tmp_path / "home" / "snapshots").iterdir():
        path.unlink()
    run_file(tmp_path / "home", tmp_path / "events.jsonl")
    assert exported(tmp_path / "home") == wanted


# --- views


class Recorder:
    """Takes the place of a detector's function and keeps what it was asked and said."""

    def __init__(self, detector: Detector) -> None:
        self.right = detector.find
        self.said: list[tuple[Finding | None, int]] = []

    def __call__(self, view: Any, parameters: Any, now: int) -> Finding | None:
        before = copy.deepcopy(contents(view))
        found = self.right(view, parameters, now)
        assert self.right(view, parameters, now) == found, "the same view, another finding"
        assert contents(view) == before, "a detector changed the view"
        self.said.append((found, now))
        return found


@every_judged
def test_it_is_a_pure_function_of_the_view(detector: Detector) -> None:
    recorder = Recorder(detector)
    msgspec.structs.force_setattr(detector, "find", recorder)
    try:
        Engine().take(example_of(detector), judge_every=1)
        Engine().take(make_case(1, 60), judge_every=20)
    finally:
        msgspec.structs.force_setattr(detector, "find", recorder.right)
    assert any(found for found, _ in recorder.said)
    for found, now in recorder.said:
        if found is not None:
            assert found.level in detector.levels
            assert len(found.evidence) <= MOST_EVIDENCE
            assert (found.selector is None) is bool(found.members)
            assert found.until is None or found.until > now


@cache
def crowd(seed: int) -> tuple[bytes, ...]:
    return tuple(make_case(seed, 150))


@every_judged
def test_a_view_kept_up_bit_by_bit_finds_what_one_built_at_once_finds(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for case in (example_of(detector), list(crowd(3))):
        found = []
        for unpacked, pace in ((1, 1), (3, 7), (10_000, 0)):
            monkeypatch.setattr(membership, "UNPACKED", unpacked)
            engine = Engine().take(case, judge_every=pace)
            found.append({(place, kind, ref): row for (place, kind, ref), row in engine.board.rows.items()})
        mine = [
            sorted(
                (
                    (row[0].level, row[0].value, row[0].since, sorted(row[0].evidence), row[1], sorted(row[2]))
                    for (place, _, _), row in rows.items()
                    if all_detectors()[place].id == detector.id
                ),
                key=repr,
            )
            for rows in found
        ]
        assert mine[0] == mine[1] == mine[2]


@every_judged
def test_a_change_that_does_not_concern_it_publishes_nothing_new(detector: Detector) -> None:
    engine = Engine().take(example_of(detector))
    before = engine.signals()
    engine.take([line(event("E9999", "tax.irregular", "2024-06-01T00:00:00Z"))])
    assert not differences(engine.signals(), before)


# --- silence


@cache
def honest_signals() -> tuple[Signal, ...]:
    case = lines(honest_province(1, 500))
    random.Random(1).shuffle(case)
    engine = Engine(clock=moment(END)).take(case, judge_every=500)
    assert engine.dead == []
    return tuple(engine.signals())


@every_judged
def test_it_is_silent_on_honest_enterprises(detector: Detector) -> None:
    assert [one for one in honest_signals() if one["detector"] == detector.id] == []


@every_judged
def test_it_is_silent_without_anything_to_say(detector: Detector) -> None:
    opening = [raw for raw in detector.example()[0] if raw["type"] == "registration.established"][:1]
    assert Engine().take(lines(opening)).signals() == []


# --- it describes itself


@every_detector
def test_it_says_all_about_itself(detector: Detector) -> None:
    texts = [detector.title, detector.finding, detector.way_out, *detector.levels.values(), *detector.false_positives]
    assert all(text.zh and text.en for text in texts)
    assert set(detector.levels) <= set(LEVEL_NAMES)
    assert detector.version >= 1
    assert detector.basis
    assert detector.false_positives
    assert detector.view in ("room", "person", "enterprise", "ties", "cut")
    parameters = shipped_rules().parameters(detector.id)
    named = {level for level, _ in parameters.get("levels", ())}
    named |= {parameters[name] for name in ("level", "weak_level") if name in parameters}
    assert named <= set(detector.levels)


@every_judged
def test_its_sentences_ask_only_for_what_its_findings_give(detector: Detector) -> None:
    engine = Engine().take(example_of(detector))
    place = all_detectors().index(detector)
    ((finding, _, _),) = [row for key, row in engine.board.rows.items() if key[0] == place]
    given = {"value", "lowest", *finding.facts}
    for text in (detector.reason, detector.way_out):
        for sentence in (text.zh, text.en):
            assert {name for _, name, _, _ in Formatter().parse(sentence) if name} <= given


@every_detector
def test_its_example_holds_public_events_of_made_up_subjects(detector: Detector) -> None:
    raws: list[Raw] = detector.example()[0]
    assert all(one["subject"].startswith("E") and len(one["subject"]) < 18 for one in raws)
    assert Engine().take(lines(raws)).dead == []


# --- what they share


@pytest.mark.parametrize(("number", "level"), [(4, 0), (5, 1), (9, 1), (10, 2), (19, 2), (20, 3), (10_000, 3)])
def test_a_level_is_the_highest_whose_threshold_is_reached(number: int, level: int) -> None:
    assert level_of(number, ((1, 5), (2, 10), (3, 20))) == level


def test_evidence_is_the_newest_hundred() -> None:
    evidence = [(at, 1, "a", 1) for at in range(250)]
    random.Random(1).shuffle(evidence)
    assert newest(evidence) == [(at, 1, "a", 1) for at in range(150, 250)]
    assert newest(evidence[:3]) == sorted(evidence[:3])


def test_a_judge_without_rules_says_nothing() -> None:
    engine = Engine()
    judge = Judge("address", [(0, all_detectors()[0])], engine.board)
    judge.judge(1, None, None, None, 0)
    assert engine.board.published == 0
