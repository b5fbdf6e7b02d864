"""The tutorials are true: every command in them runs, and what they show comes out, line by line and in order.

Each tutorial is followed in an empty folder in which the repository's `config` and `tests` are found, by a shell that
knows the command. Of what a command says, a tutorial may leave lines out; blanks do not count.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bulletin import BULLETIN, ROOT, pytest_generate_tests  # noqa: F401 pytest calls the last

TUTORIALS = ROOT / "docs" / "tutorials"
MAPPINGS = ROOT / "config" / "mappings"
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def bulletin(tmp_path: Path) -> Path:
    assert BULLETIN is not None, "deselected where it is not there"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fr_bodacc").symlink_to(BULLETIN / "fr_bodacc")
    return tmp_path


def steps(tutorial: Path) -> list[tuple[str, list[str]]]:
    """The commands of a tutorial, each with the lines that it shows of what comes out."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in _BLOCK.findall(tutorial.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append((text, []))
        else:
            found[-1][1].extend(text.splitlines())
    return found


def plain(line: str) -> str:
    """A line without the blanks that put it in columns."""
    return " ".join(line.split())


def follow(name: str, folder: Path) -> None:
    """Runs every command of a tutorial in a folder, and compares what it shows."""
    for part in ("config", "tests"):
        (folder / part).symlink_to(ROOT / part)
    (folder / "bin").mkdir()
    command = folder / "bin" / "credit-monitor"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m monitor "$@"\n', encoding="utf-8")
    command.chmod(0o700)
    shell = shutil.which("sh")
    assert shell is not None
    paths = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for script, shown in steps(TUTORIALS / f"{name}.md"):
        ran = subprocess.run(
            [shell, "-euc", script],
            cwd=folder,
            env={**os.environ, **paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        said = iter([plain(line) for line in (ran.stdout + ran.stderr).splitlines()])
        missing = [line for line in shown if plain(line) not in said]
        assert not missing, f"{script}\n{missing}\n{ran.stdout}{ran.stderr}"


def test_every_shipped_mapping_has_a_tutorial_with_commands() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TUTORIALS.glob("*.md")]
    unused = [
        path.name for path in MAPPINGS.glob("*.yaml") if not any(f"mappings/{path.name}" in text for text in texts)
    ]
    assert unused == []
    assert all(len(steps(path)) >= 3 for path in TUTORIALS.glob("*.md"))
    assert {path.stem for path in TUTORIALS.glob("*.md")} == {"cn-exchange", "fr-bodacc", "tw-penalties"}


@pytest.mark.parametrize("name", ["cn-exchange", "tw-penalties"])
def test_a_tutorial_can_be_followed(name: str, tmp_path: Path) -> None:
    follow(name, tmp_path)
    assert "330106190001" not in "".join(path.read_text("utf-8") for path in tmp_path.glob("*.json"))


def test_the_tutorial_of_the_bulletin_can_be_followed(bulletin: Path) -> None:
    follow("fr-bodacc", bulletin)
