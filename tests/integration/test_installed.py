"""The installed command, compiled where a C compiler was at hand, does what the plain modules do."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "data" / "example_cases"
COMMAND = Path(sys.executable).with_name("credit-monitor")


@pytest.mark.parametrize("case", ["plain", "nasty", "hubs"])
def test_the_installed_command_finds_the_signals_of_the_worked_cases(case: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(gzip.decompress((CASES / case / "events.jsonl.gz").read_bytes()))
    home = tmp_path / "home"
    ran = _command("run", "--source", str(events), "--home", str(home), "--once", folder=tmp_path)
    assert "parked" not in ran.stderr
    found = [
        json.loads(line)
        for line in _command("export", "signals", "--home", str(home), folder=tmp_path).stdout.splitlines()
    ]
    wanted = [json.loads(line) for line in (CASES / case / "signals.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(map(_compared, found)) == Counter(map(_compared, wanted))


WHAT = (
    *(("export", what) for what in ("signals", "alerts", "tasks", "classes", "features")),
    *(("rank",), ("task", "list"), ("alert", "list"), ("models", "list")),
)


def test_the_installed_command_tells_what_the_plain_modules_tell(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(gzip.decompress((CASES / "plain" / "events.jsonl.gz").read_bytes()))
    settings = {**os.environ, "CREDIT_MONITOR_PSEUDONYM_KEY": bytes(range(32)).hex()}
    plain = ([sys.executable, "-P", "-m", "monitor"], {**settings, "PYTHONPATH": str(ROOT)})
    told: list[dict[tuple[str, ...], bytes]] = []
    for home, (command, environment) in (("installed", ([str(COMMAND)], settings)), ("plain", plain)):

        def say(
            *words: str, home: str = home, command: list[str] = command, environment: dict[str, str] = environment
        ) -> bytes:
            call = [*command, *words, "--home", home]
            ran = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, check=False)
            assert ran.returncode == 0, (words, ran.stderr)
            return ran.stdout

        say("run", "--source", "events.jsonl", "--once")
        told.append({words: say(*words) for words in WHAT})
        codes = [json.loads(one)["subject"] for one in told[-1]["export", "classes"].splitlines()[:5]]
        told[-1] |= {("explain", code): say("explain", code) for code in codes}
    installed, by_plain = told
    assert len(installed) == len(WHAT) + 5
    assert {words: told for words, told in installed.items() if told != by_plain[words]} == {}


def test_the_installed_modules_are_not_those_of_this_folder(tmp_path: Path) -> None:
    script = "import monitor.stages.fold as module; print(module.__file__)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    print(f"the installed command runs {ran.stdout.strip()}")
    assert ROOT / "monitor" not in Path(ran.stdout.strip()).parents


def _command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(COMMAND), *arguments], cwd=folder, capture_output=True, text=True, check=True)


def _compared(signal: dict[str, Any]) -> tuple[Any, ...]:
    subject = signal["subject"]
    key = subject["key"] if subject["kind"] == "enterprise" else None
    value = round(signal["value"], 2)
    return signal["detector"], signal["level"], value, tuple(signal["enterprises"]), subject["kind"], key
