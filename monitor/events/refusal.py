"""Why intake refuses: the closed list of reasons with their words, and what may be kept of a refused text.

A dead letter must help an operator mend the source and must not hold a person's number: numbers that can be
read become pseudonyms, a text that cannot be read is masked, and its place in the source is named instead.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from monitor.events import data, types
from monitor.identifiers.pseudonyms import Pseudonymiser, masked

REASONS: Final[dict[str, tuple[str, str]]] = {
    "not_json": ("不是完整的 JSON", "not well-formed JSON"),
    "not_unicode": ("文本不是合法的 Unicode", "text that is not Unicode"),
    "too_deep": ("嵌套超过 64 层", "nested more than 64 deep"),
    "too_large": ("事件超过 256 KiB", "larger than 256 KiB"),
    "missing_field": ("缺少必填字段", "a required field is missing"),
    "null_field": ("已知字段的值为 null", "null in a known field"),
    "wrong_type": ("字段值的类型不对", "a value of the wrong type"),
    "empty_text": ("信封字段为空文本", "an empty text in the envelope"),
    "unknown_type": ("未知的事件类型", "an unknown type of event"),
    "unknown_word": ("不在封闭词表中的值", "a word outside its closed list"),
    "reserved_type": ("只有监测系统自己可写的类型", "a type that only the monitor itself may write"),
    "invalid_subject": ("主体标识不合规则", "a subject outside the rules for identifiers"),
    "missing_offset": ("时间缺少时区偏移", "a time without an offset"),
    "invalid_time": ("时间不是 RFC 3339 格式", "a time that is not RFC 3339"),
    "future_time": ("时间超前接收时钟 24 小时以上", "a time more than 24 hours ahead of the clock"),
    "conflicting_repeat": ("同一事件再次到达但内容不同", "an event that came before with other contents"),
    "foreign_source": ("发送方无权代表该来源", "a source that the sender may not speak for"),
    "unmapped_row": ("表格行无法按映射转换", "a row of a table that its mapping cannot turn into an event"),
}
"""Reason → what it means, zh and en."""


class Refusal(Exception):
    """One event refused: `reason` is a key of REASONS, `detail` says where."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keeps reason and detail."""
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class DeadLetter(Struct, kw_only=True):
    """What is kept of a refused event; for one that was sent, `source` names the sender, `line` its place.

    `line` counts from 1; `offset` is that of the line's first byte in the uncompressed source; `digest` is
    the SHA-256 of the line. `text` has pseudonyms for numbers; where `masked`, the letters and digits of a text
    that could not be read are hidden and place and digest say where the source has it.
    """

    source: str
    line: int
    offset: int
    received: int
    reason: str
    detail: str
    text: str
    masked: bool
    digest: str


_WHERE: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_KEPT_CHARACTERS: Final = 4_096
_QUOTED_CHARACTERS: Final = 200
_PERSON_FIELDS: Final = frozenset({"person", "persons"})
_LONG_DIGITS: Final = re.compile(r"\d{11,}[Xx]?")
_WORDS: Final = re.compile(r"[^\W_]+")


def _known_words() -> frozenset[str]:
    """Field names and type names: nothing personal can hide in them."""
    words = set("specversion time recordedtime subject source id type data true false null".split())
    for name, kind in (types.PUBLIC_TYPES | types.OWN_TYPES).items():
        words.update(name.split("."))
        fields = msgspec.structs.fields(kind)
        of_type = next(field.type for field in fields if field.name == "data")
        words.update(field.name for field in msgspec.structs.fields(of_type))
    words.update(field.name for field in msgspec.structs.fields(data.Person))
    words.update(field.name for field in msgspec.structs.fields(data.Address))
    return frozenset(words)


_KNOWN_WORDS: Final = _known_words()


def from_decode_error(error: Exception) -> Refusal:
    """The refusal that a decoding error stands for."""
    if isinstance(error, RecursionError):
        return Refusal("too_deep")
    text = str(error)
    found = _WHERE.search(text)
    where = found[1] if found else ""
    detail = shown(text)
    if not isinstance(error, msgspec.ValidationError):
        not_unicode = isinstance(error, UnicodeDecodeError) or "surrogate" in text
        return Refusal("not_unicode" if not_unicode else "not_json", detail)
    if "missing required field" in text:
        return Refusal("missing_field", detail)
    if where == "type":
        return Refusal("unknown_type", detail)
    if "got `null`" in text:
        return Refusal("null_field", detail)
    if "length >= 1" in text:
        return Refusal("empty_text", detail)
    if "regex" in text:
        return Refusal("invalid_subject", detail)
    if "Invalid enum value" in text:
        return Refusal("unknown_word", detail)
    return Refusal("wrong_type", detail)


class _Typed(Struct):
    """An event of which only the type is looked at."""

    type: Any


def type_of(line: bytes) -> Any:
    """Whatever an event has for a type. Raises msgspec.DecodeError where the line is no JSON object with one."""
    return msgspec.json.decode(line, type=_Typed).type


def shown(text: str) -> str:
    """What a detail may quote of a refused event: not too much, and no number of a person."""
    text = _LONG_DIGITS.sub(_hidden, text)
    return text if len(text) < _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "…"


def readable_text(line: bytes, pseudonyms: Pseudonymiser) -> tuple[str, bool]:
    """What may be kept of a refused line, and whether it had to be masked."""
    try:
        value = json.loads(line.decode("utf-8-sig"))
        kept = json.dumps(_without_numbers(value, pseudonyms), ensure_ascii=False)
        kept.encode("utf-8")
    except (ValueError, RecursionError):
        return _masked_text(line.decode("utf-8", "replace")), True
    if len(kept) > _KEPT_CHARACTERS:
        return kept[:_KEPT_CHARACTERS] + "…", False
    return kept, False


def _without_numbers(value: Any, pseudonyms: Pseudonymiser, *, is_person: bool = False) -> Any:
    """The same JSON value with every number of a person made a pseudonym and every label masked."""
    if isinstance(value, dict):
        is_person = is_person or "role" in value or "id_number" in value or "id_type" in value
        return {
            _LONG_DIGITS.sub(_hidden, key): _kept_member(key, member, value, pseudonyms, is_person=is_person)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [_without_numbers(member, pseudonyms, is_person=is_person) for member in value]
    if isinstance(value, str):
        return masked(value) if is_person else _LONG_DIGITS.sub(_hidden, value)
    if isinstance(value, int | float) and _LONG_DIGITS.search(str(value)):
        return "***"
    return value


def _kept_member(key: str, member: Any, person: dict[str, Any], pseudonyms: Pseudonymiser, *, is_person: bool) -> Any:
    if key == "id_number":
        return pseudonyms.number(str(person.get("id_type", "resident_id")), _as_number(member))
    if key == "phone":
        return pseudonyms.phone(_as_number(member))
    if key == "name" and is_person:
        return _without_numbers(member, pseudonyms, is_person=True)
    if key == "subject" and isinstance(member, str) and len(member) <= 64:
        return member
    return _without_numbers(member, pseudonyms, is_person=key in _PERSON_FIELDS)


def _as_number(member: Any) -> str:
    return member if isinstance(member, str) else json.dumps(member, ensure_ascii=True)


def _hidden(found: re.Match[str]) -> str:
    return "*" * len(found[0])


def _masked_text(text: str) -> str:
    """Structure and known words stay, every other letter and digit is hidden."""
    return _WORDS.sub(lambda word: word[0] if word[0] in _KNOWN_WORDS else "*" * len(word[0]), text[:_KEPT_CHARACTERS])
