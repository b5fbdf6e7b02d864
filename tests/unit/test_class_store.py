"""Classes in a home: when they are worked out, what is written, and what readers and commands see of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config import scorecards
from config.moments import as_text, parse_moment
from config.scorecards import Cards
from detectors.example import event, opened
from monitor.engine.delays import Delays
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.metrics import Pulse, exposition
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.work.classes import Found
from tests.engine import KEY, shipped_rules
from tests.unit.web_home import Raw, take_in

START = parse_moment("2024-06-10T12:00:00+08:00")


class Clocked:
    """A live home whose clock the test sets."""

    def __init__(self, folder: Path, cards: Cards | None = None) -> None:
        self.home = Home(folder / "home")
        self.folder = folder
        self.clock = START
        self.cards = cards
        self.runner = self.open()

    def open(self) -> EmbeddedRunner:
        return EmbeddedRunner(
            self.home, shipped_rules(), Pseudonymiser([KEY]), cards=self.cards, clock=lambda: self.clock
        )

    def restart(self) -> None:
        self.runner.close()
        self.runner = self.open()

    def take(self, *events: Raw) -> None:
        take_in(self.runner, self.folder, events)
        self.runner.cut()

    def tick(self, at: str) -> None:
        self.clock = parse_moment(at)
        self.runner.tick()

    def classes(self) -> dict[str, Found]:
        with looking(self.home) as reader:
            found = {code: reader.class_of(code) for code in ("E000", "E001", "E002")}
        return {code: one for code, one in found.items() if one is not None}

    def shown(self) -> dict[str, str]:
        return {code: one.class_ for code, one in self.classes().items()}

    def mix(self) -> Counter[tuple[str, str, str]]:
        with looking(self.home) as reader:
            return Counter({(one["region"], one["kind"], one["class"]): one["count"] for one in reader.class_mix()})


@pytest.fixture
def live(tmp_path: Path) -> Any:
    """A live home with two enterprises, one of them with a severe penalty."""
    found = Clocked(tmp_path)
    found.take(
        opened("E000", -700, room="1幢101室"),
        opened("E001", -700, room="1幢102室", kind="individual"),
        event("E000", "enforcement.penalised", 10, document="P", amount=500_000),
    )
    assert found.shown() == {}
    found.runner.go_live()
    found.tick("2024-06-01T00:00:00+08:00")
    found.clock = START
    yield found
    found.runner.close()


def test_everybody_has_a_class_once_the_monitor_is_live(live: Clocked) -> None:
    assert live.shown() == {"E000": "C", "E001": "A"}
    assert live.mix() == {("330106", "enterprise", "C"): 1, ("330106", "individual", "A"): 1}


def test_classes_stand_until_the_month_turns(live: Clocked) -> None:
    live.take(event("E001", "sampling.failed", 100, document="S"))
    live.tick("2024-06-30T23:59:59+08:00")
    assert live.shown()["E001"] == "A"
    live.tick("2024-07-01T00:00:00+08:00")
    assert live.shown()["E001"] == "B"
    assert as_text(live.classes()["E000"].as_of) == "2024-07-01T00:00:00+08:00"
    assert live.mix() == {("330106", "enterprise", "C"): 1, ("330106", "individual", "B"): 1}


def test_a_red_signal_has_its_enterprise_classed_at_once_and_no_other(live: Clocked) -> None:
    live.take(event("E000", "sampling.failed", 100, document="S"))
    live.take(event("E001", "enforcement.abnormal_listed", 100, ground="unreachable", document="L"))
    assert live.shown() == {"E000": "C", "E001": "C"}
    found = live.classes()
    assert found["E000"].score == 35
    assert as_text(found["E000"].as_of) == "2024-06-01T00:00:00+08:00"
    assert found["E001"].as_of > found["E000"].as_of
    assert live.mix() == {("330106", "enterprise", "C"): 1, ("330106", "individual", "C"): 1}


def test_one_that_has_ended_loses_its_class_and_its_place_in_the_mix(live: Clocked) -> None:
    live.take(event("E001", "registration.deregistered", 100))
    live.tick("2024-07-01T00:00:00+08:00")
    assert live.shown() == {"E000": "C"}
    assert live.mix() == {("330106", "enterprise", "C"): 1}


def test_a_restart_changes_no_class_and_a_rebuilt_state_gives_the_same(live: Clocked) -> None:
    before = live.classes()
    live.restart()
    assert live.classes() == before
    live.runner.close()
    for path in live.home.snapshots.iterdir():
        path.unlink()
    live.runner = live.open()
    assert live.classes() == before


def test_other_cards_are_kept_beside_the_old_and_class_everybody_anew(live: Clocked) -> None:
    strict = scorecards.load().texts
    strict |= {"general.yaml": strict["general.yaml"].replace("{B: 5, C: 18, D: 36}", "{B: 5, C: 18, D: 30}")}
    live.cards = Cards(strict)
    live.restart()
    live.tick("2024-06-11T00:00:00+08:00")
    assert live.shown() == {"E000": "D", "E001": "A"}
    with looking(live.home) as reader:
        assert {one["card"] for one in reader.classes()} == {live.cards.content_hash}


def test_the_end_of_a_run_that_stops_classes_everybody(live: Clocked) -> None:
    live.take(event("E001", "sampling.failed", 100, document="S"))
    live.runner.go_live(ended=True)
    assert live.shown() == {"E000": "C", "E001": "B"}


def test_a_defect_in_one_history_holds_back_no_other_class(live: Clocked, caplog: pytest.LogCaptureFixture) -> None:
    flow = live.runner.flow
    flow.enterprises.records[flow.subjects.find("E000")] = b"\xdd\x00\x00\x00\x01\x90"  # an entry that holds nothing
    live.take(event("E001", "sampling.failed", 100, document="S"))
    live.runner.go_live(ended=True)
    assert live.shown() == {"E001": "B"}
    assert "1 subjects have no class because of a defect" in caplog.text


def test_an_export_traces_every_point_to_dated_events(live: Clocked) -> None:
    live.take(event("E000", "objection.filed", 101, document="P"))
    live.runner.go_live(ended=True)
    with looking(live.home) as reader:
        found = {one["subject"]: one for one in reader.classes()}
    assert found["E001"] == {
        **{"subject": "E001", "class": "A", "score": 0, "as_of": found["E000"]["as_of"]},
        **{"card": scorecards.load().content_hash, "items": [], "disputed": False, "tolerated": False},
    }
    (item,) = found["E000"]["items"]
    assert found["E000"]["disputed"]
    assert (item["id"], item["points"], item["date"], item["lapses"], item["disputed"]) == (
        *("penalty-severe", 35, "2024-03-11", "2029-03-11"),
        True,
    )
    (evidence,) = item["events"]
    assert (evidence["id"], evidence["source"], evidence["subject"], evidence["date"]) == (
        *("enforcement.penalised-10-0", "//example", "E000"),
        "2024-03-11",
    )


def test_the_metrics_count_enterprises_by_class(live: Clocked) -> None:
    text = exposition(live.home, Pulse(), Delays()).decode()
    assert 'credit_monitor_enterprises_by_class{class="C",kind="enterprise",region="330106"} 1.0' in text
    assert 'credit_monitor_enterprises_by_class{class="A",kind="individual",region="330106"} 1.0' in text
