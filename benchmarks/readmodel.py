"""How fast the read model is written in PostgreSQL: `python -m benchmarks.readmodel [SIGNALS]` (default 40,000).

Against plain upserts, a statement for each row, of the same rows in transactions of the same size in the same run; then
what a change in a hub costs, and how long one signal takes by itself. The server is the tests' own, made durable
(fsync and full pages, as delivered), with everything else as it comes.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import perf_counter, process_time
from typing import Any, Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from benchmarks.machine import described, say
from config.moments import DAY, parse_moment
from monitor.store.postgresql.boardbatch import BoardBatch, Named, SignalItem, Stated
from monitor.store.postgresql.database import Database, salt_of
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.postgresql.versions import upgrade
from monitor.store.references import References
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.signalrows import body_of
from tests.postgres import Postgres

_BATCH: Final = 500
_NAMES_AT_ONCE: Final = 2_000
_ENTERPRISES: Final = 200_000
_PLAIN: Final = 4_000
"""Rows of the plain way: it is slow, and as slow for many as for some."""

_HUB: Final = 20_000
_NOW: Final = parse_moment("2026-06-01T00:00:00Z")


def code_of(number: int) -> str:
    """An enterprise's code."""
    return f"9133010{number:011d}"


def signals(number: int) -> list[SignalItem]:
    """Signals on rooms, of five enterprises and as many pieces of evidence each."""
    draws = random.Random(5)
    found = []
    for place in range(number):
        codes = [code_of(draws.randrange(_ENTERPRISES)) for _ in range(5)]
        evidence = [(_NOW - at * DAY, "//registry/zj", f"{place}-{at}", code) for at, code in enumerate(codes)]
        finding = Stated(level=2, value=5, since=_NOW - DAY, evidence=evidence, facts={"days": 180})
        found.append(
            SignalItem(
                writer=f"rooms/{place % 12}",
                epoch=1,
                detector="address-burst",
                version=1,
                kind="address",
                key=f"330106|文三路{place}号|1幢{place % 30}室",
                label=f"杭州市西湖区文三路{place}号1幢{place % 30}室",
                now=_NOW,
                finding=finding,
                region="330106",
                members=codes,
                lowest=3,
            )
        )
    return found


def names(number: int) -> list[Named]:
    """Names of enterprises."""
    return [Named(code_of(n), f"杭州第{n}号贸易有限公司", _NOW - n, "//registry/zj", f"e-{n}") for n in range(number)]


def parts(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Rows in batches."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def rate(what: str, number: int, work: Callable[[], None]) -> float:
    """Does some work, says how fast it was, and gives rows a second."""
    wall, processor = perf_counter(), process_time()
    work()
    wall, processor = perf_counter() - wall, process_time() - processor
    say(f"{what:44} {number / wall:>9,.0f}/s  {processor / number * 1e6:6.0f} µs of our own processor time each")
    return number / wall


def plain_names(connection: Connection, references: References, rows: Sequence[Named]) -> None:
    """A statement for each name."""
    for one in rows:
        statement = insert(ENTERPRISES).values(
            ref=references.reference("enterprise", one.code),
            code=one.code,
            name=one.name,
            named_at=one.at,
            named_by=one.source,
            named_in=one.id,
        )
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["ref"],
                set_={"name": new.name, "named_at": new.named_at, "named_by": new.named_by, "named_in": new.named_in},
                where=new.named_at > ENTERPRISES.c.named_at,
            )
        )


def plain_signals(connection: Connection, references: References, rows: Sequence[SignalItem]) -> None:
    """A statement for each signal, subject and member."""
    for one in rows:
        refs = [references.reference("enterprise", code) for code in one.members or ()]
        ref, finding = references.reference("address", one.key), one.finding or Stated(1, 0, 0)
        evidence = [
            (at, references.reference("source", source), event, references.reference("enterprise", code))
            for at, source, event, code in finding.evidence
        ]
        statement = insert(SIGNALS).values(
            detector=one.detector,
            ref=ref,
            version=one.version,
            kind=one.kind,
            level=finding.level,
            value=finding.value,
            region=one.region,
            since=finding.since,
            weak=finding.weak,
            stale=False,
            raised_at=one.now,
            raised_in=one.now,
            lowest=one.lowest,
            body=body_of(evidence, finding.deadlines, finding.facts),
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["detector", "ref"], set_={"level": statement.excluded.level}
            )
        )
        connection.execute(SIGNAL_MEMBERS.delete().where(SIGNAL_MEMBERS.c.ref == ref))
        for member in set(refs):
            connection.execute(insert(SIGNAL_MEMBERS).values(detector=one.detector, ref=ref, enterprise=member))


