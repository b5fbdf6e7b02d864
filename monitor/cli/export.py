"""`credit-monitor export`: what the monitor holds, as JSON Lines or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from monitor.cli import opening
from monitor.cli.replay import ReasonOption, SourceOption, chosen_letters
from monitor.cli.run import HomeOption
from monitor.store import deadletters


class What(StrEnum):
    """What can be exported."""

    SIGNALS = "signals"
    DEAD_LETTERS = "dead-letters"


class Form(StrEnum):
    """How it is written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    what: Annotated[What, typer.Argument(help="signals | dead-letters")],
    home: HomeOption = None,
    form: Annotated[Form, typer.Option("--format", help="jsonl | csv")] = Form.JSONL,
    output: Annotated[Path | None, typer.Option("--output", help="写入文件 / file instead of standard output")] = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    mended: Annotated[bool, typer.Option("--mended", help="死信：已修复的 / dead letters that came through")] = False,
    everything: Annotated[bool, typer.Option("--all", help="死信：全部 / dead letters, open and mended")] = False,
    counts: Annotated[
        bool, typer.Option("--counts", help="死信：按日、来源、原因计数 / dead letters counted by day, source, reason")
    ] = False,
) -> None:
    """导出信号或死信（默认为待处理的死信）。 / Exports signals or dead letters (the open ones, if not told otherwise).

    Example: credit-monitor export signals --home ./home > signals.jsonl
    """
    if what is not What.DEAD_LETTERS and (reason or source or mended or everything or counts):
        raise typer.BadParameter("这些选项只用于死信 / --reason --source --mended --all --counts are for dead letters")
    if mended + everything + counts > 1:
        raise typer.BadParameter("只能选一个 / choose one of --mended, --all and --counts")
    chosen = chosen_letters(reason, source, None, None)
    with opening.reading(home) as reader:
        rows: Iterator[dict[str, Any]]
        if what is What.SIGNALS:
            rows = reader.signals()
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
