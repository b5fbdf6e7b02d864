"""Why intake refuses: the closed list of reasons with their words, and what may be kept of a refused text.

A dead letter must help an operator mend the source and must not hold a person's number: numbers that can be
read become pseudonyms, a text that cannot be read is masked, and its place in the source is named instead. Where an
event about persons is not in order, a number may stand in any field: there whatever looks like one is hidden, but for
the fields of the envelope that the log keeps of every event.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from monitor.events import data, types
from monitor.events.vocabulary import IdType
from monitor.identifiers import resident_id
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
    "intake_defect": ("程序缺陷：本系统未能读入该行", "a defect of the program: this monitor could not read the line"),
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
_OF_PERSONS: Final = _PERSON_FIELDS | {"role", "id_number", "id_type", "phone"}
_TYPES_OF_PERSONS: Final = frozenset(
    {"registration.established", "registration.changed", "court.defaulter_listed", "court.defaulter_removed"}
)
_NAMES: Final = ("id", "source", "subject")
"""What names an event: kept, as the log keeps it of every event."""
_TIMES: Final = frozenset({"time", "recordedtime"})
_AMOUNTS: Final = frozenset({"capital", "amount", "year"})
_ID_TYPES: Final = frozenset(get_args(IdType))
_LONG_DIGITS: Final = re.compile(r"\d{11,}[Xx]?")
_LIKE_A_NUMBER: Final = re.compile(
    r"(?<![A-Za-zＡ-Ｚａ-ｚ\d])(?=(?:[A-Za-zＡ-Ｚａ-ｚ]*\d){4})[A-Za-zＡ-Ｚａ-ｚ\d]{7,}|\d(?:[ -]?\d){6,}"
)
"""What may be the number of a passport, permit or telephone: seven letters and digits or more, four digits among them;
or seven digits in groups."""
_DATE: Final = re.compile(r"(?:18|19|20)\d\d([-/.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?:[T ]\d{2,6}Z?)?")
_RESIDENT: Final = re.compile(r"(?=(\d{17}[\dXx]))")
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
    text = _wary(text)
    return text if len(text) < _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "…"


def defect(error: Exception) -> Refusal:
    """The refusal of a line at which intake itself failed: kind and place of the exception, its message masked."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" ({place.tb_frame.f_code.co_name}:{place.tb_lineno})"
    return Refusal("intake_defect", f"{type(error).__name__}: {_masked_text(str(error))[:_QUOTED_CHARACTERS]}{where}")


def readable_text(line: bytes, pseudonyms: Pseudonymiser) -> tuple[str, bool]:
    """What may be kept of a refused line, and whether it had to be masked."""
    try:
        value = json.loads(line.decode("utf-8-sig"))
        kept = json.dumps(_Keeping(line, value, pseudonyms).event(value), ensure_ascii=False)
        kept.encode("utf-8")
    except Exception:  # where our own rules fail at a line, nothing of it is to be seen
        return _masked_text(line.decode("utf-8", "replace")), True
    if len(kept) > _KEPT_CHARACTERS:
        return kept[:_KEPT_CHARACTERS] + "…", False
    return kept, False


