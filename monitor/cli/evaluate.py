"""`credit-monitor evaluate`: how good rules and models are: on benchmark sets, on planted truth, on a home's own rows.

scikit-learn and matplotlib are imported when they are needed: they would take longer to load than most commands take.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from config.moments import as_text, end_of_day
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption, RulesOption
from monitor.store.home import Home
from monitor.store.reader import looking

evaluate = typer.Typer(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})


@evaluate.callback()
def evaluated(
    context: typer.Context,
    adbench: Annotated[Path | None, typer.Option("--adbench", help="基准数据集目录 / folder of .npz sets")] = None,
    home: HomeOption = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="generate 的 truth.jsonl / truth of a made-up province")
    ] = None,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            "--as-of", formats=["%Y-%m-%d"], help="用此日已知的训练，在现在检验 / train as of a day, test now"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=50, help="种子个数 / how many seeds")] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="图与网页的目录 / folder for pictures and a page")] = None,
    rules: RulesOption = None,
) -> None:
    """检验规则与模型，输出一个 JSON。 / Evaluates rules and models; prints one JSON object.

    Example: credit-monitor evaluate --home ./home --truth province/truth.jsonl --out report
    """
    if context.invoked_subcommand is not None:
        return
    try:
        if adbench is not None:
            value: Any = _benchmark(adbench)
        else:
            value = _on_home(home, truth, as_of, seeds, out, rules)
    except ValueError as error:
        raise Failure(str(error)) from error
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _benchmark(folder: Path) -> Any:
    from rich.console import Console

    from models.evaluation import adbench

    rows = {}
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("评测 evaluating", total=len(adbench.sets_in(folder)))
        for name, row in adbench.compare_all(folder):
            rows[name] = row
            progress.advance(task)
    return adbench.table(rows)


def _on_home(
    home: Path | None, truth: Path | None, as_of: dt.datetime | None, seeds: int, out: Path | None, rules: Path | None
) -> dict[str, Any]:
    from models.evaluation import pages
    from monitor.modelling.evaluating import anomaly_on_home, read_truth, rules_on_truth
    from monitor.modelling.learning import material_of
    from monitor.modelling.reading import read_flow

    chosen = opening.settings(home=home, rules=rules)
    in_force = opening.rules_of(chosen)
    place = Home(chosen.home)
    truths = None if truth is None else read_truth(truth)
    with looking(place) as reader:
        flow, codes = read_flow(reader.connection, place.snapshots, opening.pseudonyms_of(chosen, place), in_force)
        later = material_of(reader.connection, flow, codes, flow.now)
        learned = later
        if as_of is not None:
            learned = material_of(reader.connection, flow, codes, min(end_of_day(as_of.date()) - 1, flow.now))
        value: dict[str, Any] = {"now": as_text(flow.now), "trained_as_of": as_text(learned.matrix.now)}
        if truths is not None:
            value["rules"] = rules_on_truth(reader.connection, truths, int(later.matrix.live.sum()))
    named = [codes[ref] for ref in later.matrix.refs.tolist()]
    planted = None if truths is None else {code for one in truths if one.fires for code in one.enterprises}
    found = anomaly_on_home(learned, later, named, planted, in_force, range(seeds))
    value["anomaly"] = found.figures
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        picture = pages.calibration_picture(found.p)
        (out / "calibration.png").write_bytes(picture)
        title = "模型评估 Evaluation of the models"
        (out / "evaluation.html").write_text(
            pages.page(title, value, {"p 值校准 calibration": picture}), encoding="utf-8"
        )
    return value
