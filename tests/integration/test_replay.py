"""Dead letters read again after a fix, by real processes: what comes through leaves the list with a trace, once.

The fix of the program is a longer time that an event may lie ahead of the clock.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from monitor.store import log as eventlog
from monitor.store.home import Home
from tests.command import Call, Commands, Ended
from tests.engine import Raw, event, line, opened

FIXED = {"monitor.events.intake.MAX_AHEAD": 10**18}
AHEAD = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).isoformat()
RESIDENT = "11010519491231002X"
REPLAY = ("replay-dead-letters", "--home", "home")
LETTERS = ("export", "dead-letters", "--home", "home")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    yield commands
    commands.close()


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    """The command in an empty folder, unpatched."""
    commands.folder = tmp_path
    commands.patches = {}
    return commands


def early(number: int, **members: Any) -> Raw:
    """An establishment that lies too far ahead, as long as the program is not fixed."""
    person = {"role": "operator", "id_number": RESIDENT, "id_type": "resident_id", "name": "王小明"}
    return {**opened(f"E{number:04d}", persons=[person]), "time": AHEAD, **members}


def ran(shell: Commands, *raws: Raw | bytes, name: str = "events.jsonl") -> Path:
    """The home of a run over some events."""
    content = b"".join((one if isinstance(one, bytes) else line(one)) + b"\n" for one in raws)
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = zstandard.compress(content)
    (shell.folder / name).write_bytes(content)
    ended = shell.run("run", "--source", name, "--home", "home", "--once")
    assert ended.status == 0, ended.told
    return shell.folder / "home"


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)


def ask(home: Path, question: str) -> Any:
    """One value of the database."""
    connection = sqlite3.connect(f"file:{home / 'monitor.db'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(question).fetchone()[0]
    finally:
        connection.close()


def mended(home: Path) -> int:
    return int(ask(home, "select count(*) from dead_letters where mended_at is not null"))


def logged(home: Path) -> Counter[tuple[str, str]]:
    """Subject and id of every event of the log that is not the monitor's own."""
    engine = Home(home).reader()
    with engine.connect() as connection:
        events = [one for block in eventlog.read_blocks(connection) for one in block.events]
    engine.dispose()
    return Counter((one.subject, one.id) for one in events if one.source != "//credit-monitor")


def check_counts(shell: Commands) -> None:
    """What is counted is what is there, and nothing is left in the folder of requests."""
    wanted: Counter[tuple[str, ...]] = Counter()
    left: Counter[tuple[str, ...]] = Counter()
    for one in shell.rows(*LETTERS, "--all"):
        key = (one["received"][:10], one["source"], one["reason"])
        wanted[key] += 1
        left[key] += one["mended_at"] is None
    counts = shell.rows(*LETTERS, "--counts")
    assert {(one["day"], one["source"], one["reason"]): one["count"] for one in counts} == wanted
    assert {(one["day"], one["source"], one["reason"]): one["open"] for one in counts} == dict(left)
    assert list((shell.folder / "home" / "requests").glob("*")) == []


def said(ended: Ended, *, status: int = 0) -> str:
    assert ended.status == status, ended.told
    return ended.out.decode()


# --- without a writer


def test_what_comes_through_leaves_the_list_with_a_trace(shell: Commands) -> None:
    home = ran(shell, opened("E0001"), *(early(number) for number in range(2, 8)), b"broken")
    before = shell.rows(*LETTERS)
    assert [one["reason"] for one in before] == ["future_time"] * 6 + ["not_json"]
    assert "refused again 7" in said(shell.run(*REPLAY)), "nothing has been fixed"
    assert [(one["number"], one["tries"]) for one in shell.rows(*LETTERS)] == [(one["number"], 2) for one in before]
    shell.patches = FIXED
    assert "would pass intake 6" in said(shell.run(*REPLAY, "--dry-run"))
    assert mended(home) == 0
    out = said(shell.run(*REPLAY, officer="li.lei"))
    assert "came through 6" in out
    assert "not_json 1" in out
    assert [one["reason"] for one in shell.rows(*LETTERS)] == ["not_json"]
    traces = shell.rows(*LETTERS, "--mended")
    assert [one["became"] for one in traces] == [
        {"subject": f"E{number:04d}", "source": "//test", "id": early(number)["id"], "repeat": False}
        for number in range(2, 8)
    ]
    assert {(one["mended_by"], one["mended_from"], one["tries"]) for one in traces} == {("li.lei", "stored text", 3)}
    assert all(one["mended_at"] > one["received"] for one in traces)
    signals = shell.rows("export", "signals", "--home", "home")
    assert {"one-person-many-enterprises"} <= {one["detector"] for one in signals}, "the person is known by the number"
    assert set(logged(home).values()) == {1}
    assert "came through 0" in said(shell.run(*REPLAY))
    check_counts(shell)


