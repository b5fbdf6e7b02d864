"""What the page asks of the reader: one moment, and lists cut to what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.example import several
from monitor.store.home import Home, set_meta
from monitor.store.reader import Reader, look
from monitor.web.overview import NEWEST, SHOWN, overview_of
from tests.unit.web_home import PERSON, filled, take_in, writing


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("reading"))


def test_a_look_is_of_one_moment_while_the_writer_goes_on(tmp_path: Path) -> None:
    home = filled(tmp_path)
    reading, changing = home.reader(), home.writer()
    with look(reading) as reader:
        before = reader.now()
        with changing.begin() as connection:
            set_meta(connection, "now", "7")
        assert reader.now() == before
    with look(reading) as reader:
        assert reader.now() == 7
    reading.dispose()
    changing.dispose()


def test_the_newest_signals_are_cut_and_say_so(home: Home) -> None:
    engine = home.reader()
    with look(engine) as reader:
        whole = {(one["detector"], one["subject"]["key"]): one for one in reader.signals()}
        newest = reader.newest(100, SHOWN)
    engine.dispose()
    assert len(newest) == len(whole)
    assert [one["since"] for one in newest] == sorted((one["since"] for one in newest), reverse=True)
    for one in newest:
        all_of_it = whole[one["detector"], one["subject"]["key"]]
        assert one["enterprise_count"] == len(all_of_it["enterprises"])
        assert one["evidence_count"] == len(all_of_it["evidence"])
        assert one["evidence"] == all_of_it["evidence"][-SHOWN:]
        assert set(one["enterprises"]) <= set(all_of_it["enterprises"])
        assert len(one["enterprises"]) == min(SHOWN, one["enterprise_count"])
        assert one["reason"] == all_of_it["reason"]
    assert max(one["enterprise_count"] for one in newest) == 12


def test_the_clock_and_the_monitor_are_no_enterprises(home: Home) -> None:
    engine = home.reader()
    with look(engine) as reader:
        counts = reader.counts()
        assert reader.enterprise("monitor") is not None
    engine.dispose()
    assert counts["enterprises"] == 18


def test_a_bare_name_is_counted_once(tmp_path: Path) -> None:
    events = several(3, 0)
    for one in events:
        one["data"]["persons"] = [{"role": "legal_representative", "name": PERSON}]
    home = Home(tmp_path / "home")
    with writing(home) as runner:
        take_in(runner, tmp_path, events)
    engine = home.reader()
    with look(engine) as reader:
        assert reader.counts()["persons"] == 1
    engine.dispose()


def test_the_overview_adds_up(home: Home) -> None:
    engine = home.reader()
    with look(engine) as reader:
        found = overview_of(reader)
        in_force = len(list(reader.signals()))
    engine.dispose()
    assert found.in_force == in_force == sum(found.by_level(level) for level in (1, 2, 3, 4))
    assert len(found.newest) == min(NEWEST, in_force)
    assert found.repeats == 1


def test_a_reader_outside_a_look_is_a_reader_still(home: Home) -> None:
    engine = home.reader()
    with engine.connect() as connection:
        assert Reader(connection).counts()["rooms"] == 7
    engine.dispose()
