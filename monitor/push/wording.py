"""From what the outbox says to the words of a channel: its language, reminders, digests."""

from __future__ import annotations

import hashlib

from config.channels import Channel
from detectors.base import LEVEL_NAMES
from monitor.push.channel import Letter
from monitor.store.outgoing.dispatch import Claim, Digest
from monitor.store.outgoing.messages import Message


def letter_of(claim: Claim, channel: Channel, page: str) -> Letter:
    """The letter of a claim. `page`: where the rest can be seen, empty where that is not configured."""
    if claim.message is not None:
        return _single(claim.message, claim.reminded, channel, page)
    return _digest(claim.digest or Digest({}, (), ()), claim, channel, page)


def trial(channel: Channel, number: str) -> Letter:
    """The letter by which a channel is tried; `number`: to recognise it by."""
    title = _said(channel, "测试消息", "test message")
    body = _said(channel, "渠道设置正确，无需处理。", "The channel is set up well; there is nothing to do.")
    return Letter(_id(channel.name, number), "test", number, f"{title} {number}", body, 1)


def _single(message: Message, reminded: int, channel: Channel, page: str) -> Letter:
    zh, en = message.title_zh, message.title_en
    if reminded:
        zh, en = f"第 {reminded} 次提醒：{zh or en}", f"reminder {reminded}: {en or zh}"
    title = _said(channel, zh, en)
    body = _said(channel, message.body_zh, message.body_en, joint="\n")
    return Letter(
        id=_id(channel.name, f"{message.key} {reminded}"),
        kind=message.kind,
        number=message.number,
        title=title,
        body=f"{body}\n{page}".strip(),
        level=message.level,
        region=message.region,
        recipients=message.recipients,
    )


def _digest(digest: Digest, claim: Claim, channel: Channel, page: str) -> Letter:
    levels = sorted(digest.levels, reverse=True)
    counts = _said(
        channel,
        "、".join(f"{LEVEL_NAMES[level][0]} {digest.levels[level]:,}" for level in levels),
        ", ".join(f"{LEVEL_NAMES[level][1]} {digest.levels[level]:,}" for level in levels),
        joint="\n",
    )
    more = claim.messages - len(digest.numbers)
    first = _said(channel, f"其中：{'、'.join(digest.numbers)}", f"among them: {', '.join(digest.numbers)}", joint="\n")
    rest = _said(channel, f"另有 {more:,} 条，见页面", f"{more:,} more: see the page") if more > 0 else ""
    return Letter(
        id=_id(channel.name, f"digest {claim.send}"),
        kind="digest",
        number=digest.numbers[0] if digest.numbers else "",
        title=_said(channel, f"汇总：{claim.messages:,} 条消息", f"digest: {claim.messages:,} messages"),
        body="\n".join(line for line in (counts, first, rest, page) if line),
        level=levels[0] if levels else 1,
        recipients=digest.recipients,
        count=claim.messages,
    )


def _said(channel: Channel, zh: str, en: str, joint: str = " / ") -> str:
    """One text in the language of a channel, Chinese first where it has both."""
    if channel.language == "both" and zh != en:
        return joint.join(one for one in (zh, en) if one)
    return (en or zh) if channel.language == "en" else (zh or en)


def _id(channel: str, what: str) -> str:
    return hashlib.sha256(f"{channel}\n{what}".encode()).hexdigest()[:32]
