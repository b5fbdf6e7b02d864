"""`credit-monitor demo`: makes up a small province and streams it through the monitor, with its live page."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from config.moments import SHANGHAI, as_text
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors
from models.population import write_province
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.opening import PROVINCE
from monitor.cli.run import Stop, report, spare_the_collector
from monitor.cli.serve import PortOption, Station, go_on, open_writer, say, serving_station
from monitor.events.data import PromotedData
from monitor.metrics import Pulse
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import Source, open_source
from monitor.store.home import Home
from monitor.store.reader import Reader, look
from monitor.store.work import alertreader, promotions, taskreader

_YEARS: Final = 5
_SEED: Final = 1
_WATCHED_SECONDS: Final = 20.0
"""A person needs time to open the page: a demo that is watched is read no faster than in this time."""

_JUDGE_EVERY: Final = 1.0
"""In a demo signals shall come up while its events stream in, not at the end alone."""

_OFFICER: Final = "演示经办人（虚构）"
_REASON: Final = "演示：由虚构省份训练 / demo: trained on the made-up province"

_MADE_UP: Final = (
    "演示数据全部由程序虚构，企业、人员、事件均不真实；异常模型由这些数据训练，经虚构的经办人启用。\n"
    "All demo data are made up by a program: no enterprise, person or event is real. The anomaly model is trained "
    "on them and promoted by a made-up officer."
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
    spare_the_collector()
    # Nothing made up comes to where a real monitor's heads are kept.
    chosen = opening.settings(port=port).model_copy(update={"audit_heads": None})
    if not once:
        say(_MADE_UP)
    with ExitStack() as stack, ExitStack() as page:
        # CREDIT_MONITOR_HOME is not looked at: made-up events must never come into the home of a real monitor.
        place = Home(home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="credit-monitor-demo-"))))
        about = _demo_before(place, enterprises)
        station = Station(place, chosen, stop)
        if not once:
            page.enter_context(serving_station(station, exact_port=port is not None, made_up=True))
        if about is None:
            about = _generate(place, enterprises, station.pulse, station.asked)
        if about is not None:
            (source,) = open_source(str(place.path / PROVINCE / about["content"]["events_file"]), None)
            with open_writer(station, page, judge_every=_JUDGE_EVERY) as runner:
                station.pulse.turn_to("reading")
                problems = runner.drain([source], station.asked if once else _paced(station.asked, source))
                if not stop():
                    _promote_a_model(runner)
                if once and not stop():
                    runner.go_live(ended=True)
                elif not stop():
                    go_on(station, runner, ())
                report(runner, [source])
            if problems:
                raise Failure("；".join(problems))
        if stop():
            say("已结束 / ended")
        elif once:
            _print_summary(place)


def _promote_a_model(runner: EmbeddedRunner) -> None:
    """A model that learns from the province is in force from here on, if none is: so that anomalies are seen too. Too
    small a province teaches nothing.
    """
    from models import keeping
    from monitor.modelling.learning import material_of
    from monitor.modelling.training import train_anomaly

    flow = runner.flow
    with runner.reading() as connection:
        if promotions.in_force(connection, "anomaly") is not None:
            return
        codes = Reader(connection).codes(range(1, len(flow.enterprises.records)))
        material = material_of(connection, flow, codes, flow.now)
    try:
        file, card = train_anomaly(material, runner.rules, flow.now, _SEED, {"made_up": True})
    except ValueError as error:
        say(str(error))
        return
    keeping.keep(runner.home.path, file, card)
    runner.promote(PromotedData("anomaly", card.hash, _SEED, _OFFICER, _REASON))


def _paced(asked: Callable[[], bool], source: Source) -> Callable[[], bool]:
    """`asked`, for a backlog that is read slowly enough to be watched, until it has been read to its end."""
    began = time.monotonic()

    def held_back() -> bool:
        share = source.progress() or 0.0
        while share < 1.0 and time.monotonic() < began + share * _WATCHED_SECONDS and not asked():
            time.sleep(0.05)
        return asked()

    return held_back


# -- the made-up province ---------------------------------------------------------------------------------------------


class _EndedError(Exception):
    """Somebody asked to end while the province was being made."""


def _demo_before(place: Home, enterprises: int) -> dict[str, Any] | None:
    """What the demo in a home is made of, or None for a new home. Raises Failure where anything else is in it."""
    try:
        about: dict[str, Any] = msgspec.json.decode((place.path / PROVINCE / "ABOUT.json").read_bytes())
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
            write_province(enterprises, _YEARS, _SEED, place.path / PROVINCE, end=yesterday, on_progress=tell)
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
            asking, tasks, mix = (
                alertreader.asking(reader.connection),
                taskreader.open_count(reader.connection),
                _mix(reader),
            )
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
    work = Table("处置", "work", box=None, pad_edge=False)
    work.add_column("", justify="right")
    work.add_row("待处置预警", "alerts that ask for attention", f"{asking:,}")
    work.add_row("未结任务", "open tasks", f"{tasks:,}")
    work.add_row("风险分类", "classes", "  ".join(f"{name} {count:,}" for name, count in mix.items()))
    for table in (came, found, work):
        console.print()
        console.print(table)
    if now is not None:
        console.print(f"\n数据截至 as of {as_text(now)[:16].replace('T', ' ')}")


def _mix(reader: Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in reader.class_mix():
        found[one["class"]] = found.get(one["class"], 0) + one["count"]
    return dict(sorted(found.items()))
