"""What stages tell each other over Kafka: facts by name, many to a message.

Inside a host everything is a number of its own; between hosts an enterprise is its code, a room its key, a person its
pseudonym, and a source a place in the message's own short table. Every fact is an absolute value for its key.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import xxhash

from detectors.views import Bar, CourtEvent, End, Leadership, Occupant, Predecessor, Tie
from monitor.events.types import LoggedEvent
from monitor.retention.forgetting import ForgottenNames

Source = Callable[[int], int]
"""From the number of a source in a host to its place in a message."""


class Message(msgspec.Struct, array_like=True):
    """Facts, ties or signals of one writer (`stage/partition`) for one partition.

    `epoch`: of the writer's ownership; `now`: Now as the writer knew it; `sources`: names by their places in `items`.
    """

    writer: str
    epoch: int
    now: int
    sources: list[str]
    items: list[Any]


class Forgotten(msgspec.Struct, array_like=True):
    """Names of events of one partition that retention has deleted, see `monitor.retention.forgetting`: digests under a
    key, ascending, eight bytes each, the lowest first; none was of an event as late as `before`.
    """

    before: int
    key: bytes
    digests: bytes


class LogBatch(msgspec.Struct, array_like=True):
    """Accepted events for one partition of the log, with what tells them apart from a second sending of the same.

    `intake`: the partition of `intake` that they came by (below 0: see `monitor.cluster.hosts.intake_host`);
    `offsets`, `indexes`: the message there and the place in it; `received`: moments of receipt; `contents`: CRC-32 of
    their known fields; `places`: (place in `sources`, line, byte offset) in whatever source they were read from;
    `forgotten`: what a copy of the log leaves of events that it does not have.
    """

    intake: int
    generation: int
    sources: list[str]
    offsets: list[int]
    indexes: list[int]
    received: list[int]
    contents: list[int]
    places: list[tuple[int, int, int]]
    events: list[LoggedEvent]
    forgotten: Forgotten | None = None


class PackedLogBatch(msgspec.Struct, array_like=True):
    """A `LogBatch` as it is written: its events are bytes already."""

    intake: int
    generation: int
    sources: list[str]
    offsets: list[int]
    indexes: list[int]
    received: list[int]
    contents: list[int]
    places: list[tuple[int, int, int]]
    events: list[msgspec.Raw]
    forgotten: Forgotten | None = None


encode: Final = msgspec.msgpack.Encoder().encode
decode_message: Final = msgspec.msgpack.Decoder(Message).decode
decode_log: Final = msgspec.msgpack.Decoder(LogBatch).decode


def names_of(forgotten: Forgotten) -> ForgottenNames:
    """What was deleted, ready to be asked."""
    digests = array("q")
    digests.frombytes(forgotten.digests)
    if sys.byteorder == "big":
        digests.byteswap()
    return ForgottenNames(forgotten.key, forgotten.before, digests)


def room_digest(key: str, seed: int) -> int:
    """A number for a room that is equal in every host: persons only compare rooms."""
    return xxhash.xxh3_64_intdigest(key.encode(), seed) >> 1 | 1


def _event(name: tuple[int, str], source: Source) -> tuple[int, str] | None:
    return (source(name[0]), name[1]) if name[1] else None


def _dated(since: int | None, name: tuple[int, str], source: Source) -> tuple[int, int, str] | None:
    return None if since is None else (since, source(name[0]), name[1])


def occupant_out(fact: Occupant, source: Source) -> tuple[Any, ...]:
    """An occupant without its number."""
    opened = fact.established
    return (
        fact.present | fact.branch << 1 | fact.live << 2 | fact.counts << 3,
        fact.entry,
        _event(fact.entry_event, source),
        fact.first,
        None if opened is None else (opened[0], source(opened[1]), opened[2]),
        _dated(fact.bad_since, fact.bad_event, source),
        _dated(fact.risk_since, fact.risk_event, source),
        fact.declared,
        fact.shown,
        fact.resumed,
    )


def occupant_in(ref: int, values: Sequence[Any], sources: Sequence[int]) -> Occupant:
    """The occupant of a number; `sources`: the receiver's numbers by their places in the message."""
    flags, entry, entry_event, first, opened, bad, risk, declared, shown, resumed = values
    return Occupant(
        ref,
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
        bool(flags & 8),
        entry,
        (sources[entry_event[0]], entry_event[1]) if entry_event else (0, ""),
        first,
        (opened[0], sources[opened[1]], opened[2], ref) if opened else None,
        bad[0] if bad else None,
        (sources[bad[1]], bad[2]) if bad else (0, ""),
        risk[0] if risk else None,
        (sources[risk[1]], risk[2]) if risk else (0, ""),
        (declared[0], declared[1], declared[2], declared[3]) if declared else None,
        shown,
        resumed,
    )


