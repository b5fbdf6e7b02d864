"""The read model as workers write it: offsets, epochs, signals and their members."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from config.moments import DAY, as_text
from monitor.cluster.hosts.groupcommit import GroupCommit
from monitor.store.errors import GapError
from monitor.store.postgresql.boardbatch import BoardBatch, Named, ParkedItem, SignalItem, TotalsItem
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import Applied, ReadModel
from monitor.store.reader import Reader
from tests.cluster.boards import Board, found, item, letter
from tests.engine import CLOCK


@pytest.fixture
def board(database: Database) -> Board:
    return Board(database)


# --- offsets


def test_a_batch_counts_once_and_a_gap_is_refused(board: Board) -> None:
    model = board.model
    assert model.next_offset("signals", 3) == 0
    first = BoardBatch("signals", 3, 0, 5, signals=[item("a", found(1))])
    assert not model.apply(first).skipped
    assert model.next_offset("signals", 3) == 5
    assert model.next_offset("signals", 2) == model.next_offset("other", 3) == 0
    assert model.apply(BoardBatch("signals", 3, 0, 5, signals=[item("a", None)])).skipped
    assert model.apply(BoardBatch("signals", 3, 2, 4, signals=[item("a", None)])).skipped
    assert set(board.signals()) == {"a"}
    with pytest.raises(GapError, match="5 is due and 6 came"):
        model.apply(BoardBatch("signals", 3, 6, 7, signals=[item("b", found(1))]))
    assert model.next_offset("signals", 3) == 5
    # What was applied in part is applied again: everything in it is absolute.
    assert not model.apply(BoardBatch("signals", 3, 3, 8, signals=[item("a", found(1)), item("b", found(1))])).skipped
    assert (model.next_offset("signals", 3), set(board.signals())) == (8, {"a", "b"})


def test_batches_of_several_partitions_are_written_together_or_not_at_all(board: Board) -> None:
    model = board.model
    model.apply(BoardBatch("signals", 0, 0, 2, signals=[item("a", found(1), epoch=5)]))
    together = [
        BoardBatch("signals", 1, 0, 4, signals=[item("b", found(1), epoch=3), item("c", found(1), epoch=2)]),
        BoardBatch("signals", 0, 0, 2, signals=[item("a", None)]),
        BoardBatch("dead-letters", 0, 0, 1, letters=[letter(1)]),
    ]
    with pytest.raises(GapError, match="signals/2"):
        model.apply_together([*together, BoardBatch("signals", 2, 1, 2)])
    assert set(board.signals()) == {"a"}
    assert model.next_offset("signals", 1) == model.next_offset("dead-letters", 0) == 0
    applied = model.apply_together(together)
    # Epochs are those of a partition: what stands in another one raises none here.
    assert [(one.skipped, one.refused) for one in applied] == [(False, 1), (True, 0), (False, 0)]
    assert applied[2].new_letters == 1
    assert set(board.signals()) == {"a", "b"}
    assert [model.next_offset(*place) for place in (("signals", 0), ("signals", 1), ("dead-letters", 0))] == [2, 4, 1]


def test_a_gap_in_one_partition_holds_up_no_other(board: Board) -> None:
    group = GroupCommit(board.model)
    batches = [
        BoardBatch("signals", 0, 0, 1, signals=[item("a", found(1))]),
        BoardBatch("signals", 1, 3, 4, signals=[item("b", found(1))]),
        BoardBatch("signals", 0, 1, 2, signals=[item("c", found(1))]),
    ]

    async def write() -> list[Applied | BaseException]:
        return await asyncio.gather(*map(group.write, batches), return_exceptions=True)

    first, gap, third = asyncio.run(write())
    assert (first, third) == (Applied(), Applied())
    assert isinstance(gap, GapError)
    assert set(board.signals()) == {"a", "c"}


def test_a_batch_that_fails_leaves_nothing(board: Board) -> None:
    board.say(signals=[item("a", found(1))])
    broken = TotalsItem("rooms/0", 9, [("events", "x", 1 << 70)])
    with pytest.raises(Exception, match=r"out of range|too large"):
        board.say(
            signals=[item("b", found(1), epoch=9), item("a", None, epoch=9)],
            names=[Named("E1", "甲", 1, "s", "1")],
            letters=[letter(1)],
            totals=[broken],
        )
    assert set(board.signals()) == {"a"}
    assert board.model.next_offset("signals", 0) == 1
    assert board.rows("fences", "epoch") == [(1,)]
    assert board.rows("enterprises") == board.rows("dead_letters") == []
    board.say(names=[Named("E1", "甲", 1, "s", "1")], signals=[item("b", found(1), members=["E1"])])
    assert board.signals()["b"]["enterprises"] == ["E1"]


# --- epochs


def test_who_lost_its_part_is_refused_from_the_first_word_of_the_next_owner(board: Board) -> None:
    board.say(signals=[item("a", found(1), epoch=4), item("b", found(1), epoch=4)])
    told = board.say(signals=[item("c", found(1), epoch=4), item("a", found(2), epoch=5), item("b", None, epoch=4)])
    assert told.refused == 1
    assert {key: one["level"] for key, one in board.signals().items()} == {"a": 2, "b": 1, "c": 1}
    assert board.say(signals=[item("a", None, epoch=4), item("z", found(1), epoch=4)]).refused == 2
    assert set(board.signals()) == {"a", "b", "c"}
    assert board.say(signals=[item("a", None, epoch=4, writer="rooms/1")]).refused == 0
    assert set(board.signals()) == {"b", "c"}


def test_epochs_hold_for_totals_and_parked_subjects(board: Board) -> None:
    board.say(
        totals=[TotalsItem("rooms/0", 5, [("events", "x", 7)])],
        parked=[ParkedItem("rooms/0", 5, [("rooms", "a", "!")])],
    )
    late = board.say(totals=[TotalsItem("rooms/0", 4, [("events", "x", 3)])], parked=[ParkedItem("rooms/0", 4, [])])
    assert late.refused == 2
    assert board.read(Reader.totals) == {("events", "x"): 7}
    assert len(board.read(Reader.parked)) == 1


def test_in_another_partition_an_earlier_owner_s_word_may_be_still_to_come(board: Board) -> None:
    board.say(partition=0, signals=[item("a", found(1), epoch=5)])
    assert board.say(partition=1, signals=[item("b", found(1), epoch=4)]).refused == 0
    assert set(board.signals()) == {"a", "b"}


# --- signals


def raised(board: Board, key: str = "a") -> int:
    return int(next(row[0] for row in board.rows("signals", "raised_at")) - CLOCK)


def test_when_a_level_was_reached_stays_until_it_rises(board: Board) -> None:
    for level, now, wanted in ((1, 1, 1), (1, 2, 1), (3, 3, 3), (2, 4, 3), (3, 5, 5), (3, 6, 5)):
        board.say(signals=[item("a", found(level), now=CLOCK + now)])
        assert raised(board) == wanted
    board.say(signals=[item("a", None)])
    assert board.signals() == {}
    board.say(signals=[item("a", found(1), now=CLOCK + 7)])
    assert raised(board) == 7


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_it_does_not_matter_how_messages_are_gathered(board: Board, at_once: int) -> None:
    said = [
        *(item("a", found(1), now=CLOCK + 1), item("a", found(2), now=CLOCK + 2), item("a", found(2), now=CLOCK + 3)),
        *(item("a", None), item("a", found(1), now=CLOCK + 5), item("a", found(1, value=9), now=CLOCK + 6)),
    ]
    for start in range(0, len(said), at_once):
        board.say(signals=said[start : start + at_once])
    assert raised(board) == 5
    assert board.signals()["a"]["value"] == 9


def test_a_signal_says_what_it_rests_on(board: Board) -> None:
    evidence = [(CLOCK - DAY, "//registry", "e1", "E1"), (CLOCK, "//registry/二", "e2", "E2")]
    stated = found(2, value=12, evidence=evidence, facts={"window": 3})
    board.say(signals=[item("a", stated, region="330106", members=["E1"], lowest=5, label="文三路1号")])
    one = board.signals()["a"]
    assert [(e["time"], e["source"], e["id"], e["subject"]) for e in one["evidence"]] == [
        (as_text(at), source, ident, code) for at, source, ident, code in evidence
    ]
    assert (one["level"], one["value"], one["region"], one["raised"]) == (2, 12, "330106", as_text(CLOCK))
    assert "12 live enterprises" in one["reason"]["en"]


def test_of_a_hub_only_who_comes_and_goes_is_written(board: Board) -> None:
    codes = [f"E{number:05d}" for number in range(12_000)]
    board.say(signals=[item("hub", found(3), members=codes)])
    before = dict(board.rows("signal_members", "enterprise, CAST(xmin AS text)"))
    changed = [("E00003", False), ("new", True), ("E00004", True), ("never", False)]
    board.say(signals=[item("hub", found(3, value=6), changed=changed)])
    after = dict(board.rows("signal_members", "enterprise, CAST(xmin AS text)"))
    assert len(before) == len(after) == 12_000
    assert sum(before.get(ref) != version for ref, version in after.items()) == 2
    members = board.signals()["hub"]["enterprises"]
    assert set(members) == set(codes) - {"E00003"} | {"new"}
    # Sent whole once more, as after a restart: no row is written.
    board.say(signals=[item("hub", found(3, value=6), members=members)])
    assert dict(board.rows("signal_members", "enterprise, CAST(xmin AS text)")) == after


def test_what_is_sent_again_costs_no_new_version_of_a_row(board: Board) -> None:
    said = [item(f"r{n}", found(1, evidence=[(CLOCK, "s", "e", "E1")]), members=["E1"], label="x") for n in range(50)]
    named = [Named("E1", "甲", 5, "s", "1")]
    tables = ("signals", "signal_members", "rooms", "enterprises", "sources", "fences")
    board.say(signals=said, names=named)
    before = {table: board.rows(table, "CAST(xmin AS text)") for table in tables}
    assert board.say(signals=said, names=named).refused == 0
    Board(board.database).say(signals=said, names=named)
    assert {table: board.rows(table, "CAST(xmin AS text)") for table in tables} == before


def test_random_histories_end_as_their_last_words_say(board: Board) -> None:
    """Items of some writers in three partitions, gathered at random, redelivered, and taken up by other workers."""
    chance = random.Random(11)
    said: dict[int, list[SignalItem]] = {0: [], 1: [], 2: []}
    wanted: dict[str, tuple[int, set[str]]] = {}
    epochs = [1, 1, 1]
    for number in range(900):
        partition = chance.randrange(3)
        key = f"{partition}-{chance.randrange(8)}"
        writer = f"rooms/{partition}"
        epochs[partition] += chance.random() < 0.03
        late = epochs[partition] > 1 and bool(said[partition]) and chance.random() < 0.1
        epoch = epochs[partition] - late
        late = late and any(one.epoch == epochs[partition] for one in said[partition])
        here = wanted.get(key)
        more: dict[str, Any] = {"writer": writer, "epoch": epoch, "now": CLOCK + number}
        if here is None or chance.random() < 0.3:
            members = {f"E{n}" for n in chance.sample(range(20), chance.randrange(6))}
            one, then = item(key, found(number % 4 + 1), members=sorted(members), **more), (number % 4 + 1, members)
        elif chance.random() < 0.3:
            one, then = item(key, None, **more), None
        else:
            changed = [(f"E{n}", chance.random() < 0.5) for n in chance.sample(range(20), 4)]
            members = {code for code in here[1] if (code, False) not in changed}
            members |= {code for code, is_in in changed if is_in}
            one, then = item(key, found(number % 4 + 1), changed=changed, **more), (number % 4 + 1, members)
        said[partition].append(one)
        if late:
            continue
        if then is None:
            del wanted[key]
        else:
            wanted[key] = then
    workers = [board.model, ReadModel(board.database.writer())]
    while any(workers[0].next_offset("signals", partition) < len(items) for partition, items in said.items()):
        model, together = chance.choice(workers), []
        for partition in chance.sample(range(3), chance.randrange(1, 4)):
            due = model.next_offset("signals", partition)
            start = max(0, due - chance.choice((0, 0, 0, 5)))
            end = min(len(said[partition]), due + chance.choice((1, 2, 30)))
            together.append(BoardBatch("signals", partition, start, end, signals=said[partition][start:end]))
        model.apply_together(together)
    assert {key: (one["level"], set(one["enterprises"])) for key, one in board.signals().items()} == wanted
    assert len(wanted) > 10
