"""Dead letters in the store: kept as they come, tried again, mended with a trace, counted by day, source and reason.

A count is kept beside the rows, in the same transaction, so that a page over a million of them reads some hundreds.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.moments import as_text, shanghai_date
from monitor.events.refusal import DeadLetter
from monitor.store.schema import DEAD_LETTER_COUNTS, DEAD_LETTERS

Which = Literal["open", "mended", "all"]

_LETTER: Final = DEAD_LETTERS.c
_COUNT: Final = DEAD_LETTER_COUNTS.c


class Chosen(msgspec.Struct, frozen=True):
    """Some dead letters: by reason and by source (none given: any), and received from `since` until before `until`,
    in microseconds since 1970.
    """

    reasons: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a row must fulfil."""
        found: list[ColumnElement[bool]] = []
        if self.reasons:
            found.append(_LETTER.reason.in_(self.reasons))
        if self.sources:
            found.append(_LETTER.source.in_(self.sources))
        if self.since is not None:
            found.append(_LETTER.received >= self.since)
        if self.until is not None:
            found.append(_LETTER.received < self.until)
        return found


ANY: Final = Chosen()
"""Every dead letter."""


class Became(msgspec.Struct, frozen=True):
    """The event that a dead letter became. `repeat`: it had come before by another way."""

    subject: str
    source: str
    id: str
    repeat: bool


class Mended(msgspec.Struct, frozen=True):
    """A dead letter that came through: `origin` is what it was read from."""

    number: int
    became: Became
    origin: str


class RefusedAgain(msgspec.Struct, frozen=True):
    """A dead letter that was refused once more, for the newest reason."""

    number: int
    reason: str
    detail: str


class DayCount(msgspec.Struct, frozen=True):
    """How many were refused on a day, by source and reason, and how many of them are open."""

    day: str
    source: str
    reason: str
    count: int
    open: int


# -- writing ----------------------------------------------------------------------------------------------------------


