"""`credit-monitor run`: the one-process monitor on an embedded store."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from config.channels import Channels
from config.settings import Settings
from monitor.cli import heap, opening
from monitor.cli.failure import Failure
from monitor.engine.delays import Delays
from monitor.engine.inbox import Inbox
from monitor.runners import embedded
from monitor.runners.feeds import Feed
from monitor.runners.live import LiveMonitor
from monitor.sources import Place, Source, open_source
from monitor.store.home import Home

HomeOption = Annotated[Path | None, typer.Option("--home", help="目录 / folder of the monitor")]
OfficerOption = Annotated[
    str | None, typer.Option("--officer", help="经办人，记入审计日志 / who does it, for the audit log")
]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="规则文件 / rules file (YAML)")]

_BACKLOG_SECONDS = 30.0
_LIVE_SECONDS = 2.0


def run(
    source: Annotated[
        list[str], typer.Option("--source", help="文件、目录或 - / file, folder or - (repeat for several)")
    ],
    mapping: Annotated[Path | None, typer.Option("--mapping", help="表格映射 / mapping of tables")] = None,
    home: HomeOption = None,
    rules: RulesOption = None,
    once: Annotated[bool, typer.Option("--once", help="读完即止 / stop at the end of the sources")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="等待新数据 / wait for more")] = False,
) -> None:
    """读取事件，给出信号。 / Reads events and finds signals.

    Example: credit-monitor run --source events.jsonl --home ./home --once
    """
    if once and follow:
        raise typer.BadParameter("--once 与 --follow 只能选一个 / choose one of --once and --follow")
    chosen = opening.settings(home=home, rules=rules)
    stop = Stop()
    spare_the_collector()
    if follow:
        places = [Place(path, mapping, follow=True) for path in source]
        with shown_progress() as show:
            watch(Home(chosen.home), chosen, places, stop, on_progress=show)
        return
    heap.keep_apart()
    sources = [opened for path in source for opened in open_source(path, mapping)]
    home_of = Home(chosen.home)
    with shown_progress() as show:
        runner = open_runner(home_of, chosen, judge_every=_BACKLOG_SECONDS if once else _LIVE_SECONDS, on_progress=show)
        try:
            problems = runner.drain(sources, stop)
            if not stop():
                runner.go_live(ended=True)
                heap.give_back()  # the cut at the end is done, a snapshot of all follows
        finally:
            runner.close()
    report(runner, sources)
    if problems:
        raise Failure("；".join(problems))


def open_runner(
    home: Home,
    chosen: Settings,
    *,
    judge_every: float,
    on_progress: Callable[[embedded.Progress], None],
    delays: Delays | None = None,
    channels: Channels | None = None,
) -> embedded.EmbeddedRunner:
    """The writer of a home by the settings in force; `channels`: by which this process tells people. Raises HomeError,
    RulesError and Failure.
    """
    return embedded.EmbeddedRunner(
        home,
        opening.rules_of(chosen),
        opening.pseudonyms_of(chosen, home),
        cards=opening.cards_of(chosen),
        officer=chosen.officer,
        judge_every=judge_every,
        on_progress=on_progress,
        delays=delays,
        audit_heads=chosen.audit_heads,
        officers=opening.officers_of(chosen, home),
        channels=channels,
    )


def watch(
    home: Home,
    chosen: Settings,
    places: Sequence[Place],
    should_stop: Callable[[], bool],
    *,
    on_progress: Callable[[embedded.Progress], None],
) -> None:
    """Follows sources until it is asked to stop: `run --follow`."""
    bell = threading.Event()
    found = [(place, place.find()) for place in places]
    runner = open_runner(home, chosen, judge_every=_LIVE_SECONDS, on_progress=on_progress)
    feeds = [Feed(sources, place.find, runner.position_of, bell) for place, sources in found]
    try:
        LiveMonitor(runner, feeds, Inbox(bell), bell, tell=tell_trouble).run(should_stop)
    finally:
        runner.close()
    report(runner, [source for feed in feeds for source in feed.sources])


def tell_trouble(text: str) -> None:
    """Says what is wrong with a source, on standard error."""
    print(f"credit-monitor: {text}", file=sys.stderr, flush=True)


def spare_the_collector() -> None:
    """Lets the collector of cyclic garbage look more rarely: the state is bytes, and cycles are few. Saves 7 %."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


class Stop:
    """Says when a signal to end has come: the batch at hand is finished first."""

    def __init__(self) -> None:
        """Takes over SIGINT and SIGTERM."""
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


class shown_progress:
    """Progress on a terminal: rate, events done, time left. Silent elsewhere."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[events]:,} 事件 events · {task.fields[rate]:,}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=None, events=0, rate=0)
        self._started = time.monotonic()

    def __enter__(self) -> Callable[[embedded.Progress], None]:
        """Starts the display; gives what is told of progress."""
        self._progress.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        """Ends the display."""
        self._progress.stop()

    def _show(self, progress: embedded.Progress) -> None:
        elapsed = max(time.monotonic() - self._started, 1e-6)
        self._progress.update(
            self._task,
            description=progress.source,
            events=progress.events,
            rate=int(progress.events / elapsed),
            total=None if progress.done is None else 1.0,
            completed=progress.done or 0.0,
        )


def report(runner: embedded.EmbeddedRunner, sources: list[Source]) -> None:
    """What came of a run, on standard error."""
    progress = runner.progress
    lines = [
        f"事件 events {progress.events:,}　重复 repeats {progress.repeats:,}　"
        f"死信 dead letters {progress.dead_letters:,}"
    ]
    if runner.flow.parked:
        lines.append(
            f"停放 parked {len(runner.flow.parked):,}：程序缺陷，见日志 / a defect of the program: see the log above"
        )
    for source in sources:
        lines += source.notes()
        source.close()
    print("\n".join(lines), file=sys.stderr)
