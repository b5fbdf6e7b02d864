"""`credit-monitor token`: tokens with which machines send events over HTTP."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.moments import as_text
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.looks import digest, entry_of
from monitor.cli.run import HomeOption, OfficerOption
from monitor.desk.recording import record
from monitor.store.home import Home
from monitor.store.tokens import TokenStore

token = typer.Typer(
    help="发送事件用的令牌：创建、列出、撤回。 / Tokens of senders: create, list, withdraw.", no_args_is_help=True
)


@token.command()
def create(
    name: Annotated[str, typer.Option("--name", help="发送方名称 / who will send with it")],
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="可代表的来源，末尾 * 表示任意；不给则不限 / a source it may speak for (repeat)"),
    ] = None,
    home: HomeOption = None,
    officer: OfficerOption = None,
) -> None:
    """创建令牌，仅显示这一次。 / Makes a token and prints it once, alone on standard output.

    Example: credit-monitor token create --name registry --source "//registry/*" --home ./home
    """
    wrong = [one for one in (name, *(source or ())) if not one.strip() or not one.isprintable()]
    if wrong:
        raise typer.BadParameter("名称与来源须为可见文字 / --name and --source are printable texts")
    chosen = opening.settings(home=home, officer=officer)
    place = Home(chosen.home)
    store = TokenStore(place)
    made = store.create(name, source or (), chosen.officer)
    token_id = made.split("_")[1]
    sources = [digest(one) for one in source or ()]
    try:  # before anybody has seen it: no token is in use that is not on record
        record(place, [entry_of(chosen, "token.created", "token", token_id, detail={"sources": sources})], _say)
    except BaseException:
        store.withdraw(token_id)
        raise
    print(made)
    may = "、".join(source) if source else "所有来源 any source"
    _say(f"{name}：可代表 may speak for {may}；令牌不再显示 / it is not shown again")


@token.command("list")
def show(home: HomeOption = None) -> None:
    """列出令牌，不含密文。 / Lists the tokens, without their secrets.

    Example: credit-monitor token list --home ./home
    """
    table = Table("编号 id", "名称 name", "来源 sources", "创建 made", "撤回 withdrawn", box=None, pad_edge=False)
    for one in TokenStore(Home(opening.settings(home=home).home)).all():
        withdrawn = "" if one.withdrawn_at is None else as_text(one.withdrawn_at)[:19]
        table.add_row(one.id, one.name, " ".join(one.sources) or "*", as_text(one.made_at)[:19], withdrawn)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


@token.command()
def withdraw(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="编号，见 list / the id that `list` shows")],
    home: HomeOption = None,
    officer: OfficerOption = None,
) -> None:
    """撤回令牌，立即失效。 / Withdraws a token at once.

    Example: credit-monitor token withdraw 3f9a01bc22de --home ./home
    """
    chosen = opening.settings(home=home, officer=officer)
    place = Home(chosen.home)
    if not TokenStore(place).withdraw(token_id):
        raise Failure(f"没有有效的令牌 {token_id}，见 token list / no token {token_id} in force: see `token list`")
    _say(f"已撤回 / withdrawn: {token_id}")
    # Afterwards: a writer that does not answer must not keep a token in force.
    record(place, [entry_of(chosen, "token.withdrawn", "token", token_id)], _say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
