"""The daily cut of the anomaly model in a home: what it takes an enterprise, and how long the writer is held up.

`python -m benchmarks.daily [ENTERPRISES]` (default 20,000, about ten events each): a made-up province in a home, and a
model trained on it. In one run: features and scores with all histories read anew (the baseline), and with the columns
that were kept after a thousandth and a hundredth of the enterprises had an event; a whole cut at once as the first of a
process does it, and in pieces as a live monitor does, with the same findings, which is checked. The bar for features
and scores is 15 µs, of which a default forest takes 6.7 on the machine that it was set for: it is timed in this run.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sqlalchemy import select

from benchmarks.machine import described, peak_mib, say, timed
from config.ruleset import load
from models import keeping
from models.anomaly.findings import score_in_pieces
from models.anomaly.storing import opened
from models.features.computing import BATCH, Matrix, compute_all
from models.features.facts import Facts
from models.features.present import Present
from models.pieces import finished
from models.population import write_province
from monitor.events.acts import CutData
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.columns import Columns, Histories
from monitor.modelling.learning import marks_of, material_of
from monitor.modelling.limits import limits_of
from monitor.modelling.training import train_anomaly
from monitor.runners.embedded import EmbeddedRunner
from monitor.runners.modelling import Modelling
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.reader import Reader
from monitor.store.schema import SIGNALS

_ROUNDS = 5
_BAR, _FOREST_THERE = 15.0, 6.7


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    enterprises = int(arguments[0]) if arguments else 20_000
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_province(enterprises, 5, 1, place)
        home = Home(place / "home")
        runner = EmbeddedRunner(home, load(), Pseudonymiser([bytes(range(32))]))
        try:
            runner.drain(open_source(str(place / "events.jsonl"), None))
            _Cuts(home, runner, place).run()
        finally:
            runner.close()
    say(f"peak memory {peak_mib():,.0f} MiB")


class _Cuts:
    def __init__(self, home: Home, runner: EmbeddedRunner, place: Path) -> None:
        self.home, self.runner, self.place = home, runner, place
        self.rules = load()
        self.count = len(runner.flow.enterprises.records) - 1
        self.touched = 0
        with runner.reading() as connection:
            self.codes = Reader(connection).codes(range(1, self.count + 1))
            material = material_of(connection, runner.flow, self.codes, runner.flow.now)
        file, self.card = train_anomaly(material, self.rules, runner.flow.now, 1, {})
        self.model = opened(keeping.keep(home.path, file, self.card))[1]

    def run(self) -> None:
        """Prints the figures."""
        gc.collect()
        gc.freeze()
        kept = Columns()
        anew = self._median(lambda: finished(Columns().renew(self._histories())))
        facts = finished(kept.renew(self._histories()))
        say(f"{self.count:,} enterprises, {len(facts.happenings.owner) / self.count:.1f} happenings each")
        worked, matrix = self._worked(facts)
        say(f"columns: all histories anew {anew:.1f} µs an enterprise; kept in {kept.size / self.count:.0f} bytes each")
        forest = self._median(_forest(matrix))
        slower = forest / _FOREST_THERE
        for share in (1_000, 100):
            renewed = []
            for _ in range(_ROUNDS):
                self._touch(self.count // share)
                histories = self._histories()
                renewed.append(timed(partial(finished, kept.renew(histories)))[2] / self.count * 1e6)
            total = median(renewed) + worked
            there = (total - forest) / slower + _FOREST_THERE
            say(
                f"one in {share:,} touched: columns {median(renewed):.1f}, with features and scores {total:.1f} µs, "
                f"{total / (anew + worked):.2f} times that with all anew"
            )
            say(
                f"  a default forest alone {forest:.1f} µs here, {_FOREST_THERE} on the machine of the bar: "
                f"{there:.1f} µs there, bar {_BAR:.0f}"
            )
        self._held()

    def _worked(self, facts: Facts) -> tuple[float, Matrix]:
        """µs an enterprise of features and scores."""

        def work() -> Matrix:
            matrix = finished(compute_all(Present(facts, self.runner.flow.now)))
            marks = marks_of([self.codes[ref] for ref in matrix.refs.tolist()])
            finished(score_in_pieces(matrix, marks, self.model, partial(limits_of, self.rules)))
            return matrix

        matrix = work()
        return self._median(work), matrix

    def _held(self) -> None:
        """How long the writer is held up at once, and in pieces: processor time, which other programs do not move."""
        live = Modelling(self.home.path)
        name = self.card.hash
        at_once = self._turn(Modelling(self.home.path), CutData(1, models=name))
        found = self._signals()
        self._turn(live, CutData(2, models=name))  # the libraries are loaded, columns are kept
        engine = self.home.reader()
        begun = self._turn(live, CutData(3, models_begun=name))
        live.look(engine)
        pieces = []
        while live.daily is not None and not live.daily.finished:
            pieces.append(timed(live.daily.piece)[2])
        taken = self._turn(live, CutData(4, models_taken=True))
        engine.dispose()
        same = self._signals() == found
        say(
            f"at once the writer is held up {at_once * 1e3:,.0f} ms, {at_once / self.count * 1e6:.0f} µs an "
            f"enterprise, with the reasons of {len(found)} findings"
        )
        say(
            f"in pieces: by the cut that begins it {begun * 1e3:.0f} ms, by {len(pieces)} pieces "
            f"{median(pieces) * 1e3:.0f} ms at the median, {max(pieces) * 1e3:.0f} at most, by the cut that takes it "
            f"(with groups) {taken * 1e3:.0f} ms; the same findings: {same}"
        )

    def _turn(self, modelling: Modelling, data: CutData) -> float:
        with self.runner.writing() as connection:
            return timed(lambda: modelling.turn(connection, self.runner.flow, self.rules, 1, data))[2]

    def _signals(self) -> list[Any]:
        query = select(SIGNALS).where(SIGNALS.c.detector == "anomaly").order_by(SIGNALS.c.ref)
        with self.runner.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def _touch(self, count: int) -> None:
        """Some enterprises file a report."""
        path = self.place / "more.jsonl"
        with path.open("a") as file:
            for _ in range(count):
                self.touched += 1
                code = self.codes[1 + self.touched * 7_919 % self.count]
                file.write(
                    f'{{"specversion":"1.0","id":"late-{self.touched}","source":"//late.example","type":"report.filed",'
                    f'"subject":"{code}","time":"2025-12-31T23:00:00+08:00","data":{{"year":2020}}}}\n'
                )
        self.runner.drain(open_source(str(path), None))

    def _histories(self) -> Histories:
        return Histories.of(self.runner.flow)

    def _median(self, work: Callable[[], object]) -> float:
        """Processor time in µs an enterprise, the median of some rounds."""
        return median(timed(work)[2] for _ in range(_ROUNDS)) / self.count * 1e6


def _forest(matrix: Matrix) -> Callable[[], None]:
    """Scoring by one isolation forest of 100 trees, batch by batch."""
    known = np.nan_to_num(matrix.values)
    forest = IsolationForest(random_state=1).fit(known)

    def score() -> None:
        for first in range(0, len(known), BATCH):
            forest.score_samples(known[first : first + BATCH])

    return score


if __name__ == "__main__":
    main(sys.argv[1:])
