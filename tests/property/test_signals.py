"""The engine's signals are those of the reference, whatever the order, the repeats, the poison and the interruptions.

`tests.reference` works out every signal by brute force from all events at once; the engine gets the same lines in
another order, with repeats and bad lines, judged at any moment, taken down to a snapshot and brought up again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.moments import moment
from monitor.stages import membership
from tests import engine
from tests.engine import Engine, differences, event, line
from tests.property.chaos import make_chaos, small_reference, small_rules
from tests.reference import cases, naive
from tests.reference.cases_maker import RECEIVED

seeds = st.integers(0, 2**32 - 1)
paces = st.sampled_from((0, 0, 1, 3, 10, 100))
"""After how many lines everything is judged; 0: only at the end."""


def troubled(lines: Sequence[bytes], seed: int) -> list[bytes]:
    """The lines in another order, with bad ones of every kind among them, and some of them again, written otherwise."""
    found = cases.poisoned(cases.shuffled(lines, seed), seed)
    chance = random.Random(seed)
    for one in chance.sample(list(lines), len(lines) // 5):
        place = chance.randrange(found.index(one) + 1, len(found) + 1)
        found.insert(place, cases.rewritten(one, chance))
    return found


def interrupted(running: Engine, lines: Sequence[bytes], seed: int, pace: int) -> Engine:
    """Takes in lines, with a snapshot and a new process somewhere in the middle; some lines may not be judged then."""
    chance = random.Random(seed)
    cut = chance.randrange(len(lines) + 1)
    judged = chance.choice((cut, cut // 2, 0))
    running.take(lines[:judged], judge_every=pace)
    for one in lines[judged:cut]:
        running.receive(one)
    with TemporaryDirectory() as folder:
        running = running.restarted(Path(folder))
    return running.take(lines[cut:], judge_every=pace)


def check(running: Engine, wanted: naive.Result) -> None:
    """The same signals, and the same lines refused."""
    assert not differences(running.signals(), wanted.signals), differences(running.signals(), wanted.signals)
    assert [number for number, _ in running.dead] == [number for number, _ in wanted.dead_letters]


# --- the cases of the reference: stories around every threshold and every doubtful place


@settings(max_examples=25)
@given(seeds, st.sampled_from((50, 80, 120)), paces)
@example(1, 60, 1)
def test_in_order(seed: int, size: int, pace: int) -> None:
    lines = cases.make_case(seed, size)
    check(Engine().take(lines, judge_every=pace), naive.signals(lines, received=RECEIVED))


@settings(max_examples=40)
@given(seeds, st.sampled_from((50, 80, 120, 200)), paces)
@example(330, 50, 0)  # two counties declared for one link
def test_shuffled_repeated_poisoned_and_interrupted(seed: int, size: int, pace: int) -> None:
    lines = cases.make_case(seed, size)
    wanted = naive.signals(lines, received=RECEIVED)
    trouble = troubled(lines, seed)
    running = interrupted(Engine(), trouble, seed, pace)
    assert not differences(running.signals(), wanted.signals), differences(running.signals(), wanted.signals)
    check(running, naive.signals(trouble, received=RECEIVED))


@settings(max_examples=8)
@given(seeds)
def test_with_hubs(seed: int) -> None:
    lines = cases.shuffled(cases.make_case(seed | 1, 500), seed)  # cases of odd seeds have a hub
    check(interrupted(Engine(), lines, seed, 50), naive.signals(lines, received=RECEIVED))


@settings(max_examples=1)
@given(seeds)
def test_five_thousand_enterprises(seed: int) -> None:
    lines = cases.make_case(seed, 5000)
    wanted = naive.signals(lines, received=RECEIVED)
    running = Engine().take(cases.shuffled(lines, seed), judge_every=1000)
    assert not differences(running.signals(), wanted.signals), differences(running.signals(), wanted.signals)


# --- chaos: few enterprises, rooms, persons and moments, so that everything meets everything


@settings(max_examples=150)
@given(seeds, st.sampled_from((5, 9, 14)), st.sampled_from((60, 120)), paces, st.sampled_from((1, 3, 24)))
@example(16, 9, 90, 0, 3)
def test_in_chaos(seed: int, enterprises: int, events: int, pace: int, unpacked: int) -> None:
    lines = make_chaos(seed, enterprises=enterprises, events=events)
    with small_reference(), mock.patch.object(membership, "UNPACKED", unpacked):
        check(
            interrupted(Engine(rules=small_rules()), lines, seed, pace),
            naive.signals(lines, received=RECEIVED),
        )


STEPS = (366, 200, 181, 180, 120, 91, 90, 61, 31, 30, 15, 3, 1, 0, -40, -89, -90, -181, -366)
"""Days before the end at which time stops and everything is compared; the last lie after all events."""


@settings(max_examples=25)
@given(seeds, st.sampled_from((5, 9)), paces)
@example(3, 9, 1)
def test_as_time_goes_by(seed: int, enterprises: int, pace: int) -> None:
    chance = random.Random(seed)
    waiting = [(time_of(one), one) for one in make_chaos(seed, enterprises=enterprises, events=120)]
    running, sent = Engine(rules=small_rules()), list[bytes]()
    with TemporaryDirectory() as folder, small_reference(), mock.patch.object(membership, "UNPACKED", 3):
        for days in sorted(chance.sample(STEPS, 8), reverse=True):
            now = RECEIVED - timedelta(days=days, seconds=chance.choice((0, 1, -1)))
            tick = line(event("clock", "clock.ticked", now.isoformat(), id=f"tick-{days}"))
            arriving = [pair for pair in waiting if pair[0] <= now and (days <= 0 or chance.random() < 0.8)]
            waiting = [pair for pair in waiting if pair not in arriving]
            batch = [*cases.shuffled((one for _, one in arriving), seed), tick]
            running.clock = moment(now)
            running.take(batch, judge_every=pace)
            sent += batch
            check(running, naive.signals(sent, received=now))
            if chance.random() < 0.3:
                running = running.restarted(Path(folder))


def time_of(one: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(one)["time"])


# --- the whole runner


@settings(max_examples=6)
@given(seeds)
def test_a_whole_run_on_files(seed: int) -> None:
    lines = cases.make_case(seed, 80)
    trouble = troubled(lines, seed)
    middle = random.Random(seed).randrange(len(trouble))
    with TemporaryDirectory() as folder:
        sources = (Path(folder) / "a.jsonl", Path(folder) / "b.jsonl")
        for source, part in zip(sources, (trouble[:middle], trouble[middle:]), strict=True):
            source.write_bytes(b"".join(one + b"\n" for one in part))
            engine.run_file(Path(folder) / "home", source)
        found = engine.exported(Path(folder) / "home")
        letters = engine.dead_letters(Path(folder) / "home")
    wanted = naive.signals(trouble, received=RECEIVED)
    assert not differences(found, wanted.signals), differences(found, wanted.signals)
    refused = [letter["line"] + (0 if letter["source"].endswith("a.jsonl") else middle) for letter in letters]
    assert sorted(refused) == [number for number, _ in wanted.dead_letters]
