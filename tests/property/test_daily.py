"""What the models find, worked out in pieces while events come, is what they find at once at the cut that began it."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.moments import DAY, SHANGHAI, as_text, moment
from models import keeping
from models.features.present import Present
from models.pieces import finished
from models.population.province import write_province
from monitor.events.acts import Cut
from monitor.events.data import PromotedData
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.columns import Histories
from monitor.modelling.gathering import facts_of
from monitor.modelling.learning import material_of
from monitor.modelling.opinions import Models
from monitor.modelling.training import train_anomaly
from monitor.runners import daily, modelling
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store import log as eventlog
from monitor.store.home import Home
from monitor.store.reader import Reader
from monitor.store.schema import SIGNALS
from monitor.store.work import drifts, promotions, shadows
from tests.engine import KEY, read_home, shipped_rules
from tests.property.test_monthly import Clock
from tests.property.test_supervision import forget_what_follows, what_follows


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step in each piece, so that much comes between them."""
    monkeypatch.setattr(daily, "_AT_ONCE", 0.0)
    monkeypatch.setattr(modelling, "_REST", 0)


@contextmanager
def writer(home: Path, clock: Clock, *, gradual: bool) -> Iterator[EmbeddedRunner]:
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=clock)
    runner.gradual = gradual
    try:
        yield runner
    finally:
        runner.close()


class Prepared:
    """A home that went live with one model in force and another as its challenger, and the events still to come."""

    def __init__(self, folder: Path) -> None:
        write_province(1_200, 3, 5, folder / "province")
        self.lines = (folder / "province" / "events.jsonl").read_bytes().splitlines(keepends=True)
        self.known = len(self.lines) - 900
        self.home, self.path = folder / "home", folder / "events.jsonl"
        self.path.write_bytes(b"".join(self.lines[: self.known]))
        clock = Clock(moment(dt.datetime(2026, 1, 1, 12, tzinfo=SHANGHAI)))
        with writer(self.home, clock, gradual=True) as runner:
            assert runner.drain(open_source(str(self.path), None)) == []
            runner.go_live()
            flow = runner.flow
            with runner.reading() as connection:
                codes = Reader(connection).codes(range(1, len(flow.enterprises.records)))
                material = material_of(connection, flow, codes, flow.now)
            for kind, seed in (("anomaly", 1), ("anomaly-challenger", 2)):
                file, card = train_anomaly(material, shipped_rules(), flow.now, seed, {})
                keeping.keep(self.home, file, card)
                runner.promote(PromotedData(kind, card.hash, seed, "王敏", "试用"))  # type: ignore[arg-type]
        self.clock_at = clock.now

    def copied(self, folder: Path) -> tuple[Path, Path, Clock]:
        shutil.copytree(self.home, folder / "home")
        shutil.copy(self.path, folder / "events.jsonl")
        return folder / "home", folder / "events.jsonl", Clock(self.clock_at)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("prepared"))


