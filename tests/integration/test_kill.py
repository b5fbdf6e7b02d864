"""Killed at any moment, the same command goes on: nothing is lost, nothing counted twice, the signals are the same.

Real processes are ended by SIGKILL while they start, recover, read, judge, commit, and write snapshots.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from monitor.events import types
from monitor.store import log as eventlog
from monitor.store.home import Home
from monitor.store.schema import LOG
from monitor.store.work import alertreader, taskreader
from tests.command import Call, Commands
from tests.engine import event, line, read_home
from tests.reference.cases import make_case, poisoned, rewritten, shuffled

KEY = "5e" * 32
RUN = ("run", "--source", "in", "--home", "home", "--once")
FILES = 24
LEAST_KILLS = 110
OFTEN = {"monitor.runners.core._SNAPSHOT_SHARE": 0}

CUT = "monitor.cut"
ENDED = ("closed", "merged", "exempted")


def nasty(seed: int, enterprises: int) -> list[bytes]:
    """A case out of order, with bad lines of every kind, and some lines again."""
    lines = make_case(seed, enterprises)
    found = poisoned(shuffled(lines, seed), seed)
    chance = random.Random(seed)
    for one in chance.sample(lines, len(lines) // 5):
        found.insert(chance.randrange(found.index(one) + 1, len(found) + 1), rewritten(one, chance))
    return found


def deal(folder: Path, lines: Sequence[bytes]) -> None:
    """Writes lines into small files, so that there are many batches."""
    folder.mkdir()
    for number in range(FILES):
        part = lines[number * len(lines) // FILES : (number + 1) * len(lines) // FILES]
        (folder / f"{number:02d}.jsonl").write_bytes(b"".join(one + b"\n" for one in part))


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    """The command in an empty folder, unpatched."""
    commands.folder = tmp_path
    commands.patches = {}
    return commands


def start(shell: Commands, *arguments: str) -> Call:
    return shell.start(*(arguments or RUN), pseudonym_key=KEY)


def complete(shell: Commands, *arguments: str) -> str:
    """A run to its end; what it told."""
    ended = start(shell, *arguments).wait()
    assert ended.status == 0, ended.told
    return ended.told


# --- what must be the same


def contents(home: Path) -> dict[str, Any]:
    """All that a home holds, without when each level was reached: that depends on the moments of judging."""

    def read(reader: Any) -> dict[str, Any]:
        letters = list(reader.dead_letters())
        return {
            "signals": sorted(
                ({**one, "raised": None} for one in reader.signals()),
                key=lambda one: (one["detector"], one["subject"]["key"]),
            ),
            "dead letters": Counter(
                (one["source"], one["line"], one["offset"], one["digest"], one["text"]) for one in letters
            ),
            "reasons": Counter(one["reason"] for one in letters),
            "totals": {key: count for key, count in reader.totals().items() if key != ("events", CUT)},
            "counts": reader.counts(),
            "log": logged(home),
        }

    found: dict[str, Any] = read_home(home, read)
    return found


def logged(home: Path) -> Counter[tuple[str, ...]]:
    """Every event of the log but cuts, of which kills make more; of the monitor's own, whose ids name the moment of
    their making, the types, and of what was activated what it is.
    """
    engine = Home(home).reader()
    with engine.connect() as connection:
        events = [one for block in eventlog.read_blocks(connection) for one in block.events]
    engine.dispose()
    return Counter(
        (
            types.type_name(one),
            *(
                (one.subject, one.source, one.id)
                if one.source != "//credit-monitor"
                else (one.data.what,)
                if isinstance(one, types.ConfigActivated)
                else ()
            ),
        )
        for one in events
        if types.type_name(one) != CUT
    )


def check_what_follows(home: Path) -> None:
    """Every signal has its one alert, every alert at most one open task, and none is too many."""

    def read(reader: Any) -> tuple[list[Any], list[Any], list[Any]]:
        connection = reader.connection
        return list(reader.signals()), list(alertreader.read(connection)), list(taskreader.read(connection))

    signals, alerts, tasks = read_home(home, read)
    standing = Counter(
        (one["detector"].partition("@")[0], one["subject"]["key"], one["level"])
        for one in alerts
        if one["status"] != "cleared" and one["signals"][0]["in_force"]
    )
    assert standing == Counter((one["detector"], one["subject"]["key"], one["level"]) for one in signals)
    inside = Counter(alert for task in tasks if task["status"] not in ENDED for alert in task["alerts"])
    assert set(inside.values()) <= {1}
    assert inside.keys() <= {one["id"] for one in alerts}
    assert (
        max(
            Counter((one["region"], one["proposed_at"][:10]) for one in tasks if one["status"] != "exempted").values(),
            default=0,
        )
        <= 20
    )


def check(home: Path, wanted: dict[str, Any]) -> None:
    check_what_follows(home)
    found = contents(home)
    for what, value in wanted.items():
        assert found[what] == value, what
    assert max(found["log"].values()) == 1
    totals = found["totals"]
    assert sum(number for (name, _), number in totals.items() if name == "events") == found["log"].total()
    assert (
        sum(number for (name, _), number in totals.items() if name == "dead_letters") == found["dead letters"].total()
    )


# --- kills


def kill_until_it_ends(shell: Commands, chance: random.Random, kills: int, longest: float) -> int:
    """Starts the same command again and again and kills it after a random while; after so many kills it is left alone.
    How many kills there were.
    """
    done = 0
    while done < kills:
        call = start(shell)
        time.sleep(chance.uniform(0, longest))
        call.kill()
        ended = call.wait()
        if ended.status == 0:
            return done
        assert ended.status == -signal.SIGKILL, ended.told
        assert "Traceback" not in ended.told, ended.told
        done += 1
    complete(shell)
    return done


def test_a_hundred_kills_lose_nothing_and_double_nothing(shell: Commands) -> None:
    chance = random.Random(20261122)
    kills, round_number = 0, 0
    while kills < LEAST_KILLS:
        round_number += 1
        shell.folder = shell.folder.parent / f"round-{round_number}"
        shell.folder.mkdir()
        # At times with a snapshot after some hundred events, so that restarts begin with a state in the middle.
        shell.patches = {**OFTEN, "monitor.runners.core._SNAPSHOT_EVENTS": 100} if round_number % 2 else {}
        deal(shell.folder / "in", nasty(round_number, 700 if round_number == 1 else 250))
        began = time.monotonic()
        complete(shell)
        unbroken = time.monotonic() - began
        wanted = contents(shell.folder / "home")
        assert wanted["signals"]
        (shell.folder / "home").rename(shell.folder / "unbroken")
        kills += kill_until_it_ends(shell, chance, 40, unbroken * (0.3 if round_number % 3 else 0.9))
        check(shell.folder / "home", wanted)
        # And once more: nothing changes where there is nothing new.
        complete(shell)
        check(shell.folder / "home", wanted)


def test_kills_between_two_runs_over_growing_sources(shell: Commands) -> None:
    chance = random.Random(7)
    lines = nasty(77, 300)
    deal(shell.folder / "in", lines)
    complete(shell)
    wanted = contents(shell.folder / "home")
    (shell.folder / "home").rename(shell.folder / "unbroken")
    (shell.folder / "in").rename(shell.folder / "all")
    (shell.folder / "in").mkdir()
    for number in range(FILES):
        name = f"{number:02d}.jsonl"
        (shell.folder / "in" / name).write_bytes((shell.folder / "all" / name).read_bytes())
        if number % 6 == 5:
            kill_until_it_ends(shell, chance, 4, 0.3)
    check(shell.folder / "home", wanted)


def test_asked_to_end_it_ends_well_and_goes_on_later(shell: Commands) -> None:
    deal(shell.folder / "in", nasty(5, 250))
    complete(shell)
    wanted = contents(shell.folder / "home")
    (shell.folder / "home").rename(shell.folder / "unbroken")
    chance = random.Random(5)
    for number in (signal.SIGTERM, signal.SIGINT) * 3:
        call = start(shell)
        time.sleep(chance.uniform(0.05, 0.3))
        call.kill(number)
        ended = call.wait()
        # Before it has taken over the signals the system's own way to end holds.
        assert ended.status in (0, 130, -number), ended.told
    complete(shell)
    check(shell.folder / "home", wanted)


# --- beside the writer


def wait_for(what: Any, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def signals_of(shell: Commands) -> list[dict[str, Any]]:
    return shell.rows("export", "signals", "--home", "home")


def test_readers_work_beside_the_writer_and_a_second_writer_is_refused(shell: Commands) -> None:
    deal(shell.folder / "in", make_case(6, 100))
    complete(shell)
    before = signals_of(shell)
    running = start(shell, "run", "--source", "in", "--home", "home", "--follow")
    try:
        wait_for(lambda: (shell.folder / "home" / "lock").read_text() == str(running.pid))
        refused = start(shell).wait()
        assert refused.status == 1
        assert f"process {running.pid} writes this home already" in refused.told
        assert signals_of(shell) == before
        code = before[0]["enterprises"][0]
        assert code in shell.good("explain", code, "--home", "home")
        gone = [event("GONE0001", "enforcement.visited", "2025-04-01T00:00:00Z", found=False), opened("GONE0001")]
        with (shell.folder / "in" / "00.jsonl").open("ab") as file:
            file.write(b"".join(line(one) + b"\n" for one in gone))
        wait_for(lambda: len(signals_of(shell)) > len(before))
    finally:
        running.kill(signal.SIGTERM)
        assert running.wait().status == 0
    assert {one["subject"]["key"] for one in signals_of(shell)} >= {"GONE0001"}
    complete(shell)


def opened(code: str) -> dict[str, Any]:
    data = {"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []}
    return event(code, "registration.established", "2025-01-01T00:00:00Z", **data)


# --- damage, growth, replacement


@pytest.mark.parametrize("harm", ["deleted", "flipped", "cut"])
def test_snapshots_may_be_lost_or_damaged(shell: Commands, harm: str) -> None:
    shell.patches = {**OFTEN, "monitor.runners.core._SNAPSHOT_EVENTS": 200}
    deal(shell.folder / "in", nasty(8, 150))
    complete(shell)
    wanted = contents(shell.folder / "home")
    paths = sorted((shell.folder / "home" / "snapshots").iterdir())
    assert len(paths) == 2
    for path in paths:
        whole = path.read_bytes()
        if harm == "deleted":
            path.unlink()
        elif harm == "cut":
            path.write_bytes(whole[: len(whole) // 3])
        else:
            middle = len(whole) // 2
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    told = " ".join(complete(shell).split())
    assert "rebuilding" in told
    assert told.count("not used") == (0 if harm == "deleted" else 2)
    check(shell.folder / "home", wanted)


def test_a_damaged_block_of_the_log_is_named_and_the_rest_is_read(shell: Commands) -> None:
    deal(shell.folder / "in", make_case(9, 150))
    complete(shell)
    wanted = logged(shell.folder / "home")
    engine = Home(shell.folder / "home").writer()
    with engine.begin() as connection:
        body = connection.execute(select(LOG.c.body).where(LOG.c.seq == 5)).scalar_one()
        lost = connection.execute(select(LOG.c.events).where(LOG.c.seq == 5)).scalar_one()
        connection.execute(update(LOG).where(LOG.c.seq == 5).values(body=body[:-3] + b"!!!"))
    engine.dispose()
    for path in (shell.folder / "home" / "snapshots").iterdir():
        path.unlink()
    told = complete(shell)
    assert "block 5 of the log" in " ".join(told.split())
    assert logged(shell.folder / "home").total() == wanted.total() - lost
    assert signals_of(shell)


def test_a_grown_source_goes_on_and_a_replaced_one_starts_over(shell: Commands) -> None:
    case = make_case(10, 80)
    (shell.folder / "in").mkdir()
    path = shell.folder / "in" / "a.jsonl"
    path.write_bytes(b"".join(one + b"\n" for one in case[:50]))
    complete(shell)
    with path.open("ab") as file:
        file.write(b"".join(one + b"\n" for one in case[50:]))
    assert f"events {len(case) - 50:,}" in complete(shell)
    path.write_bytes(b"".join(one + b"\n" for one in [line(opened("NEW00001")), *case[:30]]))
    told = complete(shell)
    assert "events 1" in told
    assert "repeats 30" in told
    assert "replaced" in told
    found = logged(shell.folder / "home")
    assert found.total() == len(case) + 4
    assert max(found.values()) == 1
