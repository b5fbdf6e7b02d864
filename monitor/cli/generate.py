"""`credit-monitor generate`: a made-up province as a folder of events, with the truth about what was planted.

Turns flags into a call of `models.population.write_province`, and shows its progress.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from models.population.province import DEFAULT_END, MADE_UP_EN, MADE_UP_ZH, Summary, write_province
from monitor.cli.failure import Failure


class Compress(StrEnum):
    """How the file of events is packed."""

    NONE = "none"
    GZ = "gz"
    ZST = "zst"


def _day(text: str | dt.date) -> dt.date:
    return text if isinstance(text, dt.date) else dt.date.fromisoformat(text)


def generate(
    enterprises: Annotated[int, typer.Option(min=1, help="经营主体数量 / how many enterprises ever exist")],
    years: Annotated[int, typer.Option(min=1, max=50, help="事件年数 / length of the window in years")],
    seed: Annotated[int, typer.Option(min=0, help="随机种子，相同则文件相同 / the same seed gives the same files")],
    out: Annotated[Path, typer.Option(file_okay=False, help="输出目录 / folder; files in it are replaced")],
    end: Annotated[
        dt.date, typer.Option(parser=_day, metavar="YYYY-MM-DD", help="截止日期 / last day of the window")
    ] = DEFAULT_END,
    poison: Annotated[
        float, typer.Option(min=0, max=1, help="坏行比例 / bad lines of every kind for each good one")
    ] = 0.0,
    compress: Annotated[Compress, typer.Option(help="压缩 / how events.jsonl is packed")] = Compress.NONE,
) -> None:
    """生成虚构省份的事件和标准答案。 / Writes a made-up province: events, and the planted truth.

    Example: credit-monitor generate --enterprises 20000 --years 5 --seed 1 --out province
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("生成 generating"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    try:
        with bar:
            task = bar.add_task("", total=enterprises)
            summary = write_province(
                enterprises,
                years,
                seed,
                out,
                end=end,
                poison=poison,
                compress=compress.value,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except OSError as error:
        msg = f"无法写入，请检查空间和权限 / cannot write, check space and rights: {error}"
        raise Failure(msg) from error
    typer.echo(_told(summary, out), err=True)


def _told(summary: Summary, out: Path) -> str:
    bad = sum(summary.poison.values())
    return "\n".join(
        (
            f"{out / summary.events_file}",
            f"  经营主体 enterprises      {summary.enterprises:>12,}",
            f"  事件 events               {summary.events:>12,}",
            f"  重复行 exact repeats      {summary.repeats:>12,}",
            f"  坏行 bad lines            {bad:>12,}",
            f"  预设情形 planted patterns {sum(summary.planted.values()):>12,}",
            f"  标准答案 lines of truth   {summary.truths:>12,}",
            MADE_UP_ZH,
            MADE_UP_EN,
        )
    )
