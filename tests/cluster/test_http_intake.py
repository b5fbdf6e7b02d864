"""Events over HTTP to a cluster: `serve` sends them to Kafka and answers once the brokers have acknowledged."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.engine.clock import SteadyClock
from monitor.store.postgresql.database import Database
from tests.cluster.reading import read_topic
from tests.cluster.running import Cluster, cluster_in, counts, read_totals
from tests.engine import differences, event, judged_by_stages, line, read_home, run_file, save
from tests.integration.sending import BATCH, SINGLE, Served, batch_of, problem, serving, token
from tests.kafka.broker import Broker
from tests.reference.cases import make_case, poisoned

PARTITIONS = 4
KILLS = 10


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix, HOME="home") as running:
        running.create(PARTITIONS)
        yield running


@contextmanager
def served_by(cluster: Cluster) -> Iterator[Served]:
    with serving(cluster.commands.commands, **cluster.commands.settings) as served:
        yield served


def irregular(number: int, **more: Any) -> bytes:
    return line({**event(f"E{number:06d}", "tax.irregular", "2025-03-01T00:00:00Z"), "id": f"i{number}", **more})


def accepted(database: Database) -> int:
    return read_totals(database).get(("events", "tax.irregular"), 0)


def letters(cluster: Cluster) -> list[dict[str, Any]]:
    return [json.loads(one) for one in cluster.commands.good("export", "dead-letters").splitlines()]


def refused(database: Database) -> Counter[str]:
    """How often intake has refused, by reason; also what it refused before."""
    return Counter({name: count for (kind, name), count in read_totals(database).items() if kind == "dead_letters"})


def test_each_event_is_decided_and_what_is_refused_is_one_dead_letter(cluster: Cluster, database: Database) -> None:
    commands = cluster.commands.commands
    good = token(commands)
    limited = token(commands, "--source", "//registry/*")
    cluster.start()
    with served_by(cluster) as served, httpx.Client(base_url=served.address, timeout=30) as client:

        def post(body: bytes, kind: dict[str, str], sender: dict[str, str] = good) -> httpx.Response:
            return client.post("/api/v1/events", content=body, headers={**sender, **kind})

        def reasons(answer: httpx.Response) -> list[str | None]:
            return [one.get("reason") for one in problem(answer, 422)["events"]]

        assert problem(post(irregular(1), SINGLE, {"Authorization": "Bearer cm_x_y"}), 401)
        assert post(b"[]", BATCH).json() == {"accepted": 0, "repeats": 0, "refused": 0}
        mixed = [
            irregular(2),
            irregular(3, time="today"),
            b'{"a":NaN}',
            irregular(4, time="2999-01-01T00:00:00Z"),
            irregular(5, more="x" * 300_000),
            irregular(6, more="y" * 1_200_000),
            irregular(7) + b" ",
        ]
        for _ in range(2):
            first = post(irregular(1), SINGLE)
            assert (first.status_code, first.json()) == (200, {"accepted": 1, "repeats": 0, "refused": 0})
            answer = problem(post(batch_of(mixed), BATCH), 422)
            assert (answer["accepted"], answer["repeats"], answer["refused"]) == (2, 0, 5)
            told = [one.get("reason") for one in answer["events"]]
            assert told == [None, "invalid_time", "not_json", "future_time", "too_large", "too_large", None]
            assert reasons(post(b"[{", BATCH)) == ["not_json"]
            assert reasons(post(b"[" + b"7" * 2_000_000, BATCH)) == ["not_json"]
            assert reasons(post(irregular(8), BATCH)) == ["wrong_type"]
            assert reasons(post(b"", SINGLE)) == ["not_json"]
            assert reasons(post(b"\xef\xbb\xbf \n", SINGLE)) == ["not_json"]
            assert reasons(post(irregular(9, source="//court/1"), SINGLE, limited)) == ["foreign_source"]
            assert post(irregular(10, source="//registry/1"), SINGLE, limited).status_code == 200
            # Whether an event came before is found out later, where its history is.
            assert post(irregular(1, time="2025-03-02T00:00:00Z"), SINGLE).status_code == 200
        assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")

        wanted = Counter(
            {
                **{"not_json": 5, "too_large": 2, "invalid_time": 1, "future_time": 1},
                **{"wrong_type": 1, "foreign_source": 1, "conflicting_repeat": 1},
            }
        )
        twice = Counter({reason: 2 * count for reason, count in wanted.items()})
        assert cluster.settles(lambda: refused(database) == twice and accepted(database) == 4), refused(database)
        assert client.get("/metrics").status_code == 200
    cluster.stop()
    kept = letters(cluster)
    assert Counter(one["reason"] for one in kept) == wanted
    assert {one["source"] for one in kept} == {"http:registry"}
    assert {one["reason"]: one["line"] for one in kept if one["reason"] in ("invalid_time", "future_time")} == {
        "invalid_time": 2,
        "future_time": 4,
    }
    assert accepted(database) == 4
    assert read_totals(database)["repeats", "tax.irregular"] == 4


def test_sent_or_read_the_signals_are_the_same(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    # Blank lines are skipped in files; whoever sends one is told that it is no event.
    lines = [one for one in poisoned(make_case(12, 80), 12) if one.removeprefix(b"\xef\xbb\xbf").strip()]
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", lines), clock=SteadyClock())
    wanted, whole = (
        judged_by_stages(tmp_path / "home"),
        counts(read_home(tmp_path / "home", lambda reader: reader.totals())),
    )
    good = token(cluster.commands.commands)
    cluster.start()
    with served_by(cluster) as served, httpx.Client(base_url=served.address, headers=good, timeout=30) as client:
        waiting: list[bytes] = []
        for one in [*lines, b""]:
            if len(waiting) == 100 or not stands_in_an_array(one):
                assert client.post("/api/v1/events", content=batch_of(waiting), headers=BATCH).status_code in (200, 422)
                waiting = []
            if stands_in_an_array(one):
                waiting.append(one)
            elif one:
                assert client.post("/api/v1/events", content=one, headers=SINGLE).status_code in (200, 422)

    def same() -> bool:
        return counts(read_totals(database)) == whole and not differences(cluster.signals(), wanted)

    assert wanted
    assert cluster.settles(same), (
        differences(cluster.signals(), wanted),
        counts(read_totals(database)).items() ^ whole.items(),
    )
    cluster.stop()
    assert same()


def stands_in_an_array(line: bytes) -> bool:
    """Whether a line breaks no batch that it is in."""
    try:
        json.loads(line.decode())
    except (ValueError, RecursionError):
        return False
    return True


def test_too_much_at_once_is_put_off(cluster: Cluster, kafka: str, prefix: str) -> None:
    good = token(cluster.commands.commands)
    cluster.commands.commands.patches = {"monitor.engine.inbox.MAX_WAITING": 20}
    statuses: Counter[int] = Counter()
    with served_by(cluster) as served:

        def send(first: int) -> None:
            with httpx.Client(base_url=served.address, headers={**good, **BATCH}, timeout=60) as client:
                for number in range(10):
                    body = batch_of([irregular(first + number * 20 + place) for place in range(20)])
                    while (answer := client.post("/api/v1/events", content=body)).status_code == 429:
                        statuses[429] += 1
                        assert answer.headers["retry-after"] == "1"
                    statuses[answer.status_code] += 1

        threads = [threading.Thread(target=send, args=(part * 1000,)) for part in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses.keys() == {200, 429}
    assert statuses[200] == 60
    found = Counter(one for read in read_topic(f"{prefix}intake", bootstrap_servers=kafka) for one in read.lines)
    assert found == Counter(irregular(part * 1000 + number) for part in range(6) for number in range(200))


def test_what_was_answered_before_a_kill_is_accepted_once(cluster: Cluster, database: Database) -> None:
    good = token(cluster.commands.commands)
    cluster.start()
    chance = random.Random(3)
    answered = number = 0
    waiting: list[bytes] = []
    for _ in range(KILLS):
        served = Served(cluster.commands.commands, **cluster.commands.settings)
        timer = threading.Timer(chance.uniform(0.1, 1.5), served.call.kill)
        with httpx.Client(base_url=served.address, headers={**good, **BATCH}, timeout=30) as client:
            timer.start()
            while True:
                if not waiting:
                    size = chance.choice((1, 3, 50))
                    waiting = [irregular(number + place) for place in range(size)]
                    number += size
                try:
                    answer = client.post("/api/v1/events", content=batch_of(waiting))
                except httpx.TransportError:
                    break  # the same is sent again to the next process: whether it came through is not known
                assert answer.status_code == 200, answer.text
                answered += len(waiting)
                waiting = []
        timer.join()
        served.call.wait()
    with (
        served_by(cluster) as served,
        httpx.Client(base_url=served.address, headers={**good, **BATCH}, timeout=30) as client,
    ):
        assert client.post("/api/v1/events", content=batch_of(waiting)).status_code == 200
    assert answered > KILLS
    assert cluster.settles(lambda: accepted(database) == number), (accepted(database), number)
    cluster.stop()
    assert accepted(database) == number
    assert letters(cluster) == []


def test_a_broker_that_is_away_is_never_a_success(
    tmp_path: Path, databases: Callable[[], Database], prefix: str
) -> None:
    (tmp_path / "broker").mkdir()
    broker, database = Broker(tmp_path / "broker"), databases()
    broker.start()
    try:
        streams = tmp_path / "streams"
        with cluster_in(tmp_path / "cluster", streams, broker.address, database, prefix, HOME="home") as cluster:
            cluster.create(PARTITIONS)
            statuses, number = send_over_kills(cluster, broker)
            found = Counter(
                json.loads(one)["id"]
                for read in read_topic(f"{prefix}intake", bootstrap_servers=broker.address)
                for one in read.lines
            )
            assert found.keys() == {f"i{one}" for one in range(number)}
            assert statuses.keys() == {200, 503}
            cluster.start()
            assert cluster.settles(lambda: accepted(database) == number), accepted(database)
            cluster.stop()
            assert accepted(database) == number
    finally:
        broker.stop()


def send_over_kills(cluster: Cluster, broker: Broker) -> tuple[Counter[int], int]:
    """Sends while the broker is killed twice, each request until it is answered with success; what was answered, and
    how many events went out. At the end `serve` is stopped while the broker is away.
    """
    good = token(cluster.commands.commands)
    statuses: Counter[int] = Counter()
    number = 0
    with (
        served_by(cluster) as served,
        httpx.Client(base_url=served.address, headers={**good, **BATCH}, timeout=60) as client,
    ):

        def post(body: bytes) -> httpx.Response:
            started = time.monotonic()
            answer = client.post("/api/v1/events", content=body)
            assert time.monotonic() - started < 15
            statuses[answer.status_code] += 1
            if answer.status_code != 200:
                assert "Kafka" in problem(answer, 503)["detail"]
                assert answer.headers["retry-after"] == "1"
            return answer

        for part in range(120):
            body = batch_of([irregular(number + place) for place in range(5)])
            number += 5
            if part in (40, 80):
                broker.kill()
                for _ in range(2):
                    assert post(body).status_code == 503
                assert client.get("/healthz").status_code == 200
                broker.start()
            until = time.monotonic() + 60
            while post(body).status_code != 200:
                assert time.monotonic() < until
        broker.kill()
        assert post(batch_of([irregular(0)])).status_code == 503
        ending = time.monotonic()
    assert time.monotonic() - ending < 10  # 5 s on a machine of its own
    told = served.call.told()
    assert "Traceback" not in told
    assert "代理无应答" in told
    assert "代理已恢复" in told
    broker.start()
    return statuses, number


def test_what_is_missing_is_told_at_the_start(cluster: Cluster, prefix: str) -> None:
    commands = cluster.commands
    assert "CREDIT_MONITOR_PSEUDONYM_KEY" in commands.but(PSEUDONYM_KEY="").failed("serve")
    assert "topics create" in commands.but(KAFKA_PREFIX=f"{prefix}other.").failed("serve")
