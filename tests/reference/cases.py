"""Made-up cases that reach every doubtful place of the contract, as JSON lines; one seed, one case.

`make_case` gives the lines of a case; `shuffled`, `late`, `repeated` and `poisoned` change them in ways that must
change no signal. Made for a receiver whose clock stands at `RECEIVED`: with it Now is that moment exactly, so that
windows and times in force end on their very edge.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.reference import cases_conduct as conduct
from tests.reference import cases_rooms as rooms
from tests.reference import cases_ties as ties
from tests.reference.cases_maker import RECEIVED, Maker, days
from tests.reference.cases_poison import is_recent, poison
from tests.reference.intake import moment

__all__ = ["RECEIVED", "late", "make_case", "poisoned", "repeated", "shuffled"]

Story = Callable[[Maker], None]

STORIES: tuple[tuple[Story, int], ...] = (
    (rooms.crowded_room, 2),
    (rooms.suspended_room, 3),
    (rooms.room_burst, 3),
    (rooms.risky_room, 4),
    (rooms.busy_person, 2),
    (rooms.person_burst, 5),
    (rooms.bare_names, 3),
    (rooms.changing_host, 4),
    (rooms.strange_place, 2),
    (ties.barred, 25),
    (ties.court_listed, 20),
    (ties.phoenix, 40),
    (ties.linked, 8),
    (ties.revenant, 8),
    (ties.unestablished, 6),
    (conduct.gone, 40),
    (conduct.letters, 30),
    (conduct.listed, 12),
    (conduct.misses, 16),
    (conduct.changes, 25),
    (conduct.complaints, 18),
    (conduct.noise, 40),
)
"""Each story with how often it is told before the round begins anew."""

HUB_FROM = 450
"""Cases of fewer enterprises have no room for a hub of 201."""
HUB_EVERY = 1500


def make_case(seed: int, enterprises: int) -> list[bytes]:
    """The lines of a case of about so many enterprises (never fewer), mostly in order of time."""
    maker = Maker(seed)
    if enterprises >= HUB_FROM:
        for form in range(enterprises // HUB_EVERY + seed % 2):
            rooms.hub(maker, form + seed // 2)
    told: list[Story] = []
    while len(maker.codes) < enterprises:
        if not told:
            told = [story for story, times in STORIES for _ in range(times)]
            maker.random.shuffle(told)
        told.pop()(maker)
    clock(maker)
    maker.events = [event for event in maker.events if moment_of(event) <= RECEIVED]
    if maker.random.random() < 0.5:
        ahead(maker)
    maker.events.sort(key=lambda event: moment_of(event) + days(maker.random.choice((0, 0, 0, 0, 0, 90))))
    return [dumped(event) for event in maker.events]


def clock(maker: Maker) -> None:
    """Ticks, the last at the end of the case."""
    for _ in range(20):
        maker.emit("clock", "clock.ticked", maker.moment(400, 1))
    maker.emit("clock", "clock.ticked", RECEIVED)


def ahead(maker: Maker) -> None:
    """Events that are up to 23 hours ahead of the receiver: they count, and Now stays behind them."""
    for _ in range(6):
        at = RECEIVED + timedelta(hours=maker.random.uniform(0, 23))
        subject = maker.random.choice(maker.codes)
        maker.random.choice((conduct.evidence, conduct.contact))(maker, subject, at.replace(microsecond=0))
    maker.emit("clock", "clock.ticked", RECEIVED + timedelta(hours=23))


def moment_of(event: dict[str, Any]) -> datetime:
    """The time of an event."""
    return moment(event["time"], "time")


def dumped(event: dict[str, Any]) -> bytes:
    """An event as a line without its end."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


# --- what must change nothing


def shuffled(lines: Iterable[bytes], seed: int) -> list[bytes]:
    """The same lines in another order."""
    found = list(lines)
    random.Random(seed).shuffle(found)
    return found


def repeated(lines: Iterable[bytes], seed: int) -> list[bytes]:
    """Some lines come again later, once or twice, written otherwise: the same events."""
    chance = random.Random(seed)
    found = list(enumerate(lines))
    again = [
        (place, line) for place, line in chance.sample(found, len(found) // 5) for _ in range(chance.choice((1, 1, 2)))
    ]
    placed = [*found, *((chance.uniform(place, len(found)), rewritten(line, chance)) for place, line in again)]
    return [line for _, line in sorted(placed, key=lambda one: one[0])]


def late(lines: Iterable[bytes], seed: int) -> list[bytes]:
    """The same lines in the order of their events' times, but for every fifth, which comes up to ten days late."""
    chance = random.Random(seed)
    placed = [
        (moment_of(json.loads(line)) + timedelta(days=chance.choice((0, 0, 0, 0, chance.uniform(0, 10)))), line)
        for line in lines
    ]
    return [line for _, line in sorted(placed, key=lambda one: one[0])]


def rewritten(line: bytes, chance: random.Random) -> bytes:
    """The same event with other spelling: order of keys, offset, white space, escapes, unknown fields."""
    event = json.loads(line)
    offset = timezone(timedelta(minutes=chance.choice((0, 480, -300, 345, 840))))
    event["time"] = moment_of(event).astimezone(offset).isoformat()
    if event["time"].endswith("00+00:00") and "." not in event["time"] and chance.random() < 0.5:
        event["time"] = event["time"].replace("+00:00", ".000000000z").replace("T", "t")
    event |= {"datacontenttype": "application/json", "traceparent": None, "extra": {"a": [1, None, {}]}}
    if chance.random() < 0.5:
        event["data"]["unknown"] = [[None], "?"]
        if "address" in event["data"]:
            event["data"]["address"]["floor"] = None
    text = json.dumps(reordered(event, chance), ensure_ascii=chance.random() < 0.5, indent=None)
    return (chance.choice(("", "\ufeff", "  ")) + text + chance.choice(("", " ", "\r"))).encode()


def reordered(value: Any, chance: random.Random) -> Any:
    """The same value with the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: reordered(value[key], chance) for key in keys}
    if isinstance(value, list):
        return [reordered(one, chance) for one in value]
    return value


def poisoned(lines: Iterable[bytes], seed: int, received: datetime = RECEIVED) -> list[bytes]:
    """Lines of every kind that intake must refuse or skip, among the others.

    A bad event is built from a good one under an id of its own, so that nothing is missing when it is refused;
    under the id of a good one it may come before that (a dead letter is not seen) or, contradicting it, after.
    `received`: by the clock of the receiver.
    """
    chance = random.Random(seed)
    good = [(line, json.loads(line.decode("utf-8-sig"))) for line in lines]
    now = min(received, max(moment_of(event) for _, event in good))
    recent = [(line, event) for line, event in good if is_recent(event, now)]
    found = [line for line, _ in good]
    for make, after in poison(chance, received):
        line, event = chance.choice(recent if after else good)
        place = found.index(line)
        found.insert(chance.randrange(place + 1, len(found) + 1) if after else chance.randrange(place + 1), make(event))
    return found
