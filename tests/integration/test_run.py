"""Whole runs: the worked cases through the command, writes that fail, homes at any moment, new rules, passing time."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from config.moments import DAY
from config.ruleset import Rules
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import embedded
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store import writer
from monitor.store.home import Home
from monitor.store.signalboard import SignalBoard
from tests.command import Commands
from tests.engine import (
    CLOCK,
    KEY,
    Engine,
    Signal,
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
from tests.reference import cases, naive
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
    source = str(EXAMPLES / case / "events.jsonl.gz")
    assert commands.good("run", "--source", source, "--home", "home", "--once") == ""
    found = commands.rows("export", "signals", "--home", "home")
    letters = commands.rows("export", "dead-letters", "--home", "home")
    wanted = [json.loads(one) for one in (EXAMPLES / case / "signals.jsonl").read_text("utf-8").splitlines()]
    assert not differences(found, wanted, stated), differences(found, wanted, stated)
    assert dead_letters[0] <= len(letters) <= dead_letters[1]


def test_the_worked_events_are_all_there() -> None:
    counts = {}
    for case in ("plain", "hubs", "nasty"):
        with gzip.open(EXAMPLES / case / "events.jsonl.gz") as file:
            counts[case] = sum(1 for _ in file)
    assert counts == {"plain": 2111, "hubs": 1411, "nasty": 5344}


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


def test_a_judgement_that_could_not_be_written_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save(tmp_path / "events.jsonl", make_case(18, 120))
    run_file(tmp_path / "sound", source)
    monkeypatch.setattr(embedded, "_CHUNK_BYTES", 4096)
    chunks = itertools.count()
    runner = EmbeddedRunner(Home(tmp_path / "home"), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: CLOCK)
    sources = open_source(str(source), None)
    monkeypatch.setattr(SignalBoard, "flush", lambda *_: fail())
    with pytest.raises(OperationalError):
        runner.drain(sources, lambda: next(chunks) > 20)
    monkeypatch.undo()
    runner.close()
    sources[0].close()
    run_file(tmp_path / "home", source)
    assert not differences(exported(tmp_path / "home"), exported(tmp_path / "sound"))


def fail() -> None:
    raise OperationalError("flush", {}, Exception("database or disk is full"))


def images(tmp_path: Path, home: str, sources: list[Path]) -> Iterator[Path]:
    """A run, and then the home as it was after each of its batches: as a kill at that moment would leave it."""

    def copy(progress: embedded.Progress) -> None:
        shutil.copytree(tmp_path / home, tmp_path / f"{home}-{next(numbers):03d}")

    numbers = itertools.count()
    runner = EmbeddedRunner(
        Home(tmp_path / home), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: CLOCK, on_progress=copy
    )
    runner.drain([one for path in sources for one in open_source(str(path), None)])
    runner.go_live()
    runner.close()
    yield from sorted(tmp_path.glob(f"{home}-*"))


def whole(home: Path) -> list[Signal]:
    """The signals of a home with all that they say, without when each level was reached."""
    return sorted(
        ({**one, "raised": None} for one in exported(home)),
        key=lambda one: json.dumps(one["subject"]) + one["detector"],
    )


def bare_names_everywhere() -> list[bytes]:
    """Persons of whom only the name is known, coming and going: their numbers depend on when things are judged."""
    raws = []
    for number in range(150):
        room = {"text": f"浙江省杭州市西湖区文三路{number}号", "region": "330106"}
        lead = {"role": "operator", "name": f"张{number // 6}"}
        raws.append(opened(f"E{number:04d}", address=room, persons=[lead], id=str(number)))
        if number % 4 == 3:
            other = {"role": "operator", "id": f"p-{number}"}
            raws.append(event(f"E{number - 2:04d}", "registration.changed", "2025-02-01T00:00:00Z", persons=[other]))
    return lines(raws)


@pytest.mark.parametrize("case", ["of everything", "of bare names"])
def test_from_every_moment_the_rest_gives_the_same(tmp_path: Path, case: str) -> None:
    found = cases.shuffled(make_case(19, 100), 19) if case == "of everything" else bare_names_everywhere()
    size = len(found) // 12 + 1
    sources = [save(tmp_path / f"{part:02d}.jsonl", found[part * size : (part + 1) * size]) for part in range(12)]
    run_file(tmp_path / "home", *sources[:5])
    left = list(images(tmp_path, "home", sources))
    wanted = whole(tmp_path / "home")
    assert wanted
    assert len(left) == 7
    assert all(list((image / "snapshots").iterdir()) for image in left)
    for image in left:
        run_file(image, *sources)
        assert whole(image) == wanted, image.name


def test_what_a_failed_run_left_behind_is_never_taken_for_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make_case(21, 100)
    first, second, third = (save(tmp_path / f"{part}.jsonl", found[part::3]) for part in range(3))
    run_file(tmp_path / "sound", first, second, third)
    monkeypatch.setattr(writer, "write_position", lambda *_: fail())
    with pytest.raises(OperationalError):
        run_file(tmp_path / "home", first)
    monkeypatch.undo()
    for image in images(tmp_path, "home", [second, third]):
        run_file(image, first, second, third)
        assert not differences(exported(image), exported(tmp_path / "sound")), image.name
        totals = [read_home(one, lambda reader: reader.totals()) for one in (image, tmp_path / "sound")]
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
    assert totals["events", "config.activated"] == 4, "rules three times, scorecards once"
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


def test_a_live_monitor_lets_time_pass_by_itself(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    commands.patches = {"monitor.runners.live.TICK_SECONDS": 0.1}
    save(tmp_path / "events.jsonl", make_case(20, 250))
    until = time.monotonic() + 30
    found = set[str]()
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    lasting = {one["detector"] for one in commands.rows("export", "signals", "--home", "home")}
    running = commands.start("run", "--source", "events.jsonl", "--home", "home", "--follow")
    while "complaint-surge" in (found or lasting) and time.monotonic() < until:
        found = {one["detector"] for one in commands.rows("export", "signals", "--home", "home")}
    running.kill(signal.SIGTERM)
    assert running.wait().status == 0
    # By the real clock the case lies more than a year back.
    assert lasting - found >= {"complaint-surge", "address-burst", "person-burst"}
    assert found


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
