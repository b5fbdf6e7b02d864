"""Dead letters read again after a fix, by real processes: what comes through leaves the list with a trace, once."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from tests.command import Commands
from tests.engine import event, line, opened
from tests.integration.replaying import (
    AHEAD,
    FIXED,
    LETTERS,
    REPLAY,
    check_counts,
    early,
    logged,
    mended,
    ran,
    said,
)


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
