"""The commands as a person meets them: what they print where, and the status they end with (contract §6)."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from detectors.registry import all_detectors
from monitor.events.schema import schema_texts
from tests.command import ROOT, Commands
from tests.engine import differences, event, line, lines
from tests.reference import naive
from tests.reference.cases import RECEIVED, make_case

COMMANDS = (
    *("demo", "run", "serve", "export", "address", "rules", "explain", "schema", "generate", "mapping"),
    *("replay-dead-letters", "replay-parked", "token", "topics", "produce", "worker", "database"),
    *("alert", "task", "host", "outcomes", "rank", "audit", "draw", "push", "retention", "doctor"),
    *("train", "promote", "models", "evaluate", "backtest"),
)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    """The command in an empty folder."""
    commands.folder = tmp_path
    return commands


@pytest.fixture(scope="module")
def filled(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run has filled the home `home` from a case with two bad lines."""
    commands.folder = tmp_path_factory.mktemp("filled")
    case = [*make_case(4, 80), b"broken", line({"specversion": "1.0"})]
    (commands.folder / "events.jsonl").write_bytes(b"\n".join(case) + b"\n")
    ended = commands.run("run", "--source", "events.jsonl", "--home", "home", "--once")
    assert (ended.status, ended.out) == (0, b""), ended.told
    assert f"events {len(case) - 2}" in ended.told.replace(",", "")
    assert "dead letters 2" in ended.told
    return commands.folder


@pytest.fixture
def ran(commands: Commands, filled: Path) -> Commands:
    """The command in the folder with the filled home."""
    commands.folder = filled
    return commands


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in text.splitlines()]


# --- help, wrong use, failure


def test_the_module_is_the_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "monitor", "schema"], cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout.decode().splitlines() == sorted(schema_texts())
    assert ended.stderr == b""


def test_the_help_names_every_command(shell: Commands) -> None:
    said = shell.good("--help")
    assert [name for name in COMMANDS if f" {name} " not in said] == []
    assert shell.run().status == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help_with_an_example(shell: Commands, command: str) -> None:
    assert f"credit-monitor {command}" in shell.good(command, "--help")


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("run",),
        ("run", "--source", "x", "--once", "--follow"),
        ("run", "--source", "x", "--no-such-option"),
        ("export", "everything"),
        ("export", "signals", "--counts"),
        ("export", "classes", "--mended"),
        ("export", "dead-letters", "--counts", "--all"),
        ("export", "dead-letters", "--reason", "boredom"),
        ("replay-dead-letters", "--since", "yesterday"),
        ("explain",),
        ("address",),
        ("generate", "--enterprises", "none", "--years", "1", "--seed", "1", "--out", "x"),
    ],
)
def test_wrong_use_ends_with_status_2(shell: Commands, arguments: tuple[str, ...]) -> None:
    ended = shell.run(*arguments)
    assert (ended.status, ended.out) == (2, b"")
    assert "Traceback" not in ended.told
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--source", "nothing.jsonl", "--once"), "nothing.jsonl"),
        (("run", "--source", "some.csv", "--once"), "--mapping"),
        (("run", "--source", "some.jsonl", "--once", "--rules", "nothing.yaml"), "nothing.yaml"),
        (("run", "--source", "some.jsonl", "--once", "--rules", "some.jsonl"), "rules file"),
        (("run", "--source", "some.jsonl", "--once", "--home", "some.csv"), "--home"),
        (("export", "signals", "--home", "nothing"), "credit-monitor run"),
        (("explain", "X", "--home", "nothing"), "credit-monitor run"),
        (("replay-dead-letters", "--home", "nothing"), "credit-monitor run"),
        (("replay-parked", "--home", "nothing"), "credit-monitor run"),
        (("rules", "no-such-rule"), "one-address-many-licences"),
        (("schema", "no.such.type"), "no.such.type"),
        (("schema", "--output", "some.csv/schemas"), "some.csv"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(shell: Commands, arguments: tuple[str, ...], said: str) -> None:
    (shell.folder / "some.csv").write_text("a,b\n")
    (shell.folder / "some.jsonl").write_text("")
    assert said in shell.bad(*arguments)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": "many"}, "port"),
        ({"pseudonym_key": "not hexadecimal"}, "hexadecimal"),
        ({"pseudonym_key": "abcd"}, "16 bytes"),
        ({"config": "nothing.toml"}, "nothing.toml"),
        ({"config": "broken.toml"}, "settings file"),
        ({"config": "unknown.toml"}, "colour"),
    ],
)
def test_a_wrong_setting_is_named(shell: Commands, settings: dict[str, str], said: str) -> None:
    (shell.folder / "broken.toml").write_text("officer = [")
    (shell.folder / "unknown.toml").write_text("colour = 'red'")
    (shell.folder / "some.jsonl").write_text("")
    assert said in shell.bad("run", "--source", "some.jsonl", "--once", stdin=b"", **settings)


