"""The metrics of contract §7: names, labels and values as Prometheus reads them."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.moments import SECOND
from detectors.registry import all_detectors
from monitor import metrics
from monitor.engine.delays import Delays
from monitor.metrics import Pulse, exposition
from monitor.store.home import Home, HomeError
from monitor.store.reader import Store
from monitor.store.schema import PARKED
from tests.unit.web_home import CLOCK, filled, take_in, writing

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled(tmp_path_factory.mktemp("metrics"))


def scraped(store: Store, pulse: Pulse | None = None) -> Samples:
    """Every sample by its name and labels."""
    text = exposition(store, pulse or Pulse(), Delays()).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_totals_are_counted_by_type_and_reason(store: Store) -> None:
    samples = scraped(store)
    assert samples["credit_monitor_events_total", (("type", "registration.established"),)] == 18
    assert samples["credit_monitor_events_total", (("type", "complaint.received"),)] == 5
    assert samples["credit_monitor_events_total", (("type", "monitor.live"),)] == 1
    assert samples["credit_monitor_repeats_total", (("type", "enforcement.letter_sent"),)] == 1
    refused = Counter({labels: value for (name, labels), value in samples.items() if "dead_letters" in name})
    assert refused.total() == 3
    assert refused[("reason", "not_json"),] == 1


def test_totals_outlive_the_process(tmp_path: Path) -> None:
    home = filled(tmp_path)
    before = scraped(home)["credit_monitor_events_total", (("type", "registration.established"),)]
    with writing(home) as runner:
        take_in(runner, tmp_path, [])
        assert scraped(home)["credit_monitor_events_total", (("type", "registration.established"),)] == before


def test_signals_are_told_for_every_detector_and_level(store: Store) -> None:
    samples = scraped(store)
    signals = {
        (dict(labels)["detector"], dict(labels)["level"]): value
        for (name, labels), value in samples.items()
        if name == "credit_monitor_signals"
    }
    assert set(signals) == {(one.id, str(level)) for one in all_detectors() for level in (1, 2, 3, 4)}
    assert signals["one-address-many-licences", "2"] == 1
    assert signals["one-person-many-enterprises", "1"] == 1
    assert signals["complaint-surge", "2"] == 1
    assert signals["phoenix", "3"] == 0


def test_parked_subjects_are_told_by_stage(tmp_path: Path) -> None:
    home = filled(tmp_path)
    before = scraped(home)
    stages = ("enterprises", "rooms", "persons", "assessment")
    assert [before["credit_monitor_parked_subjects", (("stage", stage),)] for stage in stages] == [0, 0, 0, 0]
    engine = home.writer()
    with engine.begin() as connection:
        connection.execute(PARKED.insert(), [{"stage": "rooms", "ref": ref, "reason": "x"} for ref in (1, 2)])
        connection.execute(PARKED.insert(), [{"stage": "another", "ref": 3, "reason": "x"}])
    engine.dispose()
    after = scraped(home)
    assert [after["credit_monitor_parked_subjects", (("stage", stage),)] for stage in stages] == [0, 2, 0, 0]
    assert after["credit_monitor_parked_subjects", (("stage", "another"),)] == 1


def test_now_and_the_age_of_the_snapshot(tmp_path: Path) -> None:
    home = filled(tmp_path)
    (snapshot,) = home.snapshots.glob("*.snapshot")
    os.utime(snapshot, (time.time() - 3600, time.time() - 3600))
    samples = scraped(home)
    assert samples["credit_monitor_snapshot_age_seconds", ()] == pytest.approx(3600, abs=30)
    assert 0 < samples["credit_monitor_now_seconds", ()] <= CLOCK / SECOND
    snapshot.unlink()
    assert ("credit_monitor_snapshot_age_seconds", ()) not in scraped(home)


def test_a_silent_writer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, pulse = filled(tmp_path), Pulse()
    pulse.turn_to("live")
    agent = (("agent", "runner"),)
    assert scraped(home, pulse)["credit_monitor_agent_alive", agent] == 1
    monkeypatch.setattr(metrics, "LONGEST_SILENCE", 1.0)
    time.sleep(1.1)
    samples = scraped(home, pulse)
    assert samples["credit_monitor_agent_alive", agent] == 0
    assert samples["credit_monitor_agent_silence_seconds", agent] >= 1.1
    pulse.beat()
    assert scraped(home, pulse)["credit_monitor_agent_alive", agent] == 1


def test_opening_a_large_home_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "LONGEST_SILENCE", 0.0)
    pulse = Pulse()
    time.sleep(0.01)
    assert pulse.alive
    pulse.turn_to("reading")
    time.sleep(0.01)
    assert not pulse.alive


def test_every_name_has_the_prefix_and_a_help_text(store: Store) -> None:
    families = list(text_string_to_metric_families(exposition(store, Pulse(), Delays()).decode()))
    assert len(families) == 26
    for family in families:
        assert family.name.startswith("credit_monitor_")
        assert family.documentation


def test_every_name_is_documented(store: Store) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    for name, _ in scraped(store):
        assert f"`{name}" in guide


def test_a_home_that_is_not_there_is_no_empty_home(tmp_path: Path) -> None:
    with pytest.raises(HomeError):
        exposition(Home(tmp_path / "nowhere"), Pulse(), Delays())
