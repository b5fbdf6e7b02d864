"""`credit-monitor database`: the tables in PostgreSQL by version, and a home brought there."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption
from monitor.store.home import Home
from monitor.store.moving import move
from monitor.store.postgresql.database import REVISIONS, Database, answering, check_schema, current_revision

database = typer.Typer(
    help="集群的 PostgreSQL：建表、升级、检查、迁入。 / PostgreSQL of a cluster: tables, checks, a home moved in.",
    no_args_is_help=True,
)


@database.command()
def upgrade() -> None:
    """建表或升级到本程序的版本；可多处同时执行。 / Makes the tables, or brings them up to this program's version.

    Example: credit-monitor database upgrade
    """
    # Imported here: Alembic takes a third of a second that no other command needs to wait for.
    from monitor.store.postgresql.versions import upgrade as bring_up

    chosen = _database()
    before, now = bring_up(chosen)
    done = "已是 already" if before == now else f"{before or '空 empty'} → "
    print(f"{chosen}：{done} {now}", file=sys.stderr)
    chosen.close()


@database.command()
def check() -> None:
    """检查能否连接、表的版本与结构。 / Checks the connection, and the version and shape of the tables.

    Example: credit-monitor database check
    """
    from monitor.store.postgresql.versions import differences

    chosen = _database()
    with answering(), chosen.engine.connect() as connection:
        check_schema(connection)
        found = differences(connection)
    if found:
        raise Failure(
            f"{chosen}：表与程序不符（{len(found)} 处，如 {found[0]}），请从备份恢复 / the tables are not those of "
            f"version {REVISIONS[-1]}: restore them from a backup, or fill a new database"
        )
    print(f"{chosen}：{REVISIONS[-1]} 版，正常 / version {REVISIONS[-1]}, in order", file=sys.stderr)
    chosen.close()


@database.command()
def current() -> None:
    """输出表的版本，没有表时为 none。 / Prints the version of the tables, `none` where there are none.

    Example: credit-monitor database current
    """
    chosen = _database()
    with answering(), chosen.engine.connect() as connection:
        print(current_revision(connection) or "none")
    chosen.close()


@database.command("import")
def bring_in(home: HomeOption = None) -> None:
    """把一个目录的信号、名称、死信与计数迁入数据库；中断后可再次执行。 / Copies what a home shows into the database.

    Example: credit-monitor database import --home ./home
    """
    chosen = opening.settings(home=home)
    target = _database()
    said = ""
    with Console(stderr=True).status("") as shown:
        for moved in move(Home(chosen.home), target):
            said = f"名称 names {moved.names:,}　信号 signals {moved.signals:,}　死信 dead letters {moved.letters:,}"
            shown.update(said)
    print(said, file=sys.stderr)
    target.close()


def _database() -> Database:
    found = opening.database_of(opening.settings())
    if found is None:
        raise Failure(
            "没有指定数据库 / no database is named: set CREDIT_MONITOR_DATABASE_URL=postgresql://user@host/database"
        )
    return found
