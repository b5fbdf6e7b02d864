"""Classes as rows: what of the signals in force counts whom, the writing of reckonings, and their reading."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, Table, bindparam, delete, func, insert, inspect, select

from config.moments import as_text, shanghai_date
from config.scorecards import Cards
from monitor.classing.items import Reckoning
from monitor.classing.reckoning import Standing
from monitor.store import bulk
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS, SOURCES
from monitor.store.work.classes_schema import CLASS_MIX, CLASSES, CLASSES_NEXT, SCORECARDS

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Reckoning).decode
_AT_ONCE: Final = 1_000
_COLUMNS: Final = tuple(column.name for column in CLASSES.c)
_MIX: Final = ("region", "kind", "class", "count")
_BODY: Final = select(CLASSES.c.body).where(CLASSES.c.ref == bindparam("the_ref"))

Place = tuple[str, str, str]
"""County (empty: unknown), kind and class, by which classes are counted."""

Row = tuple[int, str, int, int, int, str, str, bytes | None]


class Gathering:
    """Signals in force by the enterprises that they count, gathered row by row from what `counted` asks for."""

    def __init__(self) -> None:
        """Nothing is gathered."""
        self._found: dict[int, list[Standing]] = {}
        self._made: dict[tuple[str, int], Standing] = {}

    def take(self, rows: Iterable[Any]) -> None:
        """Some rows more."""
        for enterprise, detector, ref, level, since, kind, body in rows:
            if kind == "enterprise" and enterprise != ref:
                continue  # a finding on one enterprise names others, of which it says nothing
            standing = self._made.get((detector, ref))
            if standing is None:
                evidence = tuple((one[0], one[1], one[2], one[3]) for one in msgspec.msgpack.decode(body)[0][-100:])
                standing = self._made[detector, ref] = Standing(detector, level, since, evidence)
            self._found.setdefault(enterprise, []).append(standing)

    def of(self, enterprise: int) -> Sequence[Standing]:
        """Those of an enterprise, in an order of their own."""
        found = self._found.get(enterprise, [])
        if len(found) > 1:
            found.sort(key=lambda one: (one.detector, one.since, one.level, [e[2] for e in one.evidence]))
        return found

    def enterprises(self) -> Iterable[int]:
        """Those that any signal counts."""
        return self._found.keys()


def counted(detectors: Collection[str], signals: Table = SIGNALS, members: Table = SIGNAL_MEMBERS) -> Select[Any]:
    """The question for the signals in force of some detectors and the enterprises that they count."""
    signal = signals.c
    return (
        select(
            *(members.c.enterprise, signal.detector, signal.ref, signal.level, signal.since, signal.kind, signal.body)
        )
        .join(signals, (signal.detector == members.c.detector) & (signal.ref == members.c.ref))
        .where(signal.detector.in_(sorted(detectors)), signal.weak.is_(False))
    )


def standings(
    connection: Connection, detectors: Collection[str], refs: Sequence[int] | None = None
) -> dict[int, Sequence[Standing]]:
    """The signals in force of some detectors by the enterprises that they count; of some enterprises, or of all."""
    return standings_of(connection, counted(detectors), SIGNAL_MEMBERS, refs)


def standings_of(
    connection: Connection, query: Select[Any], members: Table, refs: Sequence[int] | None
) -> dict[int, Sequence[Standing]]:
    """The same by a question that `counted` made of some tables."""
    if refs is not None:
        query = query.where(bulk.among(connection, members.c.enterprise, refs))
    gathered = Gathering()
    gathered.take(connection.execute(query))
    return {enterprise: gathered.of(enterprise) for enterprise in gathered.enterprises()}


def number_of(connection: Connection, cards: Cards) -> int:
    """The number of the cards in the table that keeps them."""
    known = connection.execute(
        select(SCORECARDS.c.number).where(SCORECARDS.c.content_hash == cards.content_hash)
    ).scalar()
    if known is not None:
        return int(known)
    number = int(connection.execute(select(func.max(SCORECARDS.c.number))).scalar() or 0) + 1
    texts = json.dumps(cards.texts, ensure_ascii=False)
    connection.execute(insert(SCORECARDS).values(number=number, content_hash=cards.content_hash, texts=texts))
    return number


def cards_of(connection: Connection, number: int) -> Cards:
    """The cards of a number, as they were when classes were worked out by them."""
    texts = connection.execute(select(SCORECARDS.c.texts).where(SCORECARDS.c.number == number)).scalar_one()
    return Cards(json.loads(texts))


def write_all(
    connection: Connection, reckonings: Iterable[tuple[int, Reckoning | None]], as_of: int, card: int
) -> Counter[str]:
    """Writes the classes of all enterprises in place of what stood there; how many have which."""
    connection.execute(delete(CLASSES))
    mix: Counter[Place] = Counter()
    rows = (_row(ref, one, as_of, card) for ref, one in reckonings if one is not None)
    while some := list(islice(rows, _AT_ONCE)):
        _insert(connection, some)
        mix.update((row[6], row[5], row[1]) for row in some)
    _write_mix(connection, mix)
    totals: Counter[str] = Counter()
    for (_, _, name), count in mix.items():
        totals[name] += count
    return totals


def write_some(
    connection: Connection, reckonings: Sequence[tuple[int, Reckoning | None]], as_of: int, card: int
) -> None:
    """Writes the classes of some enterprises."""
    here = bulk.among(connection, CLASSES.c.ref, [ref for ref, _ in reckonings])
    before = connection.execute(select(CLASSES.c.region, CLASSES.c.kind, CLASSES.c["class"]).where(here)).all()
    connection.execute(delete(CLASSES).where(here))
    rows = [_row(ref, one, as_of, card) for ref, one in reckonings if one is not None]
    _insert(connection, rows)
    moved = Counter((row[6], row[5], row[1]) for row in rows)
    moved.subtract((row[0], row[1], row[2]) for row in before)
    changes = [(*place, count) for place, count in moved.items() if count]
    bulk.insert(connection, CLASS_MIX, _MIX, changes, _added)
    if any(count < 0 for *_, count in changes):
        connection.execute(delete(CLASS_MIX).where(CLASS_MIX.c["count"] == 0))


def _added(statement: Any) -> Any:
    grown = CLASS_MIX.c["count"] + statement.excluded["count"]
    return statement.on_conflict_do_update(index_elements=_MIX[:3], set_={"count": grown})


def write_next(
    connection: Connection, refs: range, reckonings: Iterable[tuple[int, Reckoning | None]], as_of: int, card: int
) -> Counter[Place]:
    """Writes the classes of the enterprises of a range of numbers where they do not hold yet; how many are where."""
    here = CLASSES_NEXT.c.ref
    connection.execute(delete(CLASSES_NEXT).where(here >= refs.start, here < refs.stop))
    rows = [_row(ref, one, as_of, card) for ref, one in reckonings if one is not None]
    _insert(connection, rows, CLASSES_NEXT)
    return Counter((row[6], row[5], row[1]) for row in rows)


def take_next(connection: Connection, count: int, kept: Collection[int], mix: Counter[Place]) -> None:
    """Lets the classes hold that `write_next` wrote for the numbers below `count`, of which `mix` says how many are
    where; those of the enterprises `kept` stay as they are.

    The two tables change their names: that takes no longer for millions of rows.
    """
    connection.execute(delete(CLASSES_NEXT).where(CLASSES_NEXT.c.ref >= count))
    if kept:
        for table, change in ((CLASSES_NEXT, mix.subtract), (CLASSES, mix.update)):
            here = bulk.among(connection, table.c.ref, sorted(kept))
            places = select(table.c.region, table.c.kind, table.c["class"]).where(here)
            change([(row[0], row[1], row[2]) for row in connection.execute(places).all()])
        newer = bulk.among(connection, CLASSES_NEXT.c.ref, sorted(kept))
        connection.execute(delete(CLASSES_NEXT).where(newer))
        those = select(CLASSES).where(bulk.among(connection, CLASSES.c.ref, sorted(kept)))
        connection.execute(insert(CLASSES_NEXT).from_select(list(CLASSES.c), those))
    for old, new in (("classes", "classes_last"), ("classes_next", "classes"), ("classes_last", "classes_next")):
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
    _write_mix(connection, mix)


def forget_next(connection: Connection) -> None:
    """Forgets what does not hold: classes that were being worked out, or held before the last ones."""
    connection.execute(delete(CLASSES_NEXT))


def numbering(connection: Connection) -> str:
    """A digest of which number stands for which enterprise and source: what rows of classes rest on."""
    digest = hashlib.sha256()
    for query in (
        select(ENTERPRISES.c.ref, ENTERPRISES.c.code).order_by(ENTERPRISES.c.ref),
        select(SOURCES.c.ref, SOURCES.c.name).order_by(SOURCES.c.ref),
    ):
        for ref, name in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
            digest.update(f"{ref} {name}\0".encode())
    return digest.hexdigest()


def forget(connection: Connection) -> None:
    """Forgets all classes, where numbers of enterprises will be given anew."""
    connection.execute(delete(CLASSES))
    forget_next(connection)
    connection.execute(delete(CLASS_MIX))


def _row(ref: int, one: Reckoning, as_of: int, card: int) -> Row:
    region = f"{one.county:06d}" if one.county else ""
    return ref, one.class_, one.score, as_of, card, one.kind, region, _pack(one) if one.items else None


def _insert(connection: Connection, rows: Sequence[Row], table: Table = CLASSES) -> None:
    """By position, compiled once: binding millions of small rows by name costs more than writing them."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        columns = ", ".join(f'"{name}"' for name in _COLUMNS)
        marks = ", ".join("?" * len(_COLUMNS))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", list(rows))  # noqa: S608 - names of our own
    else:
        connection.execute(insert(table), [dict(zip(_COLUMNS, row, strict=True)) for row in rows])


