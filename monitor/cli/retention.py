"""`credit-monitor retention`: deletes adverse information five years past its end, as the law has it."""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.replay import writer_of
from monitor.cli.run import HomeOption, OfficerOption, RulesOption
from monitor.retention.finding import Lapsed
from monitor.runners import retaining
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import looking
from monitor.store.work.lapsed import Ended

if TYPE_CHECKING:
    from monitor.cluster.renewal.renewing import Generation

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
    store = opening.store_of(chosen, home)
    if isinstance(store, Database):
        _show_of_cluster(chosen, store, before)
        return
    place = Home(chosen.home)
    with looking(place) as reader:
        day = retaining.newest_day(reader.connection) if before is None else before.date()
        found = retaining.look(reader.connection, opening.pseudonyms_of(chosen, place), day)
        unswept = retaining.is_unswept(reader.connection)
    _tell_found(found.events, found.over, day)
    if unswept:
        print("上次删除未完成，请执行 retention apply / finish the last one: run `retention apply`", file=sys.stderr)


@retention.command()
def apply(
    before: BeforeOption = None, officer: OfficerOption = None, rules: RulesOption = None, home: HomeOption = None
) -> None:
    """删除并重写目录的日志、状态与数据库；须先停止 run 或 serve。 / Deletes it from log, state and database of a home;
    stop `run` or `serve` first. When interrupted, run it again.

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


PrefixOption = Annotated[str, typer.Option("--prefix", help="那一代的主题前缀 / text before the names of its topics")]
SchemaOption = Annotated[
    str, typer.Option("--schema", help="那一代的数据库模式；空为默认 / schema of its tables; empty: the default")
]


@retention.command()
def renew(
    prefix: PrefixOption,
    schema: SchemaOption,
    before: BeforeOption = None,
    officer: OfficerOption = None,
) -> None:
    """集群：把日志复制到新的一代，不含已满期限的；须先停止节点。 / On a cluster: copies the log into a new generation
    without what has lapsed; stop the workers first. When interrupted, run it again.

    Example: credit-monitor retention renew --prefix g2. --schema g2 --officer 3301-017
    """
    from monitor.cluster.renewal import renewing
    from monitor.cluster.wire.keys import pseudonyms_of

    chosen = opening.settings(officer=officer)
    present, new = _generation(chosen), _generation(_of_generation(chosen, prefix, schema))
    day = _day_of_cluster(present.database, before)
    at = time.time_ns() // 1000
    counts = renewing.renew(present, new, pseudonyms_of(chosen), day, chosen.officer, at, _say)
    for name, count in sorted(counts.items()):
        print(f"{name} {count}")
    _say(
        "新的一代已完整：以新的设置和空的快照目录启动节点，核对后执行 retention drop / the new generation is whole: "
        f"start workers with CREDIT_MONITOR_KAFKA_PREFIX={prefix}, CREDIT_MONITOR_DATABASE_SCHEMA={schema} and an "
        "empty folder of snapshots, compare, then run `retention drop`"
    )


@retention.command()
def drop(
    prefix: PrefixOption,
    schema: SchemaOption,
    snapshots: Annotated[str, typer.Option("--snapshots", help="那一代的快照目录 / where its snapshots are")],
    discard: Annotated[
        bool, typer.Option("--discard", help="丢弃复制之后才收到的 / what it received since then may be lost")
    ] = False,
) -> None:
    """集群：删除已被取代的旧一代：主题、表和快照，不可恢复。 / On a cluster, under the settings of the new generation:
    drops the one before it, topics, tables and snapshots, for good.

    Example: credit-monitor retention drop --prefix g1. --schema g1 --snapshots /srv/snapshots-g1
    """
    from monitor.cluster.renewal import dropping

    chosen = opening.settings()
    old = _generation(_of_generation(chosen, prefix, schema))
    dropping.drop(_generation(chosen), old.chosen, old.database, snapshots, discard=discard)
    _say("旧的一代已删除；备份请另行处理 / the old generation is gone; see to the backups")


def _of_generation(chosen: Settings, prefix: str, schema: str) -> Settings:
    """The settings with the names of another generation."""
    return chosen.model_copy(update={"kafka_prefix": prefix, "database_schema": schema or None})


def _generation(chosen: Settings) -> Generation:
    from monitor.cluster.renewal.renewing import Generation

    database = opening.database_of(chosen)
    if database is None:
        raise Failure(
            "未设置集群的数据库 / no database of a cluster is named: set CREDIT_MONITOR_DATABASE_URL; in a home run "
            "`retention apply`"
        )
    return Generation(chosen, database)


def _day_of_cluster(database: Database, before: dt.datetime | None) -> dt.date:
    with looking(database) as reader:
        day = retaining.newest_day(reader.connection) if before is None else before.date()
        retaining.check_day(reader.connection, day)
        return day


def _show_of_cluster(chosen: Settings, database: Database, before: dt.datetime | None) -> None:
    from monitor.cluster.renewal import renewing
    from monitor.cluster.wire.keys import pseudonyms_of

    day = _day_of_cluster(database, before)
    _tell_found(*renewing.look(renewing.Generation(chosen, database), pseudonyms_of(chosen), day), day)


def _tell_found(events: Lapsed, over: Ended, day: dt.date) -> None:
    """How much has lapsed, on standard output."""
    for name, count in events.counts.items():
        print(f"{name} {count}")
    print(f"alerts {len(over.alerts)}")
    print(f"tasks {len(over.tasks)}")
    _say(f"{day} 之前终止的 / what ended before {day}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
