"""All classes in pieces on a cluster: those of the cut that begins it, whatever comes meanwhile and whoever goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from config import scorecards
from config.moments import as_text, parse_moment
from monitor.cluster.hosts.board import batch_of
from monitor.cluster.snapshots import SnapshotStore
from monitor.cluster.supervision import monthly
from monitor.cluster.supervision.book import SupervisionBook
from monitor.store.postgresql import versions
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.reader import looking
from monitor.store.work.classes import class_mix
from tests.cluster.test_supervision import of_class
from tests.engine import event, lines, shipped_rules
from tests.hosts import MemoryCluster
from tests.reference import cases

FIRST = parse_moment("2025-04-20T12:00:00+08:00")
BEGUN = parse_moment("2025-05-02T12:00:00+08:00")
TAKEN = parse_moment("2025-05-02T12:30:00+08:00")

Row = dict[str, Any]


class Model:
    """The read model of a cluster in memory, and supervision over it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.model = ReadModel(database.writer())

    @property
    def book(self) -> SupervisionBook:
        """Supervision as a new owner has it: nothing is remembered."""
        return SupervisionBook(self.database.writer(), shipped_rules(), scorecards.load(), None, 2)

    def take(self, cluster: MemoryCluster) -> None:
        """Writes whatever the hosts have said since."""
        for (topic, partition), records in sorted(cluster.broker.logs.items()):
            due = self.model.next_offset(topic, partition)
            if topic == "signals" and records[due:]:
                self.model.apply(batch_of(topic, partition, records[due:], due, len(records)))

    def sets(self, key: str, value: str) -> None:
        with self.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM meta WHERE key = :key"), {"key": key})
            connection.execute(text("INSERT INTO meta VALUES (:key, :value)"), {"key": key, "value": value})

    def cut(self, now: int) -> None:
        assert self.book.cut(9, now, now, lambda: True)

    def finish(self) -> None:
        """All pieces, each by a new owner."""
        while self.book.classes_wait():
            self.book.class_some(9)

    def classes(self) -> dict[str, Row]:
        with looking(self.database) as reader:
            return {one["subject"]: of_class(one) for one in reader.classes()}

    def mix(self) -> Counter[str]:
        with looking(self.database) as reader:
            return Counter({row["class"]: 0 for row in class_mix(reader.connection)}) + Counter(
                one for row in class_mix(reader.connection) for one in [row["class"]] * row["count"]
            )

    def cut_says(self) -> list[bytes]:
        return [one.packed for one in self.book.unlogged()]


@pytest.fixture
def cluster() -> MemoryCluster:
    """A case, worked out in memory."""
    made = MemoryCluster(2, shipped_rules(), SnapshotStore(f"memory://{uuid4().hex}"), random.Random(5))
    made.put(cases.make_case(77, 200))
    asyncio.run(made.run(troubles=0))
    return made


@pytest.fixture
def models(cluster: MemoryCluster, databases: Callable[[], Database]) -> tuple[Model, Model]:
    """Twice the same, with their first cuts."""
    made = Model(databases()), Model(databases())
    for one in made:
        one.take(cluster)
        one.sets("live", "1")
        one.cut(FIRST)
    return made


def more(cluster: MemoryCluster, model: Model, codes: list[str]) -> None:
    """Bad news of all enterprises."""
    rows = [event(code, "complaint.received", "2025-04-11T02:00:00Z", number="N", id=f"c-{code}") for code in codes]
    rows += [
        event(
            code, "enforcement.penalised", "2025-04-11T03:00:00Z", id=f"p-{code}", document=f"D-{code}", category="罚款"
        )
        for code in codes
    ]
    rows += [
        event(code, "enforcement.abnormal_listed", "2025-04-11T03:00:00Z", id=f"a-{code}", ground="unreachable")
        for code in codes[::4]
    ]
    cluster.put(lines(rows), first=10_000)
    asyncio.run(cluster.run(troubles=0))
    model.take(cluster)