class _Keeping:
    """The rules by which the members of one refused event are kept."""

    def __init__(self, line: bytes, event: Any, pseudonyms: Pseudonymiser) -> None:
        self._pseudonyms = pseudonyms
        kind = event.get("type") if isinstance(event, dict) else None
        known = isinstance(kind, str) and kind in types.PUBLIC_TYPES
        self._of_persons = not known or kind in _TYPES_OF_PERSONS or _names_persons(event)
        self._is_whole = True
        try:
            msgspec.json.decode(line, type=types.PublicEvent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._is_whole = False

    def event(self, value: Any) -> Any:
        """The same event with every number of a person made a pseudonym or hidden, and every label masked."""
        wary = self._of_persons and not self._is_whole
        if not isinstance(value, dict):
            return self._value(value, wary=wary)
        return self._members(value, wary=wary) | {
            key: _without_residents(value[key])
            for key in _NAMES
            if isinstance(value.get(key), str) and len(value[key]) <= _QUOTED_CHARACTERS
        }

    def _value(self, value: Any, *, wary: bool, is_person: bool = False) -> Any:
        if isinstance(value, dict):
            return self._members(value, wary=wary, is_person=is_person)
        if isinstance(value, list):
            return [self._value(member, wary=wary, is_person=is_person) for member in value]
        if isinstance(value, str):
            return masked(value) if is_person else _hide(value, wary=wary)
        if isinstance(value, int | float) and _hide(str(value), wary=wary) != str(value):
            return "***"
        return value

    def _members(self, members: dict[str, Any], *, wary: bool, is_person: bool = False) -> dict[str, Any]:
        is_person = is_person or not members.keys().isdisjoint(("role", "id_number", "id_type"))
        return {
            _hide(key, wary=self._doubts(key, wary)): self._member(key, member, members, wary, is_person=is_person)
            for key, member in members.items()
        }

    def _member(self, key: str, member: Any, members: dict[str, Any], wary: bool, *, is_person: bool) -> Any:
        if key == "id_number":
            return self._number(member, members.get("id_type"))
        if key == "phone":
            return self._pseudonyms.phone(member) if isinstance(member, str) and member else _emptied(member)
        if key == "name" and is_person:
            return self._value(member, wary=wary, is_person=True)
        if key in _AMOUNTS and isinstance(member, int | float):
            return self._value(member, wary=False)
        return self._value(member, wary=self._doubts(key, wary), is_person=key in _PERSON_FIELDS)

    def _number(self, number: Any, id_type: Any) -> Any:
        """The pseudonym under which the person will be known once the event is mended; else nothing."""
        if not isinstance(number, str) or not number.strip():
            return _emptied(number)
        if isinstance(id_type, str) and id_type in _ID_TYPES:
            return self._pseudonyms.number(id_type, number)
        is_resident = len(number.strip()) == resident_id.LENGTH and resident_id.is_valid(number.strip().upper())
        return self._pseudonyms.number("resident_id", number) if is_resident else "***"

    def _doubts(self, key: str, wary: bool) -> bool:
        """Whether a number may stand under a key: wherever persons are named, below one that no event has, and in
        place of a time, of which a type knows no more than that it is a text.
        """
        return wary or (self._of_persons and (key in _TIMES or key not in _KNOWN_WORDS))


def _names_persons(value: Any) -> bool:
    if isinstance(value, dict):
        return not _OF_PERSONS.isdisjoint(value) or any(_names_persons(member) for member in value.values())
    return isinstance(value, list) and any(_names_persons(member) for member in value)


def _emptied(value: Any) -> Any:
    return value if value is None or (isinstance(value, str) and not value.strip()) else "***"


def _hide(text: str, *, wary: bool) -> str:
    return _wary(text) if wary else _LONG_DIGITS.sub(_hidden, text)


def _wary(text: str) -> str:
    """A text without whatever may be a number of a person; dates stay."""
    return _LIKE_A_NUMBER.sub(
        lambda found: found[0] if _DATE.fullmatch(found[0]) else _hidden(found),
        _LONG_DIGITS.sub(_hidden, text),
    )


def _without_residents(text: str) -> str:
    """A text without valid resident identity numbers."""
    for found in _RESIDENT.finditer(text):
        if resident_id.is_valid(found[1].upper()):
            text = text.replace(found[1], "*" * len(found[1]))
    return text


def _hidden(found: re.Match[str]) -> str:
    return "*" * len(found[0])


def _masked_text(text: str) -> str:
    """Structure and known words stay, every other letter and digit is hidden."""
    return _WORDS.sub(lambda word: word[0] if word[0] in _KNOWN_WORDS else "*" * len(word[0]), text[:_KEPT_CHARACTERS])
