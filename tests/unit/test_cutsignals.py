"""Signals of cuts of their own in the store: replaced as a whole, told where they changed, kept over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, select

from detectors.base import Finding
from detectors.graph.view import Group
from detectors.registry import by_id
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.cutsignals import CutFinding, put_cut_signals, put_groups, ref_of_group, standing_groups
from monitor.store.home import Home
from monitor.store.reader import Reader
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.work import alertreader
from monitor.store.work.alert_schema import SIGNAL_CHANGES
from tests.cuts import SHELLS, cut_groups, running
from tests.engine import CLOCK, exported, lines, shipped_rules

CODES = ("E001", "E002", "E003")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    home = Home(tmp_path / "home")
    home.create()
    found = home.writer()
    with found.begin() as connection:
        for ref, code in enumerate(CODES, start=1):
            row = {"ref": ref, "code": code, "name": "", "named_at": 0, "named_by": "", "named_in": ""}
            connection.execute(ENTERPRISES.insert(), row)
    yield found
    found.dispose()


def group(key: str, members: tuple[int, ...] = (1, 2, 3), **more: Any) -> Group:
    facts = {"rooms": 1, "persons": 1, "density": 50, "traits_zh": "", "traits_en": ""}
    finding = Finding(level=1, value=len(members), since=5, members=members, facts=facts)
    values: dict[str, Any] = {"label": key, "codes": tuple(CODES[one - 1] for one in members), "region": "330106"}
    return Group(key=key, members=members, finding=finding, **{**values, **more})


def put(connection: Connection, *groups: Group, now: int = 10, seq: int = 1) -> int:
    return put_cut_signals(connection, SHELLS, put_groups(connection, groups), shipped_rules(), now, seq)


def noted(connection: Connection) -> set[tuple[str, int]]:
    found = {(row.detector, row.ref) for row in connection.execute(select(SIGNAL_CHANGES))}
    connection.execute(delete(SIGNAL_CHANGES))
    return found


def test_only_what_differs_is_written_and_told(engine: Engine) -> None:
    with engine.begin() as connection:
        assert put(connection, group("g-a"), group("g-b", (2, 3))) == 2
        assert noted(connection) == {("shell-cluster", 1), ("shell-cluster", 2)}
        assert put(connection, group("g-b", (2, 3)), group("g-a"), now=20, seq=2) == 0
        assert noted(connection) == set()
        assert {row.raised_at for row in connection.execute(select(SIGNALS))} == {10}
        assert put(connection, group("g-a", (1, 2)), now=30, seq=3) == 2
        assert noted(connection) == {("shell-cluster", 1), ("shell-cluster", 2)}
        (signal,) = Reader(connection).signals()
        assert signal["subject"] == {"kind": "group", "key": "g-a", "label": "g-a"}
        assert signal["enterprises"] == ["E001", "E002"]
        assert {row.enterprise for row in connection.execute(select(SIGNAL_MEMBERS))} == {1, 2}


def test_members_alone_make_a_change(engine: Engine) -> None:
    with engine.begin() as connection:
        put(connection, group("g-a", (1, 2)))
        noted(connection)
        assert put(connection, group("g-a", (1, 3))) == 1
        assert noted(connection) == {("shell-cluster", 1)}
        (signal,) = Reader(connection).signals()
        assert signal["enterprises"] == ["E001", "E003"]


def test_a_key_keeps_its_number_when_its_group_comes_back(engine: Engine) -> None:
    with engine.begin() as connection:
        put(connection, group("g-a"), group("g-b", (2, 3)))
        put(connection)
        assert standing_groups(connection) == {}
        assert ref_of_group(connection, "g-b") == 2
        put(connection, group("g-c", (1, 2)), group("g-b", (2, 3)))
        assert (ref_of_group(connection, "g-b"), ref_of_group(connection, "g-c")) == (2, 3)
        assert ref_of_group(connection, "g-none") == 0
        assert standing_groups(connection) == {"g-b": ("E002", "E003"), "g-c": ("E001", "E002")}
        assert Reader(connection).subjects([("group", 1)]) == {("group", 1): ("g-a", "g-a")}


def test_a_detector_of_a_stage_and_two_findings_on_one_subject_are_refused(engine: Engine) -> None:
    finding = CutFinding(1, Finding(level=1, value=1, since=0, members=(1,)), None)
    with engine.begin() as connection:
        with pytest.raises(ValueError, match="judged by a stage"):
            put_cut_signals(connection, by_id("phoenix"), [finding], shipped_rules(), 0, 1)
        with pytest.raises(ValueError, match="twice"):
            put_cut_signals(connection, SHELLS, [finding, finding], shipped_rules(), 0, 1)
        assert list(Reader(connection).signals()) == []


def test_an_alert_on_a_group_carries_its_graph_and_clears_with_it(tmp_path: Path) -> None:
    seconds = count(CLOCK, 1_000_000)
    with running(tmp_path / "home", lines(SHELLS.example()[0]), clock=seconds.__next__) as runner:
        runner.go_live()
        with _engine(runner).begin() as connection:
            (found,) = cut_groups(connection, runner.flow, shipped_rules())
        runner.tick()
        alert = _alert(runner)
        assert alert["subject"] == {"kind": "group", "key": found.key, "label": found.label}
        assert (alert["level"], alert["status"], alert["predecessors"]) == (1, "open", [])
        assert alert["subgraph"]["nodes"] == list(found.codes)
        assert {tie["by"] for tie in alert["subgraph"]["ties"]} == {"room", "person"}
        with _engine(runner).begin() as connection:
            put(connection)
        runner.tick()
        assert _alert(runner)["signals"][0]["in_force"] is False


def _alert(runner: EmbeddedRunner) -> dict[str, Any]:
    with runner.reading() as connection:
        (found,) = [one for one in alertreader.read(connection) if one["detector"] == "shell-cluster@1"]
    return found


def test_a_restart_leaves_them_in_force(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, lines(SHELLS.example()[0])) as runner:
        runner.go_live()
        with _engine(runner).begin() as connection:
            cut_groups(connection, runner.flow, shipped_rules())
    before = [one for one in exported(home) if one["detector"] == SHELLS.id]
    with running(home, []) as runner:
        runner.go_live()
    assert [one for one in exported(home) if one["detector"] == SHELLS.id] == before
    assert len(before) == 1


def _engine(runner: EmbeddedRunner) -> Engine:
    with runner.reading() as connection:
        engine: Engine = connection.engine
    return engine
