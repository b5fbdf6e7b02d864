"""Classes are those of the reference, whatever the order, the repeats and the interruptions.

Small worlds of `chaos`, with every event that only classes look at, dated around the anniversaries at which it lapses.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config import scorecards
from config.moments import shanghai_date
from detectors.registry import all_detectors
from monitor.classing.book import ClassBook
from monitor.classing.items import Item, Reckoning
from monitor.classing.reckoning import Standing
from tests import engine
from tests.engine import Engine
from tests.property.chaos import make_chaos, small_reference, small_rules
from tests.reference import cases, classes, naive
from tests.reference.cases_maker import RECEIVED
from tests.reference.intake import Intake
from tests.reference.world import World

CARDS = scorecards.load()
PLAIN = classes.Cards(CARDS.texts)
DAYS_BACK = (*(0, 1, 40), *(round(365.2425 * years) + days for years in (1, 2, 3, 5) for days in (-1, 0, 1)))
TYPES = (
    *("enforcement.penalised", "objection.filed", "complaint.received", "enforcement.inspected") * 3,
    *("sampling.failed", "sampling.passed", "commitment.breached", "honour.awarded", "court.defaulter_listed"),
    *("court.defaulter_removed", "credit.repaired", "objection.decided", "objection.decided"),
    "enforcement.abnormal_listed",
    *("enforcement.abnormal_removed", "enforcement.dishonest_listed", "report.missed", "report.filed", "tax.irregular"),
)
RESULTS = ("none_found", "not_disclosed", "false_disclosure", "corrected", "uncooperative", "unreachable", "pending")
seeds = st.integers(0, 2**32 - 1)


def world_of(seed: int, enterprises: int, events: int) -> list[bytes]:
    """Lines of a small world: of every enterprise an establishment, chaos, and what classes look at."""
    chance = random.Random(seed)
    codes = [f"E{number:03d}" for number in range(enterprises)]
    lines = make_chaos(seed, enterprises=enterprises, events=60)
    for code in codes:
        data: dict[str, Any] = {
            "name": "测试",
            "kind": chance.choice(("enterprise", "individual", "individual", "cooperative", "branch")),
            "address": {"text": "https://shop.example.com/s/7" if chance.random() < 0.2 else "文三路90号1幢101室"},
            "persons": [],
            "industry": chance.choice(("C1411", "F5191", "I6429", "H6210", "A0111", "")),
        }
        at = RECEIVED - timedelta(days=chance.choice(DAYS_BACK))
        lines.append(engine.line(engine.event(code, "registration.established", at.isoformat(), id=f"o{code}", **data)))
    for number in range(events):
        kind = chance.choice(TYPES)
        at = RECEIVED - timedelta(days=chance.choice(DAYS_BACK), seconds=chance.choice((0, 1, 8 * 3600, 16 * 3600)))
        named = {"id": f"c{number}", "source": chance.choice(("//a", "//b"))}
        data = data_of(chance, kind)
        lines.append(engine.line(engine.event(chance.choice(codes), kind, at.isoformat(), **named, **data)))
    return lines


def data_of(chance: random.Random, kind: str) -> dict[str, Any]:
    document = {"document": f"{'文号〔2024〕' * chance.randrange(2)}{chance.randrange(4)}"}
    match kind:
        case "enforcement.penalised":
            category = chance.choice(({}, {"category": "警告"}, {"category": "罚款"}, {"category": "责令停产停业"}))
            amount = chance.choice(({}, {"amount": chance.choice((0, 999, 9_999.5, 10_000, 199_999, 200_000))}))
            return {**document, **category, **amount}
        case "complaint.received":
            number = {"number": str(chance.randrange(5))}
            return {**number, **chance.choice(({}, {"verified": True}, {"verified": True}, {"verified": False}))}
        case "enforcement.inspected":
            return {"results": chance.sample(RESULTS, chance.choice((0, 1, 1, 2)))}
        case "report.missed" | "report.filed":
            return {"year": chance.choice((2021, 2022, 2023))}
        case "credit.repaired":
            return {"documents": [document["document"]]}
        case "objection.decided":
            return document | {"upheld": chance.random() < 0.5}
        case "enforcement.abnormal_listed" | "enforcement.abnormal_removed":
            return {"ground": chance.choice(classes.GROUNDS), **chance.choice(({}, document))}
        case "objection.filed":
            return document
    return chance.choice(({}, document))


def reckonings(running: Engine) -> dict[str, dict[str, Any]]:
    """The classes of an engine, in the form of the reference."""
    return {
        running.codes[ref]: plain(found)
        for ref, found in ClassBook(CARDS).recompute(
            running.flow.enterprises, running.flow.assessment, standings(running), running.flow.now
        )
        if found is not None
    }


def standings(running: Engine) -> dict[int, list[Standing]]:
    found: dict[int, list[Standing]] = {}
    for (place, kind, ref), (finding, _, members) in running.board.rows.items():
        for member in [ref] if kind == "enterprise" else members:
            if not finding.weak:
                detector = all_detectors()[place].id
                found.setdefault(member, []).append(Standing(detector, finding.level, finding.since, ()))
    return found


def plain(found: Reckoning) -> dict[str, Any]:
    card = CARDS.card(found.kind, found.industry, found.platform)
    points: Counter[str] = Counter()
    rows: Counter[tuple[Any, ...]] = Counter()
    for item in found.items:
        points[item.id] += item.points
        if not card.lines[item.id].item.once:
            rows[item.id, tuple(event[2] for event in item.events), lapse(item), item.disputed] += 1
    return {"class": found.class_, "score": found.score, "kind": found.kind, "points": dict(points), "rows": rows}


def lapse(item: Item) -> str | None:
    return None if item.lapses_at is None else shanghai_date(item.lapses_at).isoformat()


def wanted(lines: list[bytes]) -> dict[str, dict[str, Any]]:
    """The classes of the reference."""
    result = naive.signals(lines, received=RECEIVED)
    intake = Intake(RECEIVED)
    for line in lines:
        intake.receive(line)
    assert result.now is not None
    world = World(intake.events.values(), result.now)
    found = {}
    for code in world.enterprises:
        one = classes.reckon(world, code, result.signals, PLAIN, result.now)
        if one is not None:
            points: Counter[str] = Counter()
            rows: Counter[tuple[Any, ...]] = Counter()
            for name, count, ids, lapses, disputed in one.pop("items"):
                points[name] += count
                if ids:
                    rows[name, ids, lapses, disputed] += 1
            found[code] = one | {"points": dict(points), "rows": rows}
    return found


@settings(max_examples=40)
@given(seeds, st.sampled_from((4, 8)), st.sampled_from((40, 120)), st.booleans())
@example(1, 8, 120, True)
def test_classes_are_those_of_the_reference(seed: int, enterprises: int, events: int, trouble: bool) -> None:
    lines = world_of(seed, enterprises, events)
    with small_reference():
        expected = wanted(lines)
    if trouble:
        lines = cases.repeated(cases.shuffled(lines, seed), seed)
    running = Engine(rules=small_rules()).take(lines[: len(lines) // 2])
    with TemporaryDirectory() as folder:
        running = running.restarted(Path(folder))
    assert reckonings(running.take(lines[len(lines) // 2 :])) == expected
    with TemporaryDirectory() as folder:
        assert reckonings(running.restarted(Path(folder))) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_the_classes_of_a_whole_run_are_those_of_the_reference(seed: int, tmp_path: Path) -> None:
    lines = [*cases.make_case(seed, 80), *world_of(seed, 6, 80)]
    engine.run_file(tmp_path / "home", engine.save(tmp_path / "a.jsonl", cases.shuffled(lines, seed)))
    found = engine.read_home(tmp_path / "home", lambda reader: list(reader.classes()))
    assert {one["subject"]: (one["class"], one["score"]) for one in found} == {
        code: (one["class"], one["score"]) for code, one in wanted(lines).items()
    }
    assert len({one["class"] for one in found}) > 2
