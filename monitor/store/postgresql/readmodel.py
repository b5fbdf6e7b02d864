"""Writes the read model of a cluster: what workers say, batch by batch, into PostgreSQL.

A batch is written in one transaction with the offset up to which its partition is applied and the epochs of those who
spoke: after a crash, a rebalance or a redelivery nothing is missing and nothing counts twice. Batches of several
partitions may share a transaction, which costs hardly more than one of them. Several workers may write at once, each
for partitions of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Connection, Engine, any_, bindparam, cast, delete, exists, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import OperationalError

from monitor.events.refusal import DeadLetter
from monitor.store import bulk, deadletters, signalrows
from monitor.store.postgresql import conduct
from monitor.store.postgresql.boardbatch import LISTS, BoardBatch, ParkedItem, SignalItem, Stated, TotalsItem
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS, WORKER_COUNTERS, WORKER_PARKED
from monitor.store.postgresql.conduct_schema import LIVE
from monitor.store.postgresql.database import answering, salt_of
from monitor.store.postgresql.places import Places
from monitor.store.references import References
from monitor.store.referents import Known, Referents, text
from monitor.store.schema import KIND_OF_STAGE, META, SIGNALS
from monitor.store.signalrows import Change, Key, Row, body_of, merge
from monitor.store.work import objections
from monitor.store.work.alert_schema import note_changes

_TRIES: Final = 5
_AGAIN: Final = frozenset({"40001", "40P01"})
"""A deadlock, or a transaction that cannot be put in an order: the same again succeeds."""

_KNOWN: Final = 1 << 19
"""References that are remembered as being there."""

_LONGEST_SOURCE: Final = 600


class Applied(msgspec.Struct, frozen=True):
    """What became of a batch: `skipped` if it was applied before; else how many of its items were refused because a
    later owner of their writer's part has spoken. `new_letters`: how many of its dead letters are new, and of those of
    all batches in its transaction.
    """

    skipped: bool = False
    refused: int = 0
    new_letters: int = 0


class ReadModel:
    """The read model in a database whose tables are of the program's version (`Database.writer`).

    Several threads may use one, each for partitions of its own.
    """

    def __init__(self, engine: Engine) -> None:
        """Nothing is asked yet."""
        self.engine = engine
        self._references: References | None = None
        self._known: Known = {}

    def next_offset(self, topic: str, partition: int) -> int:
        """Up to where a partition is applied: the offset that the next batch begins with. Raises DatabaseGoneError."""
        place = BOARD_OFFSETS.c
        with answering(), self.engine.connect() as connection:
            found = connection.execute(
                select(place.next).where(place.topic == topic, place.partition == partition)
            ).scalar()
        return 0 if found is None else int(found)

    def apply(self, batch: BoardBatch) -> Applied:
        """Writes a batch, wholly or not at all.

        Raises GapError where something before it is missing, DatabaseGoneError where the database cannot be reached
        (the same call succeeds once it can), CollisionError where two texts meet in one reference.
        """
        return self.apply_together([batch])[0]

    def apply_together(self, batches: Sequence[BoardBatch]) -> list[Applied]:
        """Writes batches of several partitions in one transaction, all or none; see `apply`."""
        with answering():
            for tried in range(1, _TRIES):
                try:
                    return self._apply(batches)
                except OperationalError as error:
                    if getattr(error.orig, "sqlstate", None) not in _AGAIN:
                        raise
                    time.sleep(0.01 * tried)
            return self._apply(batches)

    def _apply(self, batches: Sequence[BoardBatch]) -> list[Applied]:
        try:
            with self.engine.begin() as connection:
                if self._references is None:
                    self._references = References(salt_of(connection))
                writing = _Writing(connection, self._references, self._known)
                applied = writing.write(batches)
        except BaseException:
            self._known.clear()
            raise
        if len(self._known) > _KNOWN:
            self._known.clear()
        self._known.update(writing.texts.found)
        return applied


class _Writing:
    """Batches in their transaction."""

    def __init__(self, connection: Connection, references: References, known: Known) -> None:
        self.texts = Referents(connection, references, known)
        self._connection = connection
        self._changes: dict[Key, Change | None] = {}
        self._items: dict[Key, tuple[SignalItem, int]] = {}
        self._ended: set[Key] = set()

    def write(self, batches: Sequence[BoardBatch]) -> list[Applied]:
        places = Places(self._connection, batches)
        if not places.due:
            return [Applied(skipped=True)] * len(batches)
        said = {id(batch): places.in_force(batch) for batch in places.due}
        whole = _together([*said.values()])
        self._pending(whole.signals)
        rows = [self._row(key, change.finding) for key, change in self._changes.items() if change is not None]
        parked_rows = {item.writer: self._parked_rows(item) for item in whole.parked}
        known = conduct.rows_of(self.texts, whole.conduct), conduct.linked_rows(self.texts, whole.linked)
        self.texts.write(whole.names)
        conduct.write(self._connection, *known)
        conduct.write_audited(self._connection, whole.audited)
        objections.write_rows(self._connection, [msgspec.structs.astuple(one) for one in whole.objections])
        self._write_signals(rows)
        self._mark_stale(self._write_parked(parked_rows), rows)
        self._write_totals(whole.totals)
        letters = self._letters(whole.letters)
        places.advance()
        self._close(whole)
        return [
            Applied(refused=batch.items - said[id(batch)].items, new_letters=letters)
            if id(batch) in said
            else Applied(skipped=True)
            for batch in batches
        ]

    def _close(self, whole: BoardBatch) -> None:
        """Now comes last: other workers wait for its row until the transaction ends."""
        if whole.live:
            bulk.insert(self._connection, META, ("key", "value"), [(LIVE, "1")], bulk.leave)
        if whole.now is not None:
            statement = insert(META).values(key="now", value=str(whole.now))
            self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["key"],
                    set_={"value": statement.excluded.value},
                    where=cast(statement.excluded.value, BigInteger) > cast(META.c.value, BigInteger),
                )
            )

    # -- signals ------------------------------------------------------------------------------------------------------

    def _pending(self, items: Sequence[SignalItem]) -> None:
        """What the batch comes to for each signal. An end counts also where the signal was raised again after it:
        the row is another then, with its own moment of raising.
        """
        for item in items:
            key = (item.detector, self.texts.subject(item.kind, item.key, item.label))
            finding = item.finding
            if finding is None:
                self._changes[key] = None
                self._ended.add(key)
                continue
            before = self._changes.get(key)
            raised = item.now
            if before is not None and finding.level <= before.finding.level:
                raised = self._items[key][1]
            self._items[key] = item, raised
            members = None if item.members is None else map(self.texts.enterprise, item.members)
            changed = [(self.texts.enterprise(code), is_in) for code, is_in in item.changed]
            merge(self._changes, key, finding, item.kind, item.region, members, changed)

    def _row(self, key: Key, finding: Stated) -> Row:
        item, raised = self._items[key]
        evidence = [
            (at, self.texts.source(source), event, self.texts.enterprise(code))
            for at, source, event, code in finding.evidence
        ]
        return Row(
            detector=item.detector,
            ref=key[1],
            version=item.version,
            kind=item.kind,
            level=finding.level,
            value=float(finding.value),
            region=item.region,
            since=finding.since,
            weak=finding.weak,
            stale=item.stale,
            raised_at=raised,
            raised_in=raised,
            lowest=float(item.lowest),
            body=body_of(evidence, finding.deadlines, finding.facts),
        )

    def _write_signals(self, rows: Sequence[Row]) -> None:
        whole: dict[Key, set[int]] = {}
        partly: dict[Key, dict[int, bool]] = {}
        for key, change in self._changes.items():
            if change is None:
                continue
            if change.members is None:
                partly[key] = change.changed
            else:
                whole[key] = change.members
        signalrows.end(self._connection, sorted(self._ended))
        signalrows.upsert(self._connection, rows)
        signalrows.write_members(self._connection, whole, partly)
        note_changes(self._connection, self._changes)

    # -- parked subjects, totals, dead letters ------------------------------------------------------------------------

    def _parked_rows(self, item: ParkedItem) -> list[tuple[str, str, int, str]]:
        return [
            (item.writer, stage, self.texts.subject(KIND_OF_STAGE.get(stage, "enterprise"), key), text(reason))
            for stage, key, reason in item.subjects
        ]

    def _write_parked(self, by_writer: dict[str, list[tuple[str, str, int, str]]]) -> set[tuple[str, int]]:
        """The parked subjects of some writers; all subjects that are or were among them."""
        touched: set[tuple[str, int]] = set()
        parked = WORKER_PARKED.c
        for writer, rows in by_writer.items():
            gone = self._connection.execute(
                delete(WORKER_PARKED).where(parked.writer == writer).returning(parked.stage, parked.ref)
            )
            touched.update((KIND_OF_STAGE.get(stage, "enterprise"), ref) for stage, ref in gone)
            touched.update((KIND_OF_STAGE.get(stage, "enterprise"), ref) for _, stage, ref, _ in rows)
            bulk.insert(self._connection, WORKER_PARKED, ("writer", "stage", "ref", "reason"), rows, bulk.leave)
        return touched

    def _mark_stale(self, parked: set[tuple[str, int]], rows: Sequence[Row]) -> None:
        """Signals of parked subjects are marked, those of subjects that are free again are not."""
        by_kind: dict[str, set[int]] = {}
        if self._connection.execute(select(WORKER_PARKED.c.ref).limit(1)).first() is not None:
            parked = parked | {(row.kind, row.ref) for row in rows if not row.stale}
        for kind, ref in parked:
            by_kind.setdefault(kind, set()).add(ref)
        is_parked = exists().where(WORKER_PARKED.c.ref == SIGNALS.c.ref)
        for kind, refs in sorted(by_kind.items()):
            these = any_(bindparam("refs", sorted(refs), ARRAY(BigInteger)))
            self._connection.execute(
                update(SIGNALS)
                .where(SIGNALS.c.kind == kind, SIGNALS.c.ref == these, SIGNALS.c.stale != is_parked)
                .values(stale=is_parked)
            )

    def _write_totals(self, items: Iterable[TotalsItem]) -> None:
        rows = {(one.writer, name, label): value for one in items for name, label, value in one.totals}
        keys = ("writer", "name", "label")
        bulk.insert(
            self._connection,
            WORKER_COUNTERS,
            (*keys, "value"),
            [(*key, value) for key, value in rows.items()],
            bulk.replace(keys, ("value",)),
        )

    def _letters(self, letters: Iterable[DeadLetter]) -> int:
        """Writes the dead letters that are new; how many they are."""
        rows: dict[bytes, dict[str, Any]] = {}
        for letter in letters:
            identity = identity_of(letter.source, letter.offset, letter.line)
            rows.setdefault(identity, letter_row(identity, msgspec.structs.asdict(letter)))
        return deadletters.write_once(self._connection, list(rows.values()))


def _together(batches: Sequence[BoardBatch]) -> BoardBatch:
    """What some batches of different partitions say, as one."""
    if len(batches) == 1:
        return batches[0]
    lists = {name: [one for batch in batches for one in getattr(batch, name)] for name in LISTS}
    nows = [batch.now for batch in batches if batch.now is not None]
    return BoardBatch("", -1, 0, 0, **lists, live=any(batch.live for batch in batches), now=max(nows, default=None))


def letter_row(identity: bytes, columns: dict[str, Any]) -> dict[str, Any]:
    """A dead letter as the database takes it; the name of its source, which indexes hold, is cut where it is long."""
    found = {name: text(value) if isinstance(value, str) else value for name, value in columns.items()}
    return {**found, "source": found["source"][:_LONGEST_SOURCE], "identity": identity}


def identity_of(source: str, *place: int) -> bytes:
    """What tells a dead letter from others: its place in its source."""
    named = ":".join((*map(str, place), source))
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).digest()
