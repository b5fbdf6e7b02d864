"""What intake accepts and what it refuses, line by line (contract §1 and §2).

First step of the reference: bytes come in, an `Event`, a `Refusal` or nothing (blank lines, repeats) comes out.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.reference.vocabulary import ADDRESS_KINDS, EITHER, FIELDS, ID_TYPES, RESULTS, ROLES, SHAPES, WORDS

MOST_BYTES = 256 * 1024
MOST_DEEP = 64
MOST_AHEAD = timedelta(hours=24)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

SUBJECT = re.compile(r"[0-9A-Za-z:._-]{4,64}")
RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-5][0-9])"
)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Person = tuple[str, ...]
"""("id", pseudonym), ("number", type, number), ("name", name), or ("nobody",) where all of these are empty."""


class Refused(Exception):
    """Raised with the reason while a line is read; `Intake.receive` turns it into a `Refusal`."""


@dataclass(frozen=True)
class Event:
    """An accepted event; `data` holds known fields only, persons by their identities."""

    subject: str
    source: str
    id: str
    type: str
    time: datetime
    recorded: datetime | None
    data: dict[str, Any]

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The order of contract §3: time, then source, then id."""
        return (self.time, self.source, self.id)


@dataclass(frozen=True)
class Refusal:
    """A dead letter: the number of the line, from 1, and the reason."""

    line: int
    reason: str


class Intake:
    """Receives lines one after another and remembers what it accepted."""

    def __init__(self, received: datetime) -> None:
        self.received = received
        self.events: dict[tuple[str, str, str], Event] = {}
        self.refusals: list[Refusal] = []
        self._line = 0

    def receive(self, line: bytes) -> None:
        """Takes one line; it ends in `events`, in `refusals`, or (blank, repeat) in neither."""
        self._line += 1
        try:
            event = read(line, self.received)
            if event is None:
                return
            first = self.events.setdefault((event.subject, event.source, event.id), event)
            if first != event:
                raise Refused("conflicting_repeat")
        except Refused as refused:
            self.refusals.append(Refusal(self._line, str(refused)))


def read(line: bytes, received: datetime) -> Event | None:
    """The event of a line, None for a blank one.

    Raises:
        Refused: with the reason, where contract §1 refuses it.
    """
    body = line.strip(b" \t\r\n").removeprefix(BYTE_ORDER_MARK).strip(b" \t\r\n")
    if not body:
        return None
    if len(body) > MOST_BYTES:
        raise Refused("too_large")
    envelope = parse(body)
    if not isinstance(envelope, dict):
        raise Refused("not_an_object")
    for name in ("specversion", "id", "source", "type", "subject", "time"):
        if not required_text(envelope, name):
            raise Refused(f"empty:{name}")
    if envelope["specversion"] != "1.0":
        raise Refused("unknown_word:specversion")
    if not SUBJECT.fullmatch(envelope["subject"]):
        raise Refused("wrong_value:subject")
    kind = envelope["type"]
    if kind not in FIELDS:
        raise Refused("unknown_type")
    if kind == "clock.ticked" and envelope["subject"] != "clock":
        raise Refused("wrong_value:subject")
    time = moment(envelope["time"], "time")
    if time - received > MOST_AHEAD:
        raise Refused("too_far_ahead")
    recorded = None
    if "recordedtime" in envelope:
        recorded = moment(required_text(envelope, "recordedtime"), "recordedtime")
    if "data" not in envelope:
        raise Refused("missing:data")
    if not isinstance(envelope["data"], dict):
        raise Refused("wrong_type:data")
    return Event(
        subject=envelope["subject"],
        source=envelope["source"],
        id=envelope["id"],
        type=kind,
        time=time,
        recorded=recorded,
        data=known(kind, envelope["data"]),
    )


def parse(body: bytes) -> Any:
    """The JSON value of a body; the order of checks only decides which reason is given."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("not_unicode") from None
    if depth(text) > MOST_DEEP:
        raise Refused("too_deep")
    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):  # nested deeper than it says outside of texts: broken
        raise Refused("not_json") from None


def no_constant(name: str) -> float:
    """NaN and Infinity, which Python reads, are no JSON."""
    raise ValueError(name)


def depth(text: str) -> int:
    """How deep brackets and braces nest outside of texts; the event's own braces are the first level."""
    deepest = level = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        if mark in "[{":
            level += 1
            deepest = max(deepest, level)
        elif mark in "]}":
            level -= 1
    return deepest