def leadership_out(fact: Leadership, source: Source, room: Callable[[int], int]) -> tuple[Any, ...]:
    """A leadership without its number; `room`: from a room's number to its digest (0 stays 0)."""
    opened = fact.established
    return (
        fact.leads | fact.branch << 1 | fact.cancelled << 2 | fact.live << 3,
        fact.since,
        _event(fact.since_event, source),
        fact.entry,
        fact.county,
        None if opened is None else (opened[0], source(opened[1]), opened[2], room(fact.room), fact.division),
        [(end.at, end.revoked, room(end.room), end.division, source(end.source), end.event) for end in fact.ends],
        _dated(fact.flagged_since, fact.flagged_event, source),
        _dated(fact.risk_since, fact.risk_event, source),
        [(one.at, source(one.source), one.event, one.listed, one.repaired) for one in fact.court],
    )


def leadership_in(ref: int, values: Sequence[Any], sources: Sequence[int]) -> Leadership:
    """The leadership of a number."""
    flags, since, since_event, entry, county, opened, ends, flagged, risk, court = values
    return Leadership(
        ref,
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
        bool(flags & 8),
        since,
        (sources[since_event[0]], since_event[1]) if since_event else (0, ""),
        entry,
        county,
        (opened[0], sources[opened[1]], opened[2], ref) if opened else None,
        opened[3] if opened else 0,
        opened[4] if opened else "",
        tuple(End(end[0], end[1], end[2], end[3], sources[end[4]], end[5]) for end in ends),
        flagged[0] if flagged else None,
        (sources[flagged[1]], flagged[2]) if flagged else (0, ""),
        risk[0] if risk else None,
        (sources[risk[1]], risk[2]) if risk else (0, ""),
        tuple(CourtEvent(one[0], sources[one[1]], one[2], one[3], one[4]) for one in court),
    )


def tie_out(tie: Tie, source: Source, code: Callable[[int], str]) -> tuple[Any, ...]:
    """A tie by names, but for its list of those at risk: many ties share one, see `risky_out`."""
    return (
        tie.weak,
        tie.since,
        tie.opened,
        _event(tie.opened_event, source),
        tie.county,
        [(code(one.ref), one.revoked, source(one.source), one.event) for one in tie.bars],
        None if tie.court is None else (tie.court[0], source(tie.court[1]), tie.court[2]),
        [(code(one.ref), one.ended, source(one.source), one.event, one.flagged) for one in tie.predecessors],
    )


def risky_out(tie: Tie, source: Source, code: Callable[[int], str]) -> list[tuple[int, int, str, str]]:
    """Those at risk of a tie."""
    return [(at, source(number), event, code(ref)) for at, number, event, ref in tie.risky]


def tie_in(
    values: Sequence[Any],
    risky: tuple[tuple[int, int, str, int], ...],
    sources: Sequence[int],
    ref: Callable[[str], int],
) -> Tie:
    """The tie of a message, with the receiver's numbers."""
    weak, since, opened, opened_event, county, bars, court, predecessors = values
    return Tie(
        weak,
        since,
        opened,
        (sources[opened_event[0]], opened_event[1]) if opened_event else (0, ""),
        county,
        risky,
        tuple(Bar(ref(one[0]), one[1], sources[one[2]], one[3]) for one in bars),
        (court[0], sources[court[1]], court[2]) if court else None,
        tuple(Predecessor(ref(one[0]), one[1], sources[one[2]], one[3], one[4]) for one in predecessors),
    )


def risky_in(
    values: Sequence[Any], sources: Sequence[int], ref: Callable[[str], int]
) -> tuple[tuple[int, int, str, int], ...]:
    """Those at risk, with the receiver's numbers, in the order of its lists."""
    return tuple(sorted((one[0], sources[one[1]], one[2], ref(one[3])) for one in values))
