"""Enterprises that were established of late are found by days, a little too many rather than one too few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import DAY
from detectors.shell_cluster import DETECTOR
from models.features.present import Present
from monitor.modelling import clustering
from monitor.modelling.clustering import lately_opened, siblings_in
from monitor.modelling.gathering import facts_of
from monitor.stages.openings import Openings
from tests.engine import Engine, shipped_rules
from tests.reference.cases import make_case

moments = st.integers(-(10**4) * DAY, 10**5 * DAY)


@given(st.lists(st.tuples(st.integers(1, 3000), moments)), moments)
def test_whoever_was_established_since_is_found(openings: list[tuple[int, int]], since: int) -> None:
    known = Openings()
    for ref, at in openings:
        known.add(ref, at)
    restored = Openings()
    restored.load(known.dump())
    found = set(restored.since(since))
    assert found == set(known.since(since))
    since = max(since, DAY)
    assert found >= {ref for ref, at in openings if at >= since}
    if since < 65_535 * DAY:
        latest = {ref: max(at for one, at in openings if one == ref) for ref, _ in openings}
        assert all(latest[ref] > since - DAY for ref in found)


def test_siblings_among_those_are_siblings_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "_AT_ONCE", 7)
    engine, rules = Engine(), shipped_rules()
    engine.take(make_case(3, 300))
    flow = engine.flow
    parameters = {**rules.parameters(DETECTOR.id), "siblings": 1, "same_days": 30}
    some = list(lately_opened(flow, rules))
    everybody = siblings_in([Present(facts_of(flow), flow.now)], flow.now, parameters)
    assert 0 < sum(one.size for one in some) < len(flow.subjects)
    assert len(some) > 1
    assert everybody
    assert siblings_in(some, flow.now, parameters) == everybody