def _write_mix(connection: Connection, mix: Counter[Place]) -> None:
    connection.execute(delete(CLASS_MIX))
    rows = [
        {"region": region, "kind": kind, "class": name, "count": count}
        for (region, kind, name), count in mix.items()
        if count
    ]
    if rows:
        connection.execute(insert(CLASS_MIX), rows)


def class_mix(connection: Connection) -> list[dict[str, Any]]:
    """How many enterprises have which class, by county (empty: unknown) and kind."""
    if not available(connection):
        return []
    order = (CLASS_MIX.c.region, CLASS_MIX.c.kind, CLASS_MIX.c["class"])
    return [dict(row) for row in connection.execute(select(CLASS_MIX).order_by(*order)).mappings()]


def available(connection: Connection) -> bool:
    """Whether the database holds classes at all."""
    return inspect(connection).has_table(CLASS_MIX.name)


def known(connection: Connection) -> Iterator[tuple[int, str]]:
    """Every class by the number of its enterprise."""
    for row in connection.execute(select(CLASSES.c.ref, CLASSES.c["class"])):
        yield row[0], row[1]


def by_code(connection: Connection, counties: Collection[str]) -> dict[str, str]:
    """The classes of the enterprises of some counties."""
    query = (
        select(ENTERPRISES.c.code, CLASSES.c["class"])
        .join(CLASSES, CLASSES.c.ref == ENTERPRISES.c.ref)
        .where(CLASSES.c.region.in_(sorted(counties)))
    )
    return {code: name for code, name in connection.execute(query)}