def write(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Adds what was refused."""
    if not letters:
        return
    connection.execute(
        DEAD_LETTERS.insert(),
        [{field: getattr(letter, field) for field in letter.__struct_fields__} for letter in letters],
    )
    came = Counter((_day(letter.received), letter.source, letter.reason) for letter in letters)
    _add(connection, came, came)


def settle(
    connection: Connection, mended: Sequence[Mended], again: Sequence[RefusedAgain], *, at: int, officer: str
) -> None:
    """Writes what became of open dead letters that were tried at a moment for an officer."""
    numbers = [one.number for one in mended] + [one.number for one in again]
    rows = connection.execute(
        select(_LETTER.number, _LETTER.received, _LETTER.source, _LETTER.reason).where(
            _LETTER.number.in_(numbers), _LETTER.mended_at.is_(None)
        )
    )
    keys = {row.number: (_day(row.received), row.source, row.reason) for row in rows}
    count: Counter[tuple[str, str, str]] = Counter()
    still_open: Counter[tuple[str, str, str]] = Counter()
    for one in mended:
        still_open[keys[one.number]] -= 1
        connection.execute(
            update(DEAD_LETTERS)
            .where(_LETTER.number == one.number)
            .values(
                mended_at=at,
                mended_by=officer,
                mended_from=one.origin,
                became=msgspec.json.encode(one.became).decode(),
                tries=_LETTER.tries + 1,
            )
        )
    for other in again:
        day, source, reason = keys[other.number]
        for counter in (count, still_open):
            counter[day, source, reason] -= 1
            counter[day, source, other.reason] += 1
        connection.execute(
            update(DEAD_LETTERS)
            .where(_LETTER.number == other.number)
            .values(reason=other.reason, detail=other.detail, tries=_LETTER.tries + 1)
        )
    _add(connection, count, still_open)


def _add(
    connection: Connection, count: Counter[tuple[str, str, str]], still_open: Counter[tuple[str, str, str]]
) -> None:
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(DEAD_LETTER_COUNTS)
    changed = [key for key in {**count, **still_open} if count[key] or still_open[key]]
    if not changed:
        return
    statement = insert.on_conflict_do_update(
        index_elements=["day", "source", "reason"],
        set_={"count": _COUNT.count + insert.excluded["count"], "open": _COUNT.open + insert.excluded["open"]},
    )
    connection.execute(
        statement,
        [
            {"day": day, "source": source, "reason": reason, "count": count[key], "open": still_open[key]}
            for key in changed
            for day, source, reason in (key,)
        ],
    )
    for day, source, reason in (key for key in changed if count[key] < 0):
        connection.execute(
            DEAD_LETTER_COUNTS.delete().where(
                _COUNT.day == day, _COUNT.source == source, _COUNT.reason == reason, _COUNT.count == 0
            )
        )


def _day(received: int) -> str:
    return shanghai_date(received).isoformat()


# -- reading ----------------------------------------------------------------------------------------------------------


def read(connection: Connection, chosen: Chosen, which: Which = "open") -> Iterator[dict[str, Any]]:
    """Dead letters in the order of arrival, as an export gives them; with those that are mended also their traces."""
    query = select(DEAD_LETTERS).where(*chosen.conditions(), *_state(which)).order_by(_LETTER.number)
    for row in connection.execution_options(yield_per=500).execute(query):
        yield _exported(row, traced=which != "open")


def batch(connection: Connection, chosen: Chosen, after: int, size: int) -> list[Any]:
    """The rows of the next open ones after a number."""
    query = select(DEAD_LETTERS).where(*chosen.conditions(), *_state("open"), _LETTER.number > after)
    return list(connection.execute(query.order_by(_LETTER.number).limit(size)).all())


def those(connection: Connection, numbers: Sequence[int], chosen: Chosen) -> list[Any]:
    """The rows of open ones by their numbers."""
    query = select(DEAD_LETTERS).where(*chosen.conditions(), *_state("open"), _LETTER.number.in_(numbers))
    return list(connection.execute(query.order_by(_LETTER.number)).all())


def newest(connection: Connection, reason: str | None, source: str | None, size: int) -> list[dict[str, Any]]:
    """The open ones that came last, newest first, of a reason and a source where these are given.

    It goes by the index of each reason there is, so that it costs the same however many dead letters there are.
    """
    reasons = [reason] if reason is not None else sorted({one for _, one in open_counts(connection)})
    rows: list[Any] = []
    for one in reasons:
        query = select(DEAD_LETTERS).where(_LETTER.reason == one, *_state("open"))
        if source is not None:
            query = query.where(_LETTER.source == source)
        rows += connection.execute(query.order_by(_LETTER.number.desc()).limit(size)).all()
    rows.sort(key=lambda row: -row.number)
    return [_exported(row, traced=False) for row in rows[:size]]


def counts(connection: Connection, chosen: Chosen) -> Iterator[DayCount]:
    """Counts by day, source and reason, in this order; the days of `chosen` are taken whole."""
    query = select(DEAD_LETTER_COUNTS)
    if chosen.reasons:
        query = query.where(_COUNT.reason.in_(chosen.reasons))
    if chosen.sources:
        query = query.where(_COUNT.source.in_(chosen.sources))
    if chosen.since is not None:
        query = query.where(_COUNT.day >= _day(chosen.since))
    if chosen.until is not None:
        query = query.where(_COUNT.day <= _day(chosen.until - 1))
    for day, source, reason, count, left in connection.execute(
        query.order_by(_COUNT.day, _COUNT.source, _COUNT.reason)
    ):
        yield DayCount(day, source, reason, count, left)


def open_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many are open, by source and reason."""
    rows = connection.execute(
        select(_COUNT.source, _COUNT.reason, func.sum(_COUNT.open))
        .where(_COUNT.open > 0)
        .group_by(_COUNT.source, _COUNT.reason)
    )
    return {(source, reason): int(count) for source, reason, count in rows}


def by_day(connection: Connection, since: dt.date, chosen: Chosen) -> dict[str, tuple[int, int]]:
    """How many came on each day from one on, and how many of them are open."""
    query = select(_COUNT.day, func.sum(_COUNT.count), func.sum(_COUNT.open)).where(_COUNT.day >= since.isoformat())
    if chosen.reasons:
        query = query.where(_COUNT.reason.in_(chosen.reasons))
    if chosen.sources:
        query = query.where(_COUNT.source.in_(chosen.sources))
    return {day: (int(count), int(left)) for day, count, left in connection.execute(query.group_by(_COUNT.day))}


def _state(which: Which) -> list[ColumnElement[bool]]:
    if which == "all":
        return []
    return [_LETTER.mended_at.is_(None) if which == "open" else _LETTER.mended_at.is_not(None)]


def _exported(row: Any, *, traced: bool) -> dict[str, Any]:
    letter = {
        "number": row.number,
        "source": row.source,
        "line": row.line,
        "offset": row.offset,
        "received": as_text(row.received),
        "reason": row.reason,
        "detail": row.detail,
        "text": row.text,
        "masked": row.masked,
        "digest": row.digest,
        "tries": row.tries,
    }
    if traced:
        letter |= {
            "mended_at": None if row.mended_at is None else as_text(row.mended_at),
            "mended_by": row.mended_by,
            "mended_from": row.mended_from,
            "became": None if row.became is None else msgspec.json.decode(row.became),
        }
    return letter
