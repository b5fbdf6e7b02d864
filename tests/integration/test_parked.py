"""A defect of ours parks the subject that it hits, and nothing else; after the fix all is as if it had never been."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.registry import by_id
from monitor import addresses
from monitor.runners import core, flow
from monitor.stages import membership
from monitor.stages.persons import Persons
from tests.engine import (
    Engine,
    differences,
    event,
    exported,
    line,
    lines,
    opened,
    read_home,
    run_file,
    save,
)
from tests.reference.cases import make_case


def parked(home: Path) -> list[dict[str, Any]]:
    return read_home(home, lambda reader: reader.parked())


@contextmanager
def broken(detector: str, fails: Callable[[Any], bool]) -> Iterator[None]:
    """A detector that raises for some views."""
    one = by_id(detector)
    right = one.find

    def find(view: Any, parameters: Any, now: int) -> Any:
        if fails(view):
            raise ZeroDivisionError("a defect of ours")
        return right(view, parameters, now)

    msgspec.structs.force_setattr(one, "find", find)
    try:
        yield
    finally:
        msgspec.structs.force_setattr(one, "find", right)


def test_a_defect_in_a_detector_parks_its_subject_and_nothing_else(tmp_path: Path) -> None:
    case = make_case(11, 200)
    source = save(tmp_path / "events.jsonl", case)
    run_file(tmp_path / "sound", source)
    sound = exported(tmp_path / "sound")
    victim = next(one["subject"]["key"] for one in sound if one["detector"] == "untraceable")
    known = read_home(tmp_path / "sound", lambda reader: reader.enterprise(victim))
    assert known is not None
    ref = known["ref"]
    home = tmp_path / "home"
    with broken("untraceable", lambda view: view.ref == ref):
        run_file(home, source)
        assert [(one["stage"], one["subject"]) for one in parked(home)] == [("enterprises", ref)]
        assert "ZeroDivisionError: a defect of ours" in parked(home)[0]["reason"]
        others = [one for one in sound if not (one["detector"] == "untraceable" and one["subject"]["key"] == victim)]
        assert not differences(exported(home), others)
        assert all(one["stale"] is (one["subject"]["key"] == victim) for one in exported(home))
        # A restart does not forget it, and does not stumble over it.
        run_file(home, source)
        assert len(parked(home)) == 1
    run_file(home, source)
    assert parked(home) == []
    assert not differences(exported(home), sound)
    assert not any(one["stale"] for one in exported(home))


def test_signals_of_a_parked_subject_stay_and_are_stale(tmp_path: Path) -> None:
    raws = [opened("E0001"), event("E0001", "enforcement.visited", "2025-02-01T00:00:00Z", found=False)]
    home, source = tmp_path / "home", save(tmp_path / "events.jsonl", lines(raws))
    run_file(home, source)
    (before,) = exported(home)
    assert not before["stale"]
    with source.open("ab") as file:
        file.write(line(event("E0001", "enforcement.visited", "2025-03-01T00:00:00Z", found=True)) + b"\n")
    with broken("untraceable", lambda view: True):
        run_file(home, source)
    (during,) = exported(home)
    assert during == {**before, "stale": True}
    run_file(home, source)
    assert exported(home) == []


def test_all_signals_of_a_subject_are_fresh_again_after_the_fix(tmp_path: Path) -> None:
    leader = [{"role": "operator", "id": "p-one"}]
    raws = [{**opened(f"E000{number}", persons=leader), "time": f"202{number}-01-01T00:00:00Z"} for number in range(3)]
    raws += [
        event(f"E000{number}", "enforcement.abnormal_listed", "2025-02-01T00:00:00Z", ground="unreachable")
        for number in range(3)
    ]
    home, source = tmp_path / "home", save(tmp_path / "events.jsonl", lines(raws))
    run_file(home, source)
    before = exported(home)
    assert {one["detector"] for one in before} == {"untraceable", "linked-risk"}
    with source.open("ab") as file:
        file.write(line(event("E0001", "honour.awarded", "2025-03-01T00:00:00Z")) + b"\n")
    with broken("untraceable", lambda view: True):
        run_file(home, source)
    stale = {(one["subject"]["key"], one["detector"]) for one in exported(home) if one["stale"]}
    assert stale == {("E0001", "untraceable"), ("E0001", "linked-risk")}
    run_file(home, source)
    assert exported(home) == before


@pytest.mark.parametrize("interrupted", [False, True])
def test_an_event_that_could_not_be_filed_is_filed_after_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    case = make_case(12, 150)
    first = save(tmp_path / "a.jsonl", case[:200])
    second = save(tmp_path / "b.jsonl", case[200:])
    run_file(tmp_path / "sound", first, second)
    sound = exported(tmp_path / "sound")
    right = addresses.normalise

    def normalise(text: str, region: str | None = None) -> Any:
        if "文三路" in text:
            raise IndexError("a defect of ours")
        return right(text, region)

    home = tmp_path / "home"
    if interrupted:
        monkeypatch.setattr(core, "_SNAPSHOT_EVENTS", 20)
        monkeypatch.setattr(core, "_SNAPSHOT_SHARE", 0)
    monkeypatch.setattr(flow, "normalise", normalise)
    run_file(home, first, second)
    assert {one["stage"] for one in parked(home)} == {flow.UNFILED}
    assert differences(exported(home), sound)
    run_file(home, first, second)
    assert {one["stage"] for one in parked(home)} == {flow.UNFILED}
    monkeypatch.setattr(flow, "normalise", right)
    run_file(home, first, second)
    assert parked(home) == []
    assert not differences(exported(home), sound)


def test_a_defect_in_the_middle_of_a_stage_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(13, 400)
    middle = len(case) // 2
    first, second = save(tmp_path / "a.jsonl", case[:middle]), save(tmp_path / "b.jsonl", case[middle:])
    run_file(tmp_path / "sound", first, second)
    home = tmp_path / "home"
    run_file(home, first)
    right = Persons._bars  # noqa: SLF001 -- the deepest place of the stage

    def fails(*arguments: Any) -> Any:
        if random.Random(len(arguments[0].enterprises)).random() < 0.5:
            raise KeyError("a defect of ours")
        return right(*arguments)

    monkeypatch.setattr(Persons, "_bars", staticmethod(fails))
    run_file(home, first, second)
    assert {one["stage"] for one in parked(home)} == {"persons"}
    monkeypatch.setattr(Persons, "_bars", staticmethod(right))
    run_file(home, first, second)
    assert parked(home) == []
    assert not differences(exported(home), exported(tmp_path / "sound"))


def test_a_hub_whose_judgement_failed_loses_no_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "UNPACKED", 3)
    room = {"text": "浙江省杭州市西湖区文三路90号1幢101室"}
    members = [
        event(
            f"E{number:04d}",
            "registration.established",
            f"202{number % 5}-01-01T00:00:00Z",
            id=str(number),
            **{"name": "甲", "kind": "enterprise", "address": room, "persons": []},
        )
        for number in range(9)
    ]
    engine = Engine().take(lines(members[:6]))
    for one in members[6:8]:
        engine.receive(line(one))
    with broken("one-address-many-licences", lambda view: len(view.counted) == 8):
        engine.flow.judge()
        assert [stage for stage, _ in engine.flow.parked] == ["rooms"]
    engine.take(lines(members[8:]))
    assert not differences(engine.signals(), Engine().take(lines(members)).signals())