def test_exactly_those_of_the_cut_that_begins_it(
    cluster: MemoryCluster, models: tuple[Model, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, reference = models
    monkeypatch.setattr(monthly, "_ENTERPRISES", 20)
    before = model.classes()
    model.cut(BEGUN)
    assert b"begun" in model.cut_says()[-1]
    assert model.classes() == before  # they do not hold yet
    reference.sets("classes", "")
    reference.cut(BEGUN)
    wanted = reference.classes()
    assert {one["as_of"] for one in wanted.values()} != {one["as_of"] for one in before.values()}

    model.book.class_some(9)
    more(cluster, model, sorted(wanted))  # bad news in the middle
    pieces = 1
    while model.book.classes_wait():
        model.book.class_some(9)
        pieces += 1
        if pieces == 3:  # the owner is killed in the middle of a piece: nothing of it stays
            with monkeypatch.context() as patch:
                patch.setattr(monthly, "note_done", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    model.book.class_some(9)
    assert pieces > 5
    assert model.classes() == before

    model.cut(TAKEN)
    assert b"taken" in model.cut_says()[-1]
    found = model.classes()
    newer = {code for code, one in found.items() if one["as_of"] not in {row["as_of"] for row in wanted.values()}}
    assert newer, "the bad news brought something red, which is classed by itself"
    assert {code: one for code, one in found.items() if code not in newer} == {
        code: one for code, one in wanted.items() if code not in newer
    }
    assert model.mix() == Counter(one["class"] for one in found.values())
    with model.database.engine.connect() as connection:
        assert versions.differences(connection) == []
        for table in ("classes_next", "classing_signals", "classing_members", "classing_linked", "classing_changed"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table  # noqa: S608 - of this file
    assert not model.book.classes_wait()


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_what_turned_red_meanwhile_has_the_newer_class(
    cluster: MemoryCluster, models: tuple[Model, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classed by itself at a cut between the pieces, and again as of the beginning: the newer one holds."""
    model, _ = models
    monkeypatch.setattr(monthly, "_ENTERPRISES", 20)
    model.cut(BEGUN)
    more(cluster, model, sorted(model.classes()))
    model.cut(TAKEN)
    by_themselves = {code: one for code, one in model.classes().items() if one["as_of"] == as_text(TAKEN)}
    assert by_themselves
    model.finish()
    model.cut(TAKEN)
    found = model.classes()
    assert {code: found[code] for code in by_themselves} == by_themselves
    assert {one["as_of"] for code, one in found.items() if code not in by_themselves} == {as_text(BEGUN)}
    assert model.mix() == Counter(one["class"] for one in found.values())


def test_somebody_reads_the_classes_meanwhile(models: tuple[Model, Model]) -> None:
    """A cut waits for no export: the classes hold from a later cut on."""
    model, _ = models
    model.cut(BEGUN)
    model.finish()
    with model.database.engine.begin() as reading:
        reading.execute(text("SELECT count(*) FROM classes"))
        model.cut(TAKEN)
        assert b"taken" not in model.cut_says()[-1]
        assert model.book.wants_cut()
    model.cut(TAKEN)
    assert b"taken" in model.cut_says()[-1]
    assert not model.book.wants_cut()


def test_other_cards_begin_anew(models: tuple[Model, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = models
    monkeypatch.setattr(monthly, "_ENTERPRISES", 20)
    model.cut(BEGUN)
    model.book.class_some(9)
    texts = {name: one.replace("D: 36", "D: 35") for name, one in scorecards.load().texts.items()}
    other = SupervisionBook(model.database.writer(), shipped_rules(), scorecards.Cards(texts), None, 2)
    assert not other.classes_wait()
    assert other.cut(9, TAKEN, TAKEN, lambda: True)
    assert b"begun" in model.cut_says()[-1]
    while other.classes_wait():
        other.class_some(9)
    assert other.cut(9, TAKEN, TAKEN, lambda: True)
    hashes = {one["card"] for one in model.classes().values()}
    assert hashes == {scorecards.Cards(texts).content_hash}
