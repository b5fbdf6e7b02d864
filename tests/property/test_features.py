"""Features are those of the reference; as of a date they are those of the log cut at that date, to the last bit."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.moments import moment
from models.features.around import surroundings
from models.features.computing import Matrix, compute
from models.features.facts import Facts, renewed
from models.features.registry import names
from monitor.modelling.gathering import facts_of
from tests.engine import Engine, line
from tests.property.chaos import make_chaos
from tests.reference import cases
from tests.reference.cases_maker import RECEIVED
from tests.reference.features import features
from tests.reference.intake import Intake

seeds = st.integers(0, 2**32 - 1)
dates = st.sampled_from((0, 1, 31, 90, 365, 366, 500, 1_100))
"""How many days before the end features are asked for."""

WORDED = ("name_without_trade",)
"""Read from a list of words, which the reference would only repeat: `tests/unit/test_traits.py` has examples."""


def recorded_later(lines: Sequence[bytes], seed: int) -> list[bytes]:
    """The same events with more of everything that features read, some of them recorded later than they took effect."""
    chance = random.Random(seed)
    found = []
    for one in lines:
        event: dict[str, Any] = json.loads(one)
        at = datetime.fromisoformat(event["time"])
        data = event["data"]
        if chance.random() < 0.3:
            event["recordedtime"] = (at + timedelta(days=chance.choice((-3, 0.25, 1, 40, 400)))).isoformat()
        if event["type"] in ("registration.established", "registration.changed"):
            if chance.random() < 0.4:
                data["capital"] = chance.choice((0, 999, 1_000, 100_000, 1_000_000, 1_100_000))
            if chance.random() < 0.4:
                data["phone"] = chance.choice(("", "0571-1", "0571-2"))
            if chance.random() < 0.3:
                data["name"] = chance.choice(("甲", "乙贸易有限公司88号", "丙" * 40))
            if event["type"] == "registration.established" and chance.random() < 0.4:
                data["agent"] = chance.choice(("", "代理一", "代理二"))
        if event["type"] == "enforcement.penalised":
            data["category"] = chance.choice(("", "警告", "罚款", "责令停产停业、罚款"))
            data["amount"] = chance.choice((0, 999, 5_000, 2e6))
        if event["type"] == "complaint.received" and chance.random() < 0.5:
            data["verified"] = chance.random() < 0.5
        if event["type"] == "clock.ticked":
            event |= {
                "subject": "E000",
                "type": chance.choice(("honour.awarded", "sampling.failed", "commitment.breached")),
            }
        found.append(line(event))
    return found


def known_before(lines: Sequence[bytes], at: datetime) -> list[bytes]:
    """The events with both times at or before a moment."""
    found = []
    for one in lines:
        event = json.loads(one)
        times = [datetime.fromisoformat(event[name]) for name in ("time", "recordedtime") if name in event]
        if max(times) <= at:
            found.append(one)
    return found


def gathered(engine: Engine) -> Facts:
    return facts_of(engine.flow)


def by_code(matrix: Matrix, engine: Engine) -> dict[str, bytes]:
    """The rows of a matrix with peers, county and life, as bytes."""
    rows = zip(matrix.refs, matrix.values, matrix.peers, matrix.counties, matrix.live, strict=True)
    return {engine.codes[int(ref)]: row.tobytes() + repr(rest).encode() for ref, row, *rest in rows}


def batches(facts: Facts, now: int, size: int) -> list[Matrix]:
    around = surroundings(facts, now)
    steps = range(0, len(facts), size)
    return [compute(facts.take(at, at + size), now, around.take(at, at + size)) for at in steps]


@settings(max_examples=60)
@given(seeds, dates)
def test_features_in_chaos_are_those_of_the_reference(seed: int, back: int) -> None:
    lines = recorded_later(make_chaos(seed, enterprises=9, events=120), seed)
    check(lines, RECEIVED - timedelta(days=back))


@settings(max_examples=15)
@given(seeds, dates)
def test_features_of_stories_are_those_of_the_reference(seed: int, back: int) -> None:
    lines = recorded_later(cases.make_case(seed, 50), seed)
    check(lines, RECEIVED - timedelta(days=back))


def check(lines: Sequence[bytes], at: datetime) -> None:
    engine = Engine().take(lines)
    matrix = compute(gathered(engine), moment(at))
    intake = Intake(RECEIVED)
    for one in lines:
        intake.receive(one)
    wanted = features(intake.events.values(), at)
    found = {engine.codes[int(ref)]: row for ref, row in zip(matrix.refs, matrix.values, strict=True)}
    assert found.keys() <= wanted.keys()
    differences = [
        (code, name, value, expected)
        for code, row in found.items()
        for name, value in zip(names(), row.tolist(), strict=True)
        if name not in WORDED
        for expected in [wanted[code][name]]
        if not (np.isnan(value) if expected is None else np.float32(expected) == np.float32(value))
    ]
    assert not differences, differences[:20]


@settings(max_examples=60)
@given(seeds, dates, st.integers(1, 12))
def test_as_of_a_date_they_are_those_of_the_log_cut_there(seed: int, back: int, size: int) -> None:
    lines = recorded_later(make_chaos(seed, enterprises=12, events=150), seed)
    at = RECEIVED - timedelta(days=back)
    whole, cut = Engine().take(cases.shuffled(lines, seed)), Engine().take(known_before(lines, at))
    facts, now = gathered(whole), moment(at)
    wanted = by_code(compute(gathered(cut), now), cut)
    assert by_code(compute(facts, now), whole) == wanted
    assert by_code(compute(facts.as_of(now), now), whole) == wanted
    in_batches: dict[str, bytes] = {}
    for part in batches(facts, now, size):
        in_batches |= by_code(part, whole)
    assert in_batches == wanted


@settings(max_examples=15)
@given(seeds)
def test_facts_kept_and_gathered_anew_for_those_touched_are_the_same(seed: int) -> None:
    lines = recorded_later(make_chaos(seed, enterprises=12, events=150), seed)
    engine = Engine().take(lines[:100])
    before = gathered(engine)
    engine.take(lines[100:])
    touched = {json.loads(one)["subject"] for one in lines[100:]}
    flow = engine.flow
    kept = renewed(before, facts_of(flow, sorted(ref for ref, code in engine.codes.items() if code in touched)))
    for now in (moment(RECEIVED), moment(RECEIVED + timedelta(days=400))):
        assert by_code(compute(kept, now), engine) == by_code(compute(gathered(engine), now), engine)


def test_the_reference_reckons_every_feature() -> None:
    intake = Intake(RECEIVED)
    for one in cases.make_case(1, 50):
        intake.receive(one)
    row = next(iter(features(intake.events.values(), datetime(2025, 1, 1, tzinfo=UTC)).values()))
    assert set(row) == set(names()) - set(WORDED)