def moment(value: str, name: str) -> datetime:
    """The instant of an RFC 3339 text with an offset, to the microsecond."""
    parts = RFC3339.fullmatch(value)
    if not parts:
        raise Refused(f"no_time:{name}")
    day, clock, fraction, offset = parts.groups()
    micro = (fraction or "")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micro}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"no_time:{name}") from None


def known(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The known fields of data, checked."""
    for name, required in FIELDS[kind].items():
        if required and name not in data:
            raise Refused(f"missing:{name}")
    if kind in EITHER and not any(name in data for name in EITHER[kind]):
        raise Refused("missing:" + "|".join(EITHER[kind]))
    return {name: value(name, data[name]) for name in FIELDS[kind] if name in data}


def value(name: str, given: Any) -> Any:
    """One field's value by the shape of its name."""
    if given is None:
        raise Refused(f"null:{name}")
    match SHAPES.get(name, "text"):
        case "address":
            return address(given)
        case "persons":
            return [person(one, with_role=True) for one in array(name, given)]
        case "person":
            return person(given, with_role=False)
        case "word":
            return word(name, given, WORDS[name])
        case "results":
            return [word(name, one, RESULTS) for one in array(name, given)]
        case "texts":
            return [plain_text(name, one) for one in array(name, given)]
        case "whole":
            if isinstance(given, bool) or not isinstance(given, int) or not -(2**63) <= given < 2**63:
                raise Refused(f"wrong_type:{name}")
            return given
        case "number":
            if isinstance(given, bool) or not isinstance(given, int | float) or abs(given) > sys.float_info.max:
                raise Refused(f"wrong_type:{name}")
            return given
        case "truth":
            if not isinstance(given, bool):
                raise Refused(f"wrong_type:{name}")
            return given
        case "date":
            return day(name, given)
        case "phone":
            text = plain_text(name, given)
            return f"phone|{''.join(one for one in text if one.isalnum() or one == '+')}" if text else ""
    return plain_text(name, given)


def address(given: Any) -> dict[str, str]:
    """An address: its text, and where given its county code and kind."""
    if not isinstance(given, dict):
        raise Refused("wrong_type:address")
    found = {"text": required_text(given, "text")}
    if "region" in given:
        found["region"] = required_text(given, "region")
    if "kind" in given:
        found["kind"] = word("kind", given["kind"], ADDRESS_KINDS)
    return found


def person(given: Any, *, with_role: bool) -> dict[str, Any]:
    """A person: role (where asked), identity, and the first character of a name that is only a label."""
    if not isinstance(given, dict):
        raise Refused("wrong_type:person")
    found: dict[str, Any] = {}
    if with_role:
        if "role" not in given:
            raise Refused("missing:role")
        found["role"] = word("role", given["role"], ROLES)
    if "id_type" in given:
        word("id_type", given["id_type"], ID_TYPES)
    texts = {name: required_text(given, name) for name in ("id", "id_number", "name") if name in given}
    if not texts:
        raise Refused("missing:identity")
    if "id_number" in texts and "id" not in texts and "id_type" not in given:
        raise Refused("missing:id_type")
    found["identity"] = identity(texts, given.get("id_type", ""))
    if found["identity"][0] in ("id", "number") and "name" in texts:
        found["label"] = texts["name"].strip()[:1]
    return found


def identity(texts: dict[str, str], id_type: str) -> Person:
    """Who it is: of several, `id` holds, then the number, then the bare name; an empty text names nobody."""
    if texts.get("id"):
        return ("id", texts["id"])
    number = texts.get("id_number", "").strip().upper()
    if number:
        return ("number", id_type, number)
    if texts.get("name"):
        return ("name", texts["name"])
    return ("nobody",)


def required_text(given: dict[str, Any], name: str) -> str:
    """A text that must be there, possibly empty."""
    if name not in given:
        raise Refused(f"missing:{name}")
    return plain_text(name, given[name])


def plain_text(name: str, given: Any) -> str:
    """A text of Unicode characters: lone surrogates are none."""
    if given is None:
        raise Refused(f"null:{name}")
    if not isinstance(given, str):
        raise Refused(f"wrong_type:{name}")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in given):
        raise Refused("not_unicode")
    return given


def word(name: str, given: Any, words: frozenset[str]) -> str:
    """A word of a closed list."""
    text = plain_text(name, given)
    if text not in words:
        raise Refused(f"unknown_word:{name}")
    return text


def array(name: str, given: Any) -> list[Any]:
    """A list, possibly empty."""
    if not isinstance(given, list):
        raise Refused(f"wrong_type:{name}")
    return given


def day(name: str, given: Any) -> date:
    """A date such as 2025-03-01."""
    text = plain_text(name, given)
    try:
        if DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refused(f"wrong_type:{name}")
