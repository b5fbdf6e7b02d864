"""What the read model keeps beside signals: names, parked subjects, totals, dead letters; and several that write it."""

from __future__ import annotations

import random
import threading
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from config.moments import DAY
from monitor.store import deadletters, signalrows
from monitor.store.deadletters import ANY
from monitor.store.errors import CollisionError, DatabaseGoneError
from monitor.store.postgresql import places, readmodel
from monitor.store.postgresql.boardbatch import BoardBatch, Named, ParkedItem, TotalsItem
from monitor.store.postgresql.database import Database, salt_of
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.reader import Reader
from monitor.store.references import References
from tests.cluster.boards import PERSON, Board, found, item, letter
from tests.engine import CLOCK


@pytest.fixture
def board(database: Database) -> Board:
    return Board(database)


# --- names


def test_the_latest_name_holds_whatever_the_order(board: Board) -> None:
    given = [(at, source, ident) for at in (-5, 3) for source in ("a", "é", "中") for ident in ("1", "10", "9", "Z")]
    names = [Named("E1", f"{at} {source} {ident}", at, source, ident) for at, source, ident in given]
    chance = random.Random(3)
    for _ in range(3):
        chance.shuffle(names)
        cut = chance.randrange(len(names))
        board.say(partition=chance.randrange(3), names=names[:cut])
        board.say(partition=chance.randrange(3), names=names[cut:])
        at, source, ident = max(given)
        assert board.read(lambda reader: reader.enterprise("E1"))["name"] == f"{at} {source} {ident}"


def test_who_was_only_counted_gets_its_name_later(board: Board) -> None:
    board.say(signals=[item("a", found(1), members=["E2", "E1"])])
    assert board.signals()["a"]["enterprises"] == ["E1", "E2"]
    assert board.read(lambda reader: reader.enterprise("E1"))["name"] == ""
    board.say(names=[Named("E1", "甲", 5, "s", "1")], signals=[item("b", found(1), members=["E1"])])
    assert board.read(lambda reader: reader.enterprise("E1"))["name"] == "甲"
    assert len(board.read(lambda reader: reader.signals_of("E1"))) == 2


def test_labels_come_late_and_are_not_lost(board: Board) -> None:
    for label, wanted in (("", ""), ("文三路1号", "文三路1号"), ("", "文三路1号"), ("文三路 1 号", "文三路 1 号")):
        board.say(signals=[item("a", found(1), label=label)])
        assert board.signals()["a"]["subject"]["label"] == wanted


def test_a_person_of_a_bare_name_is_one_of_its_county(board: Board) -> None:
    board.say(signals=[item("#n:王@x@330106", found(1), label="王*", kind="person", detector=PERSON)])
    assert board.signals()["n:王@x@330106"]["subject"] == {"kind": "person", "key": "n:王@x@330106", "label": "王*"}


def test_two_codes_of_one_reference_are_refused(board: Board) -> None:
    with board.database.engine.begin() as connection:
        ref = References(salt_of(connection)).reference("enterprise", "E1")
        connection.execute(text("INSERT INTO enterprises VALUES (:ref, 'E2', '', 0, '', '')"), {"ref": ref})
    for what in ({"names": [Named("E1", "甲", 1, "s", "1")]}, {"signals": [item("a", found(1), members=["E1"])]}):
        with pytest.raises(CollisionError, match="fill a new database"):
            board.say(**what)
    assert board.rows("enterprises", "code") == [("E2",)]


def test_references_are_of_their_salt_and_kind() -> None:
    here, there = References(b"a" * 32), References(b"b" * 32)
    found = {one.reference(kind, key) for one in (here, there) for kind in ("enterprise", "person") for key in "xy"}
    assert len(found) == 8
    assert all(0 <= one < 1 << 63 for one in found)
    assert References(b"a" * 32).reference("person", "x") == here.reference("person", "x")


# --- parked subjects, totals, Now, dead letters


def stale(board: Board) -> set[str]:
    return {key for key, one in board.signals().items() if one["stale"]}


def test_signals_of_parked_subjects_are_stale_until_they_are_free(board: Board) -> None:
    enterprise = {"kind": "enterprise", "detector": "complaint-surge", "writer": "enterprises/0"}
    board.say(
        signals=[item("a", found(1)), item("b", found(1)), item("E1", found(1, facts={"days": 30}), **enterprise)]
    )
    board.say(parked=[ParkedItem("rooms/0", 1, [("rooms", "a", "why")])])
    assert stale(board) == {"a"}
    assert [(one["stage"], one["key"], one["reason"]) for one in board.read(Reader.parked)] == [("rooms", "a", "why")]
    board.say(signals=[item("a", found(2)), item("b", found(1, value=7))])
    assert stale(board) == {"a"}, "what another stage finds on it rests on a part"
    for stage in ("enterprises", "assessment"):
        board.say(parked=[ParkedItem(f"{stage}/0", 1, [(stage, "E1", "why")])])
    board.say(parked=[ParkedItem("rooms/0", 1, [("rooms", "b", "why")])])
    assert stale(board) == {"b", "E1"}
    board.say(parked=[ParkedItem("enterprises/0", 1, [])])
    assert stale(board) == {"b", "E1"}, "another stage still waits"
    board.say(parked=[ParkedItem("assessment/0", 1, []), ParkedItem("rooms/0", 1, [])])
    assert stale(board) == set()
    board.say(signals=[item("a", found(2), stale=True)])
    assert stale(board) == {"a"}


