"""`credit-monitor outcomes`: what closed tasks teach about rules, and how much targeting finds over chance."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from detectors.registry import by_id
from monitor.cli import opening
from monitor.cli.run import HomeOption, RulesOption
from monitor.store.work.taskbook import closed_with_alerts
from monitor.supervision import tuning
from monitor.supervision.tuning import Lift, Proposal, Share


def outcomes(
    home: HomeOption = None,
    rules: RulesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON")] = False,
) -> None:
    """误报率、阈值建议与靶向提升，均附区间。 / False alarms by rule and county, thresholds to sign, lift over chance.

    Example: credit-monitor outcomes --home ./home
    """
    policy = opening.rules_of(opening.settings(rules=rules)).document.queue.tuning
    with opening.reading(home) as reader:
        tasks, alerts = closed_with_alerts(reader.connection)
    cases = tuning.cases(tasks, alerts)
    shares = tuning.false_alarms(cases, policy.confidence)
    proposals = tuning.proposals(cases, policy)
    lift = tuning.lift(tasks, policy.confidence)
    if as_json:
        sys.stdout.write(msgspec.json.encode(_value(shares, proposals, lift)).decode() + "\n")
        return
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 140
    table = Table("规则 rule", "县 county", "误报 false alarms", "区间 interval", box=None, pad_edge=False)
    for (detector, region), share in sorted(shares.items()):
        title = by_id(detector).title.zh
        table.add_row(f"{detector} {title}", region or "全部 all", _told(share), f"{share.low:.0%}–{share.high:.0%}")
    console.print(table)
    for one in proposals:
        where = one.region or "全部 all"
        if one.threshold is None:
            console.print(
                f"请复核规则 {one.detector}（{where}）：提高阈值无济于事 / look at the rule: no threshold helps"
            )
        else:
            console.print(
                f"建议 {one.detector}（{where}）最低阈值改为 {one.threshold:g}，须由负责人签发 / "
                f"proposed lowest threshold {one.threshold:g}, for its owner to sign"
            )
    if lift is None:
        console.print("尚无法比较靶向与随机 / targeted and random tasks cannot be compared yet")
    else:
        console.print(
            f"靶向 targeted {_told(lift.targeted)}，随机 random {_told(lift.control)}，"
            f"提升 lift {lift.ratio:.2f}（{lift.low:.2f}–{lift.high:.2f}）"
        )


def _told(share: Share) -> str:
    return f"{share.hits}/{share.of}"


def _value(shares: dict[tuple[str, str], Share], proposals: list[Proposal], lift: Lift | None) -> dict[str, Any]:
    return {
        "false_alarms": [
            {"detector": detector, "region": region or None, **share._asdict()}
            for (detector, region), share in sorted(shares.items())
        ],
        "proposals": [proposal._asdict() for proposal in proposals],
        "lift": None
        if lift is None
        else {**lift._asdict(), "targeted": lift.targeted._asdict(), "control": lift.control._asdict()},
    }