def test_the_person_of_a_kept_text_is_the_one_of_the_number(shell: Commands) -> None:
    led = [early(number) for number in range(1, 4)]
    ran(shell, *led, *(early(number, time="2025-01-01T00:00:00Z") for number in range(4, 6)))
    shell.patches = FIXED
    assert "came through 3" in said(shell.run(*REPLAY))
    signals = shell.rows("export", "signals", "--home", "home")
    (found,) = [one for one in signals if one["detector"] == "one-person-many-enterprises"]
    assert found["enterprises"] == [f"E{number:04d}" for number in range(1, 6)]
    (shell.folder / "again.jsonl").write_bytes(b"".join(line(one) + b"\n" for one in led))
    shell.good("run", "--source", "again.jsonl", "--home", "home", "--once")
    assert shell.rows(*LETTERS) == [], "the same events from the source are repeats, not contradictions"


def test_some_are_chosen_by_reason_source_and_time(shell: Commands) -> None:
    ran(shell, early(1), {**early(2), "type": "no.such"}, name="a.jsonl")
    time.sleep(1.1)
    between = dt.datetime.now(dt.UTC).isoformat()
    ran(shell, early(3), name="b.jsonl")
    shell.patches = FIXED

    def through(*flags: str) -> list[int]:
        said(shell.run(*REPLAY, *flags))
        return [one["number"] for one in shell.rows(*LETTERS, "--mended")]

    assert through("--reason", "unknown_type") == []
    assert through("--source", "b.jsonl", "--until", between) == []
    assert through("--until", "2020-01-01") == []
    assert through("--since", between) == [3]
    assert through("--source", "a.jsonl", "--source", "b.jsonl", "--reason", "future_time") == [1, 3]
    assert [one["number"] for one in shell.rows(*LETTERS, "--reason", "unknown_type", "--source", "a.jsonl")] == [2]
    check_counts(shell)


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz", "events.jsonl.zst"])
def test_what_had_to_be_hidden_is_read_from_the_source(shell: Commands, name: str) -> None:
    """A bare name, a long number in a document, an unknown field with a passport, a text too long to be kept."""
    who = {"role": "operator", "name": "王小明"}
    hidden = [
        early(1, data={**opened("x")["data"], "persons": [who]}),
        {**event("E0002", "enforcement.penalised", AHEAD, document="330106202500012345")},
        early(3, remark="passport EC9182736"),
        early(4, remark="长" * 5000),
    ]
    home = ran(shell, opened("E0009"), *hidden, early(5), name=name)
    shell.patches = FIXED
    assert "came through 5" in said(shell.run(*REPLAY))
    origins = [one["mended_from"] for one in shell.rows(*LETTERS, "--mended")]
    assert origins == ["source"] * 4 + ["stored text"]
    assert {subject for subject, _ in logged(home)} == {"E0009", *(f"E000{number}" for number in range(1, 6))}
    check_counts(shell)


def test_a_line_too_large_is_read_from_the_source(shell: Commands) -> None:
    ran(shell, early(1, time="2025-01-01T00:00:00Z", remark="x" * 300_000))
    assert "too_large 1" in said(shell.run(*REPLAY))
    shell.patches = {"monitor.events.intake.MAX_BYTES": 10**6}
    assert "came through 1" in said(shell.run(*REPLAY))


