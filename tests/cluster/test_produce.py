"""`credit-monitor produce` on a real broker: what is in the topic afterwards, line by line."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from config.settings import Settings
from monitor.cluster import topics
from monitor.cluster.wire.batches import BATCH_BYTES, RAW, subject_of
from monitor.cluster.wire.partitions import partition_of
from monitor.engine.clock import SteadyClock
from monitor.events.intake import Intake
from monitor.events.refusal import Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from tests.cluster.commands import ClusterCommands
from tests.cluster.reading import Read, lines_of_file, lines_of_topic, read_topic
from tests.command import Commands
from tests.reference.cases import make_case, poisoned
from tests.unit.reading_sources import HEADER, PENALTIES

KEY = "5e" * 32
PARTITIONS = 4


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, kafka: str, prefix: str, tmp_path: Path) -> ClusterCommands:
    """The command in an empty folder, with the topics of a test."""
    commands.folder, commands.patches = tmp_path, {}
    topics.create(Settings(kafka_bootstrap=kafka, kafka_prefix=prefix), partitions=PARTITIONS)
    return ClusterCommands(commands, kafka_bootstrap=kafka, kafka_prefix=prefix, home="home", pseudonym_key=KEY)


@pytest.fixture
def intake(kafka: str, prefix: str) -> str:
    return prefix + "intake"


def sent(told: str) -> int:
    """How many lines a call says that it sent."""
    return int(told.split("sent ")[1].split("\u3000")[0].split("\n")[0].replace(",", ""))


def produce(shell: ClusterCommands, *arguments: str) -> int:
    ended = shell.run("produce", *arguments)
    assert (ended.status, ended.out) == (0, b""), ended.told
    return sent(ended.told)


def write(path: Path, lines: list[bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


# --- what is in the topic


def test_every_line_is_there_once_in_the_partition_of_its_subject(
    shell: ClusterCommands, kafka: str, intake: str
) -> None:
    case = poisoned(make_case(3, 400), 3)
    write(shell.folder / "in" / "a.jsonl", case[: len(case) // 2])
    write(shell.folder / "in" / "b.jsonl.gz", case[len(case) // 2 :])
    assert produce(shell, "in", "--batch", "50") > 1000
    (shell.folder / "b").write_bytes(gzip.decompress((shell.folder / "in" / "b.jsonl.gz").read_bytes()))
    wanted = lines_of_file(shell.folder / "in" / "a.jsonl", "in/a.jsonl")
    wanted += lines_of_file(shell.folder / "b", "in/b.jsonl.gz")
    messages = read_topic(intake, bootstrap_servers=kafka)
    assert lines_of_topic(messages) == wanted
    batches = [one for one in messages if RAW not in one.headers]
    for message in batches:
        assert 1 <= len(json.loads(message.value)) <= 50
        assert {partition_of(str(subject_of(line)), PARTITIONS) for line in message.lines} == {message.partition}
    assert sum(len(one.lines) for one in batches) > 10 * len(batches)
    assert {one.partition for one in batches} == set(range(PARTITIONS))
    alone = {one.value for one in messages if RAW in one.headers}
    assert alone == {one.line for one in wanted if subject_of(one.line) is None}


def test_a_line_that_is_no_event_goes_alone_as_it_stood(shell: ClusterCommands, kafka: str, intake: str) -> None:
    event = make_case(1, 50)[0]
    odd = [
        b"broken",
        b'["an", "array"]',
        b"[" + event + b"]",
        b'{"subject": 5}',
        b'{"id": "1"}',
        b"\xef\xbb\xbf" + event,
        b"  " + event,
        event + b" ",
        event[:-1] + b', "x": "\xff"}',
        event[:-1] + b', "x": ' + b"[" * 70 + b"]" * 70 + b"}",
        event[:-1] + b', "x": "' + b"x" * 300_000 + b'"}',
    ]
    write(shell.folder / "in.jsonl", [event, b"", *odd, b"   ", event])
    assert produce(shell, "in.jsonl") == 2 + len(odd)
    messages = read_topic(intake, bootstrap_servers=kafka)
    assert {one.value for one in messages if RAW in one.headers} == set(odd)
    assert lines_of_topic(messages) == lines_of_file(shell.folder / "in.jsonl", "in.jsonl")
    assert [len(one.lines) for one in messages if RAW not in one.headers] == [2]


def test_a_batch_stays_within_what_a_message_may_hold(shell: ClusterCommands, kafka: str, intake: str) -> None:
    event = make_case(1, 50)[0]
    long = [event[:-1] + b', "x": "' + b"%d" % number * 100_000 + b'"}' for number in range(9)]
    write(shell.folder / "in.jsonl", long)
    produce(shell, "in.jsonl")
    messages = read_topic(intake, bootstrap_servers=kafka)
    assert len(messages) > 1
    assert all(len(one.value) <= BATCH_BYTES + 1 for one in messages)
    assert lines_of_topic(messages) == lines_of_file(shell.folder / "in.jsonl", "in.jsonl")


def test_intake_finds_the_dead_letters_that_a_run_finds(shell: ClusterCommands, kafka: str, intake: str) -> None:
    folder = shell.folder / "in"
    write(folder / "events.jsonl", [*poisoned(make_case(8, 120), 8), b'{"x":"' + b"y" * 1_200_000 + b'"}', b"last"])
    rows = "A1,E0001,2025-01-02,100,,\nA2,E0002,no date,100,,\nA3,E0003,2025-01-02,dear,,\nA4,E0004\n"
    (folder / "penalties.csv").write_text(HEADER + rows, encoding="utf-8")
    (shell.folder / "mapping.yaml").write_text(PENALTIES, encoding="utf-8")
    shell.good("run", "--source", "in", "--mapping", "mapping.yaml", "--once")
    letters = [json.loads(one) for one in shell.good("export", "dead-letters").splitlines()]
    wanted = Counter(_letter(one) for one in letters if one["reason"] != "conflicting_repeat")
    assert {"unmapped_row", "too_large", "not_json", "not_unicode", "missing_field"} <= {one[3] for one in wanted}
    produce(shell, "in", "--mapping", "mapping.yaml")
    assert _refused(read_topic(intake, bootstrap_servers=kafka)) == wanted


def _letter(one: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(one[name] for name in ("source", "line", "offset", "reason", "detail", "digest"))


def _refused(messages: list[Read]) -> Counter[tuple[Any, ...]]:
    """The dead letters that intake makes of some messages."""
    reader, now = Intake(Pseudonymiser([bytes.fromhex(KEY)])), SteadyClock()()
    found: Counter[tuple[Any, ...]] = Counter()
    for message in messages:
        problem = message.problem
        for (source, number, offset, line), count in lines_of_topic([message]).items():
            digest = hashlib.sha256(line).hexdigest()
            if problem is not None:
                letter = (source, number, offset, problem.reason, problem.detail, problem.digest or digest)
                found[letter] += count
                continue
            try:
                reader.read(line, now)
            except Refusal as refusal:
                found[source, number, offset, refusal.reason, refusal.detail, digest] += count
    return found


def test_standard_input_is_a_source(shell: ClusterCommands, kafka: str, intake: str) -> None:
    case = make_case(2, 60)
    ended = shell.commands.run("produce", "-", stdin=b"\n".join(case), **shell.settings)
    assert (ended.status, sent(ended.told)) == (0, len(case))
    found = lines_of_topic(read_topic(intake, bootstrap_servers=kafka))
    assert Counter(one.line for one in found.elements()) == Counter(case)
    assert {one.source for one in found} == {"-"}


# --- a second time


def test_what_is_there_is_not_sent_again_and_what_came_since_is(
    shell: ClusterCommands, kafka: str, intake: str
) -> None:
    case = make_case(5, 100)
    path = shell.folder / "in" / "a.jsonl"
    write(path, case[:70])
    assert produce(shell, "in") == 70
    assert produce(shell, "in") == 0
    with path.open("ab") as file:
        file.write(b"".join(one + b"\n" for one in case[70:]))
    write(shell.folder / "in" / "b.jsonl", case[:10])
    assert produce(shell, "in") == len(case) - 70 + 10
    wanted = lines_of_file(path, "in/a.jsonl") + lines_of_file(shell.folder / "in" / "b.jsonl", "in/b.jsonl")
    assert lines_of_topic(read_topic(intake, bootstrap_servers=kafka)) == wanted
    # As with `run` a replaced file is read from its beginning, and another state knows nothing.
    write(path, case[20:40])
    ended = shell.run("produce", "in")
    assert sent(ended.told) == 20
    assert "replaced" in ended.told
    assert produce(shell, "in", "--state", "elsewhere") == 30


def test_one_process_uses_a_state(shell: ClusterCommands) -> None:
    write(shell.folder / "in.jsonl", make_case(1, 50))
    (shell.folder / "state").mkdir()
    with (shell.folder / "state" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another produce uses this state" in shell.failed("produce", "in.jsonl", "--state", "state")
    assert produce(shell, "in.jsonl", "--state", "state") > 0


def test_a_topic_that_is_not_there_or_another_one_is_told(
    shell: ClusterCommands, kafka: str, prefix: str, intake: str
) -> None:
    write(shell.folder / "in.jsonl", make_case(1, 50))
    assert "topics create" in shell.but(kafka_prefix=prefix + "other.").failed("produce", "in.jsonl")
    produce(shell, "in.jsonl")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([intake])
    until = time.monotonic() + 30
    while intake in admin.list_topics():
        assert time.monotonic() < until
        time.sleep(0.1)
    admin.close()
    assert "topics create" in shell.failed("produce", "in.jsonl")
    shell.good("topics", "create")
    assert "made anew" in shell.failed("produce", "in.jsonl")
    assert read_topic(intake, bootstrap_servers=kafka) == []


def test_a_damaged_source_is_told_after_the_others(shell: ClusterCommands, kafka: str, intake: str) -> None:
    case = make_case(6, 60)
    write(shell.folder / "in" / "a.jsonl.gz", case)
    packed = (shell.folder / "in" / "a.jsonl.gz").read_bytes()
    (shell.folder / "in" / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    write(shell.folder / "in" / "b.jsonl", case)
    ended = shell.run("produce", "in")
    assert ended.status == 1
    assert "a.jsonl.gz" in ended.told
    found = lines_of_topic(read_topic(intake, bootstrap_servers=kafka))
    assert Counter({one: n for one, n in found.items() if one.source == "in/b.jsonl"}) == lines_of_file(
        shell.folder / "in" / "b.jsonl", "in/b.jsonl"
    )
    some = [one.line for one in sorted(found, key=lambda one: one.number) if one.source == "in/a.jsonl.gz"]
    assert some
    assert some == case[: len(some)]


@pytest.mark.parametrize("arguments", [(), ("in.jsonl", "--batch", "0"), ("in.jsonl", "--no-such")])
def test_wrong_use_ends_with_status_2(shell: ClusterCommands, arguments: tuple[str, ...]) -> None:
    ended = shell.run("produce", *arguments)
    assert (ended.status, ended.out) == (2, b"")
