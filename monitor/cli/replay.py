"""`credit-monitor replay-dead-letters` and `replay-parked`: what was refused or parked is tried again after a fix."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from config.moments import end_of_day, parse_moment, start_of_day
from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption, OfficerOption, RulesOption, shown_progress
from monitor.desk.again import Asked, Rereader
from monitor.desk.replay import DEAD_LETTERS, PARKED, Tally
from monitor.desk.requests import ask
from monitor.events.refusal import REASONS
from monitor.runners import embedded
from monitor.store import deadletters, writer
from monitor.store.deadletters import Chosen
from monitor.store.home import Home, meta
from monitor.store.postgresql.database import Database
from monitor.store.reader import Store, looking

ReasonOption = Annotated[list[str] | None, typer.Option("--reason", help="原因，可重复 / reason (repeat for several)")]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", help="来源，可重复 / source, as exported (repeat for several)")
]
SinceOption = Annotated[str | None, typer.Option("--since", help="接收时间自 / received from: 2025-03-01, or RFC 3339")]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", help="接收时间至：日期含当日 / received until: a date with that day, or RFC 3339"),
]

LOST: Final = {
    "not_found": ("来源已不在或无法重读", "the source is gone or cannot be read twice"),
    "differs": ("来源内容已变", "the source holds something else there now"),
    "needs_mapping": ("表格需要映射，请加 --mapping", "a table needs its mapping: add --mapping"),
    "mapping_fails": ("映射不适用", "the mapping does not fit the table"),
    "no_event": ("映射未从该行产生事件", "the mapping makes no event of the row"),
    "hidden": ("文本仍有被隐去的部分", "parts of the text are still hidden"),
}
"""Why a dead letter could not be looked at, zh and en."""

_BATCH: Final = 500
_SHOWN_PARKED: Final = 20


def replay_dead_letters(
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="表格映射 / mapping, for rows of tables")] = None,
    mended: Annotated[
        Path | None,
        typer.Option("--mended", help='改好的文本 / texts as you mended them: JSON Lines {"number", "text"}'),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看不写 / only says what would come through")] = False,
    home: HomeOption = None,
    rules: RulesOption = None,
    officer: OfficerOption = None,
) -> None:
    """修复后重读死信，成功者移出清单并留痕。 / Reads dead letters again after a fix.

    Example: credit-monitor replay-dead-letters --reason unknown_type --home ./home
    """
    chosen = opening.settings(home=home, rules=rules, officer=officer)
    asked = Asked(
        folder=str(Path.cwd()),
        officer=chosen.officer,
        chosen=chosen_letters(reason, source, since, until),
        mapping=None if mapping is None else str(mapping.absolute()),
        mended=None if mended is None else str(mended.absolute()),
    )
    place = Home(chosen.home)
    try:
        tally = _tried(place, chosen, asked) if dry_run else _replayed(place, chosen, asked)
    except ValueError as error:
        raise Failure(str(error)) from error
    _tell(tally, dry_run=dry_run)
    if tally.lost:
        why = "；".join(f"{LOST[one][0]} {count:,} / {LOST[one][1]}" for one, count in sorted(tally.lost.items()))
        raise Failure(f"{sum(tally.lost.values()):,} 件未能重读 / could not be read again: {why}")


def replay_parked(home: HomeOption = None, rules: RulesOption = None) -> None:
    """修复后重算停放的主体。 / Tries parked subjects again after a fix.

    Example: credit-monitor replay-parked --home ./home
    """
    chosen = opening.settings(home=home, rules=rules)
    store = opening.store_of(chosen, home)
    before = _parked(store)
    if before and isinstance(store, Home):
        ask(store, PARKED, {}, writer_of(store, chosen), _say)
    elif before and isinstance(store, Database):
        from monitor.cluster.supervision import asking  # what speaks to brokers is slow to import

        asking.retry(chosen, store)
    after = _parked(store)
    free = Counter(stage for stage, _ in before.keys() - after.keys())
    waits = Counter(stage for stage, _ in after)
    print(f"恢复 free again {free.total():,}　仍停放 still parked {waits.total():,}")
    for stage in sorted(free | waits):
        print(f"  {stage}：恢复 free again {free[stage]:,}　仍停放 still parked {waits[stage]:,}")
    for (stage, _), one in list(after.items())[:_SHOWN_PARKED]:
        print(f"  {stage} {one['key'] or one['subject']}：{one['reason'].strip().splitlines()[-1]}")
    if len(after) > _SHOWN_PARKED:
        print(f"  …… 另有 and {len(after) - _SHOWN_PARKED:,} more")


def chosen_letters(reason: list[str] | None, source: list[str] | None, since: str | None, until: str | None) -> Chosen:
    """The dead letters that flags choose. Raises BadParameter for an unknown reason or a time that is none."""
    for one in reason or ():
        if one not in REASONS:
            raise typer.BadParameter(f"没有此原因 / no such reason: {one}; {', '.join(REASONS)}")
    return Chosen(
        reasons=tuple(reason or ()),
        sources=tuple(source or ()),
        since=None if since is None else _moment(since, start_of_day),
        until=None if until is None else _moment(until, end_of_day),
    )


def _moment(text: str, of_day: Callable[[dt.date], int]) -> int:
    try:
        return of_day(dt.date.fromisoformat(text)) if len(text) == 10 else parse_moment(text)
    except ValueError:
        raise typer.BadParameter(f"不是日期或 RFC 3339 时间 / neither a date nor an RFC 3339 time: {text}") from None


def _replayed(place: Home, chosen: Settings, asked: Asked) -> Tally:
    """The tally of a replay by the writer of the home, whoever that is."""
    place.reader().dispose()  # says what to do where there is no home
    with shown_progress() as show:
        result = ask(place, DEAD_LETTERS, msgspec.to_builtins(asked), writer_of(place, chosen, show), _say)
    return msgspec.convert(result, Tally)


def _tried(place: Home, chosen: Settings, asked: Asked) -> Tally:
    """The tally of what intake would say, beside the writer; repeats are not told apart, and nothing is written."""
    tally = Tally()
    with opening.reading(place.path) as reader:
        rereader = Rereader(asked, opening.pseudonyms_of(chosen, place), writer.read_positions(reader.connection))
        numbers = None if rereader.mended is None else sorted(rereader.mended)
        while True:
            if numbers is None:
                letters = deadletters.batch(reader.connection, asked.chosen, tally.last, _BATCH)
                if not letters:
                    break
                tally.last = letters[-1].number
            else:
                part, numbers = numbers[:_BATCH], numbers[_BATCH:]
                if not part:
                    break
                letters = deadletters.those(reader.connection, part, asked.chosen)
                tally.unknown += len(part) - len(letters)
            for letter in letters:
                tally.add(rereader.read(letter, time.time_ns() // 1000), None)
        tally.told = rereader.told
        rereader.close()
    return tally


def writer_of(
    place: Home, chosen: Settings, show: Callable[[embedded.Progress], None] | None = None
) -> Callable[[], embedded.EmbeddedRunner]:
    """What makes this process the writer of a home, under the rules that are in force there."""

    def become() -> embedded.EmbeddedRunner:
        rules = opening.rules_of(chosen)
        in_force = _in_force(place, "rules")
        if in_force not in (None, rules.content_hash):
            raise Failure(
                f"{place.path}：此目录使用另一份规则，请加 --rules FILE（与 run 或 serve 相同）/ other rules are in "
                "force there: add --rules FILE, as for run or serve"
            )
        cards = opening.cards_of(chosen)
        in_force = _in_force(place, "scorecards")
        if in_force not in (None, cards.content_hash):
            raise Failure(
                f"{place.path}：此目录使用另一套评分卡，请设 CREDIT_MONITOR_SCORECARDS（与 run 或 serve 相同）/ other "
                "scorecards are in force there: set CREDIT_MONITOR_SCORECARDS, as for run or serve"
            )
        return embedded.EmbeddedRunner(
            place,
            rules,
            opening.pseudonyms_of(chosen, place),
            cards=cards,
            officer=chosen.officer,
            on_progress=show,
            audit_heads=chosen.audit_heads,
            officers=opening.officers_of(chosen, place),
        )

    return become


def _parked(store: Store) -> dict[tuple[str, int], dict[str, Any]]:
    with looking(store) as reader:
        return {(one["stage"], one["subject"]): one for one in reader.parked()}


def _in_force(place: Home, what: str) -> str | None:
    with looking(place) as reader:
        return meta(reader.connection, what)


def _tell(tally: Tally, *, dry_run: bool) -> None:
    """The counts, on standard output; what a mapping does not fit, on standard error."""
    for told in tally.told:
        _say(told)
    if dry_run:
        print(f"可以读入 would pass intake {tally.came_through:,}")
    else:
        print(f"成功 came through {tally.came_through:,}　重复 repeats {tally.repeats:,}")
    print(f"再次拒收 refused again {sum(tally.refused.values()):,}")
    for reason, count in Counter(tally.refused).most_common():
        zh, en = REASONS[reason]
        print(f"  {reason} {count:,}：{zh} / {en}")
    for why, count in Counter(tally.lost).most_common():
        zh, en = LOST[why]
        print(f"未能重读 {zh} / {en} {count:,}")
    if tally.unknown:
        print(f"不在待处理之列 not among the open ones {tally.unknown:,}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
