"""`credit-monitor export`: what the monitor holds, as JSON Lines or CSV."""

from __future__ import annotations

import csv
import datetime as dt
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config.moments import end_of_day
from monitor.cli import opening
from monitor.cli.looks import digest, seen, tell
from monitor.cli.replay import ReasonOption, SourceOption, chosen_letters
from monitor.cli.run import HomeOption, OfficerOption
from monitor.modelling.exporting import feature_rows
from monitor.modelling.gathering import facts_of
from monitor.modelling.reading import read_flow
from monitor.store import deadletters
from monitor.store.audit import chain as audit
from monitor.store.audit.chain import Value
from monitor.store.home import Home
from monitor.store.reader import Reader
from monitor.store.work import alertreader, taskreader


class What(StrEnum):
    """What can be exported."""

    SIGNALS = "signals"
    ALERTS = "alerts"
    TASKS = "tasks"
    CLASSES = "classes"
    AUDIT = "audit"
    DEAD_LETTERS = "dead-letters"
    FEATURES = "features"


class Form(StrEnum):
    """How it is written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    what: Annotated[What, typer.Argument(help="signals | alerts | tasks | classes | audit | dead-letters | features")],
    home: HomeOption = None,
    form: Annotated[Form, typer.Option("--format", help="jsonl | csv")] = Form.JSONL,
    output: Annotated[Path | None, typer.Option("--output", help="写入文件 / file instead of standard output")] = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    mended: Annotated[bool, typer.Option("--mended", help="死信：已修复的 / dead letters that came through")] = False,
    everything: Annotated[bool, typer.Option("--all", help="死信：全部 / dead letters, open and mended")] = False,
    officer: OfficerOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="特征：截至该日终了 / features as of the end of a day")
    ] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="死信：按日、来源、原因计数 / dead letters counted by day, source, reason")
    ] = False,
) -> None:
    """导出信号、预警、任务、类别、审计日志、死信或特征。 / Exports signals, alerts, tasks, classes and the like.

    Example: credit-monitor export signals --home ./home > signals.jsonl
    """
    if what is not What.DEAD_LETTERS and (reason or source or mended or everything or counts):
        raise typer.BadParameter("这些选项只用于死信 / --reason --source --mended --all --counts are for dead letters")
    if as_of is not None and what is not What.FEATURES:
        raise typer.BadParameter("该选项只用于特征 / --as-of is for features")
    if mended + everything + counts > 1:
        raise typer.BadParameter("只能选一个 / choose one of --mended, --all and --counts")
    chosen = chosen_letters(reason, source, None, None)
    moment = None if as_of is None else _end_of(as_of)
    notice = ""
    if not counts:
        which = "mended" if mended else "all" if everything else "open"
        narrowed: dict[str, Value] = {
            "reasons": list(chosen.reasons),
            "sources": [digest(one) for one in chosen.sources],
            "which": which,
        }
        notice = seen(home, officer, "export", what.value, detail=narrowed if what is What.DEAD_LETTERS else None)
    with opening.reading(home) as reader:
        tell(notice)
        rows: Iterator[dict[str, Any]]
        if what is What.SIGNALS:
            rows = reader.signals()
        elif what in (What.ALERTS, What.TASKS):
            rows = (alertreader if what is What.ALERTS else taskreader).read(reader.connection)
        elif what is What.AUDIT:
            rows = audit.exported(reader.connection)
        elif what is What.CLASSES:
            rows = reader.classes()
        elif what is What.FEATURES:
            rows = _features(reader, home, moment, flat=form is Form.CSV)
        elif counts:
            rows = map(msgspec.structs.asdict, deadletters.counts(reader.connection, chosen))
        else:
            rows = reader.dead_letters(chosen, "mended" if mended else "all" if everything else "open")
        if output is None:
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            _write(rows, form, sys.stdout)
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            _write(rows, form, file)


def _features(reader: Reader, home: Path | None, as_of: int | None, *, flat: bool) -> Iterator[dict[str, Any]]:
    """The features of every enterprise of a home, as of a moment or Now."""
    chosen = opening.settings(home=home)
    place = Home(chosen.home)
    flow, codes = read_flow(
        reader.connection, place.snapshots, opening.pseudonyms_of(chosen, place), opening.rules_of(chosen)
    )
    return feature_rows(facts_of(flow), codes, flow.now if as_of is None else as_of, flat=flat)


def _end_of(day: str) -> int:
    """The last moment of a day in Asia/Shanghai. Raises BadParameter."""
    try:
        return end_of_day(dt.date.fromisoformat(day)) - 1
    except ValueError as error:
        raise typer.BadParameter(f"日期应如 2024-12-31 / a date is written 2024-12-31, not {day}") from error


def _write(rows: Iterator[dict[str, Any]], form: Form, file: Any) -> None:
    encode = msgspec.json.Encoder().encode
    if form is Form.JSONL:
        for row in rows:
            file.write(encode(row).decode() + "\n")
        return
    writer: Any = None
    for row in rows:
        flat = {
            key: value if isinstance(value, str | int | float | None) else encode(value).decode()
            for key, value in row.items()
        }
        if writer is None:
            writer = csv.DictWriter(file, list(flat))
            writer.writeheader()
        writer.writerow(flat)
