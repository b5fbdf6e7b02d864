"""Every kind of bad line that contract §1 names.

Under `cases.poisoned`: each maker turns a good event into the bytes of a bad line.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tests.reference.intake import moment

Event = dict[str, Any]
Bad = Callable[[Event], bytes]
"""A good event to a bad line."""

BLANK = (b"", b"   ", b"\t", b"\r", "\ufeff".encode(), "\ufeff  ".encode())
BROKEN = (
    b"null",
    b"5",
    b'"text"',
    b"[]",
    b"true",
    b"hello",
    b"<event/>",
    b'{"id": }',
    b"\x00\x01",
    b"{}",
    b'{"specversion":"1.0"',
    b"{'specversion':'1.0'}",
    b"\xff\xfe{\x00}\x00",
    b"[" * 100_000,
    b'{"a":' * 70 + b"1" + b"}" * 70,
)

VISIT = {"type": "enforcement.visited", "data": {"found": False}}
CHANGE = "registration.changed"

REPLACED: tuple[Event, ...] = (
    # the envelope
    {"specversion": "0.3"},
    {"specversion": 1.0},
    {"id": ""},
    {"id": 7},
    {"source": ""},
    {"source": None},
    {"type": ""},
    {"type": "REPORT.FILED"},
    {"type": "registration.destroyed"},
    {"type": None},
    {"type": "monitor.live", "data": {}},
    {"type": "supervision.task_closed", "data": {}},
    {"subject": ""},
    {"subject": "abc"},
    {"subject": "浙江省测试"},
    {"subject": "a b c d"},
    {"subject": "x" * 65},
    {"subject": None},
    {"subject": 91330106},
    {"subject": "9133\ud8000000"},
    {"time": None},
    {"time": ""},
    {"time": "yesterday"},
    {"time": "2025-01-01"},
    {"time": "2025-01-01T00:00:00"},
    {"time": "2025-02-30T00:00:00Z"},
    {"time": "2025-01-01T25:00:00Z"},
    {"time": 1700000000},
    {"time": ["2025-01-01T00:00:00Z"]},
    {"recordedtime": None},
    {"recordedtime": "2025-01-01T00:00:00"},
    {"recordedtime": 3},
    {"data": None},
    {"data": []},
    {"data": "found"},
    {"data": 7},
    # values of data
    {"type": "enforcement.visited", "data": {}},
    {"type": "enforcement.visited", "data": {"found": None}},
    {"type": "enforcement.visited", "data": {"found": "true"}},
    {"type": "enforcement.visited", "data": {"found": 1}},
    {"type": "report.missed", "data": {}},
    {"type": "report.filed", "data": {"year": "2023"}},
    {"type": "report.filed", "data": {"year": 2023.5}},
    {"type": "report.filed", "data": {"year": True}},
    {"type": "complaint.received", "data": {"number": {"a": 1}}},
    {"type": "complaint.received", "data": {"number": 5}},
    {"type": "complaint.received", "data": {"number": "1", "reachable": None}},
    {"type": "complaint.received", "data": {"number": "1", "category": "\udc00"}},
    {"type": "enforcement.inspected", "data": {"results": 3}},
    {"type": "enforcement.inspected", "data": {"results": "unreachable"}},
    {"type": "enforcement.inspected", "data": {"results": ["gone"]}},
    {"type": "enforcement.inspected", "data": {"results": [None]}},
    {"type": "enforcement.abnormal_listed", "data": {"document": "x"}},
    {"type": "enforcement.abnormal_listed", "data": {"ground": "Report"}},
    {"type": "enforcement.penalised", "data": {"category": "x"}},
    {"type": "enforcement.penalised", "data": {"document": "x", "amount": "5"}},
    {"type": "enforcement.letter_sent", "data": {}},
    {"type": "registration.deregistered", "data": {"mode": "slow"}},
    {"type": "registration.suspended", "data": {"until": "2025-13-01"}},
    {"type": "registration.suspended", "data": {"until": "2025-04-09T00:00:00Z"}},
    {"type": "registration.suspended", "data": {"until": None}},
    {"type": "registration.established", "data": {"name": "甲", "kind": "enterprise"}},
    {"type": "registration.established", "data": {"name": "甲", "kind": "x", "address": {"text": ""}, "persons": []}},
    {"type": CHANGE, "data": {"address": "文三路1号"}},
    {"type": CHANGE, "data": {"address": {}}},
    {"type": CHANGE, "data": {"address": {"text": None}}},
    {"type": CHANGE, "data": {"address": {"text": "文三路1号", "kind": "castle"}}},
    {"type": CHANGE, "data": {"address": {"text": "文三路1号", "region": 330106}}},
    {"type": CHANGE, "data": {"persons": {"role": "operator"}}},
    {"type": CHANGE, "data": {"persons": [{"id": "p1"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "king", "id": "p1"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator", "id": None}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator", "id_number": "G1"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator", "id_number": "G1", "id_type": "visa"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator", "id_number": 5, "id_type": "other"}]}},
    {"type": CHANGE, "data": {"persons": [{"role": "operator", "id": "p1", "name": None}]}},
    {"type": CHANGE, "data": {"capital": float("nan")}},
    {"type": CHANGE, "data": {"capital": float("inf")}},
    {"type": CHANGE, "data": {"capital": "5"}},
    {"type": CHANGE, "data": {"name": 5}},
    {"type": "court.defaulter_listed", "data": {"person": {}}},
    {"type": "court.defaulter_listed", "data": {"person": "张三"}},
    {"type": "credit.repaired", "data": {}},
    {"type": "credit.repaired", "data": {"documents": "x"}},
    {"type": "credit.repaired", "data": {"documents": [1]}},
    {"type": "objection.filed", "data": {}},
    {"type": "objection.decided", "data": {"document": "x"}},
    {"type": "objection.decided", "data": {"upheld": True}},
    {"type": "tax.irregular", "filler": "x" * (256 * 1024)},
    {"type": "tax.irregular", "data": {}, "extra": json.loads("[" * 64 + "]" * 64)},
)

AHEAD = (timedelta(hours=24, seconds=1), timedelta(days=4000))
"""How far an event's time lies after its receipt, where that is too far."""

