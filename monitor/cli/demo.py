"""`credit-monitor demo` and `credit-monitor serve`: the monitor with its live page, in one process.

The main thread is the home's writer; the page runs in a thread beside it and reads through connections of its own.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from config.moments import SHANGHAI, as_text
from config.settings import Settings
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors
from models.population import write_province
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption, RulesOption, Stop, keep_reading, report, shown_progress
from monitor.metrics import Pulse
from monitor.runners import embedded
from monitor.sources import Source, open_source
from monitor.store.home import Home
from monitor.store.reader import look

PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="端口，0 为任一空闲端口 / port, 0: any free one")
]

LOOPBACK: Final = "127.0.0.1"

_YEARS: Final = 5
_SEED: Final = 1
_PROVINCE: Final = "province"
_WATCHED_SECONDS: Final = 20.0
"""A person needs time to open the page: a demo that is watched is read no faster than in this time."""

_JUDGE_EVERY: Final = 1.0
"""In a demo signals shall come up while its events stream in, not at the end alone."""

_MADE_UP: Final = (
    "演示数据全部由程序虚构，企业、人员、事件均不真实。\n"
    "All demo data are made up by a program: no enterprise, person or event is real."
)


def demo(
    once: Annotated[bool, typer.Option("--once", help="不开页面，读完即止 / no page, ends with a summary")] = False,
    enterprises: Annotated[
        int, typer.Option("--enterprises", min=1, help="经营主体数量 / how many enterprises")
    ] = 20_000,
    port: PortOption = None,
    home: Annotated[
        Path | None,
        typer.Option("--home", help="数据留在此目录；不给则用临时目录 / keeps the data here, else they are temporary"),
    ] = None,
) -> None:
    """生成虚构的省份，实时监测，并打开页面。 / Makes up a small province, monitors it, and serves the live page.

    Example: credit-monitor demo
    """
    stop = Stop()
    chosen = opening.settings(port=port)
    if not once:
        _say(_MADE_UP)
    with ExitStack() as stack, ExitStack() as page:
        # CREDIT_MONITOR_HOME is not looked at: made-up events must never come into the home of a real monitor.
        place = Home(home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="credit-monitor-demo-"))))
        about = _demo_before(place, enterprises)
        pulse = Pulse()
        asked = _beating(pulse, stop)
        if not once:
            page.enter_context(_page(place, pulse, chosen, exact_port=port is not None, made_up=True))
        if about is None:
            about = _generate(place, enterprises, pulse, asked)
        if about is not None:
            sources = open_source(str(place.path / _PROVINCE / about["content"]["events_file"]), None)
            pace = asked if once else _paced(asked, sources[0])
            _monitor(place, chosen, sources, pulse, asked, page, pace=pace, stay=not once, judge_every=_JUDGE_EVERY)
        if stop():
            _say("已结束 / ended")
        elif once:
            _print_summary(place)


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
) -> None:
    """打开页面，并持续读取来源。 / Serves the live page, and follows the sources.

    Example: credit-monitor serve --home ./home --source ./incoming
    """
    stop = Stop()
    chosen = opening.settings(home=home, port=port, rules=rules)
    place = Home(chosen.home)
    sources = [opened for path in source or () for opened in open_source(path, mapping, follow=True)]
    pulse = Pulse()
    asked = _beating(pulse, stop)
    made_up = (place.path / _PROVINCE).exists()
    with ExitStack() as page:
        page.enter_context(_page(place, pulse, chosen, host=host, exact_port=port is not None, made_up=made_up))
        _monitor(place, chosen, sources, pulse, asked, page, pace=asked, stay=True)
    _say("已结束 / ended")


# -- the writer -------------------------------------------------------------------------------------------------------


def _monitor(
    place: Home,
    chosen: Settings,
    sources: list[Source],
    pulse: Pulse,
    asked: Callable[[], bool],
    page: ExitStack,
    *,
    pace: Callable[[], bool],
    stay: bool,
    judge_every: float = 10.0,
) -> None:
    """Reads sources to their ends and goes live there; with `stay` it goes on until it is `asked` to end.

    `pace` is asked for the same between the chunks of the backlog. `page` is closed before the home, so that its
    database is left whole, without a journal beside it. Raises Failure where a source was in trouble.
    """

    def tell(progress: embedded.Progress) -> None:
        pulse.beat(progress.done if pulse.doing == "reading" else None)
        show(progress)

    with shown_progress() as show:
        pulse.turn_to("opening")
        runner = embedded.EmbeddedRunner(
            place,
            opening.rules_of(chosen),
            opening.pseudonyms_of(chosen, place),
            officer=chosen.officer,
            judge_every=judge_every,
            on_progress=tell,
        )
        try:
            pulse.turn_to("reading")
            problems = runner.drain(sources, pace)
            if not asked():
                pulse.turn_to("live")
                if stay:
                    keep_reading(runner, sources, asked)
                else:
                    runner.go_live()
        finally:
            page.close()
            runner.close()
    report(runner, sources)
    if problems:
        raise Failure("；".join(problems))


def _beating(pulse: Pulse, stop: Stop) -> Callable[[], bool]:
    """`stop`, for a loop whose every turn is a sign of life."""

    def asked() -> bool:
        pulse.beat()
        return stop()

    return asked


def _paced(asked: Callable[[], bool], source: Source) -> Callable[[], bool]:
    """`asked`, for a backlog that is read slowly enough to be watched, until it has been read to its end."""
    began = time.monotonic()

    def held_back() -> bool:
        share = source.progress() or 0.0
        while share < 1.0 and time.monotonic() < began + share * _WATCHED_SECONDS and not asked():
            time.sleep(0.05)
        return asked()

    return held_back


# -- the page ---------------------------------------------------------------------------------------------------------


@contextmanager
def _page(
    place: Home, pulse: Pulse, chosen: Settings, *, exact_port: bool, made_up: bool, host: str | None = None
) -> Iterator[None]:
    """Serves the page while it is entered; its address goes to standard output. Raises Failure."""
    # Imported here: a second that no other command needs to wait for.
    from monitor.web.app import create_app
    from monitor.web.server import PageError, PageServer, address_of, listen
    from monitor.web.shield import LOOPBACK_HOSTS

    loopback = host is None or host in LOOPBACK_HOSTS or f"[{host}]" in LOOPBACK_HOSTS
    try:
        listener = listen(host or LOOPBACK, chosen.port, fallback=not exact_port)
        found = listener.getsockname()[1]
        if chosen.port not in (0, found):
            _say(f"端口 {chosen.port} 已被占用，改用 {found} / port {chosen.port} is taken, using {found}")
        if not loopback:
            _say(
                f"注意：能连到 {host} 的人都能看到页面，尚无登录 / "
                f"mind: whoever reaches {host} sees the page, there is no sign-in yet"
            )
        app = create_app(place, pulse, hosts=LOOPBACK_HOSTS if loopback else None, made_up=made_up)
        with PageServer(app, listener):
            _say("页面地址，Ctrl-C 结束 / the page, Ctrl-C to end:")
            print(address_of(listener), flush=True)
            yield
    except PageError as error:
        raise Failure(str(error)) from error


# -- the made-up province ---------------------------------------------------------------------------------------------


class _EndedError(Exception):
    """Somebody asked to end while the province was being made."""


def _demo_before(place: Home, enterprises: int) -> dict[str, Any] | None:
    """What the demo in a home is made of, or None for a new home. Raises Failure where anything else is in it."""
    try:
        about: dict[str, Any] = msgspec.json.decode((place.path / _PROVINCE / "ABOUT.json").read_bytes())
    except FileNotFoundError:
        if not place.database.exists():
            return None
        raise Failure(
            f"{place.path}：已有其他数据，演示不能写入，请换 --home / "
            "there is other data in it, which a demo must not touch: choose another --home"
        ) from None
    found = about["arguments"]["enterprises"]
    if found != enterprises:
        raise Failure(
            f"{place.path}：已有 {found} 户的演示，请用 --enterprises {found} 或换 --home / "
            f"there is a demo of {found} enterprises in it: use --enterprises {found}, or another --home"
        )
    return about


def _generate(place: Home, enterprises: int, pulse: Pulse, asked: Callable[[], bool]) -> dict[str, Any] | None:
    """Makes up the province in a home; what it is made of, or None where somebody asked to end.

    It ends yesterday, so that what lapses after some months is still in force when the monitor goes live.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("生成虚构省份 making up a province"),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )

    def tell(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        pulse.beat(done / total)
        if asked():
            raise _EndedError

    place.create()
    lock = place.lock()
    pulse.turn_to("generating")
    try:
        with bar:
            task = bar.add_task("", total=enterprises)
            yesterday = dt.datetime.now(SHANGHAI).date() - dt.timedelta(days=1)
            write_province(enterprises, _YEARS, _SEED, place.path / _PROVINCE, end=yesterday, on_progress=tell)
    except _EndedError:
        return None
    except OSError as error:
        raise Failure(f"无法写入，请检查空间和权限 / cannot write, check space and rights: {error}") from error
    finally:
        lock.release()
    return _demo_before(place, enterprises)


# -- what is told -----------------------------------------------------------------------------------------------------


def _print_summary(place: Home) -> None:
    """What came in and which signals were found, on standard output."""
    engine = place.reader()
    try:
        with look(engine) as reader:
            totals, counts, signals, now = reader.totals(), reader.counts(), reader.signal_counts(), reader.now()
    finally:
        engine.dispose()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 100
    console.print(_MADE_UP)
    came = Table("收到", "came in", box=None, pad_edge=False)
    came.add_column("", justify="right")
    events = {label: value for (name, label), value in totals.items() if name == "events"}
    repeats = sum(value for (name, _), value in totals.items() if name == "repeats")
    for zh, en, number in (
        ("事件", "events", sum(events.values())),
        ("重复", "repeats", repeats),
        ("死信", "dead letters", counts["dead_letters"]),
        ("停放", "parked", counts["parked"]),
        ("经营主体", "enterprises", counts["enterprises"]),
        ("房间", "rooms", counts["rooms"]),
        ("人员", "persons", counts["persons"]),
    ):
        came.add_row(zh, en, f"{number:,}")
    found = Table("信号", "signals", box=None, pad_edge=False)
    for zh, en in LEVEL_NAMES.values():
        found.add_column(f"{zh} {en}", justify="right")
    for detector in all_detectors():
        row = [signals.get((detector.id, level), 0) for level in LEVEL_NAMES]
        found.add_row(detector.title.zh, detector.id, *(f"{number:,}" if number else "·" for number in row))
    for table in (came, found):
        console.print()
        console.print(table)
    if now is not None:
        console.print(f"\n数据截至 as of {as_text(now)[:16].replace('T', ' ')}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
