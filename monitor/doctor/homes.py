"""Whether a home can be worked with: folder, disk, writer, database, log, snapshots, and what waits for people."""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import text

from config.moments import SECOND, as_text
from monitor.doctor.finding import Finding, examined, ok, warning, wrong
from monitor.store import log, snapshots
from monitor.store.home import Home, HomeHeldError
from monitor.store.reader import Reader, looking

GIB: Final = 1024**3
LEAST_FREE: Final = GIB // 4
"""Bytes below which a writer may stop at any moment."""

FEW_PERCENT: Final = 5
NEWEST_BLOCKS: Final = 200
"""Blocks of the log that are read where not all of it is."""

SKEW: Final = 60 * SECOND
"""So far the machine's clock may be behind the newest event."""

MINUTE: Final = 60 * SECOND
OLD_TICK: Final = 10 * MINUTE
OLD_SNAPSHOT: Final = 24 * 3600.0


def home_findings(home: Home, *, whole: bool) -> Iterator[Finding]:
    """All findings about a home. `whole`: the whole log and database are read, not the newest part alone."""
    if not home.path.exists():
        yield warning(
            "home",
            f"{home.path}：还没有，首次 run 或 serve 时建立 / there is none yet: the first run or serve makes it",
        )
        return
    yield from examined("home", lambda: _folder(home))
    yield from examined("disk", lambda: _disk(home))
    writing: list[bool] = []
    yield from examined("writer", lambda: _writer(home, writing))
    if not home.database.exists():
        yield warning("database", "还没有数据 / there is no data yet: run `credit-monitor run --source … --home DIR`")
        return
    yield from examined("database", lambda: _database(home, whole=whole))
    yield from examined("log", lambda: _log(home, whole=whole))
    yield from examined("snapshots", lambda: _snapshots(home, bool(writing)))
    yield from examined("clock", lambda: _newest_event(home, bool(writing)))
    yield from examined("parked", lambda: _waiting(home))


def _folder(home: Home) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=home.path) as file:
            file.write(b"x")
    except OSError as error:
        yield wrong(
            "home",
            f"{home.path}：无法写入（{error.strerror}），请检查权限与磁盘 / cannot be written ({error.strerror}): "
            "check permissions and disk",
        )
        return
    mode = home.path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield wrong("home", f"{home.path}：他人可写，请执行 chmod 700 / others may write there: run chmod 700")
    elif mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warning("home", f"{home.path}：他人可读，建议 chmod 700 / others may read it: chmod 700 is better")
    else:
        yield ok("home", f"{home.path}：可写，仅所有者可用 / can be written, by its owner alone")


def _disk(home: Home) -> Iterator[Finding]:
    usage = shutil.disk_usage(home.path)
    size = home.database.stat().st_size if home.database.exists() else 0
    told = f"剩余 {usage.free / GIB:.1f} GiB / {usage.free / GIB:.1f} GiB free"
    if usage.free < LEAST_FREE:
        yield wrong("disk", f"{told}：写入即将停止，请腾出空间 / writing is about to stop: make room")
    elif usage.free < size or usage.free * 100 < usage.total * FEW_PERCENT:
        yield warning(
            "disk", f"{told}：不多了，数据库为 {size / GIB:.1f} GiB / not much, beside a database of {size / GIB:.1f}"
        )
    else:
        yield ok("disk", told)


def _writer(home: Home, writing: list[bool]) -> Iterator[Finding]:
    """`writing` gets an entry where somebody writes."""
    try:
        home.lock(brief=True).release()
    except HomeHeldError as held:
        writing.append(True)
        yield ok("writer", str(held).partition(" / ")[0].rpartition("：")[2] + " / somebody writes it")
    else:
        yield ok("writer", "目前无人写入 / nobody writes it now")


def _database(home: Home, *, whole: bool) -> Iterator[Finding]:
    with looking(home) as reader:
        said = reader.connection.execute(text("PRAGMA quick_check(1)" if whole else "PRAGMA schema_version")).scalar()
    if whole and said != "ok":
        yield wrong(
            "database", f"{home.database}：损坏（{said}），请从备份恢复 / damaged ({said}): restore it from its backup"
        )
    else:
        yield ok("database", "可读，结构完好 / sound" if whole else "可读 / can be read")


def _log(home: Home, *, whole: bool) -> Iterator[Finding]:
    with looking(home) as reader:
        last = log.last_seq(reader.connection)
        after = 0 if whole else max(0, last - NEWEST_BLOCKS)
        damaged = log.damaged_blocks(reader.connection, after)
    if damaged:
        yield wrong(
            "log",
            f"{len(damaged)} 块损坏，如第 {damaged[0]} 块，请从备份恢复 / {len(damaged)} blocks are damaged, such as "
            f"{damaged[0]}: restore the database from its backup",
        )
        return
    read = (
        f"全部 {last:,} 块 / all {last:,} blocks"
        if after == 0
        else f"最新 {last - after} 块 / the newest {last - after}"
    )
    yield ok("log", f"{read}：完好 / sound")


def _snapshots(home: Home, writing: bool) -> Iterator[Finding]:
    found = snapshots.newest(home.snapshots)
    if not found:
        yield warning(
            "snapshots", "没有快照，下次启动从日志重建 / there is none: the next start builds the state from the log"
        )
        return
    hours = (time.time() - found[0].stat().st_mtime) / 3600
    with looking(home) as reader:
        tail = log.count_events(reader.connection, snapshots.seq_of(found[0]))
    told = f"{hours:.1f} 小时前，其后 {tail:,} 个事件 / {hours:.1f} h old, {tail:,} events since"
    if writing and tail and hours * 3600 > OLD_SNAPSHOT:
        yield warning("snapshots", f"{told}：久未写成，请看日志 / none was written for long: look into the log")
    else:
        yield ok("snapshots", told)


def _newest_event(home: Home, writing: bool) -> Iterator[Finding]:
    with looking(home) as reader:
        now = reader.now()
    if now is None:
        yield ok("clock", "尚无事件 / no event yet")
        return
    ahead = now - time.time_ns() // 1000
    told = f"数据截至 {as_text(now)[:19]} / the data are of then"
    if ahead > SKEW:
        yield wrong(
            "clock",
            f"{told}：比本机时钟早到 {ahead // SECOND} 秒，请校准时钟（NTP） / {ahead // SECOND} s ahead of this "
            "machine's clock: put the clock right (NTP)",
        )
    elif writing and -ahead > OLD_TICK:
        yield warning(
            "clock",
            f"{told}：有写入者却已 {-ahead // MINUTE} 分钟没有时刻，可能在追赶积压 / somebody writes, but the last "
            f"tick is {-ahead // MINUTE} min old: is it still reading a backlog?",
        )
    else:
        yield ok("clock", told)


def _waiting(home: Home) -> Iterator[Finding]:
    with looking(home) as reader:
        parked, letters = _counts(reader)
    if parked:
        yield wrong(
            "parked",
            f"停放 {parked:,}：程序缺陷，升级后执行 replay-parked / {parked:,} subjects are parked by a defect: "
            "update, then run `credit-monitor replay-parked`",
        )
    else:
        yield ok("parked", "没有停放 / nothing is parked")
    if letters:
        yield warning(
            "dead-letters",
            f"死信 {letters:,}，见 export dead-letters 或页面 / {letters:,} are open: see "
            "`credit-monitor export dead-letters`",
        )
    else:
        yield ok("dead-letters", "没有死信 / no dead letter is open")


def _counts(reader: Reader) -> tuple[int, int]:
    counts = reader.counts()
    return counts["parked"], counts["dead_letters"]
