"""`credit-monitor host`: the host list as officers keep it: rooms that lawfully have many licences."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.moments import as_text
from monitor.cli import opening
from monitor.cli.acting import NeededReason, RegionOption, act, no_such
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption, OfficerOption
from monitor.store.work import hosts
from monitor.supervision.hosts import HOST_KINDS, Entry, content_hash, host_id

host = typer.Typer(
    help="托管名单：集群、孵化器、市场、平台地址。 / The host list: rooms that lawfully have many licences.",
    no_args_is_help=True,
)


@host.command("list")
def show_all(
    everything: Annotated[bool, typer.Option("--all", help="含已到期、已移出的 / ended ones too")] = False,
    home: HomeOption = None,
) -> None:
    """列出名单：人员列入的与规则文件中的。 / Lists what officers listed; the rules file may list more.

    Example: credit-monitor host list --home ./home
    """
    table = Table(
        *("编号 id", "类型 kind", "至 until", "经办 officer", "理由 reason", "状态 status", "地址 text"),
        box=None,
        pad_edge=False,
    )
    with opening.reading(home) as reader:
        now = reader.now() or 0
        for one in hosts.entries(reader.connection):
            if everything or one.holds(now):
                kind = f"{HOST_KINDS[one.kind][0]} {one.kind}"
                table.add_row(
                    *(one.id, kind, one.until.isoformat(), one.officer, one.reason),
                    *(_status(one, now), " ".join([one.region or "", one.text]).strip()),
                )
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 240
    console.print(table)


@host.command()
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="地址全文，到房间 / the address in full, to its room")],
    kind: Annotated[str, typer.Option("--kind", help="cluster | incubator | market | platform")],
    until: Annotated[dt.datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="到此日止 / to the end of a day")],
    reason: NeededReason,
    region: RegionOption = None,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """列入名单，到期自动失效；再次列入即替换。 / Lists a room until a day; a second time replaces the entry.

    Example: credit-monitor host add 杭州市西湖区文三路90号1幢101室 --kind cluster --until 2027-12-31 --reason 集群备案
    """
    if kind not in HOST_KINDS:
        raise typer.BadParameter(f"没有此类型 / no such kind: {kind}; {', '.join(HOST_KINDS)}")
    day = until.date()
    entry = {"text": text, "kind": kind, "until": day.isoformat(), "region": region}
    number = host_id(text, region)
    if number is None:
        raise Failure(
            "此文本不能定位到房间，请写全县、路、门牌与房号，或给 --region / "
            "the text names no room: write county, road, number and room in full, or give --region"
        )
    entry["content_hash"] = content_hash(text, region, kind, day)
    act("host.listed", number, officer, home, reason=reason, **entry)
    _tell(number, home)


@host.command()
def remove(
    host_id_: Annotated[str, typer.Argument(metavar="ID", help="编号，见 host list / id, see `host list`")],
    reason: NeededReason,
    officer: OfficerOption = None,
    home: HomeOption = None,
) -> None:
    """到期前移出名单。规则文件中的请改文件。 / Ends an entry before its day; those of the rules file are ended there.

    Example: credit-monitor host remove h-0123456789abcdef0123456789abcdef --reason 备案已注销 --officer 3301-017
    """
    with opening.reading(home) as reader:
        found = hosts.entry(reader.connection, host_id_)
    if found is None:
        no_such("托管地址", "host", host_id_)
    act("host.delisted", host_id_, officer, home, reason=reason, content_hash=found.content_hash)
    _tell(host_id_, home)


def _tell(number: str, home: HomeOption) -> None:
    """What an entry is now."""
    with opening.reading(home) as reader:
        found = hosts.entry(reader.connection, number)
        now = reader.now() or 0
    if found is not None:
        typer.echo(f"{number}：{_status(found, now)} {found.until.isoformat()}", err=True)


def _status(entry: Entry, now: int) -> str:
    if entry.ended:
        return f"已移出 ended {as_text(entry.at)[:10]}"
    return "有效 in force" if entry.holds(now) else "到期 over"
