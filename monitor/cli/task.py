"""`credit-monitor task`: the targeted-supervision queue of a county, and what officers do with its tasks."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from config.moments import shanghai_date
from monitor.cli import opening
from monitor.cli.acting import NeededReason, ReasonOption, RegionOption, act, acted, no_such
from monitor.cli.looks import county, seen, tell
from monitor.cli.run import HomeOption, OfficerOption
from monitor.store.work import taskreader
from monitor.store.work.task_schema import TASKS, TODOS
from monitor.supervision.queue import REASONS
from monitor.supervision.task_moves import STATUS_NAMES

task = typer.Typer(help="靶向监管任务：查看与办理。 / Tasks: look at them, act on them.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="任务编号 / id of the task")]
_SHOWN = 50


@task.command("list")
def show_all(
    region: RegionOption = None,
    everything: Annotated[bool, typer.Option("--all", help="含已结的 / ended ones too")] = False,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """列出未结任务，优先级高的在前。 / Lists the open tasks, those of highest priority first.

    Example: credit-monitor task list --region 330106 --home ./home
    """
    notice = seen(home, officer, "task.list", "task", detail={"region": county(region)})
    which = [] if region is None else [TASKS.c.region == region]
    if not everything:
        which.append(TASKS.c.open)
    table = Table(
        *("编号 id", "县 county", "优先级 priority", "分类 class", "方式 mode", "期限 due", "状态 status"),
        *("人员 officers", "对象 target"),
        box=None,
        pad_edge=False,
    )
    with opening.reading(home) as reader:
        for one in taskreader.read(reader.connection, *which, first=_SHOWN):
            status = STATUS_NAMES[one["status"]][0]
            table.add_row(
                *(one["id"], one["region"], f"{one['priority']:g}", one["class"], one["mode"], one["due"], status),
                *(" ".join(one["assignees"]), one["target"]),
            )
        held = taskreader.held(reader.connection)
    tell(notice)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 220
    console.print(table)
    for reason, (zh, en) in REASONS.items():
        number = sum(count for (county, why), count in held.items() if why == reason and region in (None, county))
        if number:
            print(f"未列为任务 {number:,} 条预警：{zh} / {number:,} alerts are no task: {en}", file=sys.stderr)


@task.command()
def show(task_id: IdArgument, officer: OfficerOption = None, home: HomeOption = None) -> None:
    """显示一个任务：优先级构成、对象、经过。 / Shows one task with the parts of its priority and its history, as JSON.

    Example: credit-monitor task show t-0123456789abcdef0123456789abcdef --home ./home
    """
    found = _found(task_id, home)
    tell(seen(home, officer, "task.show", "task", task_id))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")


@task.command()
def todos(region: RegionOption = None, officer: OfficerOption = None, home: HomeOption = None) -> None:
    """列出法定期限待办。 / Lists the dated duties of a county: second letters, listings.

    Example: credit-monitor task todos --region 330106 --home ./home
    """
    notice = seen(home, officer, "task.todos", "task", detail={"region": county(region)})
    which = [] if region is None else [TODOS.c.region == region]
    with opening.reading(home) as reader:
        tell(notice)
        today = shanghai_date(reader.now() or 0)
        for one in taskreader.todos(reader.connection, today, *which):
            sys.stdout.write(msgspec.json.encode(one).decode() + "\n")


@task.command()
def create(
    region: Annotated[str, typer.Option("--region", help="县（市、区）代码 / county code")],
    enterprise: Annotated[list[str], typer.Option("--enterprise", help="统一社会信用代码 / code (repeat)")],
    reason: NeededReason,
    mode: Annotated[str | None, typer.Option("--mode", help="off_site | on_site | joint")] = None,
    due: Annotated[dt.datetime | None, typer.Option("--due", formats=["%Y-%m-%d"], help="期限 / last day")] = None,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """人工建立任务，输出编号。 / Makes a task by hand, and prints its id.

    Example: credit-monitor task create --region 330106 --enterprise 91330100716105852F --reason 举报线索
    """
    day = None if due is None else due.date().isoformat()
    made = {"region": region, "enterprises": enterprise, "mode": mode, "due": day}
    print(act("supervision.task_created", region, officer, home, reason=reason, **made))


@task.command()
def assign(
    task_id: IdArgument,
    to: Annotated[list[str], typer.Option("--to", help="人员，两名 / an officer (twice)")],
    officer: OfficerOption = None,
    reason: ReasonOption = None,
    home: HomeOption = None,
) -> None:
    """指派两名人员。 / Assigns a task to two officers.

    Example: credit-monitor task assign t-0123456789abcdef0123456789abcdef --to 3301-017 --to 3301-023
    """
    _act("assigned", task_id, officer, home, assignees=to, reason=reason)


def _simple(name: str, done: str, text: str) -> None:
    """A command that needs nothing but the task."""

    def command(
        task_id: IdArgument, officer: OfficerOption = None, reason: ReasonOption = None, home: HomeOption = None
    ) -> None:
        _act(done, task_id, officer, home, reason=reason)

    command.__doc__ = f"{text}\n\nExample: credit-monitor task {name} t-0123456789abcdef0123456789abcdef --home ./home"
    task.command(name)(command)


def _reasoned(name: str, done: str, text: str) -> None:
    """A command that needs the task and a reason."""

    def command(
        task_id: IdArgument, reason: NeededReason, officer: OfficerOption = None, home: HomeOption = None
    ) -> None:
        _act(done, task_id, officer, home, reason=reason)

    command.__doc__ = (
        f"{text}\n\nExample: credit-monitor task {name} t-0123456789abcdef0123456789abcdef --reason 理由 --home ./home"
    )
    task.command(name)(command)


_simple("dispatch", "dispatched", "派发任务。 / Dispatches a task.")
_simple("accept", "accepted", "签收任务。 / Accepts a task.")
_simple("visit", "visited", "登记已核查。 / Notes that the check was made.")
_simple("review", "reviewed", "登记已复核。 / Notes that the result was reviewed.")
_reasoned("return", "returned", "退回任务。 / Returns a task to the supervisor.")
_reasoned("exempt", "exempted", "免查。 / Exempts the target from the check.")


@task.command()
def transfer(
    task_id: IdArgument,
    region: Annotated[str, typer.Option("--region", help="移交到的县 / the other county")],
    reason: NeededReason,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """移交其他县。 / Hands a task over to another county.

    Example: credit-monitor task transfer t-0123456789abcdef0123456789abcdef --region 330105 --reason 住所已迁
    """
    _act("transferred", task_id, officer, home, region=region, reason=reason)


@task.command()
def merge(
    task_id: IdArgument,
    into: Annotated[str, typer.Option("--into", help="并入的任务 / the task it goes into")],
    officer: OfficerOption = None,
    reason: ReasonOption = None,
    home: HomeOption = None,
) -> None:
    """并入另一任务，一次综合查。 / Merges a task into another one.

    Example: credit-monitor task merge t-0123456789abcdef0123456789abcdef --into t-fedcba9876543210fedcba9876543210
    """
    _act("merged", task_id, officer, home, into=into, reason=reason)


@task.command()
def close(
    task_id: IdArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="检查结果或 false_alarm / a result, or false_alarm")],
    officer: OfficerOption = None,
    reason: ReasonOption = None,
    home: HomeOption = None,
) -> None:
    """办结任务；再次执行即更正结果。 / Closes a task with its outcome; a second time corrects it.

    Example: credit-monitor task close t-0123456789abcdef0123456789abcdef --outcome none_found --home ./home
    """
    _act("closed", task_id, officer, home, outcome=outcome, reason=reason)


def _found(task_id: str, home: Path | None) -> dict[str, Any]:
    with opening.reading(home) as reader:
        found = taskreader.one(reader.connection, task_id)
    return found or no_such("任务", "task", task_id)


def _act(what: str, task_id: str, officer: str | None, home: Path | None, **data: Any) -> None:
    """Acts on the task as it is seen now, and says what it is then."""
    now = acted(_found, f"supervision.task_{what}", task_id, officer, home, **data)
    print(f"{task_id}：{STATUS_NAMES[now['status']][0]} {now['status']}", file=sys.stderr)
