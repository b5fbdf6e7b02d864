"""The installed command, compiled where a C compiler was at hand, does what the plain modules do."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parents[1] / "data" / "example_cases"
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


def test_the_installed_modules_are_not_those_of_this_folder(tmp_path: Path) -> None:
    script = "import monitor.stages.fold as module; print(module.__file__)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    print(f"the installed command runs {ran.stdout.strip()}")
    assert Path(__file__).parents[2] / "monitor" not in Path(ran.stdout.strip()).parents


def _command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(COMMAND), *arguments], cwd=folder, capture_output=True, text=True, check=True)


def _compared(signal: dict[str, Any]) -> tuple[Any, ...]:
    subject = signal["subject"]
    key = subject["key"] if subject["kind"] == "enterprise" else None
    value = round(signal["value"], 2)
    return signal["detector"], signal["level"], value, tuple(signal["enterprises"]), subject["kind"], key
