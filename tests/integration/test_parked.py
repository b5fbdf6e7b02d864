"""A defect of ours parks the subject that it hits, and nothing else; after the fix all is as if it had never been."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.registry import by_id
from monitor import addresses
from monitor.engine import filing
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import core
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.stages import membership
from monitor.stages.fold import fold
from monitor.stages.persons import Persons
from monitor.store.home import Home
from tests.command import Commands
from tests.engine import (
    CLOCK,
    KEY,
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
    shipped_rules,
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
    monkeypatch.setattr(filing, "normalise", normalise)
    run_file(home, first, second)
    assert {one["stage"] for one in parked(home)} == {filing.UNFILED}
    assert differences(exported(home), sound)
    run_file(home, first, second)
    assert {one["stage"] for one in parked(home)} == {filing.UNFILED}
    monkeypatch.setattr(filing, "normalise", right)
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


def test_a_history_that_cannot_be_read_for_a_newcomer_of_its_room_parks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    room = {"text": "浙江省杭州市西湖区文三路90号1幢101室"}
    members = [opened(f"E{number:04d}", address=room) for number in range(5)]
    sound = Engine().take(lines(members)).signals()
    assert {one["detector"] for one in sound} >= {"one-address-many-licences"}
    engine = Engine().take(lines(members[:1]))
    for one in members[1:]:
        engine.receive(line(one))

    def fails(ref: int, *arguments: Any) -> Any:
        if ref == 1:
            raise KeyError("a defect of ours")
        return fold(ref, *arguments)

    monkeypatch.setattr("monitor.stages.enterprises.fold", fails)
    engine.flow.judge()
    assert list(engine.flow.parked) == [("enterprises", 1)]
    monkeypatch.undo()
    engine.flow.take_up(dict(engine.flow.parked))
    engine.judge()
    assert not differences(engine.signals(), sound)


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


# --- replay-parked


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@contextmanager
def following(shell: Commands) -> Iterator[None]:
    """A writer that follows the source of a home."""
    call = shell.start("run", "--source", "events.jsonl", "--home", "home", "--follow", pseudonym_key=KEY.hex())
    lock = shell.folder / "home" / "lock"
    while lock.read_text() != str(call.pid):
        time.sleep(0.01)
    yield
    call.kill(signal.SIGTERM)
    assert call.wait().status == 0


@pytest.mark.parametrize("beside_a_writer", [False, True])
def test_replay_parked_says_who_is_free_and_who_waits(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside_a_writer: bool
) -> None:
    """One subject of each kind of defect: a judgement that failed, and an event that could not be filed."""
    commands.folder = tmp_path
    room = {"text": "浙江省杭州市西湖区文三路90号1幢101室"}
    raws = [opened("E0001"), event("E0001", "enforcement.visited", "2025-02-01T00:00:00Z", found=False)]
    raws += [opened("E0002", address=room)]
    source = save(tmp_path / "events.jsonl", lines(raws))
    with monkeypatch.context() as patch, broken("untraceable", lambda view: True):
        patch.setattr(filing, "normalise", lambda text, region: 1 / 0 if text else addresses.normalise(text, region))
        run_file(tmp_path / "home", source)
        assert {one["stage"] for one in parked(tmp_path / "home")} == {"enterprises", filing.UNFILED}
    count = len(parked(tmp_path / "home"))
    command = ("replay-parked", "--home", "home")
    if beside_a_writer:
        with following(commands):  # at its start it has tried them itself
            assert "still parked 0" in commands.good(*command, pseudonym_key=KEY.hex())
    else:
        told = commands.good(*command, pseudonym_key=KEY.hex())
        assert f"free again {count}" in told
        assert "still parked 0" in told
    assert parked(tmp_path / "home") == []
    assert [one["detector"] for one in exported(tmp_path / "home")] == ["untraceable"]


def test_a_writer_that_is_asked_tries_parked_subjects_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hindered it has passed, and the process is the same: judgements and events that could not be filed."""
    case = make_case(14, 150)
    run_file(tmp_path / "sound", save(tmp_path / "events.jsonl", case))
    right = addresses.normalise

    def normalise(text: str, region: str | None = None) -> Any:
        if "文三路" in text:
            raise IndexError("a defect of ours")
        return right(text, region)

    runner = EmbeddedRunner(Home(tmp_path / "home"), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: CLOCK)
    try:
        with monkeypatch.context() as patch, broken("untraceable", lambda view: True):
            patch.setattr(filing, "normalise", normalise)
            runner.drain(open_source(str(tmp_path / "events.jsonl"), None))
            assert {stage for stage, _ in runner.flow.parked} >= {"enterprises", filing.UNFILED}
            runner.try_parked()
            assert {stage for stage, _ in runner.flow.parked} >= {"enterprises", filing.UNFILED}
        with broken("untraceable", lambda view: True):
            runner.try_parked()
            assert {stage for stage, _ in runner.flow.parked} == {"enterprises"}
        runner.try_parked()
        assert runner.flow.parked == {}
        runner.go_live()
    finally:
        runner.close()
    assert parked(tmp_path / "home") == []
    assert not differences(exported(tmp_path / "home"), exported(tmp_path / "sound"))


def test_who_still_waits_is_named_with_the_reason(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    raws = [opened("E0001"), event("E0001", "enforcement.visited", "2025-02-01T00:00:00Z", found=False)]
    with broken("untraceable", lambda view: True):
        run_file(tmp_path / "home", save(tmp_path / "events.jsonl", lines(raws)))
    commands.patches = {"monitor.stages.enterprises.fold": None}
    try:
        told = commands.good("replay-parked", "--home", "home", pseudonym_key=KEY.hex())
    finally:
        commands.patches = {}
    assert "free again 0" in told
    assert "still parked 1" in told
    assert "enterprises E0001：TypeError" in told
