"""Events over HTTP to a real `serve`: durable when answered, each decided alone, nothing twice, also over kills."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.events.refusal import REASONS
from tests.command import Commands
from tests.engine import event, line
from tests.integration.sending import BATCH, SINGLE, Served, batch_of, ids_in_log, problem, serving, token
from tests.reference.cases import make_case

KILLS = 25
"""In each of four homes."""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


def irregular(number: int, **more: Any) -> bytes:
    return line({**event(f"E{number:06d}", "tax.irregular", "2025-03-01T00:00:00Z"), "id": f"i{number}", **more})


def test_what_is_sent_is_decided_durable_and_answered(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    good = token(commands)
    with serving(commands, "--home", "home") as served, httpx.Client(base_url=served.address) as client:

        def post(body: bytes, **headers: str) -> httpx.Response:
            return client.post("/api/v1/events", content=body, headers={**good, **headers})

        served.wait_for_live()
        first = post(irregular(1), **SINGLE)
        assert (first.status_code, first.json()) == (200, {"accepted": 1, "repeats": 0, "refused": 0})
        assert ids_in_log(tmp_path / "home")["i1"] == 1  # beside the writer, before anything else happens
        assert post(irregular(1), **SINGLE).json() == {"accepted": 0, "repeats": 1, "refused": 0}
        changed = problem(post(irregular(1, subject="E000001", time="2025-03-02T00:00:00Z"), **SINGLE), 422)
        assert [one["reason"] for one in changed["events"]] == ["conflicting_repeat"]

        again = problem(post(irregular(1, subject="E000001", time="2025-03-02T00:00:00Z"), **SINGLE), 422)
        assert again == changed  # and it is one dead letter, see below

        mixed = [irregular(2), irregular(3, time="today"), b'{"a":NaN}', irregular(1), irregular(4, type="no.such")]
        answer = problem(post(batch_of(mixed), **BATCH), 422)
        assert [one["status"] for one in answer["events"]] == ["accepted", "refused", "refused", "repeat", "refused"]
        reasons = [one.get("reason") for one in answer["events"]]
        assert reasons == [None, "invalid_time", "not_json", None, "unknown_type"]
        assert (answer["accepted"], answer["repeats"], answer["refused"]) == (1, 1, 3)
        assert [one["index"] for one in answer["events"]] == [0, 1, 2, 3, 4]

        assert problem(post(b"[{", **BATCH), 422)["events"][0]["reason"] == "not_json"
        assert problem(post(irregular(5), **BATCH), 422)["events"][0]["reason"] == "wrong_type"
        assert problem(post(b"", **SINGLE), 422)["refused"] == 1
        assert post(b"[]", **{"Content-Type": BATCH["Content-Type"] + "; charset=utf-8"}).status_code == 200
        assert problem(post(irregular(6), **{"Content-Type": "application/json"}), 415)
        assert problem(post(irregular(6), **SINGLE, **{"Content-Encoding": "gzip"}), 415)
        assert problem(post(irregular(6) + b" " * 400_000, **SINGLE), 413)
        assert problem(post(batch_of([b"1"] * 10_001), **BATCH), 413)
        large = problem(post(irregular(6, more="x" * 262_144), **SINGLE), 422)
        assert large["events"][0]["reason"] == "too_large"
        assert client.get("/api/v1/events").status_code == 405
        assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
        metrics = client.get("/metrics").text
        assert "credit_monitor_event_to_signal_delay_seconds_count 2.0" in metrics

    letters = commands.rows("export", "dead-letters", "--home", "home")
    assert {one["source"] for one in letters} == {"http:registry"}
    kept = Counter(one["reason"] for one in letters)
    assert set(kept) <= set(REASONS)
    assert kept["invalid_time"] == kept["unknown_type"] == kept["conflicting_repeat"] == 1
    assert [one["line"] for one in letters if one["reason"] == "invalid_time"] == [2]


def test_only_a_token_in_force_may_send_and_only_for_its_sources(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    limited = token(commands, "--source", "//registry/*")
    listed = commands.good("token", "list", "--home", "home")
    assert "//registry/*" in listed
    assert limited["Authorization"].rsplit("_", 1)[1] not in listed
    (token_id,) = [part for part in listed.splitlines()[-1].split()[:1]]
    with serving(commands, "--home", "home") as served, httpx.Client(base_url=served.address) as client:

        def post(headers: dict[str, str], **more: Any) -> httpx.Response:
            return client.post("/api/v1/events", content=irregular(1, **more), headers={**headers, **SINGLE})

        for wrong in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": limited["Authorization"][:-1]}):
            assert problem(post(wrong), 401)
        refused = problem(post(limited, source="//court/1"), 422)
        assert refused["events"][0]["reason"] == "foreign_source"
        assert post(limited, source="//registry/1").status_code == 200
        commands.good("token", "withdraw", token_id, "--home", "home")
        assert problem(post(limited, source="//registry/2"), 401)
    assert "没有有效的令牌" in commands.bad("token", "withdraw", token_id, "--home", "home")


def test_too_much_at_once_is_put_off(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    good = token(commands)
    commands.patches = {"monitor.engine.inbox.MAX_WAITING": 20}
    statuses: Counter[int] = Counter()
    retries: set[str | None] = set()
    with serving(commands, "--home", "home") as served:

        def send(first: int) -> None:
            with httpx.Client(base_url=served.address, headers={**good, **BATCH}, timeout=60) as client:
                for number in range(40):
                    body = batch_of([irregular(first + number * 20 + place) for place in range(20)])
                    answer = client.post("/api/v1/events", content=body)
                    while answer.status_code == 429:
                        statuses[429] += 1
                        retries.add(answer.headers.get("retry-after"))
                        answer = client.post("/api/v1/events", content=body)
                    statuses[answer.status_code] += 1

        threads = [threading.Thread(target=send, args=(part * 1000,)) for part in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    commands.patches = {}
    assert statuses[200] == 6 * 40
    assert statuses.keys() == {200, 429}
    assert retries == {"1"}
    in_log = ids_in_log(tmp_path / "home")
    own = [one for one in in_log if one.startswith(("config", "monitor"))]
    assert in_log.total() - len(own) == 6 * 40 * 20


def test_sent_or_read_the_signals_are_the_same(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    case = make_case(11, 60)
    (tmp_path / "events.jsonl").write_bytes(b"".join(one + b"\n" for one in case))
    key = "7a" * 32
    commands.good("run", "--source", "events.jsonl", "--home", "read", "--once", pseudonym_key=key)
    good = token(commands)
    served = Served(commands, "--home", "home")
    with httpx.Client(base_url=served.address, headers=good) as client:
        for at in range(0, len(case), 40):
            answer = client.post("/api/v1/events", content=batch_of(case[at : at + 40]), headers=BATCH)
            assert answer.status_code in (200, 422)
    served.end()

    def found(home: str) -> list[Any]:
        rows = commands.rows("export", "signals", "--home", home)
        return sorted((one["detector"], one["level"], one["value"], one["enterprises"], one["since"]) for one in rows)

    assert found("home") == found("read")
    assert found("home")


@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_before_a_kill_is_there_once(commands: Commands, tmp_path: Path, seed: int) -> None:
    commands.folder = tmp_path
    good = token(commands)
    chance = random.Random(seed)
    answered: list[str] = []
    number = 0
    waiting: list[bytes] = []
    for _ in range(KILLS):
        served = Served(commands, "--home", "home")
        timer = threading.Timer(chance.uniform(0.0, 0.7), served.call.kill)
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
                answered += [json.loads(one)["id"] for one in waiting]
                waiting = []
        timer.join()
        served.call.wait()
    with serving(commands, "--home", "home"):
        pass
    found = ids_in_log(tmp_path / "home")
    assert answered
    assert {one: found[one] for one in answered if found[one] != 1} == {}
    assert {one: count for one, count in found.items() if count != 1} == {}
    with sqlite3.connect(tmp_path / "home" / "monitor.db") as database:
        (counted,) = database.execute("select sum(value) from counters where name = 'events'").fetchone()
    database.close()
    assert counted == found.total()
