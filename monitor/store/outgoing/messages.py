"""Messages to officers: what the outbox keeps of each, and what no message may hold.

A message names its task or alert by number, and an enterprise or person by a masked name; whoever receives it looks
up the rest on the pages, after sign-in. So a group chat or a text message gives nobody away.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from detectors.base import LEVEL_NAMES
from monitor.identifiers import credit_code, resident_id

LEVELS: Final = tuple(LEVEL_NAMES)
MASK: Final = "＊"

_NUMBER: Final = re.compile(r"(?<!\d)\d{6}[\s-]?\d{8}[\s-]?\d{3}[\dXx](?!\d)")
_MOBILE: Final = re.compile(r"(?<!\d)(?:\+?0{0,2}86[\s-]?)?1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)")
_BLANKS: Final = re.compile(r"[\s-]")
_TOKEN_BEFORE: Final = re.compile(r"[0-9A-Za-z]*\Z")
_TOKEN_AFTER: Final = re.compile(r"[0-9A-Za-z]*")
_DIGEST: Final = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)


class PersonalDataError(ValueError):
    """A message that holds an identity number or a mobile number; the number itself is not told."""


class Message(msgspec.Struct, frozen=True):
    """Something to be told to officers.

    `key`: names it for ever; a second message of the same key is the same one. `kind`: what it is about, such as
    `task`. `number`: of the task or alert. `level`: 1 to 4 (contract §4). `region`: the county it belongs to, None:
    everybody's. `recipients`: officers by their ids; none: whoever a channel tells. While nobody acknowledges it, it
    is said again `reminders` times, `remind_every` microseconds apart.
    """

    key: str
    kind: str
    number: str
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    level: int
    region: str | None = None
    recipients: tuple[str, ...] = ()
    remind_every: int = 0
    reminders: int = 0


def masked(name: str) -> str:
    """A name as messages carry it: its first character and a mark, an empty one as the mark alone."""
    return name.strip()[:1] + MASK


def check(message: Message) -> None:
    """Raises PersonalDataError for a message with an identity or mobile number in any text that leaves the house, and
    ValueError for one that cannot be kept: without key, or of no known level.
    """
    if not message.key or message.level not in LEVELS:
        msg = f"消息须有 key，级别为 1 至 4 / a message has a key and a level from 1 to 4: {message.key!r}"
        raise ValueError(msg)
    for name in ("key", "number", "title_zh", "title_en", "body_zh", "body_en"):
        if holds_personal_number(getattr(message, name)):
            msg = (
                f"消息的 {name} 含身份证号或手机号，请改用任务编号与脱敏名称 / {name} of a message holds an identity "
                "or mobile number: name the task by its number and the person by a masked name"
            )
            raise PersonalDataError(msg)


def holds_personal_number(text: str) -> bool:
    """Whether a text holds an 18-character identity number or an 11-digit mobile number of the mainland, also where
    its digits are full-width or set apart in the usual groups.

    A credit code of digits alone looks like an identity number: it passes if its check character is right and the
    identity number's (GB 11643) is not. So do digits inside a hexadecimal digest.
    """
    return bool(_found(unicodedata.normalize("NFKC", text)))


def without_numbers(text: str) -> str:
    """A text of the other side as it may be kept: whatever looks like an identity or mobile number is a mark."""
    for found in reversed(_found(text)):
        text = text[: found.start()] + MASK + text[found.end() :]
    return text


def _found(text: str) -> list[re.Match[str]]:
    """Where personal numbers stand, in order."""
    numbers = [one for one in _NUMBER.finditer(text) if not _is_code(_BLANKS.sub("", one[0]).upper())]
    mobiles = [one for one in _MOBILE.finditer(text) if not any(_overlap(one, other) for other in numbers)]
    found = [one for one in (*numbers, *mobiles) if not _in_digest(text, one)]
    return sorted(found, key=lambda one: one.start())


def _is_code(number: str) -> bool:
    return credit_code.is_valid(number) and not resident_id.is_valid(number)


def _overlap(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


def _in_digest(text: str, found: re.Match[str]) -> bool:
    """Whether digits are part of a longer run of hexadecimal digits, such as an alert's id."""
    before = _TOKEN_BEFORE.search(text[: found.start()])
    after = _TOKEN_AFTER.match(text[found.end() :])
    around = f"{before[0] if before else ''}{found[0]}{after[0] if after else ''}"
    return len(around) > len(found[0]) and _DIGEST.fullmatch(around) is not None