def test_a_source_that_is_gone_or_another_is_told_and_nothing_is_tried(shell: Commands) -> None:
    name = early(1, remark="passport EC9182736")
    home = ran(shell, name)
    source = shell.folder / "events.jsonl"
    shell.patches = FIXED
    content = source.read_bytes()
    source.rename(shell.folder / "events.jsonl.1")
    ended = shell.run(*REPLAY)
    assert "the source is gone" in said(ended, status=1)
    assert ended.told.count("\n") == 1
    assert ended.told.startswith("credit-monitor: 1 ")
    for changed in (content.replace(b"E0001", b"E0002"), content[: len(content) // 2], b"", b"\n" + content):
        source.write_bytes(changed)
        assert "something else" in said(shell.run(*REPLAY), status=1)
    assert (shell.rows(*LETTERS)[0]["tries"], mended(home)) == (1, 0)
    source.write_bytes(content)
    assert "came through 1" in said(shell.run(*REPLAY))


def test_what_came_on_standard_input_is_in_the_kept_text_alone(shell: Commands) -> None:
    lines = b"".join(line(one) + b"\n" for one in (early(1), early(2, remark="passport EC9182736")))
    shell.good("run", "--source", "-", "--home", "home", "--once", stdin=lines)
    shell.patches = FIXED
    out = said(shell.run(*REPLAY), status=1)
    assert "came through 1" in out
    assert "cannot be read twice 1" in out


def test_a_home_under_other_rules_keeps_them(shell: Commands) -> None:
    rules = (Path(__file__).parents[2] / "config" / "rules" / "default.yaml").read_text(encoding="utf-8")
    (shell.folder / "ours.yaml").write_text(rules + "\n# ours\n", encoding="utf-8")
    (shell.folder / "events.jsonl").write_bytes(line(early(1)) + b"\n")
    shell.good("run", "--source", "events.jsonl", "--home", "home", "--once", "--rules", "ours.yaml")
    shell.patches = FIXED
    assert "--rules" in shell.bad(*REPLAY)
    assert "came through 1" in said(shell.run(*REPLAY, "--rules", "ours.yaml"))
    check_counts(shell)


# --- tables


TABLE = """code,name,day
T0001,甲店,2025-01-01
T0002,乙店,02/01/2025
T0003,丙店,03/01/2025
"""
MAPPING = """mapping: shops
source: //shops
table:
  files: ["*.csv"]
events:
  - rule: stock
    type: registration.established
    id: "{code}"
    subject: "{code}"
    time: {column: day, format: "%Y-%m-%d"}
    data:
      name: "{name}"
      kind: individual
      address: {text: "浙江省杭州市西湖区文三路90号1幢101室"}
      persons: []
"""


def with_table(shell: Commands, table: str) -> None:
    (shell.folder / "shops.csv").write_text(table, encoding="utf-8")
    (shell.folder / "shops.yaml").write_text(MAPPING, encoding="utf-8")
    (shell.folder / "fixed.yaml").write_text(MAPPING.replace("%Y-%m-%d", "%d/%m/%Y"), encoding="utf-8")
    shell.good("run", "--source", "shops.csv", "--mapping", "shops.yaml", "--home", "home", "--once")


def test_rows_of_a_table_come_through_by_a_mended_mapping(shell: Commands) -> None:
    with_table(shell, TABLE)
    assert {one["reason"] for one in shell.rows(*LETTERS)} == {"unmapped_row"}
    assert "--mapping" in said(shell.run(*REPLAY), status=1)
    assert "unmapped_row 2" in said(shell.run(*REPLAY, "--mapping", "shops.yaml"))
    assert "came through 2" in said(shell.run(*REPLAY, "--mapping", "fixed.yaml"))
    assert [one["became"]["subject"] for one in shell.rows(*LETTERS, "--mended")] == ["T0002", "T0003"]
    check_counts(shell)


def test_a_table_that_was_replaced_is_not_taken_for_the_old_one(shell: Commands) -> None:
    with_table(shell, TABLE)
    (shell.folder / "shops.csv").write_text(TABLE.replace("T000", "U000"), encoding="utf-8")
    assert "something else" in said(shell.run(*REPLAY, "--mapping", "fixed.yaml"), status=1)
    (shell.folder / "shops.csv").write_text(TABLE.replace("day", "date"), encoding="utf-8")
    ended = shell.run(*REPLAY, "--mapping", "fixed.yaml")
    assert "does not fit" in said(ended, status=1)
    assert "`day`" in ended.told or "day" in ended.told


def test_a_row_that_could_not_be_told_apart_is_found_by_its_bytes(shell: Commands) -> None:
    with_table(shell, 'code,name,day\nT0001,甲店,2025-01-01\nT0002,"乙""店;,",2025-01-02,x\nT0003,丙店,2025-01-03\n')
    (letter,) = shell.rows(*LETTERS)
    assert letter["masked"]
    assert "unmapped_row 1" in said(shell.run(*REPLAY, "--mapping", "shops.yaml"))


# --- what operators mend


def test_texts_that_an_operator_mended_come_through(shell: Commands) -> None:
    bad = [early(number, type="registration.opened", time="2025-01-01T00:00:00Z") for number in range(1, 5)]
    home = ran(shell, *bad, b"{broken")
    letters = shell.rows(*LETTERS)
    texts = [
        {"number": one["number"], "text": one["text"].replace("registration.opened", "registration.established")}
        for one in letters[:3]
    ]
    texts[1]["text"] = texts[1]["text"].replace("甲", "***")
    texts.append({"number": letters[4]["number"], "text": line(early(9, time="2025-01-01T00:00:00Z")).decode()})
    texts.append({"number": 4711, "text": "{}"})
    path = shell.folder / "mended.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in texts), encoding="utf-8")
    out = said(shell.run(*REPLAY, "--mended", "mended.jsonl"), status=1)
    assert "came through 3" in out
    assert "still hidden 1" in out
    assert "not among the open ones 1" in out
    assert {one["mended_from"] for one in shell.rows(*LETTERS, "--mended")} == {"mended file"}
    assert {one["number"] for one in shell.rows(*LETTERS)} == {2, 4}
    assert {subject for subject, _ in logged(home)} == {"E0001", "E0003", "E0009"}
    assert "not among the open ones 4" in said(shell.run(*REPLAY, "--mended", "mended.jsonl"), status=1)
    path.write_text('{"number": "one"}\n', encoding="utf-8")
    assert "mended.jsonl:1" in shell.bad(*REPLAY, "--mended", "mended.jsonl")
    assert "nothing.jsonl" in shell.bad(*REPLAY, "--mended", "nothing.jsonl")
    check_counts(shell)


# --- beside a writer


@pytest.fixture(params=["run", "serve"])
def writing(shell: Commands, request: pytest.FixtureRequest) -> Iterator[Call]:
    """A writer with the fix, live on a home with dead letters of a writer without it."""
    ran(shell, *(early(number) for number in range(1, 41)))
    shell.patches = {**FIXED, "monitor.runners.replay._BATCH": 7}
    more = ("--follow",) if request.param == "run" else ("--port", "0")
    call = shell.start(request.param, "--source", "events.jsonl", "--home", "home", *more)
    until(lambda: (shell.folder / "home" / "lock").read_text() == str(call.pid))
    yield call
    try:
        call.kill()
    except ProcessLookupError:
        return
    call.wait()


def test_a_running_writer_does_it_for_the_command(shell: Commands, writing: Call) -> None:
    out = said(shell.run(*REPLAY))
    assert "came through 40" in out
    assert shell.rows(*LETTERS) == []
    assert "still parked 0" in said(shell.run("replay-parked", "--home", "home"))
    (shell.folder / "wrong.yaml").write_text("mapping: [", encoding="utf-8")
    assert "wrong.yaml" in shell.bad(*REPLAY, "--mapping", "wrong.yaml")
    with (shell.folder / "events.jsonl").open("ab") as file:
        file.write(line(opened("E9999")) + b"\n")
    until(lambda: ("E9999", opened("E9999")["id"]) in logged(shell.folder / "home"))
    writing.kill(signal.SIGTERM)
    assert writing.wait().status == 0
    check_counts(shell)


def test_a_command_takes_over_where_the_writer_was_killed(shell: Commands, writing: Call) -> None:
    home = shell.folder / "home"
    shell.patches = {**shell.patches, "monitor.runners.requests._LOCK_POLL": 0.05}
    replay = shell.start(*REPLAY)
    until(lambda: mended(home) > 0)
    writing.kill()
    out = said(replay.wait())
    assert "came through 40" in out, "what the writer had done is counted, and counted once"
    assert set(logged(home).values()) == {1}
    assert {one["tries"] for one in shell.rows(*LETTERS, "--mended")} == {2}
    check_counts(shell)


def test_a_request_is_withdrawn_with_its_command(shell: Commands, writing: Call) -> None:
    home = shell.folder / "home"
    writing.kill(signal.SIGSTOP)
    replay = shell.start(*REPLAY)
    until(lambda: any((home / "requests").glob("*.json")))
    replay.kill(signal.SIGINT)
    assert replay.wait().status != 0
    assert list((home / "requests").glob("*")) == []
    writing.kill(signal.SIGCONT)
    assert "came through 40" in said(shell.run(*REPLAY)), "the writer goes on"


def test_a_silent_writer_is_told_of(shell: Commands, writing: Call) -> None:
    writing.kill(signal.SIGSTOP)
    shell.patches = {**shell.patches, "monitor.runners.requests._PATIENCE": 1.0}
    assert "the request is withdrawn" in shell.bad(*REPLAY)
    writing.kill(signal.SIGCONT)


@pytest.mark.parametrize("seed", range(6))
def test_a_command_killed_in_the_middle_is_made_good_by_the_next(
    shell: Commands, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    home = ran(shell, *(early(number) for number in range(1, 201)))
    shell.patches = {**FIXED, "monitor.runners.replay._BATCH": 5}
    replay = shell.start(*REPLAY)
    until(lambda: mended(home) > seed * 25)
    replay.kill()
    replay.wait()
    some = mended(home)
    assert 0 < some < 200
    assert list((home / "requests").glob("*.json")), "the request stays for the next writer"
    if seed % 2:
        said(shell.run(*REPLAY))
        assert shell.rows(*LETTERS) == []
    else:
        shell.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    said(shell.run(*REPLAY))
    assert mended(home) == 200
    assert set(logged(home).values()) == {1}
    shutil.rmtree(home / "requests")
    (home / "requests").mkdir()
    check_counts(shell)
