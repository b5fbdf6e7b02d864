"""`credit-monitor doctor`: whether everything that a monitor needs is as it must be, and what to mend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.push import PushOption
from monitor.cli.run import HomeOption, RulesOption
from monitor.doctor.finding import Finding
from monitor.store.home import Home

_SHOWN: Final = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "bold red")}


def doctor(
    home: HomeOption = None,
    rules: RulesOption = None,
    push: PushOption = None,
    whole: Annotated[bool, typer.Option("--whole", help="读全部日志与数据库 / read all of log and database")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="每行一个 JSON 对象 / one JSON object a line")] = False,
) -> None:
    """检查设置、数据目录、磁盘、时钟、数据库与代理，说明如何修复；不作改动。 / Checks settings, home, disk, clocks,
    database and brokers, and says what to mend. It changes nothing.

    有必须修复的，退出码为 1。 / Ends with status 1 where something must be mended.

    Example: credit-monitor doctor --home ./home
    """
    console = Console(highlight=False, markup=False)
    must = 0
    for found in _examined(opening.settings(home=home, rules=rules, push=push), named=home is not None, whole=whole):
        must += found.state == "wrong"
        if as_json:
            sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        else:
            mark, style = _SHOWN[found.state]
            console.print(Text(mark, style), Text(found.check), Text(found.told), soft_wrap=True)
    if must:
        raise Failure(f"{must} 项必须修复，见上 / {must} of these must be mended, see above")


def _examined(chosen: Settings, *, named: bool, whole: bool) -> Iterator[Finding]:
    """All findings. `named`: a home is named, and the database of a cluster is not asked about."""
    # Imported here: what speaks HTTP, SMTP and Kafka is some time that no other command needs to wait for.
    from monitor.doctor import cluster, configuration, homes, machine

    yield from machine.machine()
    yield from configuration.configuration(chosen)
    database = None if named else opening.database_of(chosen)
    if (database is None and chosen.kafka_bootstrap is None) or named:
        yield from homes.home_findings(Home(chosen.home), whole=whole)
        return
    if database is not None:
        yield from cluster.database_findings(database)
        database.close()
    if chosen.kafka_bootstrap is not None:
        yield from cluster.broker_findings(chosen)
