"""The commands as a person meets them: what they print where, and the status they end with (contract §6)."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from detectors.registry import all_detectors
from monitor.events.schema import schema_texts
from tests.engine import differences, event, line, lines
from tests.reference import naive
from tests.reference.cases import RECEIVED, make_case

COMMANDS = ("demo", "run", "serve", "export", "address", "rules", "explain", "schema", "generate")
ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(self, *arguments: str, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
        """The ended command; `settings` are environment variables without their prefix."""
        given = {f"CREDIT_MONITOR_{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env=self.environment | given,
            input=stdin,
            capture_output=True,
            timeout=120,
        )

    def good(self, *arguments: str, stdin: bytes = b"", **settings: str) -> str:
        """What a command that must succeed prints."""
        ended = self.run(*arguments, stdin=stdin, **settings)
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout.decode()

    def bad(self, *arguments: str, **settings: str) -> str:
        """The one line of a command that must fail."""
        ended = self.run(*arguments, **settings)
        told = ended.stderr.decode()
        assert (ended.returncode, ended.stdout) == (1, b""), told
        assert told.startswith("credit-monitor: ")
        assert told.count("\n") == 1
        return told


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder in which a run has filled the home `home` from a case with two bad lines."""
    shell = Shell(tmp_path_factory.mktemp("ran"))
    case = [*make_case(4, 80), b"broken", line({"specversion": "1.0"})]
    (shell.folder / "events.jsonl").write_bytes(b"\n".join(case) + b"\n")
    ended = shell.run("run", "--source", "events.jsonl", "--home", "home", "--once")
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout == b""
    assert f"events {len(case) - 2}" in ended.stderr.decode().replace(",", "")
    assert "dead letters 2" in ended.stderr.decode()
    return shell


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in text.splitlines()]


# --- help, wrong use, failure


def test_the_help_names_every_command(shell: Shell) -> None:
    said = shell.good("--help")
    assert [name for name in COMMANDS if f" {name} " not in said] == []
    assert shell.run().returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help_with_an_example(shell: Shell, command: str) -> None:
    assert f"credit-monitor {command}" in shell.good(command, "--help")


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("run",),
        ("run", "--source", "x", "--once", "--follow"),
        ("run", "--source", "x", "--no-such-option"),
        ("export", "everything"),
        ("explain",),
        ("address",),
        ("generate", "--enterprises", "none", "--years", "1", "--seed", "1", "--out", "x"),
    ],
)
def test_wrong_use_ends_with_status_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    ended = shell.run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"Traceback" not in ended.stderr
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
        (("rules", "no-such-rule"), "one-address-many-licences"),
        (("schema", "no.such.type"), "no.such.type"),
        (("schema", "--output", "some.csv/schemas"), "some.csv"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
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
def test_a_wrong_setting_is_named(shell: Shell, settings: dict[str, str], said: str) -> None:
    (shell.folder / "broken.toml").write_text("officer = [")
    (shell.folder / "unknown.toml").write_text("colour = 'red'")
    (shell.folder / "some.jsonl").write_text("")
    assert said in shell.bad("run", "--source", "some.jsonl", "--once", **settings)


def test_flags_come_before_the_environment_before_the_file(shell: Shell) -> None:
    (shell.folder / "some.jsonl").write_bytes(b"\n".join(make_case(1, 50)))
    (shell.folder / "credit-monitor.toml").write_text("home = 'of-the-file'\n")
    shell.good("run", "--source", "some.jsonl", "--once")
    shell.good("run", "--source", "some.jsonl", "--once", home="of-the-environment")
    shell.good("run", "--source", "some.jsonl", "--once", "--home", "of-the-flag", home="of-the-environment")
    homes = {path.parent.name for path in shell.folder.glob("*/monitor.db")}
    assert homes == {"of-the-file", "of-the-environment", "of-the-flag"}
    assert rows(shell.good("export", "signals")) == rows(shell.good("export", "signals", "--home", "of-the-flag"))


# --- what the commands print


def test_exported_signals_are_those_of_the_contract(ran: Shell) -> None:
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


def test_dead_letters_are_exported_with_their_place(ran: Shell) -> None:
    count = len(make_case(4, 80))
    letters = rows(ran.good("export", "dead-letters", "--home", "home"))
    assert [(one["reason"], one["line"]) for one in letters] == [("not_json", count + 1), ("missing_field", count + 2)]
    assert {one["source"] for one in letters} == {"events.jsonl"}


@pytest.mark.parametrize("what", ["signals", "dead-letters"])
def test_csv_holds_the_same(ran: Shell, what: str) -> None:
    wanted = rows(ran.good("export", what, "--home", "home"))
    table = list(csv.DictReader(io.StringIO(ran.good("export", what, "--home", "home", "--format", "csv"))))
    assert [list(one) for one in table] == [list(one) for one in wanted]
    for one, other in zip(table, wanted, strict=True):
        for name, value in other.items():
            assert one[name] == (value if isinstance(value, str) else "" if value is None else one[name])


def test_an_export_goes_to_a_file_where_asked(ran: Shell) -> None:
    assert ran.good("export", "signals", "--home", "home", "--output", "out.jsonl") == ""
    text = (ran.folder / "out.jsonl").read_text(encoding="utf-8")
    assert text == ran.good("export", "signals", "--home", "home")


def test_explain_says_why_and_what_would_end_it(ran: Shell) -> None:
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


def test_standard_input_is_a_source(shell: Shell) -> None:
    case = make_case(5, 50)
    shell.good("run", "--source", "-", "--home", "home", "--once", stdin=b"\n".join(case) + b"\n")
    found = rows(shell.good("export", "signals", "--home", "home"))
    assert not differences(found, naive.signals(case, received=RECEIVED).signals)


def test_a_suspect_identifier_is_accepted_and_told(shell: Shell) -> None:
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


def test_rules_are_listed_and_explained(shell: Shell) -> None:
    listed = shell.good("rules")
    assert [name.id for name in all_detectors() if name.id not in listed] == []
    assert len(listed.splitlines()) == len(all_detectors())
    told = shell.good("rules", "phoenix")
    assert "within_days" in told
    assert "untraceable" not in told
    described = rows(shell.good("rules", "--json"))
    assert [one["id"] for one in described] == [one.id for one in all_detectors()]
    assert all(one["in_force"]["owner"] for one in described)


def test_schemas_are_printed_and_written(shell: Shell) -> None:
    assert shell.good("schema").splitlines() == sorted(schema_texts())
    Draft202012Validator.check_schema(json.loads(shell.good("schema", "report.filed")))
    assert shell.good("schema", "--output", "schemas") == ""
    assert len(list((shell.folder / "schemas").iterdir())) == len(schema_texts())


def test_another_rules_file_judges_by_its_numbers(ran: Shell) -> None:
    text = (ROOT / "config" / "rules" / "default.yaml").read_text(encoding="utf-8")
    (ran.folder / "strict.yaml").write_text(text.replace("letters_apart_days: [15, 30]", "letters_apart_days: [0, 400]"))
    everything = rows(ran.good("export", "signals", "--home", "home"))
    ran.good("run", "--source", "events.jsonl", "--home", "home", "--once", "--rules", "strict.yaml")
    strict = rows(ran.good("export", "signals", "--home", "home"))
    ran.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    assert rows(ran.good("export", "signals", "--home", "home")) == everything
    third = [sum(one["level"] == 3 for one in some if one["detector"] == "untraceable") for some in (everything, strict)]
    assert third[0] < third[1]
