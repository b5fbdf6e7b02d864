"""Classing a province on one core: µs an enterprise, against decoding the histories alone.

`python -m benchmarks.classes [ENTERPRISES]` (default 200,000, about ten events each): fills the stages from a generated
province, works out every class, and writes the rows into SQLite. The bar is 5 M enterprises in 180 s: 36 µs each. How
much slower this machine is than the one meant is told by the baseline, decoding the same records and nothing else.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from benchmarks.machine import described, say, timed
from benchmarks.state import Bench
from config.scorecards import load
from models.population import write_province
from monitor.classing.book import ClassBook
from monitor.stages.history import entries_of
from monitor.store.home import Home
from monitor.store.work import classes

_BATCH = 4096
_BAR = 36.0


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    enterprises = int(arguments[0]) if arguments else 200_000
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        write_province(enterprises, 5, 1, Path(folder))
        bench = Bench()
        with (Path(folder) / "events.jsonl").open("rb") as file:
            while lines := list(islice(file, _BATCH)):
                bench.feed(lines)
        bench.flow.judge()
        gc.collect()
        gc.freeze()
        _classes(bench, Path(folder))


def _classes(bench: Bench, folder: Path) -> None:
    flow = bench.flow
    records = flow.enterprises.records
    book = ClassBook(load())

    def decode() -> None:
        for record in records:
            entries_of(record)

    def reckon() -> Counter[str]:
        return Counter(
            "-" if found is None else found.class_
            for _, found in book.recompute(flow.enterprises, flow.assessment, {}, flow.now)
        )

    def write() -> Counter[str]:
        engine = Home(folder).writer()
        with engine.begin() as connection:
            found = book.recompute(flow.enterprises, flow.assessment, {}, flow.now)
            totals = classes.write_all(connection, found, flow.now, classes.number_of(connection, book.cards))
        engine.dispose()
        return totals

    _, _, decoding = timed(decode)
    mix, _, reckoning = timed(reckon)
    _, wall, writing = timed(write)
    count = len(records) - 1
    each = reckoning / count * 1e6
    say(f"{count:,} enterprises: {', '.join(f'{name} {number:,}' for name, number in sorted(mix.items()))}")
    say(f"decoding alone {decoding / count * 1e6:.1f} µs each")
    say(f"classing {each:.1f} µs each, {reckoning / decoding:.2f} times the decoding; bar {_BAR:.0f} µs")
    say(f"classing and writing {writing / count * 1e6:.1f} µs each (wall {wall / count * 1e6:.1f})")
    say(f"5 M enterprises in {writing / count * 5e6:,.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
