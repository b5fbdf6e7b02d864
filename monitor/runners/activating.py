"""What a home is run by, in its log: rules, scorecards and channels, each written down when it is another than before;
and what retention has deleted.

So a replay of the log alone judges and classes by what was in force at the time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from typing import Final

import msgspec
from sqlalchemy import Connection

from config.channels import IN_APP, Channels
from config.ruleset import Rules, RulesError
from config.scorecards import Cards, ScorecardError
from monitor.events.data import ActivatedData, Configured, RetentionData
from monitor.store.home import forget_meta, meta, set_meta

log = logging.getLogger(__name__)

IN_FORCE: Final[dict[Configured, str]] = {"rules": "rules", "scorecards": "scorecards", "push": "push"}
"""In `meta`: under which key stands the hash of what the log says is in force."""

_DELETED: Final = "retention to log"


def news(
    connection: Connection, rules: Rules, cards: Cards, channels: Channels | None, officer: str
) -> Iterator[ActivatedData]:
    """What is in force now and is not what the log says, for which an officer answers."""
    found = [ActivatedData(rules.content_hash, officer, rules.text), of_cards(cards, officer)]
    if channels is not None:
        found.append(of_channels(channels, officer))
    for one in found:
        if meta(connection, IN_FORCE[one.what]) != one.content_hash:
            yield one


def mark_of(data: object) -> str:
    """What tells the event of this from others of its moment: rules and scorecards may be activated at one."""
    return data.what if isinstance(data, ActivatedData) and data.what != "rules" else ""


def note(connection: Connection, data: object) -> None:
    """The log says now what the data of an event of the monitor's own say."""
    if isinstance(data, ActivatedData):
        set_meta(connection, IN_FORCE[data.what], data.content_hash)
    elif isinstance(data, RetentionData):
        forget_meta(connection, _DELETED)


def delete_noted(connection: Connection, data: RetentionData) -> None:
    """What retention has deleted is to stand in the log: the next writer sees to it."""
    set_meta(connection, _DELETED, msgspec.json.encode(data).decode())


def deleted(connection: Connection) -> RetentionData | None:
    """What retention has deleted and the log does not say yet."""
    found = meta(connection, _DELETED)
    return None if found is None else msgspec.json.decode(found, type=RetentionData)


def of_cards(cards: Cards, officer: str) -> ActivatedData:
    """Scorecards: their texts by file."""
    return ActivatedData(cards.content_hash, officer, json.dumps(cards.texts, ensure_ascii=False), "scorecards")


def of_channels(channels: Channels, officer: str) -> ActivatedData:
    """Channels without their addresses: those name persons, and where secrets stand."""
    shown = [
        {
            "name": one.name,
            "kind": one.kind,
            "regions": one.regions,
            "least_level": one.least_level,
            "language": one.language,
            "quota": None if one.kind == IN_APP else [one.limit.count, one.limit.seconds],
            "quiet": None if one.quiet is None else [one.quiet.begin, one.quiet.until, one.quiet.breaks],
        }
        for one in channels.channels
    ]
    said = {"channels": shown, "attempts": channels.attempts, "keep_hours": channels.keep_hours}
    content = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return ActivatedData(hashlib.sha256(content.encode()).hexdigest(), officer, content, "push")


def rules_of(activated: ActivatedData, instead: Rules) -> Rules:
    """The rules of the log; `instead` where this program cannot read them any more: a home must open."""
    try:
        return Rules(activated.content)
    except RulesError as error:
        _tell("规则", "rules", error)
        return instead


def cards_of(activated: ActivatedData, instead: Cards) -> Cards:
    """The scorecards of the log; `instead` where this program cannot read them any more."""
    try:
        return Cards(json.loads(activated.content))
    except ScorecardError as error:
        _tell("评分卡", "scorecards", error)
        return instead


def _tell(zh: str, en: str, error: Exception) -> None:
    log.warning("日志中的%s本程序不能读取，重放改用现行的 / %s of the log cannot be read: %s", zh, en, error)
