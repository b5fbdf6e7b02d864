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

from config.moments import as_text
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
    until: Annotated[
        dt.datetime | None,
        typer.Option(
            "--until", formats=["%Y-%m-%d"], help="此后的不良事件算到此日 / what followed counts up to this day"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=50, help="种子个数 / how many seeds")] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="图与网页的目录 / folder for pictures and a page")] = None,
    rules: RulesOption = None,
) -> None:
    """检验规则与模型，输出一个 JSON。 / Evaluates rules and models; prints one JSON object.

    With --truth against what was planted; with --as-of rules and the forecast, by what was known on a day, against what
    befell enterprises after it.

    Example: credit-monitor evaluate --home ./home --truth province/truth.jsonl --out report
    """
    if context.invoked_subcommand is not None:
        return
    try:
        if adbench is not None:
            value: Any = _benchmark(adbench)
        else:
            value = _on_home(Asked(home, truth, as_of, until, seeds, out, rules))
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


class Asked(msgspec.Struct, frozen=True):
    """What a home is asked."""

    home: Path | None
    truth: Path | None
    as_of: dt.datetime | None
    until: dt.datetime | None
    seeds: int
    out: Path | None
    rules: Path | None


def _on_home(asked: Asked) -> dict[str, Any]:
    from models.evaluation import pages
    from monitor.modelling.evaluating import anomaly_on_home, period, read_truth, rules_on_truth
    from monitor.modelling.foreseeing import counted_as_of, foreseen
    from monitor.modelling.gathering import facts_of
    from monitor.modelling.learning import material_of
    from monitor.modelling.reading import read_flow

    chosen = opening.settings(home=asked.home, rules=asked.rules)
    in_force = opening.rules_of(chosen)
    place = Home(chosen.home)
    pseudonyms = opening.pseudonyms_of(chosen, place)
    truths = None if asked.truth is None else read_truth(asked.truth)
    counted: dict[str, set[str]] = {}
    with looking(place) as reader:
        flow, codes = read_flow(reader.connection, place.snapshots, pseudonyms, in_force)
        facts = facts_of(flow)
        later = material_of(reader.connection, flow, codes, flow.now)
        learned = later
        if asked.as_of is not None:
            moment, until = period(asked.as_of.date(), None if asked.until is None else asked.until.date(), flow.now)
            learned = material_of(reader.connection, flow, codes, moment)
            counted = counted_as_of(reader.connection, pseudonyms, in_force, moment)
        value: dict[str, Any] = {"now": as_text(flow.now), "trained_as_of": as_text(learned.matrix.now)}
        judgements = None if truths is None else rules_on_truth(reader.connection, truths, int(later.matrix.live.sum()))
    pictures: dict[str, tuple[str, bytes]] = {}
    if judgements is not None:
        value["rules"] = msgspec.to_builtins(judgements)
        pictures["rules.png"] = "规则与标准答案 rules against truth", pages.rules_picture(judgements)
    if asked.as_of is not None:
        seed = in_force.document.models.seed
        followed = foreseen(facts, codes, counted, in_force, learned.matrix.now, until, seed)
        value["foreseen"] = {"until": as_text(until), **followed.value()}
        title = "规则与此后的不良事件 rules against what followed"
        pictures["rules-foresee.png"] = title, pages.rules_picture(followed.rules, followed.base)
        if followed.forecast is not None and followed.forecast.found.calibration:
            reliability = pages.reliability_picture(followed.forecast.chances, followed.forecast.truth.astype(float))
            pictures["forecast-calibration.png"] = "预测校准 calibration of the forecast", reliability
    named = [codes[ref] for ref in later.matrix.refs.tolist()]
    planted = None if truths is None else {code for one in truths if one.fires for code in one.enterprises}
    found = anomaly_on_home(learned, later, named, planted, in_force, range(asked.seeds), facts)
    value["anomaly"] = found.figures
    pictures["calibration.png"] = "p 值校准 calibration of p-values", pages.calibration_picture(found.p)
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
        for name, (_, picture) in pictures.items():
            (asked.out / name).write_bytes(picture)
        html = pages.page("模型评估 Evaluation of the models", value, dict(pictures.values()))
        (asked.out / "evaluation.html").write_text(html, encoding="utf-8")
    return value
