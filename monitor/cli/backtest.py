"""`credit-monitor backtest`: what other rules would have raised, against today's."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from config import ruleset
from config.moments import as_text, end_of_day, start_of_day
from detectors.base import LEVEL_NAMES
from monitor.cli import opening
from monitor.cli.looks import seen, tell
from monitor.cli.run import HomeOption, OfficerOption
from monitor.store.home import Home, HomeError
from monitor.store.reader import looking

_EXAMPLES: Final = 3
_DAY: Final = ["%Y-%m-%d"]


def backtest(
    rules: Annotated[Path, typer.Option("--rules", help="拟用的规则文件 / the rules on trial")],
    since: Annotated[
        dt.datetime | None, typer.Option("--since", formats=_DAY, help="只看此日起出现的 / what began on or after")
    ] = None,
    until: Annotated[
        dt.datetime | None, typer.Option("--until", formats=_DAY, help="以此日终了时所知为准 / as of the end of a day")
    ] = None,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="每行一个差异 / one difference a line")] = False,
    home: HomeOption = None,
    officer: OfficerOption = None,
) -> None:
    """用另一套规则重新研判，与现行规则比较；不写入。 / Judges everything by other rules, and compares.

    模型（anomaly、shell-cluster）不在其内。 / The models are not in it.

    Example: credit-monitor backtest --rules stricter.yaml --since 2026-01-01 --home ./home
    """
    # Imported here: what judges is some time that no other command needs to wait for.
    from monitor.backtest.comparison import differences, lines
    from monitor.backtest.trial import in_force, tried

    chosen = opening.settings(home=home)
    place = Home(chosen.home)
    if home is None and chosen.database_url is not None:
        raise HomeError("集群的数据库没有日志，请指定 --home / the database of a cluster has no log: name a home")
    if not place.database.exists():
        raise HomeError(f"{place.path}：还没有数据，请先运行 credit-monitor run / there is nothing here yet: run first")
    other = ruleset.load(rules)
    notice = seen(home, officer, "backtest", "signal", detail={"rules": other.content_hash[:24]})
    first = None if since is None else start_of_day(since.date())
    last = None if until is None else end_of_day(until.date()) - 1
    with looking(place) as reader:
        tell(notice)
        today = in_force(reader.connection, opening.rules_of(chosen), ruleset.load(None), other)
        trial = tried(reader, place.snapshots, opening.pseudonyms_of(chosen, place), today, other, last)
    found = differences(trial, today, other, first)
    if as_jsonl:
        for one in found:
            sys.stdout.write(msgspec.json.encode(one.row()).decode() + "\n")
        return
    _print(list(lines(trial, found, first)), [one.row() for one in found], as_text(trial.now)[:16].replace("T", " "))


def _print(rows: Sequence[tuple[str, list[str]]], found: Sequence[dict[str, object]], now: str) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 160
    from monitor.backtest.comparison import CHANGES

    table = Table("规则 rule", box=None, pad_edge=False)
    for zh, en in (*LEVEL_NAMES.values(), *CHANGES.values()):
        table.add_column(f"{zh} {en}", justify="right")
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print(table)
    for change, (zh, en) in CHANGES.items():
        some = [one for one in found if one["change"] == change]
        if some:
            console.print(f"\n{zh} {en}：{len(some):,}")
        for one in some[:_EXAMPLES]:
            subject, reason = one["subject"], one["reason"]
            assert isinstance(subject, dict)  # noqa: S101 - as `Difference.row` makes it
            assert isinstance(reason, dict)  # noqa: S101
            console.print(f"  {one['detector']} {subject['label'] or subject['key']}：{reason['zh']}", soft_wrap=True)
    console.print(f"\n数据截至 as of {now}")