def test_totals_are_those_of_all_writers(board: Board) -> None:
    for value in (1, 5, 5):
        board.say(totals=[TotalsItem("intake/0", 1, [("events", "x", value), ("repeats", "x", 1)])])
        board.say(partition=1, totals=[TotalsItem("intake/1", 1, [("events", "x", 10 * value)])])
    board.say(
        totals=[
            TotalsItem("rooms/1", 1, [("subjects", "rooms", 7)]),
            TotalsItem("rooms/2", 1, [("subjects", "rooms", 4)]),
        ]
    )
    assert board.read(Reader.totals) == {("events", "x"): 55, ("repeats", "x"): 1, ("subjects", "rooms"): 11}
    assert board.read(Reader.counts)["rooms"] == 11


def test_now_never_goes_back(board: Board) -> None:
    for partition, now in enumerate((900, 10_000, 950, None, -5)):
        board.say(partition=partition, now=now)
    assert board.read(Reader.now) == 10_000


def test_a_dead_letter_that_comes_again_is_stored_once(board: Board) -> None:
    assert board.say(letters=[letter(1), letter(2), letter(1)]).new_letters == 2
    assert board.say(letters=[letter(2, received=CLOCK + 3 * DAY), letter(3, reason="too_deep")]).new_letters == 1
    assert board.say(partition=1, letters=[letter(1, source="kafka:intake/4")]).new_letters == 1
    assert [one["line"] for one in board.read(lambda reader: list(reader.dead_letters()))] == [1, 2, 3, 1]
    counts = board.read(lambda reader: list(deadletters.counts(reader.connection, ANY)))
    assert [(one.source, one.reason, one.count, one.open) for one in counts] == [
        ("kafka:intake/3", "not_json", 2, 2),
        ("kafka:intake/3", "too_deep", 1, 1),
        ("kafka:intake/4", "not_json", 1, 1),
    ]
    assert board.read(Reader.counts)["dead_letters"] == 4


def test_what_postgresql_would_refuse_is_kept_as_it_can_be(board: Board) -> None:
    board.say(
        letters=[letter(1, source="长" * 5000), letter(1, source="长" * 5000 + "x")],
        names=[Named("E1", "甲\0\ud800", 1, "s\0", "\0")],
        signals=[item("a\0", found(1, evidence=[(1, "s\0", "\0", "E1")]), label="\0")],
    )
    letters = board.read(lambda reader: list(reader.dead_letters()))
    assert [one["source"] for one in letters] == ["长" * 600] * 2
    assert board.read(lambda reader: reader.enterprise("E1"))["name"] == "甲\u2400?"
    assert board.signals()["a\u2400"]["evidence"][0]["source"] == "s\u2400"


# --- several at once


def run_together(*works: Any) -> list[Any]:
    done: list[Any] = []
    together = threading.Barrier(len(works))

    def start(work: Any) -> None:
        together.wait()
        try:
            done.append(work())
        except Exception as error:
            done.append(error)

    threads = [threading.Thread(target=start, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def test_the_same_batch_from_two_workers_counts_once(board: Board) -> None:
    for offset in range(20):
        batch = BoardBatch("signals", 0, offset, offset + 1, letters=[letter(offset)], signals=[item("a", found(1))])
        models = [board.model, ReadModel(board.database.writer())]
        done = run_together(*(partial(model.apply, batch) for model in models))
        assert sorted(one.skipped for one in done) == [False, True]
    assert board.read(Reader.counts)["dead_letters"] == 20


def test_a_worker_that_freezes_in_its_transaction_does_not_hold_up_its_successor(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.say(signals=[item("a", found(1), epoch=4)])
    monkeypatch.setattr(places, "STANDSTILL", 1)
    inside, woken = threading.Event(), threading.Event()

    def body_of(*parts: Any) -> bytes:
        if threading.current_thread() is thread:
            inside.set()
            assert woken.wait(60)
        return signalrows.body_of(*parts)

    monkeypatch.setattr(readmodel, "body_of", body_of)
    late = BoardBatch("signals", 0, 1, 2, signals=[item("b", found(1), epoch=4)])
    frozen: list[Any] = []

    def freeze() -> None:
        try:
            frozen.append(board.model.apply(late))
        except DatabaseGoneError as error:
            frozen.append(error)

    thread = threading.Thread(target=freeze)
    thread.start()
    assert inside.wait(60)
    successor = ReadModel(board.database.writer())
    assert not successor.apply(BoardBatch("signals", 0, 1, 2, signals=[item("c", found(1), epoch=5)])).skipped
    woken.set()
    thread.join()
    assert isinstance(frozen[0], DatabaseGoneError)
    assert set(board.signals()) == {"a", "c"}


@pytest.mark.parametrize("share", [True, False], ids=["one model", "a model each"])
def test_partitions_that_name_the_same_in_any_order_do_not_fail(board: Board, share: bool) -> None:
    def work(partition: int) -> list[Any]:
        chance = random.Random(partition)
        own = board if share else Board(board.database)
        done = []
        for turn in range(25):
            codes = [f"E{n}" for n in chance.sample(range(60), 40)]
            named = [Named(code, f"{code} {turn}", turn * 10 + partition, "s", "1") for code in codes]
            some = [item(f"{partition}-{code}", found(1), members=codes[:9]) for code in codes[:5]]
            letters = [letter(turn, source=f"s{chance.randrange(3)}", reason=one) for one in ("not_json", "too_deep")]
            done.append(
                own.say(partition=partition, names=named, signals=some, letters=letters, now=turn * 7 + partition)
            )
        return done

    done = run_together(*(partial(work, partition) for partition in range(4)))
    assert [one for one in done if isinstance(one, Exception)] == []
    assert [len(one) for one in done] == [25] * 4
    assert board.read(Reader.now) == 24 * 7 + 3
    counts = board.read(lambda reader: deadletters.open_counts(reader.connection))
    assert sum(counts.values()) == len(board.rows("dead_letters", "number"))