def test_flags_come_before_the_environment_before_the_file(shell: Commands) -> None:
    (shell.folder / "some.jsonl").write_bytes(b"\n".join(make_case(1, 50)))
    (shell.folder / "credit-monitor.toml").write_text("home = 'of-the-file'\n")
    shell.good("run", "--source", "some.jsonl", "--once")
    shell.good("run", "--source", "some.jsonl", "--once", home="of-the-environment")
    shell.good("run", "--source", "some.jsonl", "--once", "--home", "of-the-flag", home="of-the-environment")
    homes = {path.parent.name for path in shell.folder.glob("*/monitor.db")}
    assert homes == {"of-the-file", "of-the-environment", "of-the-flag"}
    assert rows(shell.good("export", "signals")) == rows(shell.good("export", "signals", "--home", "of-the-flag"))


# --- what the commands print


def test_exported_signals_are_those_of_the_contract(ran: Commands) -> None:
    found = rows(ran.good("export", "signals", "--home", "home"))
    # Real clock: the case ends in the past, Now is its last tick, and nothing else may look at the clock.
    assert not differences(found, naive.signals(make_case(4, 80), received=RECEIVED).signals)
    for signal in found:
        assert {"version", "label", "evidence", "deadlines", "reason"} <= signal.keys() | signal["subject"].keys()
        assert signal["reason"].keys() == {"zh", "en"}
        assert "{" not in signal["reason"]["zh"] + signal["reason"]["en"]
        assert signal["enterprises"] == sorted(set(signal["enterprises"]))
        assert 1 <= len(signal["evidence"]) <= 100
        assert all({"id", "date"} <= one.keys() for one in signal["evidence"])


def test_dead_letters_are_exported_with_their_place(ran: Commands) -> None:
    count = len(make_case(4, 80))
    letters = rows(ran.good("export", "dead-letters", "--home", "home"))
    assert [(one["reason"], one["line"]) for one in letters] == [("not_json", count + 1), ("missing_field", count + 2)]
    assert {one["source"] for one in letters} == {"events.jsonl"}


@pytest.mark.parametrize("what", ["signals", "dead-letters"])
def test_csv_holds_the_same(ran: Commands, what: str) -> None:
    wanted = rows(ran.good("export", what, "--home", "home"))
    table = list(csv.DictReader(io.StringIO(ran.good("export", what, "--home", "home", "--format", "csv"))))
    assert [list(one) for one in table] == [list(one) for one in wanted]
    for one, other in zip(table, wanted, strict=True):
        for name, value in other.items():
            assert one[name] == (value if isinstance(value, str) else "" if value is None else one[name])


def test_an_export_goes_to_a_file_where_asked(ran: Commands) -> None:
    assert ran.good("export", "signals", "--home", "home", "--output", "out.jsonl") == ""
    text = (ran.folder / "out.jsonl").read_text(encoding="utf-8")
    assert text == ran.good("export", "signals", "--home", "home")


def test_explain_says_why_and_what_would_end_it(ran: Commands) -> None:
    signals = rows(ran.good("export", "signals", "--home", "home"))
    code = signals[0]["enterprises"][0]
    mine = [one for one in signals if code in one["enterprises"]]
    told = json.loads(ran.good("explain", code, "--home", "home", "--json"))
    assert told["code"] == code
    assert sorted(one["detector"] for one in told["signals"]) == sorted(one["detector"] for one in mine)
    text = ran.good("explain", code, "--home", "home")
    for one in mine:
        assert one["detector"] in text
        assert one["reason"]["zh"] in text
        assert one["way_out"]["en"] in text
    assert "no event" in ran.bad("explain", "91330106MA2H8Y6W27", "--home", "home")


