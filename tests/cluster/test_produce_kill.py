"""`produce` killed at any moment, and brokers killed under it: every line is in the topic once and only once."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from monitor.cluster import topics
from tests.cluster.commands import ClusterCommands
from tests.cluster.reading import Line, Watch, lines_of_file, lines_of_topic, read_topic
from tests.command import Call, Commands
from tests.kafka.broker import Broker
from tests.reference.cases import make_case, poisoned
from tests.unit.reading_sources import HEADER, PENALTIES

KILLS = 25
SLOW = {
    # Little is under way, and much is remembered: what takes seconds with millions of events takes them with some.
    "monitor.cluster.produce._CHUNK_BYTES": 8_000,
    "monitor.cluster.produce._REMEMBER": 0.05,
    "monitor.cluster.sending._AHEAD_BYTES": 20_000,
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of these tests' own: it is killed."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


def cluster(commands: Commands, folder: Path, kafka: str, prefix: str) -> ClusterCommands:
    commands.folder, commands.patches = folder, SLOW
    topics.create(Settings(kafka_bootstrap=kafka, kafka_prefix=prefix), partitions=5)
    return ClusterCommands(commands, kafka_bootstrap=kafka, kafka_prefix=prefix, home="home")


def deal(folder: Path, case: list[bytes], files: int = 4) -> Counter[Line]:
    """Writes lines into some files; every line of them with its place."""
    folder.mkdir()
    wanted: Counter[Line] = Counter()
    for number in range(files):
        path = folder / f"{number}.jsonl"
        part = case[number * len(case) // files : (number + 1) * len(case) // files]
        path.write_bytes(b"".join(one + b"\n" for one in part))
        wanted += lines_of_file(path, f"{folder.name}/{path.name}")
    return wanted


def complete(shell: ClusterCommands, *arguments: str) -> None:
    ended = shell.run("produce", *arguments)
    assert ended.status == 0, ended.told
    assert "not acknowledged" not in ended.told


def check(kafka: str, topic: str, wanted: Counter[Line]) -> None:
    found = lines_of_topic(read_topic(topic, bootstrap_servers=kafka))
    assert not wanted - found, "lines are missing"
    assert not found - wanted, "lines are there twice"


def started(shell: ClusterCommands, *arguments: str) -> Call:
    """A call that has sent something."""
    kafka, topic = shell.settings["kafka_bootstrap"], shell.settings["kafka_prefix"] + "intake"
    with Watch(topic, bootstrap_servers=kafka) as watch:
        before = watch.count()
        call = shell.start("produce", *arguments)
        assert watch.reaches(before + 1), call.told()
    return call


# --- the process is killed


def test_kills_at_any_moment_lose_nothing_and_double_nothing(
    commands: Commands, kafka: str, prefix: str, tmp_path: Path
) -> None:
    chance = random.Random(20261126)
    kills = round_number = at_work = 0
    while kills < KILLS:
        round_number += 1
        folder = tmp_path / str(round_number)
        folder.mkdir()
        mine = f"{prefix}{round_number}."
        shell = cluster(commands, folder, kafka, mine)
        # Repeated lines too: they are to be there as often as they stand in the files.
        case = poisoned(make_case(round_number, 300), round_number)
        wanted = deal(folder / "in", [*case, *chance.sample(case, 100)])
        rows = "".join(f"A{row},E{row % 50:04d},2025-01-02,100,,\n" for row in range(300))
        (folder / "in" / "penalties.csv").write_text(HEADER + rows, encoding="utf-8")
        (folder / "mapping.yaml").write_text(PENALTIES, encoding="utf-8")
        arguments = ("in", "--mapping", "mapping.yaml", "--batch", "20")
        with Watch(mine + "intake", bootstrap_servers=kafka) as watch:
            while True:
                before = watch.count()
                call = shell.start("produce", *arguments)
                if chance.random() < 0.5:
                    watch.reaches(before + chance.randrange(1, 30), 5.0)  # in the middle of sending
                else:
                    time.sleep(chance.uniform(0.1, 1.0))  # while it starts, looks back, sends, or ends
                call.kill()
                ended = call.wait()
                if ended.status == 0:
                    break
                assert ended.status == -signal.SIGKILL, ended.told
                assert "Traceback" not in ended.told, ended.told
                kills += 1
                at_work += watch.count() > before
        complete(shell, *arguments)
        found = lines_of_topic(read_topic(mine + "intake", bootstrap_servers=kafka))
        of_tables = Counter({one: n for one, n in found.items() if one.source == "in/penalties.csv"})
        assert (len(of_tables), of_tables.total()) == (300, 300)
        check(kafka, mine + "intake", wanted + of_tables)
    assert at_work >= KILLS // 4, "the kills hit too few processes at work to mean anything"


def test_asked_to_end_it_ends_well_and_goes_on_later(
    commands: Commands, kafka: str, prefix: str, tmp_path: Path
) -> None:
    shell = cluster(commands, tmp_path, kafka, prefix)
    wanted = deal(tmp_path / "in", make_case(4, 400))
    for number in (signal.SIGTERM, signal.SIGINT):
        call = started(shell, "in", "--batch", "10")
        call.kill(number)
        ended = call.wait()
        assert ended.status == 0, ended.told
        assert "not acknowledged" not in ended.told
    complete(shell, "in", "--batch", "10")
    check(kafka, prefix + "intake", wanted)


def test_a_file_that_grew_while_nobody_looked(commands: Commands, kafka: str, prefix: str, tmp_path: Path) -> None:
    shell = cluster(commands, tmp_path, kafka, prefix)
    case = make_case(9, 200)
    wanted = deal(tmp_path / "in", case, files=1)
    call = started(shell, "in", "--batch", "10")
    call.kill()
    call.wait()
    with (tmp_path / "in" / "0.jsonl").open("ab") as file:
        file.write(b"".join(one + b"\n" for one in case[:50]))
    wanted = lines_of_file(tmp_path / "in" / "0.jsonl", "in/0.jsonl")
    complete(shell, "in")
    check(kafka, prefix + "intake", wanted)


# --- the broker is killed


def test_a_broker_that_is_killed_and_comes_back_is_waited_for(
    commands: Commands, broker: Broker, prefix: str, tmp_path: Path
) -> None:
    shell = cluster(commands, tmp_path, broker.address, prefix)
    wanted = deal(tmp_path / "in", make_case(7, 700))
    call = started(shell, "in", "--batch", "5")
    try:
        broker.kill()
        told(call, "no broker answers")
    finally:
        broker.start()
    ended = call.wait()
    assert ended.status == 0, ended.told
    assert "answer again" in ended.told
    assert len(ended.told.splitlines()) == 3, ended.told
    check(broker.address, prefix + "intake", wanted)


def test_asked_to_end_while_no_broker_answers_it_ends_and_goes_on_later(
    commands: Commands, broker: Broker, prefix: str, tmp_path: Path
) -> None:
    shell = cluster(commands, tmp_path, broker.address, prefix)
    wanted = deal(tmp_path / "in", make_case(6, 700))
    call = started(shell, "in", "--batch", "5")
    try:
        broker.kill()
        told(call, "no broker answers")
        began = time.monotonic()
        call.kill(signal.SIGTERM)
        ended = call.wait()
        assert (ended.status, "run it again" in ended.told) == (0, True), ended.told
        assert time.monotonic() - began < 10
    finally:
        broker.start()
    complete(shell, "in", "--batch", "5")
    check(broker.address, prefix + "intake", wanted)


def told(call: Call, what: str) -> None:
    """Waits until a call tells something."""
    until = time.monotonic() + 60
    while what not in call.told():
        assert time.monotonic() < until, call.told()
        time.sleep(0.1)
