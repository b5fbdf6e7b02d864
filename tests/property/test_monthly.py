"""The classes of a new month, worked out in pieces while events come, are those of the cut that began them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.moments import DAY, as_text
from monitor.events.acts import Cut
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import classing, monthly
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store import log as eventlog
from monitor.store.home import Home
from tests.engine import CLOCK, KEY, exported, read_home, shipped_rules
from tests.property.test_supervision import forget_what_follows, reopened, what_follows
from tests.reference.cases import make_case


class Clock:
    """Goes on by a second with each look, and by days where it is told to."""

    def __init__(self, now: int = CLOCK) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that much comes between them."""
    monkeypatch.setattr(monthly, "_ENTERPRISES", 16)
    monkeypatch.setattr(monthly, "_ROWS", 8)
    monkeypatch.setattr(classing, "_REST", 0)


@contextmanager
def live(home: Path, path: Path, clock: Clock) -> Iterator[EmbeddedRunner]:
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=clock)
    runner.gradual = True
    try:
        assert runner.drain(open_source(str(path), None)) == []
        runner.go_live()
        yield runner
    finally:
        runner.close()


def come(runner: EmbeddedRunner, path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(one + b"\n" for one in lines)
    assert runner.drain(open_source(str(path), None)) == []
    runner.settle()


def classes_of(home: Path) -> list[dict[str, Any]]:
    return read_home(home, lambda reader: list(reader.classes()))


def mix_of(home: Path) -> list[dict[str, Any]]:
    return read_home(home, lambda reader: reader.class_mix())


def cuts_of(home: Path) -> list[Any]:
    def read(reader: Any) -> list[Any]:
        return [
            one.data for block in eventlog.read_blocks(reader.connection) for one in block.events if type(one) is Cut
        ]

    return read_home(home, read)


def until_taken(
    runner: EmbeddedRunner, home: Path, path: Path, later: list[list[bytes]], chance: random.Random
) -> None:
    """Pieces, events and cuts in turn, until the classes hold."""
    while not any(one.taken for one in cuts_of(home)):
        for _ in range(chance.randrange(4)):
            runner.work_some()
        if later:
            come(runner, path, later.pop())
        runner.cut()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("killed", [False, True])
def test_classes_in_pieces_are_those_of_their_cut(tmp_path: Path, seed: int, killed: bool) -> None:
    chance = random.Random(seed)
    case = make_case(seed, 600)
    home, path, clock = tmp_path / "home", tmp_path / "events.jsonl", Clock()
    path.write_bytes(b"".join(one + b"\n" for one in case[:350]))
    later = [case[start : start + 25] for start in range(350, 600, 25)]
    with live(home, path, clock) as runner:
        old = classes_of(home)
        assert old
        clock.now += 40 * DAY
        runner.tick()
        began = as_text(runner.flow.now)
        assert classes_of(home) == old, "until all are worked out, the old ones hold"
        for _ in range(chance.randrange(1, 6)):
            runner.work_some()
        come(runner, path, later.pop())
        if not killed:
            until_taken(runner, home, path, later, chance)
    if killed:
        assert not any(one.taken for one in cuts_of(home))
        with live(home, path, clock) as runner:
            assert cuts_of(home)[-1].begun, "what was not finished begins again"
            began = as_text(runner.flow.now)
            until_taken(runner, home, path, later, chance)
    found, mix, follows = classes_of(home), mix_of(home), what_follows(home)
    assert exported(home)
    assert {one["subject"] for one in found if one["as_of"] == began}
    counted = Counter((one["region"], one["kind"], one["class"]) for one in mix for _ in range(one["count"]))
    assert sum(counted.values()) == len(found)
    forget_what_follows(home)
    reopened(home)
    assert classes_of(home) == found, "a replay works them out at once"
    assert mix_of(home) == mix
    assert what_follows(home) == follows


def test_a_run_that_ends_works_all_out_at_once(tmp_path: Path) -> None:
    case = make_case(1, 300)
    home, path, clock = tmp_path / "home", tmp_path / "events.jsonl", Clock()
    path.write_bytes(b"".join(one + b"\n" for one in case))
    with live(home, path, clock) as runner:
        clock.now += 40 * DAY
        runner.tick()
        runner.work_some()
        runner.go_live(ended=True)
        now = as_text(runner.flow.now)
    assert {one["as_of"] for one in classes_of(home)} == {now}
    assert [one.begun for one in cuts_of(home)].count(True) == 1
    assert not any(one.taken for one in cuts_of(home))
