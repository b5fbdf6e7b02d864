"""How a cluster is deployed, as its files say: docker-compose.yml, Dockerfile, alarms, dashboards, the guide."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer
import typer.main
import yaml

from config.settings import Settings
from monitor.cli import app
from tests.command import ROOT

OTHER_VARIABLES = {"CREDIT_MONITOR_CONFIG", "CREDIT_MONITOR_SECRETS"}
"""Where further settings are found: read before there are settings."""

WrongUseError: Any = typer.BadParameter.__base__
"""What the command line raises for options and values that it does not know."""


def text_of(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def compose() -> dict[str, Any]:
    """docker-compose.yml, its merges done."""
    found: dict[str, Any] = yaml.safe_load(text_of("docker-compose.yml"))
    return found


def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """Those of them that run our image."""
    return {name: one for name, one in services().items() if "build" in one}


def variables() -> set[str]:
    """Every variable that sets a setting."""
    return {f"CREDIT_MONITOR_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES


def parse(arguments: list[str]) -> None:
    """Lets the command line take some arguments apart, all but running them. Raises WrongUseError."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        name = rest.pop(0) if rest else ""
        if name not in command.commands:
            raise typer.BadParameter(f"no such command: {name}")
        command = command.commands[name]
    command.make_context(command.name, rest)


def commands_in(text: str) -> Iterator[list[str]]:
    """The arguments of every `credit-monitor` call in fenced blocks and between backticks."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(credit-monitor [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in lines:
        found = re.match(r"(?:\w+=\S* )*credit-monitor +([a-z].*)", line.strip())
        if found:
            yield shlex.split(re.split(r" [|>] ", found[1])[0], comments=True)