def come(runner: EmbeddedRunner, path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(lines)
    assert runner.drain(open_source(str(path), None)) == []
    runner.settle()


def anomalies(home: Path) -> list[Any]:
    """All of their rows, but for the block of the log in which they were raised."""
    columns = [one for one in SIGNALS.c if one.name != "raised_in"]
    query = select(*columns).where(SIGNALS.c.detector == "anomaly").order_by(SIGNALS.c.ref)
    return read_home(home, lambda reader: [tuple(row) for row in reader.connection.execute(query)])


def drift(home: Path) -> list[Any]:
    return read_home(home, lambda reader: drifts.read(reader.connection))


def cuts_of(home: Path, after: int = 0) -> list[Any]:
    """What cuts say that stand in the log behind a block."""

    def read(reader: Reader) -> list[Any]:
        blocks = eventlog.read_blocks(reader.connection, after)
        return [one.data for block in blocks for one in block.events if type(one) is Cut]

    return read_home(home, read)


def end_of(home: Path) -> int:
    return read_home(home, lambda reader: eventlog.last_seq(reader.connection))


def until_taken(runner: EmbeddedRunner, home: Path, path: Path, later: list[list[bytes]], seed: int) -> None:
    """Pieces, events and cuts in turn, until what was found holds."""
    chance = random.Random(seed)
    begun = end_of(home)
    while not any(one.models_taken for one in cuts_of(home, begun)):
        for _ in range(chance.randrange(60)):
            runner.work_some()
        if later:
            come(runner, path, later.pop(0))
        runner.cut()


@pytest.mark.parametrize("killed", [False, True])
def test_in_pieces_they_find_what_they_find_at_once(tmp_path: Path, prepared: Prepared, killed: bool) -> None:
    (tmp_path / "once").mkdir()
    (tmp_path / "pieces").mkdir()
    later = [prepared.lines[start : start + 60] for start in range(prepared.known, len(prepared.lines), 60)]
    home, path, clock = prepared.copied(tmp_path / "pieces")
    with writer(home, clock, gradual=True) as runner:
        clock.now += DAY
        runner.tick()
        assert cuts_of(home)[-1].models_begun
        assert not anomalies(home), "until all is worked out, nothing new holds"
        for _ in range(25):
            runner.work_some()
        if not killed:
            began = runner.flow.now
            until_taken(runner, home, path, later, 1)
    if killed:
        with writer(home, clock, gradual=True) as runner:
            end = end_of(home)
            come(runner, path, later.pop(0))
            assert any(one.models_begun for one in cuts_of(home, end)), "what was not finished begins again"
            began = runner.flow.now
            until_taken(runner, home, path, later, 2)
    assert len(later) < 15
    found, follows = anomalies(home), what_follows(home)
    assert found
    assert read_home(home, lambda reader: [one["since"] for one in reader.signals() if one["detector"] == "anomaly"])

    other, its, clock = prepared.copied(tmp_path / "once")
    with writer(other, clock, gradual=False) as runner:
        if killed:
            its.write_bytes(b"".join(prepared.lines[: prepared.known + 60]))
            assert runner.drain(open_source(str(its), None)) == []
        clock.now = began - 1_000_000
        runner.tick()
        assert runner.flow.now == began
        assert cuts_of(other)[-1].models
        flow, model = runner.flow, cuts_of(other)[-1].models
        with runner.writing() as connection:
            histories, models = Histories.of(flow), Models(other)
            standing = finished(models.standing(connection, histories))
            present = Present(facts_of(flow), flow.now)
            at_once = finished(models.ask(histories, present, standing, shipped_rules(), model)).findings
    assert [one.ref for one in at_once] == [row[1] for row in found]
    assert anomalies(other) == found, as_text(began)
    assert drift(other) == drift(home)

    forget_what_follows(home)
    with writer(home, clock, gradual=True):
        pass
    assert anomalies(home) == found, "a replay works them out at once"
    assert repr(what_follows(home)["alerts"]) == repr(follows["alerts"])


def test_a_challenger_is_asked_beside_the_model_and_raises_nothing(tmp_path: Path, prepared: Prepared) -> None:
    home, path, clock = prepared.copied(tmp_path)

    def named(kind: str) -> str:
        return read_home(home, lambda reader: promotions.history(reader.connection, kind)[-1].model)

    def record() -> list[shadows.Shadow]:
        return read_home(home, lambda reader: shadows.read(reader.connection, named("anomaly-challenger")))

    with writer(home, clock, gradual=True) as runner:
        for _ in range(2):
            clock.now += DAY
            runner.tick()
            until_taken(runner, home, path, [], 3)
    first, second = record()
    assert second.as_of - first.as_of >= DAY
    assert first.model == named("anomaly") != named("anomaly-challenger")
    assert second.both + second.in_force_alone == len(anomalies(home))
    assert second.both + second.challenger_alone > 0
    assert 0.5 < second.correlation < 1.0
    with writer(home, clock, gradual=True) as runner:
        data = read_home(home, lambda reader: promotions.history(reader.connection, "anomaly-challenger")[-1])
        runner.promote(PromotedData("anomaly", data.model, data.seed, "王敏", "挑战者较好"))
        clock.now += DAY
        runner.tick()
        until_taken(runner, home, path, [], 4)
    assert len(record()) == 2, "the model in force is no challenger"
