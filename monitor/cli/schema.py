"""`credit-monitor schema`: the JSON Schema of every type of event."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.failure import Failure
from monitor.events.schema import schema_of, schema_texts


def schema(
    kind: Annotated[str | None, typer.Argument(help="事件类型 / type of event")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="写入目录 / folder: a file for each type")] = None,
) -> None:
    """输出事件的 JSON Schema。 / Prints the JSON Schema of events.

    Example: credit-monitor schema registration.established
    """
    texts = schema_texts()
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (output / f"{name}.schema.json").write_text(text, encoding="utf-8")
        return
    if kind is None:
        sys.stdout.write("\n".join(sorted(texts)) + "\n")
        return
    if kind not in texts:
        raise Failure(f"没有事件类型 {kind} / there is no such type: run `credit-monitor schema` for the list")
    sys.stdout.write(schema_of(kind))
