"""`credit-monitor retention`: deletes adverse information five years past its end, as the law has it."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import typer

from monitor.cli import opening
from monitor.cli.replay import writer_of
from monitor.cli.run import HomeOption, OfficerOption, RulesOption
from monitor.runners import retaining
from monitor.store.home import Home

retention = typer.Typer(
    help="保存期限：删除满五年的不良信息。 / Retention: deletes adverse information after five years.",
    no_args_is_help=True,
)

BeforeOption = Annotated[
    dt.datetime | None,
    typer.Option("--before", formats=["%Y-%m-%d"], help="此日前终止的，默认满五年的 / what ended before this day"),
]


@retention.command()
def show(before: BeforeOption = None, home: HomeOption = None) -> None:
    """列出已满期限的，不改动。 / Counts what has lapsed, and changes nothing.

    Example: credit-monitor retention show --home ./home
    """
    chosen = opening.settings(home=home)
    place = Home(chosen.home)
    with opening.reading(place.path) as reader:
        day = retaining.newest_day(reader.connection) if before is None else before.date()
        found = retaining.look(reader.connection, opening.pseudonyms_of(chosen, place), day)
        unswept = retaining.is_unswept(reader.connection)
    for name, count in found.events.counts.items():
        print(f"{name} {count}")
    print(f"alerts {len(found.over.alerts)}")
    print(f"tasks {len(found.over.tasks)}")
    print(f"{day} 之前终止的 / what ended before {day}", file=sys.stderr)
    if unswept:
        print("上次删除未完成，请执行 retention apply / finish the last one: run `retention apply`", file=sys.stderr)


@retention.command()
def apply(
    before: BeforeOption = None, officer: OfficerOption = None, rules: RulesOption = None, home: HomeOption = None
) -> None:
    """删除并重写日志、状态与数据库；须先停止 run 或 serve。 / Deletes it from log, state and database; stop `run` or
    `serve` first. When interrupted, run it again.

    Example: credit-monitor retention apply --before 2020-01-01 --officer 3301-017 --home ./home
    """
    chosen = opening.settings(home=home, officer=officer, rules=rules)
    place = Home(chosen.home)
    with opening.reading(place.path) as reader:
        day = retaining.newest_day(reader.connection) if before is None else before.date()
        unswept = retaining.is_unswept(reader.connection)
    counts = retaining.delete(place, opening.pseudonyms_of(chosen, place), day, chosen.officer)
    if counts or unswept:
        print("重建状态并重写数据库 / building the state anew, rewriting the database", file=sys.stderr)
        retaining.rebuild(writer_of(place, chosen))
        retaining.sweep(place)
    for name, count in counts.items():
        print(f"{name} {count}")
    print(
        f"已删除 {day} 之前终止的；备份请另行处理 / deleted what ended before {day}; see to the backups"
        if counts
        else "没有满期限的 / nothing has lapsed",
        file=sys.stderr,
    )