def test_explain_shows_the_class_item_by_item_with_the_way_up_and_repair(ran: Commands) -> None:
    classed = {one["subject"]: one for one in rows(ran.good("export", "classes", "--home", "home"))}
    assert {one["class"] for one in classed.values()} >= {"A", "B", "C"}
    code = next(code for code, one in sorted(classed.items()) if one["class"] == "C")
    told = json.loads(ran.good("explain", code, "--home", "home", "--json"))["class"]
    for name in ("class", "score", "as_of", "card", "tolerated"):
        assert told[name] == classed[code][name]
    assert [(one["id"], one["points"]) for one in told["items"]] == [
        (one["id"], one["points"]) for one in classed[code]["items"]
    ]
    text = ran.good("explain", code, "--home", "home")
    assert f"class C　得分 score {told['score']}" in text
    for one in told["items"]:
        assert f"[{one['id']}]  {one['date']}" in text
        assert one["points"] < 0 or one["repair"]["way"]["zh"] in text
        for evidence in one["events"]:
            assert f"{evidence['source']} {evidence['id']}" in text
    assert f"升至 to {told['to_next']['class']}" in text


def test_scorecards_come_from_the_settings_and_wrong_ones_are_told_of(shell: Commands) -> None:
    shutil.copytree(ROOT / "config" / "scorecard", shell.folder / "cards")
    (shell.folder / "credit-monitor.toml").write_text('scorecards = "cards"\n')
    card = shell.folder / "cards" / "general.yaml"
    opened = {"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []}
    raws = [
        event("E001", "registration.established", "2015-01-01T00:00:00Z", **opened),
        event("E001", "sampling.failed", "2025-01-01T00:00:00Z"),
    ]
    arguments = ("run", "--source", "-", "--home", "home", "--once")
    card.write_text(card.read_text().replace("{B: 5, C: 18, D: 36}", "{B: 5, C: 6, D: 7}"))
    shell.good(*arguments, stdin=b"\n".join(lines(raws)) + b"\n")
    assert [one["class"] for one in rows(shell.good("export", "classes", "--home", "home"))] == ["D"]
    card.write_text(card.read_text().replace("C: 6", "C: 9"))
    assert "a higher class needs a higher score" in shell.bad(*arguments)


def test_standard_input_is_a_source(shell: Commands) -> None:
    case = make_case(5, 50)
    shell.good("run", "--source", "-", "--home", "home", "--once", stdin=b"\n".join(case) + b"\n")
    found = rows(shell.good("export", "signals", "--home", "home"))
    assert not differences(found, naive.signals(case, received=RECEIVED).signals)


def test_a_suspect_identifier_is_accepted_and_told(shell: Commands) -> None:
    opened = {"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []}
    raws = [
        event(code, "registration.established", "2025-01-01T00:00:00Z", **opened)
        for code in ("91330100716105852F", "91330100716105852A", "zj:1")
    ]
    shell.good("run", "--source", "-", "--home", "home", "--once", stdin=b"\n".join(lines(raws)) + b"\n")
    suspects = [
        json.loads(shell.good("explain", one["subject"], "--home", "home", "--json"))["identifier_suspect"]
        for one in raws
    ]
    assert suspects == [False, True, False]


def test_rules_are_listed_and_explained(shell: Commands) -> None:
    listed = shell.good("rules")
    assert [name.id for name in all_detectors() if name.id not in listed] == []
    assert len(listed.splitlines()) == len(all_detectors())
    told = shell.good("rules", "phoenix")
    assert "within_days" in told
    assert "untraceable" not in told
    described = rows(shell.good("rules", "--json"))
    assert [one["id"] for one in described] == [one.id for one in all_detectors()]
    assert all(one["in_force"]["owner"] for one in described)


def test_schemas_are_printed_and_written(shell: Commands) -> None:
    assert shell.good("schema").splitlines() == sorted(schema_texts())
    Draft202012Validator.check_schema(json.loads(shell.good("schema", "report.filed")))
    assert shell.good("schema", "--output", "schemas") == ""
    assert len(list((shell.folder / "schemas").iterdir())) == len(schema_texts())


def test_another_rules_file_judges_by_its_numbers(ran: Commands) -> None:
    text = (ROOT / "config" / "rules" / "default.yaml").read_text(encoding="utf-8")
    (ran.folder / "strict.yaml").write_text(
        text.replace("letters_apart_days: [15, 30]", "letters_apart_days: [0, 400]")
    )
    everything = rows(ran.good("export", "signals", "--home", "home"))
    ran.good("run", "--source", "events.jsonl", "--home", "home", "--once", "--rules", "strict.yaml")
    strict = rows(ran.good("export", "signals", "--home", "home"))
    ran.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    assert rows(ran.good("export", "signals", "--home", "home")) == everything
    third = [
        sum(one["level"] == 3 for one in some if one["detector"] == "untraceable") for some in (everything, strict)
    ]
    assert third[0] < third[1]
