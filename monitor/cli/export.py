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
from monitor.cli.run import HomeOption
from monitor.store.reader import Reader


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
) -> None:
    """导出信号或死信。 / Exports signals or dead letters.

    Example: credit-monitor export signals --home ./home > signals.jsonl
    """
    with opening.reading(home) as reader:
        rows = _rows(reader, what)
        if output is None:
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            _write(rows, form, sys.stdout)
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            _write(rows, form, file)


def _rows(reader: Reader, what: What) -> Iterator[dict[str, Any]]:
    return reader.signals() if what is What.SIGNALS else reader.dead_letters()


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
