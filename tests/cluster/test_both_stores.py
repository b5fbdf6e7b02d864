"""A home and the same home in PostgreSQL: whatever is asked of them, both give the same answer."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from monitor.engine.filing import UNFILED
from monitor.store import deadletters, writer
from monitor.store.deadletters import ANY, Chosen
from monitor.store.errors import StoreError
from monitor.store.home import Home
from monitor.store.moving import move
from monitor.store.postgresql.database import Database
from monitor.store.reader import Reader, Store, looking
from monitor.store.schema import DEAD_LETTERS
from monitor.web.overview import overview_of
from tests.engine import CLOCK, event, line, lines, opened, run_file, save
from tests.reference.cases import make_case, poisoned

HUBS = Path(__file__).resolve().parents[1] / "data" / "example_cases" / "hubs" / "events.jsonl.gz"

ODD = [
    opened("E-NUL", name="甲\0乙", id="nul"),
    opened("E-LONG", name="长" * 3000, id="long", source="//" + "s" * 3000),
    *(event("E-NUL", "complaint.received", f"2025-02-{day:02d}T00:00:00Z", number=str(day)) for day in range(1, 8)),
]
"""What a table or an index of PostgreSQL could refuse."""


def bare_names() -> list[dict[str, Any]]:
    """Persons of whom only the name is known, in two counties."""
    found = []
    for number in range(40):
        county = ("330106", "330302")[number % 2]
        place = {"text": f"文三路{number}号", "region": county}
        lead = {"role": "operator", "name": f"张{number % 3}三"}
        found.append(opened(f"B{number:03d}", id=str(number), address=place, persons=[lead]))
    return found


def filled(folder: Path) -> Home:
    """A home with signals of all kinds, dead letters in every state, and parked subjects."""
    case = poisoned(make_case(6, 250), 6) + lines([*ODD, *bare_names()]) + [b"broken " + b"x" * 900, b"{\0"]
    run_file(folder / "home", save(folder / "events.jsonl", case))
    home = Home(folder / "home")
    engine = home.writer()
    with engine.begin() as connection:
        rows = deadletters.batch(connection, ANY, 0, 9)
        became = deadletters.Became("E-NUL", "//test", "1", repeat=False)
        mended = [deadletters.Mended(row.number, became, "a file") for row in rows[:4]]
        again = [deadletters.RefusedAgain(row.number, "unknown_word", "again") for row in rows[4:]]
        deadletters.settle(connection, mended, again, at=CLOCK, officer="li.lei")
    with looking(home) as reader:
        of_kind = {one["subject"]["kind"]: one for one in reader.signals()}
        assert set(of_kind) == {"enterprise", "address", "person"}
        assert any(one["weak_identity"] and one["subject"]["kind"] == "person" for one in reader.signals())
        greatest = reader.connection.execute(text("SELECT kind, max(ref) FROM signals GROUP BY kind"))
        refs: dict[str, int] = {kind: ref for kind, ref in greatest}
    parked = {("rooms", refs["address"]): "r", ("persons", refs["person"]): "p", (UNFILED, refs["enterprise"]): "e"}
    with engine.begin() as connection:
        writer.write_parked(connection, parked)
    engine.dispose()
    return home


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, databases: Callable[[], Database]) -> tuple[Home, Database]:
    home, database = filled(tmp_path_factory.mktemp("both")), databases()
    list(move(home, database))
    return home, database


@pytest.fixture
def both(stores: tuple[Home, Database]) -> Iterator[tuple[Reader, Reader]]:
    with looking(stores[0]) as home, looking(stores[1]) as database:
        yield home, database


def shown(value: Any) -> Any:
    """A value as PostgreSQL holds it: with a picture of the character that it refuses, and short names of sources."""
    return json.loads(json.dumps(value, ensure_ascii=False).replace("\\u0000", "\u2400"))


def in_order(rows: Any) -> list[dict[str, Any]]:
    """Rows by their contents: numbers of subjects, and so the order of equals, differ."""
    return sorted(map(shown, rows), key=lambda one: json.dumps(one, sort_keys=True))


def test_signals(both: tuple[Reader, Reader]) -> None:
    home, database = (in_order(reader.signals()) for reader in both)
    assert len(home) > 60
    assert home == database
    assert {one["stale"] for one in home} == {True, False}


def test_signals_from_a_level_and_the_newest(both: tuple[Reader, Reader]) -> None:
    home, database = both
    assert in_order(home.signals(level=3)) == in_order(database.signals(level=3))
    everything = 10_000
    assert in_order(home.signals(newest=everything)) == in_order(database.signals(newest=everything))
    raised = [one["raised"] for one in database.signals(newest=20)]
    assert raised == sorted(raised, reverse=True)
    found = {(one["detector"], one["subject"]["key"]): one for one in database.newest(everything, 3)}
    for one in home.newest(everything, 3):
        other = found[one["detector"], one["subject"]["key"]]
        assert {**shown(one), "enterprises": []} == {**other, "enterprises": []}
        assert len(one["enterprises"]) == len(other["enterprises"])


def test_one_enterprise(both: tuple[Reader, Reader]) -> None:
    home, database = both
    codes = home.connection.execute(text("SELECT code FROM enterprises")).scalars().all()
    for code in [*codes, "nobody"]:
        wanted, found = home.enterprise(code), database.enterprise(code)
        assert shown({**(wanted or {}), "ref": 0}) == {**(found or {}), "ref": 0}
        assert in_order(home.signals_of(code)) == in_order(database.signals_of(code))
    assert len(codes) > 250


def test_dead_letters(both: tuple[Reader, Reader]) -> None:
    home, database = both
    for which, least in (("open", 50), ("mended", 4), ("all", 54)):
        wanted, found = (list(reader.dead_letters(ANY, which)) for reader in both)  # type: ignore[arg-type]
        assert [shown({**one, "number": 0}) for one in wanted] == [{**one, "number": 0} for one in found]
        assert len(found) >= least
    for reason in ("unknown_type", "unknown_word", "not_json"):
        chosen = Chosen(reasons=(reason,), since=0, until=CLOCK + 1)
        assert list(deadletters.counts(home.connection, chosen)) == list(
            deadletters.counts(database.connection, chosen)
        )
        wanted, found = (deadletters.newest(reader.connection, reason, None, 5) for reader in both)
        assert [shown({**one, "number": 0}) for one in wanted] == [{**one, "number": 0} for one in found]
    assert deadletters.open_counts(home.connection) == deadletters.open_counts(database.connection)
    for day in (dt.date(2000, 1, 1), dt.date(2100, 1, 1)):
        assert deadletters.by_day(home.connection, day, ANY) == deadletters.by_day(database.connection, day, ANY)


def test_counts(both: tuple[Reader, Reader]) -> None:
    home, database = both
    assert home.counts() == database.counts()
    assert home.signal_counts() == database.signal_counts()
    assert home.now() == database.now() is not None
    assert home.totals() == {key: value for key, value in database.totals().items() if key[0] != "subjects"}
    wanted, found = overview_of(home), overview_of(database)
    assert (wanted.events, wanted.repeats, wanted.in_force) == (found.events, found.repeats, found.in_force)


def test_parked_subjects(both: tuple[Reader, Reader]) -> None:
    home, database = ([{**one, "subject": 0} for one in reader.parked()] for reader in both)
    assert len(home) == 3
    assert home == database
    assert both[0].parked_by_stage() == both[1].parked_by_stage()


def test_the_same_home_again_changes_nothing(stores: tuple[Home, Database]) -> None:
    home, database = stores
    before = versions(database)
    assert [(one.signals, one.letters) for one in move(home, database)]
    assert versions(database) == before


def versions(database: Database) -> dict[str, tuple[int, str]]:
    """How many rows there are, and by which transactions they were written."""
    found = {}
    with database.engine.connect() as connection:
        for table in ("signals", "signal_members", "enterprises", "dead_letters", "dead_letter_counts", "meta"):
            row = connection.execute(text(f"SELECT count(*), max(CAST(CAST(xmin AS text) AS bigint)) FROM {table}"))  # noqa: S608 - the names stand above
            count, newest = row.one()
            found[table] = (count, newest)
    return found


def test_an_interrupted_move_goes_on(tmp_path: Path, databases: Callable[[], Database]) -> None:
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", poisoned(make_case(7, 80), 7)))
    home, database = Home(tmp_path / "home"), databases()
    for steps in range(1, 5):
        for number, _ in enumerate(move(home, database), start=1):
            if number == steps:
                break
    list(move(home, database))
    with looking(home) as here, looking(database) as there:
        assert in_order(here.signals()) == in_order(there.signals())
        assert len(list(here.dead_letters())) == len(list(there.dead_letters()))
        assert deadletters.open_counts(here.connection) == deadletters.open_counts(there.connection)
        assert here.counts() == there.counts()


def test_another_home_is_not_mixed_in(stores: tuple[Home, Database], tmp_path: Path) -> None:
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", [line(opened("E1"))]))
    with pytest.raises(StoreError, match="import into an empty database"):
        list(move(Home(tmp_path / "home"), stores[1]))


def test_a_hub_is_read_whole(tmp_path: Path, databases: Callable[[], Database]) -> None:
    run_file(tmp_path / "home", HUBS)
    stores: list[Store] = [Home(tmp_path / "home"), databases()]
    assert isinstance(stores[0], Home)
    assert isinstance(stores[1], Database)
    list(move(stores[0], stores[1]))
    found = []
    for store in stores:
        with looking(store) as reader:
            found.append(in_order(reader.signals()))
    assert found[0] == found[1]
    assert max(len(one["enterprises"]) for one in found[0]) > 200


def test_a_look_is_of_one_moment_and_writes_nothing(stores: tuple[Home, Database]) -> None:
    engine: Engine = stores[1].engine
    with looking(stores[1]) as reader:
        before = reader.counts()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE moments AS SELECT 1 AS one"))
            connection.execute(text("UPDATE open_dead_letters SET count = count + 1000"))
        assert reader.counts() == before
        with pytest.raises(Exception, match="read-only"):
            reader.connection.execute(DEAD_LETTERS.delete())
    with engine.begin() as connection:
        connection.execute(text("UPDATE open_dead_letters SET count = count - 1000"))
        connection.execute(text("DROP TABLE moments"))
        assert connection.execute(select(func.count()).select_from(DEAD_LETTERS)).scalar()
