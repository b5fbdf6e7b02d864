"""Texts that are no address of mainland China: shop links, and addresses of other countries.

A link is a room of its own without a building. A foreign address is not taken apart; its plain form is building
and room at once, so that equal ones meet.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_TOP_LEVEL: Final = (
    "com|cn|net|org|shop|store|top|vip|cc|ltd|tv|me|io|co|hk|tw|xyz|info|biz|site|online|"
    "wang|club|fun|live|mobi|asia|link|app|tech|网址|中国"
)
_LINK: Final = re.compile(
    r"(?:https?:/{1,2}[a-z0-9.-]{1,253}|(?<![a-z0-9.@-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,8}(?:"
    + _TOP_LEVEL
    + r")(?![a-z0-9]))(?::[0-9]{1,5})?(?:[/?#][!#-'*-;=?-Z\\_a-z~]*)?",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile("^https?:/{1,2}", re.IGNORECASE)

_HAN: Final = re.compile("[\u3400-\u9fff]")
_OTHER_SCRIPT: Final = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
_NOT_MAINLAND: Final = re.compile(
    r"[\s0-9(（]*(?:中華民國|中国|中國)?(?:[台臺][灣湾]省?|香港|澳[門门])"
    r"|[\s0-9(（]*(?:(?:[台臺][北中南]|新北|桃[園园]|高雄|基隆|新竹|[嘉][義义])市"
    r"|(?:新竹|苗栗|彰化|南投|[雲云]林|嘉[義义]|屏[東东]|宜[蘭兰]|花[蓮莲]|[台臺][東东]|澎湖|金[門门]|[連连]江|桃[園园]|[台臺][北中南]|高雄)縣)"
)
_LETTERS: Final = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "臺": "台", "’": " "})
_WORD: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile("[0-9一二三四五六七八九十]")


def find_link(text: str) -> tuple[str, str] | None:
    """The first link of a text and the text without it, or None. The link has no scheme, host in lower case."""
    if "." not in text and "．" not in text:
        return None
    text = unicodedata.normalize("NFKC", text)
    match = _LINK.search(text)
    if match is None:
        return None
    link = _SCHEME.sub("", match[0]).rstrip("/.,;:!?'。")
    host, slash, path = link.partition("/")
    return host.lower().removeprefix("www.") + slash + path, f"{text[: match.start()]} {text[match.end() :]}"


def is_elsewhere(text: str) -> bool:
    """Whether a text is an address outside mainland China: no Chinese characters, or Taiwan, Hong Kong, Macao."""
    return _HAN.search(text) is None or _NOT_MAINLAND.match(text) is not None or _OTHER_SCRIPT.search(text) is not None


def plain_form(text: str) -> str | None:
    """A text without case, accents, punctuation; None where it names no number and no word, so no place."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    words = _WORD.findall(letters)
    named = any(len(word) > 1 and not word.isdigit() for word in words)
    return " ".join(words) if named and _NUMBER.search(letters) else None
