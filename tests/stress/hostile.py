"""Hostile events from a seed: sound ones, broken ones, and sound ones changed where it may hurt; and what must become
of each by an independent check.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

from tests.reference.cases import make_case, poisoned
from tests.reference.intake import Intake, Refused, parse, read

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "docs" / "schema"
WORLD: Final = 400
"""Enterprises of one made-up case; a longer stream is made of many, each with codes and ids of its own."""

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2023.0,
    2**53,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    1e308,
    "",
    " ",
    "0",
    "\u0000",
    "\u202e反",
    "𠮷" * 30,
    "a" * 5_000,
    "'; DROP TABLE log; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "../../etc/passwd",
    "2025-02-30",
    "2025-02-29T00:00:00Z",
    "2024-12-31T23:59:60Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2025-01-01T00:00:00.1234567890123Z",
    "2025-01-01T00:00:00+24:00",
    "2025-01-01t00:00:00z",
    "2025-01-01T00:00:00",
    "２０２５-01-01T00:00:00Z",
    "legal_representative",
    "unreachable",
    "report",
    "resident_id",
    [],
    {},
    [None],
    [[]],
    [{}],
    ["unreachable", "unreachable"],
    {"text": ""},
    {"text": "浙江省杭州市西湖区文三路90号", "region": "abc", "kind": "office"},
    [{"role": "operator", "id": ""}],
    [{"role": "operator", "id_number": "1", "id_type": "passport"}],
    [{"role": "operator", "name": "某", "id_type": "nope"}],
)
"""What is put in the place of a value."""

RAW: Final = (
    b"NaN",
    b"1e400",
    b"-0",
    b'"\\ud800"',
    b'"\\ud83d\\ude00"',
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"1E5",
    b"Infinity",
)
"""Number and text forms that only bytes can say."""

Change = Callable[[dict[str, Any], random.Random], bytes]


@dataclass(frozen=True)
class Verdict:
    """What must become of a line: `accepted`, `repeat`, `refused` or `blank`."""

    line: bytes
    status: str


class Check:
    """Decides about lines one after another, from the exported schemas, the few rules that a schema cannot say, and
    the reference intake, which must agree with each other.
    """

    def __init__(self, received: datetime) -> None:
        self._intake = Intake(received)
        self._schemas = {
            path.name.removesuffix(".schema.json"): Draft202012Validator(
                json.loads(path.read_bytes()), format_checker=FormatChecker(["date"])
            )
            for path in SCHEMAS.glob("*.schema.json")
            if not path.name.startswith(("monitor.", "config."))
        }

    def __call__(self, line: bytes) -> Verdict:
        known, refused = len(self._intake.events), len(self._intake.refusals)
        self._intake.receive(line)
        if len(self._intake.refusals) > refused:
            reason = self._intake.refusals[-1].reason
            if reason == "too_far_ahead" and self._is_due_later(line):
                return Verdict(line, "undecided")
            assert not self._fits(line) or reason in BEYOND_SCHEMAS or reason.startswith("no_time"), (line, reason)
            return Verdict(line, "refused")
        if not line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n"):
            return Verdict(line, "blank")
        assert self._fits(line), line
        return Verdict(line, "accepted" if len(self._intake.events) > known else "repeat")

    def _is_due_later(self, line: bytes) -> bool:
        """Whether a time too far ahead is none any more before a long run ends."""
        try:
            return read(line, self._intake.received + timedelta(days=1)) is not None
        except Refused:
            return False

    def _fits(self, line: bytes) -> bool:
        """Whether the schema of its type takes a line."""
        try:
            event = parse(line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n"))
        except Refused:
            return False
        kind = event.get("type") if isinstance(event, dict) else None
        schema = self._schemas.get(kind) if isinstance(kind, str) else None
        return schema is not None and schema.is_valid(event)


BEYOND_SCHEMAS: Final = {
    "too_large",
    "too_deep",
    "not_unicode",
    "too_far_ahead",
    "conflicting_repeat",
    "wrong_type:year",
    "wrong_type:capital",
    "wrong_type:amount",
}
"""Reasons that a schema cannot know: sizes, clocks, earlier events, and how a number is written."""


def hostile(seed: int, count: int) -> Iterator[bytes]:
    """`count` lines."""
    chance = random.Random(seed)
    given = 0
    world = 0
    while given < count:
        sound = make_case(seed * 1_000 + world, WORLD)
        lines = poisoned(sound, seed + world)
        chance.shuffle(lines)
        for line in lines:
            for one in (line, *_changed(line, chance)):
                if b"\n" in one:
                    continue
                yield _renamed(one, world)
                given += 1
                if given == count:
                    return
        world += 1


def _renamed(line: bytes, world: int) -> bytes:
    """Ids of a world of its own, so that worlds do not conflict."""
    return line.replace(b'"id":"', b'"id":"w%d-' % world, 1) if world else line


def _changed(line: bytes, chance: random.Random) -> list[bytes]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(event, dict) or not event or len(line) > 10_000:
        return []
    return [chance.choice(CHANGES)(copy.deepcopy(event), chance) for _ in range(chance.randrange(3))]


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (holder, key) within a value."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in pairs:
        found.append((value, key))
        _places(inner, found)
    return found


def _dumped(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _another_value(event: dict[str, Any], chance: random.Random) -> bytes:
    holder, key = chance.choice(_places(event, []))
    holder[key] = chance.choice(VALUES)
    return _dumped(event)


def _left_out(event: dict[str, Any], chance: random.Random) -> bytes:
    holder, key = chance.choice(_places(event, []))
    del holder[key]
    return _dumped(event)


def _exchanged(event: dict[str, Any], chance: random.Random) -> bytes:
    places = _places(event, [])
    (one, key), (other, another) = chance.choice(places), chance.choice(places)
    taken = copy.deepcopy(other[another])
    one[key] = taken
    return _dumped(event)


def _unknown_field(event: dict[str, Any], chance: random.Random) -> bytes:
    holders = [event, *(holder[key] for holder, key in _places(event, []) if isinstance(holder[key], dict))]
    chance.choice(holders)[chance.choice(("x", "", "\u0000", "__proto__", "ID", "id "))] = chance.choice(VALUES)
    return _dumped(event)


def _nested(event: dict[str, Any], chance: random.Random) -> bytes:
    depth = chance.choice((60, 61, 62, 63, 64, 65, 66, 500, 5_000))
    return _dumped({**event, "zz": 0}).replace(b'"zz": 0', b'"zz": ' + b"[" * depth + b"]" * depth)


def _sized(event: dict[str, Any], chance: random.Random) -> bytes:
    base = len(_dumped({**event, "zz": ""}))
    wanted = 256 * 1024 + chance.choice((-1, 0, 1, 1_000))
    return _dumped({**event, "zz": "x" * (wanted - base)}) if chance.random() < 0.02 else _dumped(event)


def _raw_value(event: dict[str, Any], chance: random.Random) -> bytes:
    holder, key = chance.choice(_places(event, []))
    holder[key] = "@@raw@@"
    return _dumped(event).replace(b'"@@raw@@"', chance.choice(RAW))


def _bytes_changed(event: dict[str, Any], chance: random.Random) -> bytes:
    body = bytearray(_dumped(event))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(body))
        action = chance.randrange(3)
        if action == 0:
            body[at] = chance.randrange(256)
        elif action == 1:
            del body[at : at + chance.randrange(1, 9)]
        else:
            body[at:at] = chance.choice((b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\xff", b"\xed\xa0\x80", b" "))
        if not body:
            break
    return bytes(body)


def _spaced(event: dict[str, Any], chance: random.Random) -> bytes:
    text = json.dumps(event, ensure_ascii=chance.random() < 0.5, indent=None, separators=(" ,\t", " :\r "))
    edge = chance.choice((b"", b"  ", b"\xef\xbb\xbf", b"\t\r"))
    return edge + text.encode("utf-8", "surrogatepass") + b"\r" * chance.randrange(2)


CHANGES: Final[tuple[Change, ...]] = (
    _another_value,
    _another_value,
    _left_out,
    _exchanged,
    _unknown_field,
    _nested,
    _sized,
    _raw_value,
    _bytes_changed,
    _spaced,
)


def received_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)
