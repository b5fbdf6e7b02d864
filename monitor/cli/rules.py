"""`credit-monitor rules`: the rules in force, listed and explained."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer

from config.ruleset import Rules, load
from detectors.base import LEVEL_NAMES, Detector
from detectors.registry import all_detectors
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import RulesOption
from monitor.rulebook import certainty_text, chapter


def rules(
    detector: Annotated[str | None, typer.Argument(help="只看这一条 / only this one")] = None,
    file: RulesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines")] = False,
) -> None:
    """列出并解释现行规则。 / Lists and explains the rules in force.

    Example: credit-monitor rules one-address-many-licences
    """
    chosen = load(opening.settings(rules=file).rules)
    found = [one for one in all_detectors() if detector in (None, one.id)]
    if not found:
        names = "、".join(one.id for one in all_detectors())
        raise Failure(f"没有规则 {detector} / there is no such rule; there are {names}")
    for one in found:
        if as_json:
            sys.stdout.write(msgspec.json.encode(_described(one, chosen)).decode() + "\n")
        elif detector is None:
            sys.stdout.write(_line(one, chosen) + "\n")
        else:
            sys.stdout.write(chapter(one, chosen))


def _line(one: Detector, chosen: Rules) -> str:
    state = chosen.of(one.id).status if one.id in chosen.document.detectors else "off"
    return f"{one.id}@{one.version}  {one.title.zh}  [{state}]  {one.finding.zh}"


def _described(one: Detector, chosen: Rules) -> dict[str, Any]:
    in_force = chosen.of(one.id) if chosen.active(one.id) else None
    return {
        "id": one.id,
        "version": one.version,
        "subject": one.subject,
        "title": one.title,
        "finding": one.finding,
        "levels": {str(level): {"name": LEVEL_NAMES[level], "meaning": text} for level, text in one.levels.items()},
        "basis": [{"text": basis.text, "certainty": certainty_text(basis.certainty)} for basis in one.basis],
        "false_positives": one.false_positives,
        "in_force": in_force,
        "rules_hash": chosen.content_hash,
    }
