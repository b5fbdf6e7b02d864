"""Dead letters in the store: counts agree with the rows whatever became of them, and the newest are the newest."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from config.moments import DAY, shanghai_date
from monitor.events.refusal import DeadLetter
from monitor.store import deadletters
from monitor.store.deadletters import ANY, Became, Chosen, Mended, RefusedAgain
from monitor.store.home import Home
from tests.engine import CLOCK

REASONS = ("not_json", "unknown_type", "wrong_type")
SOURCES = ("a.jsonl", "b.jsonl", "-")
BECAME = Became("E0001", "//test", "1", repeat=False)


def letter(chance: random.Random, number: int) -> DeadLetter:
    return DeadLetter(
        source=chance.choice(SOURCES),
        line=number,
        offset=number,
        received=CLOCK - chance.randrange(5) * DAY,
        reason=chance.choice(REASONS),
        detail="",
        text="{}",
        masked=False,
        digest="",
    )


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A store in which dead letters came, came through and were refused again, in some order."""
    engine = Home(tmp_path).writer()
    fill(engine, deadletters.write)
    yield engine
    engine.dispose()


def fill(engine: Engine, write: Callable[[Connection, list[DeadLetter]], object]) -> None:
    chance = random.Random(5)
    count = 0
    for _ in range(30):
        with engine.begin() as connection:
            new = [letter(chance, count + place) for place in range(chance.randrange(20))]
            write(connection, new)
            count += len(new)
            rows = deadletters.batch(connection, ANY, chance.randrange(count + 1), 12)
            chosen = chance.sample(rows, len(rows) // 2)
            middle = len(chosen) // 2
            mended = [Mended(row.number, BECAME, "source") for row in chosen[:middle]]
            again = [RefusedAgain(row.number, chance.choice(REASONS), "again") for row in chosen[middle:]]
            deadletters.settle(connection, mended, again, at=CLOCK, officer="li.lei")


def test_counts_are_those_of_the_rows(engine: Engine) -> None:
    count: Counter[tuple[str, str, str]] = Counter()
    left: Counter[tuple[str, str, str]] = Counter()
    with engine.connect() as connection:
        for row in deadletters.read(connection, ANY, "all"):
            key = (row["received"][:10], row["source"], row["reason"])
            count[key] += 1
            left[key] += row["mended_at"] is None
        found = list(deadletters.counts(connection, ANY))
        assert {(one.day, one.source, one.reason): (one.count, one.open) for one in found} == {
            key: (count[key], left[key]) for key in count
        }
        by_kind: Counter[tuple[str, str]] = Counter()
        for (_, source, reason), number in left.items():
            by_kind[source, reason] += number
        assert deadletters.open_counts(connection) == +by_kind
        days = deadletters.by_day(connection, shanghai_date(CLOCK - 2 * DAY), Chosen(reasons=("not_json",)))
        assert len(days) == 3
        for day, (came, open_then) in days.items():
            assert came == sum(n for key, n in count.items() if key[0] == day and key[2] == "not_json")
            assert open_then == sum(n for key, n in left.items() if key[0] == day and key[2] == "not_json")


@pytest.mark.parametrize("reason", [None, *REASONS, "null_field"])
@pytest.mark.parametrize("source", [None, *SOURCES, "nothing"])
def test_the_newest_are_the_open_ones_that_came_last(engine: Engine, reason: str | None, source: str | None) -> None:
    chosen = Chosen(reasons=(reason,) if reason else (), sources=(source,) if source else ())
    with engine.connect() as connection:
        wanted = [one["number"] for one in deadletters.read(connection, chosen)]
        found = [one["number"] for one in deadletters.newest(connection, reason, source, 7)]
    assert found == wanted[::-1][:7]


def test_the_trace_says_what_became_of_it(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = list(deadletters.read(connection, ANY, "mended"))
        assert rows
        for row in rows:
            assert (row["mended_by"], row["mended_from"]) == ("li.lei", "source")
            assert row["became"] == {"subject": "E0001", "source": "//test", "id": "1", "repeat": False}
            assert row["tries"] >= 2
        assert {one["number"] for one in deadletters.read(connection, ANY)}.isdisjoint(one["number"] for one in rows)
