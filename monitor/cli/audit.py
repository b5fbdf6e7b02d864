"""`credit-monitor audit`: proves that the audit log is whole, and gives its head, to be kept elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption
from monitor.store.audit import chain as auditlog
from monitor.store.audit import heads as audit_heads
from monitor.store.audit.chain import Head
from monitor.store.audit.proof import verify as prove
from monitor.store.reader import Store, looking

audit = typer.Typer(help="审计日志：校验、取头。 / The audit log: proof and head.", no_args_is_help=True)


@audit.command()
def verify(
    home: HomeOption = None,
    heads: Annotated[
        list[Path] | None,
        typer.Option("--heads", help="外存的头的文件，可重复；默认为设置 audit_heads / files of heads kept elsewhere"),
    ] = None,
) -> None:
    """证明审计日志完整，或指出第一处错误。 / Proves that the audit log is whole, or names the first row that is not.

    Example: credit-monitor audit verify --home ./home --heads heads.jsonl
    """
    chosen = opening.settings(home=home)
    place = opening.store_of(chosen, home)
    files = heads or _usual(place, chosen.audit_heads)
    known = [head for path in files for head in _heads(path)]  # before the look: none is newer than the rows
    bar = Progress(
        TextColumn("校验审计日志 checking the audit log"),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with looking(place) as reader, bar:
        newest = auditlog.head(reader.connection, time.time_ns() // 1000)
        task = bar.add_task("", total=newest.number)
        proof = prove(reader.connection, known, lambda number: bar.update(task, completed=number))
    if proof.fault is not None:
        raise Failure(
            f"{proof.fault.told()}；请保全现场并与备份比对 / keep the home as it is and compare it with its backups"
        )
    if not files:
        print("没有外存的头：末尾若被截断则看不出 / without heads a cut-off end cannot be seen", file=sys.stderr)
    print(f"完整 whole　行 rows {proof.rows:,}　头 heads {proof.heads:,}")
    print(audit_heads.line_of(newest))


@audit.command()
def head(home: HomeOption = None) -> None:
    """打印当前的头，请存到别处。 / Prints the head, one line of JSON, to be kept elsewhere.

    Example: credit-monitor audit head --home ./home >> heads.jsonl
    """
    with opening.reading(home) as reader:
        print(audit_heads.line_of(auditlog.head(reader.connection, time.time_ns() // 1000)))


def _usual(place: Store, kept: Path | None) -> list[Path]:
    """The file into which the writer puts the heads of a home, where the settings name one."""
    if kept is None:
        return []
    with looking(place) as reader:
        file = audit_heads.file_of(kept, auditlog.home_id(reader.connection))
    if file.exists():
        return [file]
    print(f"{file}：还没有头 / there are no heads yet", file=sys.stderr)
    return []


def _heads(path: Path) -> list[Head]:
    """The heads of a file. Raises Failure where it holds none."""
    found, others = audit_heads.read(path)
    if not found:
        raise Failure(f"{path}：其中没有头 / there are no heads in it: give a file of lines that `audit head` prints")
    if others:
        where = ", ".join(str(number) for number in others[:10])
        print(f"{path}：这些行不是头 / these lines are no heads: {where}", file=sys.stderr)
    return found
