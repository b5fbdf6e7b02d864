"""`credit-monitor serve`: the monitor with its live page and the intake over HTTP, in one process.

The main thread is the home's writer; page and intake run in a thread beside it. They read through connections of
their own, and hand to the writer what shall be written.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.push import PushOption, pushing, pushing_alone
from monitor.cli.run import (
    HomeOption,
    RulesOption,
    Stop,
    open_runner,
    report,
    shown_progress,
    spare_the_collector,
    tell_trouble,
)
from monitor.desk.recording import hand_in
from monitor.engine.delays import Delays
from monitor.engine.inbox import Inbox
from monitor.metrics import Pulse
from monitor.runners import embedded
from monitor.runners.feeds import Feed
from monitor.runners.live import LiveMonitor
from monitor.sources import Place
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import Store
from monitor.store.tokens import TokenStore

if TYPE_CHECKING:
    from fastapi import APIRouter

    from monitor.cluster.forwarding import Forwarder
    from monitor.cluster.supervision.asking import Office

PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="端口，0 为任一空闲端口 / port, 0: any free one")
]

LOOPBACK: Final = "127.0.0.1"

_TURN: Final = 0.2
_SWITCH: Final = 0.001
"""Seconds for which the writer may keep the interpreter while the page waits for it. An answer takes several of them,
and with Python's own 5 ms senders wait longer for the page than for the writer.
"""


class Station:
    """What the writer of a home and those beside it share: its pulse, its inbox, its delays, the bell of its loop."""

    def __init__(self, home: Home, chosen: Settings, should_stop: Callable[[], bool]) -> None:
        """`should_stop`: asked at every turn of the writer, which is a sign of life."""
        self.home = home
        self.chosen = chosen
        self.pulse = Pulse()
        self.bell = threading.Event()
        self.inbox = Inbox(self.bell)
        self.delays = Delays()
        self._should_stop = should_stop

    def asked(self) -> bool:
        """Whether to stop."""
        self.pulse.beat()
        return self._should_stop()


def serve(
    home: HomeOption = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="文件、目录或 - / file, folder or - (repeat for several)")
    ] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="表格映射 / mapping of tables")] = None,
    port: PortOption = None,
    rules: RulesOption = None,
    host: Annotated[
        str | None, typer.Option("--host", help="监听地址，默认仅本机 / address to listen on, else this machine only")
    ] = None,
    push: PushOption = None,
) -> None:
    """打开页面，持续读取来源，并经 HTTP 接收事件。 / Serves the live page, follows the sources, takes events over HTTP.

    无 --home 与 --source 而设有 CREDIT_MONITOR_DATABASE_URL 时，显示集群的数据库；另设 CREDIT_MONITOR_KAFKA_BOOTSTRAP
    时把收到的事件写入 Kafka。 / With neither --home nor --source, and CREDIT_MONITOR_DATABASE_URL set, it shows the
    database of a cluster; with CREDIT_MONITOR_KAFKA_BOOTSTRAP too, it takes events into Kafka.

    Example: credit-monitor serve --home ./home --source ./incoming
    """
    stop = Stop()
    spare_the_collector()
    chosen = opening.settings(home=home, port=port, rules=rules, push=push)
    channels = opening.channels_of(chosen)
    database = opening.database_of(chosen) if home is None and not source else None
    if database is not None:
        with pushing_alone(database, channels):
            show_cluster(database, chosen, stop, host=host, exact_port=port is not None)
        return
    place = Home(chosen.home)
    station = Station(place, chosen, stop)
    places = [Place(path, mapping, follow=True) for path in source or ()]
    found = [one.find() for one in places]
    made_up = (place.path / opening.PROVINCE).exists()
    with ExitStack() as page:
        page.enter_context(serving_station(station, host=host, exact_port=port is not None, made_up=made_up))
        with open_writer(station, page) as runner:
            page.enter_context(pushing(place, channels))
            station.pulse.turn_to("reading")
            feeds = [
                Feed(sources, one.find, runner.position_of, station.bell)
                for one, sources in zip(places, found, strict=True)
            ]
            go_on(station, runner, feeds)
            report(runner, [one for feed in feeds for one in feed.sources])
    say("已结束 / ended")


# -- the writer -------------------------------------------------------------------------------------------------------


@contextmanager
def open_writer(station: Station, page: ExitStack, *, judge_every: float = 2.0) -> Iterator[embedded.EmbeddedRunner]:
    """The writer of the station's home. `page` is closed before the home, so that its database is left whole, without
    a journal beside it.
    """
    pulse = station.pulse

    def tell(progress: embedded.Progress) -> None:
        pulse.beat(progress.done if pulse.doing == "reading" else None)
        show(progress)

    with shown_progress() as show:
        pulse.turn_to("opening")
        runner = open_runner(
            station.home,
            station.chosen,
            judge_every=judge_every,
            on_progress=tell,
            delays=station.delays,
            channels=opening.channels_of(station.chosen),
        )
        try:
            yield runner
        finally:
            station.inbox.close()
            page.close()
            runner.close()


def go_on(station: Station, runner: embedded.EmbeddedRunner, feeds: Sequence[Feed]) -> None:
    """Takes what comes until it is asked to stop."""
    LiveMonitor(
        runner,
        feeds,
        station.inbox,
        station.bell,
        on_live=lambda: station.pulse.turn_to("live"),
        tell=tell_trouble,
    ).run(station.asked)


# -- the page of a cluster --------------------------------------------------------------------------------------------


def show_cluster(
    database: Database, chosen: Settings, should_stop: Callable[[], bool], *, host: str | None, exact_port: bool
) -> None:
    """Serves the page over the database that the workers of a cluster write, and the intake into Kafka where the
    settings name one. Raises StoreError, ClusterError and Failure.
    """
    database.reader()  # says what to do where it cannot be reached, or has no tables
    forwarder = _forwarder_of(chosen)
    pulse = Pulse()
    pulse.turn_to("live")

    def asked() -> bool:
        pulse.beat()
        return should_stop()

    intake = office = None
    if forwarder is not None:
        from monitor.cluster.supervision.asking import Office

        office = Office(chosen, database)
        intake = _intake_of(forwarder.inbox, Home(chosen.home), acts=True)
    with serving(chosen, database, pulse, Delays(), host=host, exact_port=exact_port, intake=intake, acts_on=office):
        if forwarder is not None:
            forwarder.run(asked)
        while not asked():
            time.sleep(_TURN)
    database.close()
    say("已结束 / ended")


def _forwarder_of(chosen: Settings) -> Forwarder | None:
    """What takes events to the Kafka of the settings, None where they name none. Raises ClusterError."""
    if chosen.kafka_bootstrap is None:
        return None
    from monitor.cluster.forwarding import Forwarder

    return Forwarder(chosen, say)


# -- the page ---------------------------------------------------------------------------------------------------------


def serving_station(
    station: Station, *, exact_port: bool, made_up: bool, host: str | None = None
) -> AbstractContextManager[None]:
    """Serves the page and the intake of a station while it is entered."""
    sys.setswitchinterval(_SWITCH)
    return serving(
        station.chosen,
        station.home,
        station.pulse,
        station.delays,
        host=host,
        exact_port=exact_port,
        made_up=made_up,
        intake=_intake_of(station.inbox, station.home, acts=True),
        acts_on=station.home,
    )


def _intake_of(inbox: Inbox, home: Home, *, acts: bool) -> APIRouter:
    """The routes by which events come into an inbox, for the tokens of a home."""
    from monitor.web.intake import intake_routes

    return intake_routes(inbox, TokenStore(home), acts=acts)


@contextmanager
def serving(
    chosen: Settings,
    store: Store,
    pulse: Pulse,
    delays: Delays,
    *,
    exact_port: bool,
    made_up: bool = False,
    host: str | None = None,
    intake: APIRouter | None = None,
    acts_on: Home | Office | None = None,
) -> Iterator[None]:
    """Serves the page over a store while it is entered; its address goes to standard output. `acts_on`: the home whose
    writer, or the office whose workers, are asked for what officers do at the page. Raises Failure.
    """
    # Imported here: a second that no other command needs to wait for.
    from monitor.web.acts import Desk
    from monitor.web.app import create_app
    from monitor.web.server import PageError, PageServer, address_of, listen
    from monitor.web.shield import LOOPBACK_HOSTS

    loopback = host is None or host in LOOPBACK_HOSTS or f"[{host}]" in LOOPBACK_HOSTS
    try:
        listener = listen(host or LOOPBACK, chosen.port, fallback=not exact_port)
        found = listener.getsockname()[1]
        if chosen.port not in (0, found):
            say(f"端口 {chosen.port} 已被占用，改用 {found} / port {chosen.port} is taken, using {found}")
        if not loopback:
            say(
                f"注意：能连到 {host} 的人都能看到页面，尚无登录 / "
                f"mind: whoever reaches {host} sees the page, there is no sign-in yet"
            )
        app = create_app(
            store,
            pulse,
            delays,
            hosts=LOOPBACK_HOSTS if loopback else None,
            made_up=made_up,
            intake=intake,
            desk=None if acts_on is None else Desk(acts_on, loopback),
            officers=chosen.officers,
            record=None if not isinstance(store, Home) else partial(hand_in, store),
            user_header=chosen.trusted_user_header,
        )
        with PageServer(app, listener):
            say("页面地址，Ctrl-C 结束 / the page, Ctrl-C to end:")
            print(address_of(listener), flush=True)
            yield
    except PageError as error:
        raise Failure(str(error)) from error


def say(text: str) -> None:
    """Tells the operator, on standard error."""
    print(text, file=sys.stderr, flush=True)
