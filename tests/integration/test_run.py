"""Whole runs: the worked cases through the command, defects parked alone, failing writes, new rules, passing time."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from config.moments import DAY
from config.ruleset import Rules
from detectors.registry import by_id
from monitor import addresses
from monitor.runners import core, flow
from monitor.stages import membership
from monitor.stages.persons import Persons
from monitor.store import writer
from tests.command import Commands
from tests.engine import (
    CLOCK,
    Engine,
    Raw,
    Signal,
    differences,
    event,
    exported,
    line,
    lines,
    read_home,
    run_file,
    shipped_rules,
)
from tests.reference import naive
from tests.reference.cases import RECEIVED, make_case

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "example_cases"


def stated(signal: Signal) -> tuple[Any, ...]:
    """The fields that the worked cases state; shares to half a percentage point."""
    subject = signal["subject"]
    key = subject["key"] if subject["kind"] == "enterprise" else None
    share = signal["detector"] == "address-at-risk"
    value = round(signal["value"] * 200) if share else signal["value"]
    return signal["detector"], subject["kind"], key, signal["level"], value, tuple(signal["enterprises"])


@pytest.mark.parametrize(("case", "dead_letters"), [("plain", (38, 40)), ("hubs", (0, 0)), ("nasty", (57, 60))])
def test_a_worked_case_through_the_whole_command(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, case: str, dead_letters: tuple[int, int]
) -> None:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    try:
        source = str(EXAMPLES / case / "events.jsonl.gz")
        assert commands.good("run", "--source", source, "--home", "home", "--once") == ""
        found = commands.rows("export", "signals", "--home", "home")
        letters = commands.rows("export", "dead-letters", "--home", "home")
    finally:
        commands.close()
    wanted = [json.loads(one) for one in (EXAMPLES / case / "signals.jsonl").read_text("utf-8").splitlines()]
    assert not differences(found, wanted, stated), differences(found, wanted, stated)
    assert dead_letters[0] <= len(letters) <= dead_letters[1]


def test_the_worked_events_are_all_there() -> None:
    counts = {}
    for case in ("plain", "hubs", "nasty"):
        with gzip.open(EXAMPLES / case / "events.jsonl.gz") as file:
            counts[case] = sum(1 for _ in file)
    assert counts == {"plain": 2111, "hubs": 1411, "nasty": 5344}


# --- defects


def save(path: Path, case: list[bytes]) -> Path:
    path.write_bytes(b"".join(one + b"\n" for one in case))
    return path


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


def opened(code: str, **more: Any) -> Raw:
    data = {"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []}
    return event(code, "registration.established", "2025-01-01T00:00:00Z", **{**data, **more})


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


# --- writes that fail


@pytest.mark.parametrize("after", [0, 3, 7])
@pytest.mark.parametrize("what", ["write_position", "write_counters", "write_enterprises"])
def test_a_write_that_fails_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, after: int
) -> None:
    case = make_case(14, 120)
    sources = [save(tmp_path / f"{part}.jsonl", case[part::9]) for part in range(9)]
    run_file(tmp_path / "sound", *sources)
    calls = 0
    right = getattr(writer, what)

    def fails(connection: Connection, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OperationalError(what, {}, Exception("database or disk is full"))
        return right(connection, *arguments)

    monkeypatch.setattr(writer, what, fails)
    with pytest.raises(OperationalError, match="disk is full"):
        run_file(tmp_path / "home", *sources)
    monkeypatch.setattr(writer, what, right)
    runner = run_file(tmp_path / "home", *sources)
    assert not differences(exported(tmp_path / "home"), exported(tmp_path / "sound"))
    assert runner.progress.repeats == 0
    totals = [read_home(tmp_path / name, lambda reader: reader.totals()) for name in ("home", "sound")]
    assert totals[0] == totals[1]


# --- rules, life, time


def test_rules_that_come_into_force_are_in_the_log_once(tmp_path: Path) -> None:
    source = save(tmp_path / "events.jsonl", make_case(15, 100))
    strict = Rules(shipped_rules().text.replace("levels: {1: 3, 2: 5}", "levels: {1: 2, 2: 5}"))
    home = tmp_path / "home"
    clock = itertools.count(CLOCK, 1_000_000)
    for rules in (None, None, strict, strict, None):
        run_file(home, source, rules=rules, clock=clock.__next__)
        fresh = tmp_path / f"fresh-{rules is strict}"
        run_file(fresh, source, rules=rules)
        assert not differences(exported(home), exported(fresh))
    totals = read_home(home, lambda reader: reader.totals())
    assert totals["events", "config.activated"] == 3
    assert totals["events", "monitor.live"] == 1


def test_an_old_log_keeps_its_now_whenever_it_is_read(tmp_path: Path) -> None:
    case = make_case(16, 150)
    source = save(tmp_path / "events.jsonl", case)
    run_file(tmp_path / "home", source, clock=lambda: CLOCK + 4000 * DAY)
    wanted = naive.signals(case, received=RECEIVED + timedelta(days=4000)).signals
    assert not differences(exported(tmp_path / "home"), wanted)


def test_ticks_end_what_no_longer_holds(tmp_path: Path) -> None:
    case = make_case(20, 250)
    source = save(tmp_path / "events.jsonl", case)
    run_file(tmp_path / "home", source)
    assert {"address-burst", "person-burst", "complaint-surge"} <= {
        one["detector"] for one in exported(tmp_path / "home")
    }
    later = RECEIVED.replace(year=RECEIVED.year + 3).isoformat()
    tick = line(event("clock", "clock.ticked", later, id="much later"))
    with source.open("ab") as file:
        file.write(tick + b"\n")
    run_file(tmp_path / "home", source, clock=lambda: CLOCK + 3 * 366 * DAY)
    found = exported(tmp_path / "home")
    assert not {"address-burst", "person-burst", "complaint-surge", "phoenix"} & {one["detector"] for one in found}
    assert {"untraceable", "address-at-risk", "one-address-many-licences"} <= {one["detector"] for one in found}


def test_waiting_for_time_to_pass_costs_no_memory_for_each_event() -> None:
    engine = Engine().take([line(opened("E0001"))])
    for number in range(400):
        at = f"2025-03-{1 + number // 24:02d}T{number % 24:02d}:00:00Z"
        engine.take([line(event("E0001", "complaint.received", at, number=str(number)))])
    assert [one["detector"] for one in engine.signals()] == ["complaint-surge"]
    assert len(engine.flow.wakes) < 20
    engine.tick(CLOCK + 91 * DAY)
    assert engine.signals() == []


def test_a_link_has_one_region_in_whatever_order_its_shops_came() -> None:
    shops = [
        opened(f"E{number:04d}", address={"text": "https://shop.example.com/7", "region": region})
        for number, region in enumerate(("330110", "330106", "330203", "330108", "330106"))
    ]
    listed = [
        event(f"E{number:04d}", "enforcement.abnormal_listed", "2025-02-01T00:00:00Z", ground="report")
        for number in range(3)
    ]
    regions = set()
    for seed in range(12):
        case = lines([*shops, *listed])
        random.Random(seed).shuffle(case)
        (found,) = Engine().take(case, judge_every=1 + seed % 3).signals()
        assert found["detector"] == "address-at-risk"
        regions.add(found["region"])
    assert regions == {"330106"}
