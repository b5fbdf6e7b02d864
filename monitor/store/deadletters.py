"""Dead letters in the store: kept as they come, tried again, mended with a trace, counted by day, source and reason.

A count is kept beside the rows, in the same transaction, so that a page over a million of them reads some hundreds.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from config.moments import as_text, shanghai_date
from monitor.events.refusal import DeadLetter
from monitor.store.postgresql import cluster_schema
from monitor.store.schema import DEAD_LETTER_COUNTS, DEAD_LETTERS, OPEN_DEAD_LETTERS

Which = Literal["open", "mended", "all"]
Key = tuple[str, str, str]
"""Day, source and reason."""

_LETTER: Final = DEAD_LETTERS.c
_COUNT: Final = DEAD_LETTER_COUNTS.c


_MENDED: Final = (
    update(DEAD_LETTERS)
    .where(_LETTER.number == bindparam("which"))
    .values(
        mended_at=bindparam("at"),
        mended_by=bindparam("officer"),
        mended_from=bindparam("origin"),
        became=bindparam("event"),
        tries=_LETTER.tries + 1,
    )
)
_AGAIN: Final = (
    update(DEAD_LETTERS)
    .where(_LETTER.number == bindparam("which"))
    .values(reason=bindparam("newest"), detail=bindparam("where"), tries=_LETTER.tries + 1)
)


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


def write_once(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Adds to the database of a cluster what was refused, each with its `identity`; how many were not there yet."""
    if not rows:
        return 0
    statement = postgresql.insert(cluster_schema.DEAD_LETTERS).on_conflict_do_nothing(index_elements=["identity"])
    added = cluster_schema.DEAD_LETTERS.c
    new = connection.execute(
        statement.returning(added.received, added.source, added.reason, added.mended_at), list(rows)
    ).all()
    keys = [((_day(row.received), row.source, row.reason), row.mended_at is None) for row in new]
    _add(connection, Counter(key for key, _ in keys), Counter(key for key, is_open in keys if is_open))
    return len(new)


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
    count: Counter[Key] = Counter()
    still_open: Counter[Key] = Counter()
    for one in mended:
        still_open[keys[one.number]] -= 1
    if mended:
        connection.execute(
            _MENDED,
            [
                {
                    "which": one.number,
                    "at": at,
                    "officer": officer,
                    "origin": one.origin,
                    "event": msgspec.json.encode(one.became).decode(),
                }
                for one in mended
            ],
        )
    for other in again:
        day, source, reason = keys[other.number]
        for counter in (count, still_open):
            counter[day, source, reason] -= 1
            counter[day, source, other.reason] += 1
    if again:
        connection.execute(_AGAIN, [{"which": one.number, "newest": one.reason, "where": one.detail} for one in again])
    _add(connection, count, still_open)


def _add(connection: Connection, count: Counter[Key], still_open: Counter[Key]) -> None:
    """Adds to the counts of days, and to those of open ones."""
    changed = [key for key in sorted({**count, **still_open}) if count[key] or still_open[key]]
    _increase(
        connection,
        DEAD_LETTER_COUNTS,
        ("day", "source", "reason"),
        [(*key, count[key], still_open[key]) for key in changed],
    )
    opened: Counter[tuple[str, ...]] = Counter()
    for (_, source, reason), change in still_open.items():
        opened[source, reason] += change
    _increase(
        connection,
        OPEN_DEAD_LETTERS,
        ("source", "reason"),
        [(*key, change) for key, change in sorted(opened.items()) if change],
    )


def _increase(connection: Connection, table: Table, keys: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Adds numbers to the counts of rows; a row whose first count comes to nothing goes."""
    if not rows:
        return
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table)
    names = [column.name for column in table.c]
    added = {name: table.c[name] + insert.excluded[name] for name in names if name not in keys}
    connection.execute(
        insert.on_conflict_do_update(index_elements=keys, set_=added),
        [dict(zip(names, row, strict=True)) for row in rows],
    )
    for row in rows:
        if row[len(keys)] < 0:
            here = [table.c[key] == value for key, value in zip(keys, row, strict=False)]
            connection.execute(table.delete().where(*here, table.c["count"] == 0))


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
    counted = open_counts(connection)
    if source is not None:
        counted = {key: count for key, count in counted.items() if key[0] == source}
    rows: list[Any] = []
    for one in sorted({key[1] for key in counted if reason in (None, key[1])}):
        query = select(DEAD_LETTERS).where(_LETTER.reason == one, *_state("open"))
        index = "open_dead_letters_by_reason"
        if source is not None:
            query, index = query.where(_LETTER.source == source), "open_dead_letters_by_source"
        # Without statistics SQLite may choose the other index, and read hundreds of thousands of rows.
        query = query.with_hint(DEAD_LETTERS, f"INDEXED BY {index}", "sqlite")
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
    rows = connection.execute(select(OPEN_DEAD_LETTERS))
    return {(source, reason): count for source, reason, count in rows}


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
