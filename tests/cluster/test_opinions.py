"""What the models found and which of them is in force, taken into a cluster's database once each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import scorecards
from config.moments import DAY
from detectors.base import Finding
from detectors.graph.view import Group
from models import keeping
from monitor.cluster.hosts.host import Record
from monitor.cluster.modelling.found import Foretold, Opinion, Question, Told, nothing
from monitor.cluster.modelling.opinion import opinion_of
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.supervision.book import ReplacedError, SupervisionBook
from monitor.cluster.supervision.promoting import PROMOTED
from monitor.cluster.supervision.requests import Act, decode_answer, encode
from monitor.events.acts import Cut
from monitor.events.types import decode_logged
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.daily import Questions
from monitor.store.postgresql.database import Database, salt_of
from monitor.store.references import References
from monitor.store.work import forecasts, shadows
from monitor.store.work.shadows import Shadow
from tests.cluster.boards import Board
from tests.engine import CLOCK, KEY, shipped_rules
from tests.unit.test_keeping import packed

OFFICER = "3301-017"
FACTS = {"p": "0.001", "peers_zh": "同类", "peers_en": "peers", "odd_zh": "处罚", "odd_en": "penalties"}
TRAITS = {"rooms": 1, "persons": 1, "density": 50, "traits_zh": "同日", "traits_en": "same day"}


@pytest.fixture
def board(database: Database) -> Board:
    made = Board(database)
    made.say(now=CLOCK, live=True)
    return made


@pytest.fixture
def models(tmp_path: Path) -> tuple[ModelStore, str]:
    """Shared models, and the hash of the one that is among them."""
    folder = keeping.keep(tmp_path / "home", *packed())
    store = ModelStore(str(tmp_path / "shared"))
    store.put(folder)
    return store, keeping.card_of(folder).hash


def book_of(database: Database, store: ModelStore | None = None) -> SupervisionBook:
    return SupervisionBook(database.writer(), shipped_rules(), scorecards.load(), None, 4, store)


def told(level: int, codes: list[str], facts: dict[str, object]) -> Told:
    return Told(Finding(level, float(level), CLOCK - DAY, facts=facts), codes, [(CLOCK - DAY, "//a", "1", codes[0])])


def group(*codes: str) -> tuple[Group, Told]:
    made = Group(key="g-1", label="甲", members=(), codes=codes, region="330106", finding=Finding(0, 0.0, 0))
    return made, told(2, list(codes), TRAITS)


def opinion(*, groups: bool = True, odd: str = "E9", moment: int = CLOCK) -> Opinion:
    found = [group("E1", "E2", "E3")] if groups else []
    anomaly = told(1, [odd], {**FACTS, "way_out": {"zh": "", "en": ""}})
    return Opinion(moment, Questions(""), found, [(odd, "330106", anomaly)])


def foretelling(database: Database, chances: dict[str, float], moment: int = CLOCK) -> Opinion:
    """What a forecast says beside an anomaly, and why of the one found; `chances`: of everybody, by code."""
    packed = msgspec.msgpack.encode({"reasons": [], "way_out": {"zh": "甲", "en": "a"}})
    with database.reader().connect() as connection:
        references = References(salt_of(connection))
        said = {references.reference("enterprise", code): chance for code, chance in chances.items()}
        since, others = forecasts.block_of(connection), forecasts.differing(connection, said)
    why = {references.reference("enterprise", "E9"): packed}
    asked = Questions("b" * 64, "a" * 64, "c" * 64)
    shadow = Shadow(moment, asked.challenger, asked.model, 3, 2, 1, 0.5)
    return msgspec.structs.replace(
        opinion(moment=moment), asked=asked, foretold=Foretold(since, others, why), shadow=shadow
    )


def foretold(board: Board) -> list[tuple[str, float]]:
    """What stands of it, by code."""
    table = "forecasts JOIN enterprises ON enterprises.ref = forecasts.enterprise"
    return [tuple(row) for row in board.rows(table, "code, chance")]


def found(board: Board) -> list[tuple[str, int, int]]:
    return [tuple(row) for row in board.rows("signals", "detector, level, since")]


def members(board: Board) -> list[tuple[str, str]]:
    table = "signal_members JOIN enterprises ON enterprises.ref = signal_members.enterprise"
    return [tuple(row) for row in board.rows(table, "detector, code")]


def test_what_was_found_is_in_force_with_the_cut(board: Board, database: Database) -> None:
    book = book_of(database)
    assert book.cut(1, CLOCK, CLOCK, lambda: True, opinion())
    assert found(board) == [("anomaly", 1, CLOCK - DAY), ("shell-cluster", 2, CLOCK - DAY)]
    assert members(board) == [("anomaly", "E9"), *(("shell-cluster", code) for code in ("E1", "E2", "E3"))]
    assert sorted(row.detector for row in board.rows("alerts", "detector")) == ["anomaly", "shell-cluster"]
    assert [one["evidence"][0]["source"] for one in board.signals().values()] == ["//a", "//a"]
    assert board.rows("groups", "key, standing") == [("g-1", True)]
    (cut,) = book.unlogged()
    (logged,) = decode_logged(b"\x91" + cut.packed)
    assert isinstance(logged, Cut)
    assert logged.data.models == "-"


def test_the_next_opinion_takes_the_place_of_the_last(board: Board, database: Database) -> None:
    book_of(database).cut(1, CLOCK, CLOCK, lambda: True, opinion())
    book_of(database).cut(1, CLOCK + DAY, CLOCK, lambda: True, opinion(groups=False, odd="E8", moment=CLOCK + DAY))
    assert members(board) == [("anomaly", "E8")]
    assert board.rows("groups", "key, standing") == [("g-1", False)]


def test_where_the_models_failed_everything_stays(board: Board, database: Database) -> None:
    book = book_of(database)
    book.cut(1, CLOCK, CLOCK, lambda: True, opinion())
    before = found(board)
    question = Question(1, CLOCK + DAY, {}, Questions(""))
    assert book.cut(1, CLOCK + DAY, CLOCK, lambda: True, nothing(question))
    assert found(board) == before
    assert book.question(1, CLOCK + DAY, {}) is None


def test_what_is_foretold_stands_until_it_is_foretold_again(board: Board, database: Database) -> None:
    book = book_of(database)
    book.cut(1, CLOCK, CLOCK, lambda: True, opinion())  # who is live has a name in the database
    book.cut(1, CLOCK + DAY, CLOCK, lambda: True, foretelling(database, {"E1": 0.25, "E9": 0.5}, CLOCK + DAY))
    assert foretold(board) == [("E1", 0.25), ("E9", 0.5)]
    with database.reader().connect() as connection:
        told = forecasts.told(connection, "E9")
        assert told is not None
        assert (told["model"], told["way_out"]) == ("a" * 64, {"zh": "甲", "en": "a"})
        assert [one.challenger_alone for one in shadows.read(connection, "c" * 64)] == [1]
    logged = decode_logged(b"\x92" + b"".join(one.packed for one in book.unlogged()))
    assert [(one.data.models, one.data.forecast) for one in logged if isinstance(one, Cut)] == [
        ("-", ""),
        ("b" * 64, "a" * 64),
    ]
    again = foretelling(database, {}, CLOCK + 2 * DAY)
    book.cut(1, CLOCK + 2 * DAY, CLOCK, lambda: True, msgspec.structs.replace(again, foretold=None, shadow=None))
    assert foretold(board) == [("E1", 0.25), ("E9", 0.5)]
    late = foretelling(database, {"E9": 0.75}, CLOCK + 3 * DAY)
    book.cut(1, CLOCK + 3 * DAY, CLOCK, lambda: True, foretelling(database, {"E9": 0.125}, CLOCK + 3 * DAY))
    assert foretold(board) == [("E9", 0.125)], "who is gone is forgotten"
    book.cut(1, CLOCK + 3 * DAY, CLOCK, lambda: True, late)
    assert foretold(board) == [("E9", 0.125)], "what it changes is no more"


def test_a_cut_that_is_not_made_takes_nothing_in(board: Board, database: Database) -> None:
    book = book_of(database)
    assert not book.cut(1, CLOCK, CLOCK, lambda: False, opinion())
    book_of(database).cut(2, CLOCK, CLOCK, lambda: True)
    with pytest.raises(ReplacedError):
        book.cut(1, CLOCK, CLOCK, lambda: True, opinion())
    assert found(board) == []
    assert book.question(1, CLOCK, {0: 5}) == Question(1, CLOCK, {0: 5}, Questions(""))


def test_the_models_are_asked_once_a_day(board: Board, database: Database) -> None:
    book = book_of(database)
    assert book.question(1, CLOCK, {}) is not None
    book.cut(1, CLOCK, CLOCK, lambda: True, opinion())
    assert book.question(1, CLOCK, {}) is None
    assert book.question(1, CLOCK + DAY, {}) is not None


def promotion(model: str, ident: str = "r-1", offset: int = 0, **more: object) -> Record:
    data = {"kind": "anomaly", "model": model, "seed": 3, "officer": OFFICER, "reason": "误报较少", **more}
    return Record(offset, CLOCK, encode(Act(ident, PROMOTED, "monitor", data)))


def answer(board: Board, ident: str = "r-1") -> str:
    """Why a request was refused; empty where it was done."""
    (body,) = [row.body for row in board.rows("answers", "id, body") if row.id == ident]
    return decode_answer(body).error


def test_a_promotion_is_done_once(board: Board, database: Database, models: tuple[ModelStore, str]) -> None:
    store, name = models
    book = book_of(database, store)
    record = promotion(name)
    for one in (record, record, record._replace(offset=1)):  # delivered twice, sent twice
        book.answer(1, one)
    assert answer(board) == ""
    assert board.rows("model_promotions", "kind, model, officer") == [("anomaly", name, OFFICER)]
    assert board.rows("audit", "action, key, outcome") == [("model.promoted", name, "accepted")]
    assert len(book.unlogged()) == 1
    question = book.question(1, CLOCK, {})
    assert question is not None
    assert question.asked == Questions(name)


def test_a_promotion_moves_no_now(database: Database, models: tuple[ModelStore, str]) -> None:
    store, name = models
    book = book_of(database, store)
    book.answer(1, promotion(name))  # before any event has come
    Board(database).say(now=CLOCK - DAY, live=True)
    book.answer(1, promotion(name, "r-2", 1))
    logged = decode_logged(b"\x92" + b"".join(one.packed for one in book.unlogged()))
    assert [one.time for one in logged] == [0, CLOCK - DAY]


def test_a_promotion_is_refused(
    board: Board, database: Database, models: tuple[ModelStore, str], tmp_path: Path
) -> None:
    store, name = models
    shared = tmp_path / "shared" / name / keeping.MODEL_FILE
    asked = [
        (None, promotion(name), "CREDIT_MONITOR_CLUSTER_MODELS"),
        (store, promotion("0" * 64), "CREDIT_MONITOR_CLUSTER_MODELS"),
        (store, promotion(name, kind="forecast"), "forecast"),
        (store, promotion(name[:12]), "matching regex"),
    ]
    for number, (there, record, why) in enumerate(asked):
        request = msg_with(record, f"r-{number}", number)
        book_of(database, there).answer(1, request)
        assert why in answer(board, f"r-{number}")
    shared.write_bytes(shared.read_bytes()[:-1])
    book_of(database, store).answer(1, promotion(name, "r-tampered", len(asked)))
    assert "CREDIT_MONITOR_CLUSTER_MODELS" in answer(board, "r-tampered")
    assert board.rows("model_promotions") == []
    assert book_of(database, store).unlogged() == []


def test_a_challenger_and_a_forecast_are_named(
    board: Board, database: Database, models: tuple[ModelStore, str], tmp_path: Path
) -> None:
    store, name = models
    card = packed()[1]
    other = b"another file"  # what is in it was checked by who shared it
    its = keeping.hash_of(other)
    store.put(keeping.keep(tmp_path / "home", other, msgspec.structs.replace(card, hash=its, kind="forecast")))
    book = book_of(database, store)
    book.answer(1, promotion(its, "r-1", 0, kind="forecast"))
    book.answer(1, promotion(name, "r-2", 1, kind="anomaly-challenger"))
    assert [answer(board, ident) for ident in ("r-1", "r-2")] == ["", ""]
    question = book.question(1, CLOCK, {})
    assert question is not None
    assert question.asked == Questions("", its), "a challenger is asked beside a model in force"
    book.answer(1, promotion(its, "r-3", 2))
    assert "forecast" in answer(board, "r-3")


def msg_with(record: Record, ident: str, offset: int) -> Record:
    """The same request under another id, at another offset."""
    return record._replace(offset=offset, value=record.value.replace(b'"r-1"', f'"{ident}"'.encode()))


def test_a_model_whose_file_is_lost_leaves_what_it_found(
    database: Database, models: tuple[ModelStore, str], tmp_path: Path
) -> None:
    store, name = models
    state = LogState(9, Pseudonymiser([KEY]), shipped_rules())
    state.judge(CLOCK)

    def asked(model: str, there: ModelStore | None, forecast: str = "") -> Opinion:
        with database.writer().begin() as connection:
            return opinion_of(state, connection, Questions(model, forecast), shipped_rules(), there, tmp_path / "here")

    def found(model: str, anomalies: list[Any] | None = None, forecast: str = "") -> Opinion:
        return Opinion(CLOCK, Questions(model, forecast), [], anomalies)

    assert asked("", None) == found("", [])
    assert asked(name, store) == found(name, [])
    for model, there in ((name, None), ("0" * 64, store)):
        assert asked(model, there) == found(model)
    for forecast, there in (("0" * 64, None), (name, store)):  # an anomaly model is no forecast
        assert asked("", there, forecast) == found("", [], forecast)
