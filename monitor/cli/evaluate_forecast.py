"""`credit-monitor evaluate forecast`: trains on what was known by a date, and judges the order by what came after.

Events are read into memory and thrown away; no home is needed, and none is touched.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from config.moments import end_of_day, moment
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import RulesOption


def forecast(
    source: Annotated[list[str], typer.Option("--source", help="文件或目录 / file or folder (repeat for several)")],
    cutoff: Annotated[
        dt.datetime,
        typer.Option("--cutoff", formats=["%Y-%m-%d"], help="只用至此日已知的事实 / what was known by then"),
    ],
    until: Annotated[
        dt.datetime,
        typer.Option("--until", formats=["%Y-%m-%d"], help="检验至此日 / judge up to this day"),
    ],
    mapping: Annotated[
        list[Path] | None,
        typer.Option("--mapping", help="表格映射，可多个 / mapping of tables (repeat for several)"),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="随机种子 / random seed")] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", file_okay=False, help="图与网页写入此目录 / folder for PNG and HTML")
    ] = None,
    rules: RulesOption = None,
) -> None:
    """检验预测：截止日前训练，之后发生的为准；与朴素基线并列。 / Judges the forecast by what came after a cutoff.

    Prints one JSON object: hits, precision, recall and lift at the top 1, 2, 5 and 10 % for the forecast and for plain
    baselines, their ratios with 95 % bootstrap intervals, and the calibration.

    Example: credit-monitor evaluate forecast --source events.jsonl --cutoff 2013-12-31 --until 2014-12-31
    """
    from models.evaluation.forecast import evaluate, lines_of
    from monitor.modelling.folding import open_all, read_all

    first, last = end_of_day(cutoff.date()) - 1, end_of_day(until.date()) - 1
    if last <= first:
        raise typer.BadParameter("--until 须晚于 --cutoff / must be later than --cutoff", param_hint="--until")
    in_force = opening.rules_of(opening.settings(rules=rules))
    console = Console(stderr=True)
    with console.status("读取事件 / reading events"):
        read = read_all(open_all(source, mapping or []), in_force, moment(dt.datetime.now(dt.UTC)))
    console.print(f"事件 events {read.events:,}，拒绝 refused {read.refused:,}", highlight=False)
    policy = in_force.document.models
    try:
        with console.status("训练与检验 / training and judging"):
            judged = evaluate(read.facts, policy.adverse, first, last, policy.seed if seed is None else seed)
    except ValueError as error:
        raise Failure(str(error)) from error
    for line in lines_of(judged.found):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if plots is not None:
        from models.evaluation.forecast_plots import write_plots

        for path in write_plots(judged, plots):
            console.print(str(path), highlight=False, soft_wrap=True)
    sys.stdout.write(msgspec.json.encode(judged.found).decode() + "\n")
