"""`credit-monitor alert`: look at alerts, and act on them as an officer."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from detectors.base import LEVEL_NAMES
from monitor.cli import opening
from monitor.cli.acting import NeededReason, ReasonOption, RegionOption, acted, no_such
from monitor.cli.looks import county, seen, tell
from monitor.cli.run import HomeOption, OfficerOption
from monitor.store.work import alertreader
from monitor.store.work.alert_schema import ALERTS

alert = typer.Typer(help="预警：查看与处置。 / Alerts: look at them, act on them.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="预警编号 / id of the alert")]
_SHOWN = 50


@alert.command("list")
def show_all(
    region: RegionOption = None,
    level: Annotated[int, typer.Option("--level", min=1, max=4, help="最低等级 / least level")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="含已结、已抑制的 / quieted and finished ones too")] = False,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """列出待处置的预警，最近变化的在前。 / Lists the alerts that ask for attention, those changed last first.

    Example: credit-monitor alert list --region 330106 --level 3 --home ./home
    """
    which = [ALERTS.c.level >= level]
    if region is not None:
        which.append(ALERTS.c.region == region)
    if not everything:
        which.append(ALERTS.c.asks)
    notice = seen(home, officer, "alert.list", "alert", detail={"region": county(region), "level": level})
    table = Table(
        "编号 id", "等级 level", "规则 rule", "对象 subject", "辖区 county", "状态 status", box=None, pad_edge=False
    )
    with opening.reading(home) as reader:
        for one in alertreader.read(reader.connection, *which, newest=_SHOWN):
            subject = one["subject"]["label"] or one["subject"]["key"]
            status = " ".join([one["status"], *one["flags"]])
            table.add_row(
                one["id"], LEVEL_NAMES[one["level"]][0], one["detector"], subject, one["region"] or "", status
            )
        asking = alertreader.asking(reader.connection)
    tell(notice)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    print(f"待处置共 {asking:,} 条 / {asking:,} ask for attention in all", file=sys.stderr)


@alert.command()
def show(alert_id: IdArgument, officer: OfficerOption = None, home: HomeOption = None) -> None:
    """显示一条预警：理由、依据、经过。 / Shows one alert with reasons, evidence and history, as JSON.

    Example: credit-monitor alert show a-0123456789abcdef0123456789abcdef --home ./home
    """
    found = _found(alert_id, home)
    tell(seen(home, officer, "alert.show", "alert", alert_id))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")


@alert.command()
def acknowledge(
    alert_id: IdArgument, officer: OfficerOption = None, reason: ReasonOption = None, home: HomeOption = None
) -> None:
    """签收预警。 / Acknowledges an alert.

    Example: credit-monitor alert acknowledge a-0123456789abcdef0123456789abcdef --officer 3301-017 --home ./home
    """
    _act("acknowledged", alert_id, officer, home, reason=reason)


@alert.command()
def snooze(
    alert_id: IdArgument,
    until: Annotated[dt.datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="到此日止 / to the end of a day")],
    reason: NeededReason,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """暂缓预警到某日，到期提醒。 / Quiets an alert to the end of a day.

    Example: credit-monitor alert snooze a-0123456789abcdef0123456789abcdef --until 2026-12-31 --reason 等待补正
    """
    _act("snoozed", alert_id, officer, home, reason=reason, until=until.date().isoformat())


@alert.command()
def reopen(alert_id: IdArgument, reason: NeededReason, officer: OfficerOption = None, home: HomeOption = None) -> None:
    """重开已签收、暂缓或办结的预警。 / Takes up again what was acknowledged, snoozed or resolved.

    Example: credit-monitor alert reopen a-0123456789abcdef0123456789abcdef --reason 复查发现新情况
    """
    _act("reopened", alert_id, officer, home, reason=reason)


@alert.command()
def dispatch(
    alert_id: IdArgument, officer: OfficerOption = None, reason: ReasonOption = None, home: HomeOption = None
) -> None:
    """派发预警：其任务随之派发，没有则建立。 / Dispatches the task of an alert, which is made where there is none.

    Example: credit-monitor alert dispatch a-0123456789abcdef0123456789abcdef --officer 3301-017 --home ./home
    """
    _act("dispatched", alert_id, officer, home, reason=reason)


@alert.command()
def merge(
    alert_id: IdArgument,
    into: Annotated[str, typer.Option("--into", help="任务编号 / id of the task")],
    officer: OfficerOption = None,
    reason: ReasonOption = None,
    home: HomeOption = None,
) -> None:
    """预警并入未结任务。 / Puts an alert into an open task.

    Example: credit-monitor alert merge a-0123456789abcdef0123456789abcdef --into t-0123456789abcdef0123456789abcdef
    """
    _act("merged", alert_id, officer, home, into=into, reason=reason)


def _found(alert_id: str, home: Path | None) -> dict[str, Any]:
    with opening.reading(home) as reader:
        found = alertreader.one(reader.connection, alert_id)
    return found or no_such("预警", "alert", alert_id)


def _act(what: str, alert_id: str, officer: str | None, home: Path | None, **data: Any) -> None:
    """Acts on the alert as it is seen now, and says what it is then."""
    now = acted(_found, f"supervision.alert_{what}", alert_id, officer, home, **data)
    print(f"{alert_id}：{now['status']} {' '.join(now['flags'])}", file=sys.stderr)
