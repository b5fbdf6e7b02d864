"""Snapshots: whole or not at all. A damaged, foreign or missing one costs time and changes no signal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.engine import state
from monitor.runners import core
from monitor.store import snapshots
from monitor.store.snapshots import SnapshotError
from tests.engine import Engine, differences, exported, run_file
from tests.reference.cases import make_case

FRAMES: list[tuple[str, Any]] = [("versions", {"state": "1"}), ("rows", [[1, b"\x00\xff"], [2, "字"]]), ("empty", [])]


def read(path: Path) -> list[tuple[str, Any]]:
    return list(snapshots.read(path))


def test_frames_come_back_in_their_order(tmp_path: Path) -> None:
    assert read(snapshots.write(tmp_path, 7, FRAMES)) == FRAMES


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for seq in (3, 12, 7):
        snapshots.write(tmp_path, seq, FRAMES)
    assert [snapshots.seq_of(path) for path in snapshots.newest(tmp_path)] == [12, 7]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000007.snapshot", "000000000012.snapshot"]


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[str, Any]]:
        yield FRAMES[0]
        raise RuntimeError("in the middle")

    path = snapshots.write(tmp_path, 1, FRAMES)
    with pytest.raises(RuntimeError):
        snapshots.write(tmp_path, 2, failing())
    assert snapshots.newest(tmp_path) == [path]
    assert read(path) == FRAMES


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = snapshots.write(tmp_path, 1, FRAMES)
    whole = path.read_bytes()
    unnoticed = []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            if read(path) != FRAMES:
                unnoticed.append(place)
        except SnapshotError:
            continue
    assert unnoticed == []


@pytest.mark.parametrize("length", [0, 1, 9, -1])
def test_a_cut_one_is_found(tmp_path: Path, length: int) -> None:
    path = snapshots.write(tmp_path, 1, FRAMES)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SnapshotError, match=path.name):
        read(path)


def test_one_that_is_gone_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="nothing"):
        read(tmp_path / "nothing.snapshot")


def test_a_state_of_other_versions_is_not_taken_over(tmp_path: Path) -> None:
    engine = Engine().take(make_case(1, 50))
    versions = state.state_versions(engine.intake.pseudonyms)
    path = snapshots.write(tmp_path, 1, state.frames_of(engine.flow, versions))
    for name in versions:
        with pytest.raises(SnapshotError, match=name):
            state.restore(Engine().flow, snapshots.read(path), {**versions, name: "another"})


# --- on a home


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a case."""
    path = tmp_path_factory.mktemp("source") / "events.jsonl"
    path.write_bytes(b"\n".join(make_case(2, 120)) + b"\n")
    return path


def test_a_restart_goes_on_from_the_snapshot(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_file(tmp_path, source)
    wanted = exported(tmp_path)
    assert len(snapshots.newest(tmp_path / "snapshots")) == 1
    monkeypatch.setattr(core.Core, "_rebuild", lambda *_: pytest.fail("the state was rebuilt from the log"))
    run_file(tmp_path, source)
    assert not differences(exported(tmp_path), wanted)


@pytest.mark.parametrize("harm", ["deleted", "cut", "emptied", "of the future", "of another version"])
def test_without_a_usable_snapshot_the_log_gives_the_same(
    tmp_path: Path, source: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_file(tmp_path, source)
    wanted = exported(tmp_path)
    (path,) = snapshots.newest(tmp_path / "snapshots")
    if harm == "deleted":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif harm == "emptied":
        path.write_bytes(b"")
    elif harm == "of the future":
        path.rename(path.with_name("000000999999.snapshot"))
    else:
        monkeypatch.setattr(state, "STATE_VERSION", state.STATE_VERSION + 1)
    run_file(tmp_path, source)
    assert not differences(exported(tmp_path), wanted)


def test_wherever_a_snapshot_is_damaged_the_run_goes_on(tmp_path: Path, source: Path) -> None:
    run_file(tmp_path, source)
    wanted = exported(tmp_path)
    (path,) = snapshots.newest(tmp_path / "snapshots")
    whole = path.read_bytes()
    for share in range(0, 100, 7):
        place = len(whole) * share // 100
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        run_file(tmp_path, source)
        assert not differences(exported(tmp_path), wanted)
        for made in snapshots.newest(tmp_path / "snapshots"):
            if made != path:
                made.unlink()
