"""What a day's forecast costs on its way into a cluster's database, beside the same rows written in a home.

`python -m benchmarks.cluster.foretold [ENTERPRISES]` (default 200,000, random chances to a thousandth): the process of
the models compares with what stands, its pipe carries what changed, and the cut's transaction takes that in; on the
first day, and on the next one with one chance in twenty changed. PostgreSQL is as durable as delivered; ratios are to a
home's database in the same run.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine

from benchmarks.machine import Result, described, say, timed
from config.ruleset import load
from monitor.cluster.modelling.found import Foretold, Opinion
from monitor.cluster.supervision.opinions import take_in
from monitor.runners.daily import Questions
from monitor.store.home import Home
from monitor.store.postgresql.database import Database, salt_of
from monitor.store.postgresql.versions import upgrade
from monitor.store.references import References
from monitor.store.work import forecasts
from tests.postgres import Postgres

_NOW = 1_780_000_000_000_000
_MODEL = "ab" * 32
_CHANGED = 20


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    count = int(arguments[0]) if arguments else 200_000
    say(described())
    rng = np.random.default_rng(1)
    first = dict(enumerate(np.round(rng.beta(1, 15, count) + 0.001, 3).tolist(), 1))
    later = {ref: round(chance + 0.001, 3) if ref % _CHANGED == 0 else chance for ref, chance in first.items()}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.create()
        writer = home.writer()
        here = [_wall(writer, partial(_at_home, day)) for day in (first, later)]
        writer.dispose()
    postgres = Postgres(settings={"fsync": "on", "full_page_writes": "on"})
    postgres.start()
    try:
        database = Database(postgres.url)
        upgrade(database)
        for name, day, (_, base) in zip(("first day", "next day"), (first, later), here, strict=True):
            opinion, compared = _wall(database.writer(), partial(_compared, day))
            packed, _, packing = timed(partial(pickle.dumps, opinion))
            _, taken = _wall(database.writer(), partial(_taken_in, opinion))
            say(
                f"{name}: compared in {compared / count * 1e6:.2f} µs an enterprise, {len(packed) / count:.1f} bytes "
                f"packed in {packing / count * 1e6:.2f}, taken in in {taken / count * 1e6:.2f}; a home compares and "
                f"writes in {base / count * 1e6:.2f} (taking in is {taken / base:.2f} ×)"
            )
        database.close()
    finally:
        postgres.close()


def _at_home(chances: Mapping[int, float], connection: Connection) -> None:
    forecasts.put(connection, _MODEL, chances, {}, _NOW, 1)


def _compared(chances: Mapping[int, float], connection: Connection) -> Opinion:
    references = References(salt_of(connection))
    said = {references.reference("enterprise", f"91330106MA2{ref:07d}"): one for ref, one in chances.items()}
    told = Foretold(forecasts.block_of(connection), forecasts.differing(connection, said), {})
    return Opinion(_NOW, Questions("", _MODEL), foretold=told)


def _taken_in(opinion: Opinion, connection: Connection) -> None:
    take_in(connection, References(salt_of(connection)), load(), opinion, 1)


def _wall(engine: Engine, work: Callable[[Connection], Result]) -> tuple[Result, float]:
    """What a transaction gives, and the seconds that it took with its commit."""

    def transaction() -> Result:
        with engine.begin() as connection:
            return work(connection)

    result, wall, _ = timed(transaction)
    return result, wall


if __name__ == "__main__":
    main(sys.argv[1:])
