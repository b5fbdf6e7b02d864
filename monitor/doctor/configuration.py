"""Whether what is configured can be used: rules, scorecards, mappings, officers, channels with their secrets, keys."""

from __future__ import annotations

import datetime as dt
import stat
from collections import Counter
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from config import channels, officers, ruleset, scorecards
from config.moments import SHANGHAI
from config.officers import PER_VISIT
from config.settings import Settings
from config.workdays import is_announced
from monitor.doctor.finding import Finding, examined, ok, warning, wrong
from monitor.engine.clock import SteadyClock
from monitor.identifiers import regions
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.push.channel import PushError
from monitor.push.opening import open_line
from monitor.sources.definition import MappingError
from monitor.sources.mapping import load_mapping
from monitor.store.home import KEY_NAME

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""What a secret must allow nobody but its owner."""


def configuration(chosen: Settings) -> Iterator[Finding]:
    """All findings about the settings."""
    yield from examined("rules", lambda: _rules(chosen))
    yield from examined("scorecards", lambda: _scorecards(chosen))
    yield from examined("mappings", _mappings)
    yield from examined("calendar", _calendar)
    yield from examined("officers", lambda: _officers(chosen))
    yield from examined("channels", lambda: _channels(chosen))
    yield from examined("key", lambda: _key(chosen))


def _rules(chosen: Settings) -> Iterator[Finding]:
    rules = ruleset.load(chosen.rules)
    active = sum(rules.active(name) for name in rules.document.detectors)
    which = chosen.rules or "随程序 as shipped"
    yield ok("rules", f"{which}：{active} 条启用 / {active} at work, {rules.content_hash[:12]}")


def _scorecards(chosen: Settings) -> Iterator[Finding]:
    cards = scorecards.load(chosen.scorecards)
    which = chosen.scorecards or "随程序 as shipped"
    yield ok("scorecards", f"{which}：{len(cards.texts)} 个文件 / files, {cards.content_hash[:12]}")


def _mappings() -> Iterator[Finding]:
    names = sorted(one.name for one in files("config").joinpath("mappings").iterdir() if one.name.endswith(".yaml"))
    for name in names:
        with as_file(files("config").joinpath("mappings", name)) as path:
            try:
                load_mapping(path)
            except MappingError as error:
                yield wrong("mappings", f"{name}：{' '.join(str(error).split())}")
                return
    yield ok("mappings", f"随程序的 {len(names)} 个均可用 / all {len(names)} shipped ones can be used")


def _calendar() -> Iterator[Finding]:
    today = dt.datetime.now(SHANGHAI).date()
    year = (today + dt.timedelta(days=60)).year
    if is_announced(year):
        yield ok("calendar", f"{year} 年放假安排已知 / the holidays of {year} are known")
    else:
        yield warning(
            "calendar",
            f"{year} 年放假安排未知，期限为暂定：公布后更新 chinesecalendar / the holidays of {year} are not known and "
            "deadlines are provisional: update chinesecalendar once they are announced",
        )


def _officers(chosen: Settings) -> Iterator[Finding]:
    directory = None if chosen.officers is None else officers.load(chosen.officers)
    if directory is None:
        yield ok(
            "officers",
            "未设名录，任务须逐一指派 / no directory is set: tasks are assigned by hand (CREDIT_MONITOR_OFFICERS)",
        )
        return
    counted = Counter(county for one in directory.officers for county in one.counties)
    few = [county for county in counted if counted[county] < PER_VISIT]
    unknown = sorted({county for county in counted if county not in regions.COUNTIES})
    if unknown:
        yield warning(
            "officers", f"没有此县代码 / there is no county {unknown[0]} ({len(unknown)}): correct the directory"
        )
    if few:
        yield warning(
            "officers",
            f"{len(few)} 个县不足两名人员，如 {few[0]}：请增派 / {len(few)} counties have fewer than two officers, "
            f"such as {few[0]}: add some",
        )
    yield ok("officers", f"{len(directory.officers)} 名，{len(counted)} 个县 / officers in {len(counted)} counties")


def _channels(chosen: Settings) -> Iterator[Finding]:
    found = channels.load(chosen.push)
    if not found.remote:
        yield ok("channels", "仅页面 / the pages alone (CREDIT_MONITOR_PUSH)")
    for channel in found.remote:
        try:
            for secret in channels.secrets_of(channel.address):
                secret.value()
            open_line(channel, SteadyClock())
        except (channels.ChannelsError, PushError) as error:
            yield wrong("channels", f"{channel.name}：{error}")
        else:
            yield ok("channels", f"{channel.name} ({channel.kind})：密钥齐备 / its secrets are there")


def _key(chosen: Settings) -> Iterator[Finding]:
    chain = chosen.key_chain()
    if chain is not None:
        Pseudonymiser(chain)  # ValueError is told as the finding
        yield ok("key", f"由设置给出，{len(chain)} 把 / {len(chain)} given by the settings")
        return
    if chosen.kafka_bootstrap is not None:
        yield wrong(
            "key",
            "集群须设 CREDIT_MONITOR_PSEUDONYM_KEY，各节点相同 / a cluster needs CREDIT_MONITOR_PSEUDONYM_KEY, the "
            "same for all workers",
        )
        return
    path = chosen.home / KEY_NAME
    if not path.exists():
        yield ok("key", "首次运行时生成 / made at the first run")
        return
    yield from _own_key(path)


def _own_key(path: Path) -> Iterator[Finding]:
    try:
        bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        yield wrong(
            "key", f"{path}：无法读取或不是十六进制，请从备份恢复 / cannot be read as a key: restore it from its backup"
        )
        return
    if path.stat().st_mode & OTHERS:
        yield wrong(
            "key", f"{path}：他人可读，请执行 chmod 600 / others may read it: run chmod 600, and think of a new key"
        )
    else:
        yield ok("key", f"{path}：仅所有者可读，请与数据分开备份 / for its owner alone; back it up apart from the data")