MISSING = ("specversion", "id", "source", "type", "subject", "time", "data")


def poison(chance: random.Random, received: datetime) -> list[tuple[Bad, bool]]:
    """Makers of every kind of bad line, in random order; true where it must come after its good and recent event.

    `received`: by the clock of the receiver.
    """
    before: list[Bad] = [partial(fixed, line) for line in (*BLANK, *BROKEN)]
    ahead = [{"time": (received + one).isoformat()} for one in AHEAD]
    before += [partial(replaced, changes, own=chance.random() < 0.7) for changes in (*REPLACED, *ahead)]
    before += [partial(lacking, name) for name in MISSING]
    before += [cut, not_utf8]
    makers = [(make, False) for make in before]
    makers += [(make, True) for make in (another_time, another_type, another_recorded_time)]
    chance.shuffle(makers)
    return makers


def fixed(line: bytes, _event: Event) -> bytes:
    """A line that needs no event."""
    return line


def replaced(changes: Event, event: Event, *, own: bool) -> bytes:
    """The event with some members replaced, under an id of its own or under the good one's."""
    bad = copy.deepcopy(event) | changes
    if own and "id" not in changes:
        bad["id"] = "poison-" + event["id"]
        bad["source"] = changes.get("source", "//poison.example")
    return json.dumps(bad).encode()


def lacking(name: str, event: Event) -> bytes:
    """The event without one member of the envelope."""
    return json.dumps({key: value for key, value in event.items() if key != name}).encode()


def cut(event: Event) -> bytes:
    """The first half of the event."""
    line = json.dumps(event).encode()
    return line[: len(line) // 2]


def not_utf8(event: Event) -> bytes:
    """The event with bytes in it that are no UTF-8."""
    return json.dumps(event | {"id": "poison-@"}).encode().replace(b"@", b"\xff\xfe")


def another_time(event: Event) -> bytes:
    """A repeat that contradicts the event by a second."""
    at = moment(event["time"], "time") - timedelta(seconds=1)
    return replaced({"time": at.isoformat()}, event, own=False)


def another_type(event: Event) -> bytes:
    """A repeat that is another event altogether."""
    other = "tax.regular" if event["type"] == "tax.irregular" else "tax.irregular"
    return replaced({"type": other, "data": {}}, event, own=False)


def another_recorded_time(event: Event) -> bytes:
    """A repeat that differs only in when the source came to know it."""
    return replaced({"recordedtime": "2001-01-01T00:00:00Z"}, event, own=False)


def is_recent(event: Event, now: datetime) -> bool:
    """Whether contents of this event are remembered for the check on repeats under the default of 90 days."""
    return moment(event["time"], "time") > now - timedelta(days=30)
