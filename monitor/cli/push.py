"""`credit-monitor push`: the channels of messages; and the sender that `serve` runs beside the writer."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from config.channels import IN_APP, Channel, Channels
from config.moments import as_text
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption
from monitor.engine.clock import SteadyClock
from monitor.push.channel import PushError
from monitor.store.home import Home, open_database
from monitor.store.outgoing.outbox import Standing, not_acknowledged, standings
from monitor.store.postgresql.database import Database

PushOption = Annotated[
    Path | None, typer.Option("--push", help="渠道文件，默认仅页面 / file of channels, else the pages alone")
]

push = typer.Typer(help="消息渠道：列出、测试。 / Channels of messages: list, test.", no_args_is_help=True)

_ENDING: Final = 20.0
"""Seconds that a sending under way is given to end."""


@push.command("test")
def try_out(
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="渠道名，见 push list / a name that `push list` shows")
    ],
    push: PushOption = None,
) -> None:
    """发送一条测试消息，显示对方的应答。 / Sends one test message and prints what the other side answered.

    直接发送，不经发件箱。 / It is sent at once, beside the outbox.

    Example: credit-monitor push test duty-robot --push channels.yaml
    """
    # Imported here, as below: what speaks HTTP and SMTP is some time that no other command needs to wait for.
    from monitor.push.opening import open_line
    from monitor.push.wording import trial

    chosen = opening.channels_of(opening.settings(push=push)).named(channel)
    if chosen.kind == IN_APP:
        print("页面直接显示发件箱，无需测试 / the pages show the outbox itself: nothing is sent")
        return
    try:
        receipt = open_line(chosen, SteadyClock()).send(trial(chosen, f"T-{secrets.token_hex(3)}"))
    except PushError as error:
        raise Failure(f"{channel}：{error}") from error
    print(f"已送达 / taken{f'（{receipt.id}）' if receipt.id else ''}: {receipt.answer}")


@push.command("list")
def show(home: HomeOption = None, push: PushOption = None) -> None:
    """列出渠道及其状态。 / Lists the channels and how they stand.

    Example: credit-monitor push list --push channels.yaml --home ./home
    """
    chosen = opening.settings(home=home, push=push)
    channels = opening.channels_of(chosen)
    known: dict[str, Standing] = {}
    on_pages = 0
    if chosen.database_url is not None or Home(chosen.home).database.exists():
        with opening.reading(home) as reader:
            known = {one.channel: one for one in standings(reader.connection)}
            on_pages = not_acknowledged(reader.connection)
    table = Table(
        *("渠道 channel", "类别 kind", "等待 waiting", "送出 sent", "失败 failed", "放弃 given up"),
        *("最近成功 last success", "暂停至 rests until", "最近故障 last fault"),
        box=None,
        pad_edge=False,
    )
    for one in channels.channels:
        table.add_row(*_row(one, known.pop(one.name, Standing(one.name)), on_pages))
    for name, standing in known.items():
        table.add_row(name, "未配置 not configured", *_figures(standing))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 250
    console.print(table)


def _row(channel: Channel, standing: Standing, on_pages: int) -> tuple[str, ...]:
    if channel.kind == IN_APP:
        return (channel.name, channel.kind, f"{on_pages:,}", "", "", "", "", "", "")
    return (channel.name, channel.kind, *_figures(standing))


def _figures(standing: Standing) -> tuple[str, ...]:
    totals = standing.totals
    delivered = totals.get("sent", 0) + totals.get("joined", 0)
    counts = (standing.waiting, delivered, totals.get("sends_failed", 0), totals.get("given_up", 0))
    moments = (standing.succeeded_at, standing.rest_until or None)
    return (
        *(f"{count:,}" for count in counts),
        *("" if at is None else as_text(at)[:19] for at in moments),
        standing.detail,
    )


@contextmanager
def pushing(home: Home, channels: Channels) -> Iterator[None]:
    """Sends what the outbox of a home holds while it is entered, in a thread; nothing where pages are the only channel.
    The home's writer has made the tables. Raises ChannelsError.
    """
    if not channels.remote:
        yield
        return
    from monitor.push.sender import Sender

    engine = open_database(home.database, read_only=False)
    try:
        with _beside(Sender(engine, channels, SteadyClock()).run):
            yield
    finally:
        engine.dispose()


@contextmanager
def pushing_alone(database: Database, channels: Channels) -> Iterator[None]:
    """The same for the outbox of a cluster: of all processes that enter it, one sends. Raises ChannelsError and
    StoreError.
    """
    if not channels.remote:
        yield
        return
    from monitor.push.alone import LoneSender
    from monitor.push.sender import Sender

    engine = database.writer()
    with _beside(LoneSender(engine, Sender(engine, channels, SteadyClock())).run):
        yield


@contextmanager
def _beside(run: Callable[[Callable[[], bool], threading.Event], None]) -> Iterator[None]:
    """Runs a sender in a thread while it is entered."""
    stop, bell = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(stop.is_set, bell), name="push", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        bell.set()
        thread.join(_ENDING)