def measure(server: Postgres, number: int) -> None:
    """The whole comparison."""
    database = Database(server.url)
    upgrade(database)
    model = ReadModel(database.writer())
    offsets = count()

    def apply(**what: Any) -> None:
        offset = next(offsets)
        model.apply(BoardBatch("signals", 0, offset, offset + 1, **what))

    def in_batches(rows: Sequence[Any], size: int, what: str) -> Callable[[], None]:
        def work() -> None:
            for some in parts(rows, size):
                apply(**{what: list(some)})

        return work

    with database.engine.connect() as connection:
        references = References(salt_of(connection))

    def plainly(rows: Sequence[Any], size: int, write: Callable[..., None]) -> Callable[[], None]:
        def work() -> None:
            for some in parts(rows, size):
                with database.engine.begin() as connection:
                    write(connection, references, some)

        return work

    named, raised = names(_ENTERPRISES), signals(number + _PLAIN)
    plain = rate("names, a statement each", _PLAIN, plainly(named[:_PLAIN], _NAMES_AT_ONCE, plain_names))
    ours = rate("names, read model", len(named), in_batches(named, _NAMES_AT_ONCE, "names"))
    rate("names, the same again", len(named), in_batches(named, _NAMES_AT_ONCE, "names"))
    say(f"{'':44} {ours / plain:>9.1f} times the plain way")
    plain = rate("signals of 5, a statement each row", _PLAIN, plainly(raised[-_PLAIN:], _BATCH, plain_signals))
    ours = rate("signals of 5, read model", number, in_batches(raised[:number], _BATCH, "signals"))
    rate("signals of 5, the same again", number, in_batches(raised[:number], _BATCH, "signals"))
    say(f"{'':44} {ours / plain:>9.1f} times the plain way")
    one_by_one(apply, raised[:400])
    for size in (5, _HUB):
        hub(apply, raised[0], size)
    database.close()


def one_by_one(apply: Callable[..., None], rows: Sequence[SignalItem]) -> None:
    """How long one changed signal takes, in a transaction of its own."""
    took = []
    for place, row in enumerate(rows):
        finding = Stated(level=3, value=6 + place, since=_NOW)
        started = perf_counter()
        apply(signals=[changed(row, finding=finding)])
        took.append((perf_counter() - started) * 1000)
    took.sort()
    say(
        f"{'one changed signal, committed':44} {statistics.median(took):9.2f} ms, "
        f"p99 {took[len(took) * 99 // 100]:.2f} ms"
    )


def hub(apply: Callable[..., None], like: SignalItem, size: int) -> None:
    """What it costs that one comes and one goes, of so many."""
    key = f"hub-{size}"
    apply(signals=[changed(like, key=key, members=[code_of(n) for n in range(size)])])
    took = []
    for turn in range(50):
        finding = Stated(level=3, value=size + turn, since=_NOW)
        started = perf_counter()
        apply(
            signals=[
                changed(
                    like,
                    key=key,
                    members=None,
                    changed=[(code_of(turn), False), (code_of(size + turn), True)],
                    finding=finding,
                )
            ]
        )
        took.append((perf_counter() - started) * 1000)
    say(f"{f'one comes and one goes, of {size:,}':44} {statistics.median(took):9.2f} ms")


def changed(row: SignalItem, **fields: Any) -> SignalItem:
    """A signal with other fields."""
    return msgspec.structs.replace(row, **fields)


def main() -> None:
    """Starts the server, measures, stops it."""
    say(described())
    server = Postgres(settings={"fsync": "on", "full_page_writes": "on"})
    try:
        server.start()
        measure(server, int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
    finally:
        server.close()


if __name__ == "__main__":
    main()