def is_tolerated(connection: Connection, ref: int) -> bool:
    """Whether the reckoning of an enterprise says that its fault is tolerated (容错)."""
    body = connection.execute(_BODY, {"the_ref": ref}).scalar()
    return body is not None and _unpack(body).tolerated


class Found(msgspec.Struct, frozen=True):
    """A class as it stands, with its reckoning (None: no item counts) and the cards that made it."""

    subject: str
    class_: str
    score: int
    as_of: int
    card: int
    reckoning: Reckoning | None


def read(connection: Connection, code: str | None = None) -> Iterator[Found]:
    """The classes of all enterprises in the order of their numbers, or that of one."""
    query = (
        select(CLASSES, ENTERPRISES.c.code)
        .join(ENTERPRISES, ENTERPRISES.c.ref == CLASSES.c.ref)
        .order_by(CLASSES.c.ref)
    )
    if code is not None:
        query = query.where(ENTERPRISES.c.code == code)
    for values in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings():
        body = None if values["body"] is None else _unpack(values["body"])
        yield Found(values["code"], values["class"], values["score"], values["as_of"], values["card"], body)


def exported(connection: Connection, source: Any) -> Iterator[dict[str, Any]]:
    """Classes as `export classes` prints them; `source`: the name of a source by its number."""
    hashes = dict(connection.execute(select(SCORECARDS.c.number, SCORECARDS.c.content_hash)).all())
    codes: dict[int, str] = {}
    for one in read(connection):
        items = one.reckoning.items if one.reckoning is not None else ()
        wanted = {event[3] for item in items for event in item.events}.difference(codes)
        if wanted:
            chosen = select(ENTERPRISES.c.ref, ENTERPRISES.c.code).where(ENTERPRISES.c.ref.in_(wanted))
            codes.update((row[0], row[1]) for row in connection.execute(chosen))
        yield {
            "subject": one.subject,
            "class": one.class_,
            "score": one.score,
            "as_of": as_text(one.as_of),
            "card": hashes[one.card],
            "items": [
                {
                    "id": item.id,
                    "dimension": item.dimension,
                    "fact": item.fact,
                    "points": item.points,
                    "date": shanghai_date(item.at).isoformat(),
                    "events": [
                        {
                            "id": event,
                            "source": source(number),
                            "subject": codes.get(enterprise, ""),
                            "time": as_text(at),
                            "date": shanghai_date(at).isoformat(),
                        }
                        for at, number, event, enterprise in item.events
                    ],
                    "lapses": None if item.lapses_at is None else shanghai_date(item.lapses_at).isoformat(),
                    "disputed": item.disputed,
                }
                for item in items
            ],
            "disputed": any(item.disputed for item in items),
            "tolerated": one.reckoning is not None and one.reckoning.tolerated,
        }
