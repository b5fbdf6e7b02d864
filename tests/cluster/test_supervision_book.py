"""Acts and cuts as transactions of a cluster's database: once each, by the owner of the newest epoch."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from config import scorecards
from monitor.cluster.hosts.host import Record
from monitor.cluster.supervision.book import ReplacedError, SupervisionBook
from monitor.cluster.supervision.requests import Act, encode
from monitor.store.audit.chain import AuditEntry
from monitor.store.errors import GapError
from monitor.store.postgresql import conduct
from monitor.store.postgresql.database import Database
from tests.cluster.boards import Board, found, item
from tests.engine import CLOCK, shipped_rules

OFFICER = "3301-017"


def book_of(database: Database) -> SupervisionBook:
    return SupervisionBook(database.writer(), shipped_rules(), scorecards.load(), None, 4)


@pytest.fixture
def board(database: Database) -> Board:
    """A board on which a room is crowded, and which is live."""
    made = Board(database)
    made.say(signals=[item("room-a", found(3), members=["E1", "E2"], label="甲")], now=CLOCK, live=True)
    return made


def cut(book: SupervisionBook, epoch: int = 1) -> bool:
    return book.cut(epoch, CLOCK, CLOCK, lambda: True)


def alert(board: Board) -> tuple[str, int]:
    ((number, seen),) = board.rows("alerts", "id, seen")
    return number, seen


def acknowledging(board: Board, ident: str = "r-1", offset: int = 0) -> Record:
    number, seen = alert(board)
    act = Act(ident, "supervision.alert_acknowledged", number, {"officer": OFFICER, "seen": seen})
    return Record(offset, CLOCK, encode(act))


def test_a_cut_is_called_once_something_has_happened(board: Board, database: Database) -> None:
    book = book_of(database)
    assert book.wants_cut()
    assert cut(book)
    assert not book.wants_cut()
    board.say(signals=[item("room-a", None)], now=CLOCK)
    assert book.wants_cut()


def test_nothing_is_cut_before_it_is_live(database: Database) -> None:
    Board(database).say(signals=[item("room-a", found(3))], now=CLOCK)
    assert not book_of(database).wants_cut()


def test_nothing_is_cut_where_not_all_is_applied(board: Board, database: Database) -> None:
    book = book_of(database)
    assert not book.cut(1, CLOCK, CLOCK, lambda: False)
    assert board.rows("alerts") == []
    assert book.wants_cut()


def test_the_first_cut_is_stock(board: Board, database: Database) -> None:
    cut(book_of(database))
    assert board.rows("alerts", "stock, status, level") == [(True, "open", 3)]
    board.say(signals=[item("room-b", found(3))], now=CLOCK)
    cut(book_of(database))
    assert board.rows("alerts", "stock, level") == [(False, 3), (True, 3)]


def test_what_was_done_waits_for_the_log_across_owners(board: Board, database: Database) -> None:
    cut(book_of(database))
    book_of(database).answer(1, acknowledging(board))
    waiting = book_of(database).unlogged()
    assert [one.number for one in waiting] == [CLOCK, CLOCK + 1]
    book_of(database).logged(CLOCK)
    assert book_of(database).unlogged() == waiting[1:]


def test_a_request_that_comes_again_is_answered_as_before(board: Board, database: Database) -> None:
    book = book_of(database)
    cut(book)
    record = acknowledging(board)
    book.answer(1, record)
    book.answer(1, record)  # delivered twice
    book.answer(1, record._replace(offset=1))  # sent twice
    assert board.rows("alerts", "status") == [("acknowledged",)]
    assert len(board.rows("answers")) == 1
    assert len(book.unlogged()) == 2
    assert len(board.rows("audit")) == 1


def test_what_hosts_logged_is_on_record_once(board: Board, database: Database) -> None:
    activated = AuditEntry(at=CLOCK, officer=OFFICER, action="config.activated", kind="config", key="abc")
    for _ in range(2):
        board.say(audited=[("config.activated 1", activated)], now=CLOCK)
        cut(book_of(database))
    assert board.rows("audit", "action, key") == [("config.activated", "abc")]


def test_a_refused_act_is_on_record(board: Board, database: Database) -> None:
    book = book_of(database)
    cut(book)
    number, _ = alert(board)
    act = Act("r-2", "supervision.alert_acknowledged", number, {"officer": OFFICER, "seen": 99})
    book.answer(1, Record(0, CLOCK, encode(act)))
    assert board.rows("audit", "outcome, key") == [("refused", number)]
    ((body,),) = board.rows("answers", "body")
    assert "it has changed" in bytes(body).decode()
    assert len(book.unlogged()) == 1  # the cut alone


@pytest.mark.parametrize("value", [b"\xff", b"{}", b'{"what": "act"}'])
def test_a_message_that_is_no_request_is_left_out(board: Board, database: Database, value: bytes) -> None:
    book = book_of(database)
    book.answer(1, Record(0, CLOCK, value))
    assert book.next_offset() == 1
    assert board.rows("answers") == []


def test_a_gap_is_not_jumped(database: Database) -> None:
    with pytest.raises(GapError):
        book_of(database).answer(1, Record(3, CLOCK, b"{}"))


def test_an_owner_that_was_replaced_writes_nothing(board: Board, database: Database) -> None:
    book = book_of(database)
    cut(book, epoch=5)
    record = acknowledging(board)
    with pytest.raises(ReplacedError):
        book.answer(4, record)
    with pytest.raises(ReplacedError):
        cut(book, epoch=4)
    assert board.rows("alerts", "status") == [("open",)]
    book.answer(6, record)
    assert board.rows("alerts", "status") == [("acknowledged",)]


def test_boards_wait_for_a_cut(board: Board, database: Database) -> None:
    """Whoever writes signals holds the lock that a cut needs alone, so nothing is taken off a list unseen."""
    with database.engine.begin() as writing, database.engine.begin() as cutting:
        writing.execute(select(conduct.beside_cuts()))
        cutting.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            conduct.cut_alone(cutting)
        cutting.rollback()
