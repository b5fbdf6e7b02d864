"""`credit-monitor mapping check`: what a mapping makes of a sample, before it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.cli.failure import Failure
from monitor.sources.check_report import JoinedReport, Refused, Report, RuleReport, TableReport, Unknown
from monitor.sources.mapping import load_mapping

mapping = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SHOWN: Final = 20
_LONGEST: Final = 40
_WIDTH: Final = 120


@mapping.callback()
def mappings() -> None:
    """表格映射：试用。 / Mappings of tables: try one.

    Example: credit-monitor mapping check penalties.yaml penalties.csv
    """


@mapping.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="映射文件 / mapping file (YAML)")],
    sample: Annotated[Path, typer.Argument(metavar="SAMPLE", help="表或目录 / a table, or a folder of tables")],
    as_json: Annotated[bool, typer.Option("--json", help="供机器读取 / the same for machines")] = False,
) -> None:
    """用样本试一个映射：逐字段说明得到什么、拒绝什么、哪些列无人读取。 / Tries a mapping on a sample.

    Shows what came out field by field, what was refused and why, and which columns nobody reads. Identity and telephone
    numbers are never shown. Ends with 1 where rows were refused.

    Example: credit-monitor mapping check penalties.yaml penalties.csv
    """
    # Tables bring polars with them, 36 MB: only for who reads one.
    from monitor.sources.check import check as try_mapping

    rules = load_mapping(file)
    with Console(stderr=True).status("读取样本 / reading the sample"):
        report = try_mapping(rules, sample)
    if as_json:
        totals = {"accepted": report.accepted, "refused": report.refused}
        sys.stdout.write(msgspec.json.encode(msgspec.to_builtins(report) | totals).decode() + "\n")
    else:
        _show(report)
    if report.refused:
        raise Failure(
            f"{report.refused:,} 行被拒绝，请改映射或数据后重试 / rows are refused: mend mapping or data, try again"
        )


def _show(report: Report) -> None:
    """The report for people."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    for table in report.tables:
        for part in _of_table(table):
            console.print(part, soft_wrap=isinstance(part, str))
    for joined in report.joined:
        for part in _of_joined(joined):
            console.print(part, soft_wrap=isinstance(part, str))
    console.print(f"合计 total：事件 events {report.accepted:,}，拒绝 refused {report.refused:,}")


def _of_table(table: TableReport) -> Iterator[str | Table]:
    name = f"（{table.table}）" if table.table else ""
    yield f"[bold]{escape(table.file)}[/bold]{name}：{table.rows:,} 行 rows"
    for kind, count in table.types.items():
        yield f"  {kind}：{count:,}"
    for rule in table.rules:
        if rule.accepted:
            yield _fields(rule)
        else:
            yield f"  规则 rule {rule.rule} → {rule.type}：没有事件 / no event"
    for reason, count in table.left_out.items():
        yield f"  舍弃 left out：{count:,} 行 rows，{escape(reason)}"
    for count, what in (
        (table.no_rule, "行不符合任何规则 / rows for which no rule holds"),
        (table.repeats, "个事件重复 / events came before"),
        (table.persons_left_out, "人缺少角色或身份 / persons without role or identity"),
    ):
        if count:
            yield f"  {count:,} {what}"
    yield from _refused(table.refused)
    yield from _unknown("对照表中没有的值 / values without a translation", table.unknown)
    yield from _unknown("没有条件点名的值 / values that no condition names", table.unnamed)
    for one in table.partners:
        yield (
            f"  关联 join {one.join}（{escape(one.files)}）：{one.found:,} 行找到 rows found partners，"
            f"{one.none:,} 行没有 none"
        )
    yield from _unread(table.unread)
    yield ""


def _fields(rule: RuleReport) -> Table:
    shown = Table(
        title=f"  规则 rule {rule.rule} → {rule.type}：{rule.accepted:,}",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
    )
    shown.add_column("字段 field", no_wrap=True)
    shown.add_column("有值 filled", justify="right")
    shown.add_column("无值 empty", justify="right")
    shown.add_column("列 columns", overflow="fold")
    shown.add_column("示例 examples", overflow="fold")
    for one in rule.fields:
        examples = "  |  ".join(escape(_short(example)) for example in one.examples)
        empty = f"{one.empty:,}" if one.empty else ""
        shown.add_row(one.field, f"{one.filled:,}", empty, escape(", ".join(one.columns)), examples)
    return shown


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _refused(refused: list[Refused]) -> Iterator[str]:
    if refused:
        yield f"  [bold]拒绝 refused：{len(refused):,}[/bold]"
    for one in refused[:_SHOWN]:
        # What a mapping says of a row has the columns in it.
        is_told = not one.columns or one.reason == "unmapped_row"
        columns = "" if is_told else f"，列 column {escape(', '.join(one.columns))}"
        yield f"    第 {one.line:,} 行 line{columns}：{escape(one.told)}"
    if len(refused) > _SHOWN:
        yield f"    …另有 {len(refused) - _SHOWN:,} / and more: --json has all"


def _unknown(title: str, unknown: list[Unknown]) -> Iterator[str]:
    if unknown:
        yield f"  {title}："
    for one in unknown[:_SHOWN]:
        yield f"    {escape(one.columns)} = {escape(_short(one.value))}：{one.rows:,} 行 rows"
    if len(unknown) > _SHOWN:
        yield f"    …另有 {len(unknown) - _SHOWN:,} / and more: --json has all"


def _unread(columns: list[str]) -> Iterator[str]:
    if columns:
        yield f"  无人读取的列 columns that nobody reads：{escape('、'.join(columns))}"


def _of_joined(joined: JoinedReport) -> Iterator[str]:
    yield f"[bold]{escape(joined.file)}[/bold]（仅供关联 / joined only）：{joined.rows:,} 行 rows"
    if joined.without_partner:
        lines = "、".join(map(str, joined.without_partner[:_SHOWN]))
        more = " …" if len(joined.without_partner) > _SHOWN else ""
        yield f"  无所属 without partner：{len(joined.without_partner):,} 行 rows，第 {lines}{more} 行 lines"
    yield from _refused(joined.broken)
    yield from _unread(joined.unread)
    yield ""
