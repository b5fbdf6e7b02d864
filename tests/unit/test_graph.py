"""Neighbourhoods and their figures: bounded, the same in whatever order facts came, and right."""

from __future__ import annotations

import math
import random
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import DAY
from detectors.graph.measures import core_numbers, density, measure
from detectors.graph.neighbourhood import around
from detectors.graph.siblings import sibling_starts
from tests.graph import NOW, Graph, Ties, shell

CODES = [f"E{number:03d}" for number in range(24)]


def ties_of(chance: random.Random) -> dict[str, list[str]]:
    names = [f"{kind}{number}" for kind in "rpn" for number in range(6)]
    return {name: chance.sample(CODES, chance.randrange(1, 7)) for name in names}


def neighbourhood(graph: Graph, code: str, limit: int = 200) -> list[str]:
    return [graph.code[one] for one in around(graph, [graph.number[code]], limit).enterprises]


def naive_tied(ties: Ties, code: str) -> set[str]:
    return {other for members in ties.values() if code in members for other in members} - {code}


@given(st.integers(0, 10_000), st.integers(1, 24))
def test_numbers_and_the_order_of_facts_change_nothing(seed: int, limit: int) -> None:
    chance = random.Random(seed)
    ties = ties_of(chance)
    one = Graph(ties, {code: shell() for code in CODES}, CODES)
    names, order = list(ties), CODES[:]
    chance.shuffle(names)
    chance.shuffle(order)
    other = Graph({name: sorted(ties[name], reverse=True) for name in names}, {c: shell() for c in CODES}, order)
    start = chance.choice(CODES)
    assert neighbourhood(one, start, limit) == neighbourhood(other, start, limit)
    here, there = (measure(graph, graph.number[start], NOW) for graph in (one, other))
    assert str(here) == str(there)  # NaN is as good as NaN


@given(st.integers(0, 10_000))
def test_figures_are_those_of_the_whole_graph_where_the_bound_is_not_reached(seed: int) -> None:
    chance = random.Random(seed)
    ties = ties_of(chance)
    bad = set(chance.sample(CODES, 8))
    graph = Graph(ties, {code: shell(bad=code in bad) for code in CODES})
    whole: nx.Graph[Any] = nx.Graph()
    whole.add_nodes_from(CODES)
    whole.add_edges_from((one, other) for one in CODES for other in naive_tied(ties, one))
    code = chance.choice(CODES)
    near = naive_tied(ties, code)
    found = measure(graph, graph.number[code], NOW)
    assert found.degree == len(near)
    assert found.bad == len(near & bad)
    assert found.core == nx.core_number(whole)[code]
    assert found.siblings == len(near)
    if near:
        assert found.bad_share == len(near & bad) / len(near)
    if len(near) > 1:
        assert found.density == pytest.approx(nx.clustering(whole, code))
    else:
        assert math.isnan(found.density)


def test_rings_take_those_with_most_ties_first_and_equals_by_code() -> None:
    ties = {"p1": ["E000", "E005", "E006"], "r1": ["E000", "E006", "E004"], "r2": ["E005", "E001"]}
    assert neighbourhood(Graph(ties), "E000", 2) == ["E000", "E006"]
    assert neighbourhood(Graph(ties), "E000", 3) == ["E000", "E004", "E006"]
    assert neighbourhood(Graph(ties), "E000", 5) == ["E000", "E001", "E004", "E005", "E006"]
    assert around(Graph(ties), [1], 5).whole is False
    assert around(Graph(ties), [1]).whole is True


def test_a_hub_of_twenty_thousand_is_not_walked_through() -> None:
    crowd = [f"H{number:05d}" for number in range(20_000)]
    ties = {"r1": ["E000", *crowd], "p1": ["E000", "E001"], "r2": ["E001", "E002"], "r3": crowd[:150]}
    graph = Graph(ties)
    assert neighbourhood(graph, "E000") == ["E000", "E001", "E002"]
    assert graph.asked < 20
    wide = Graph(ties, hub=30_000)
    assert len(neighbourhood(wide, "E000")) == 200


def test_growth_counts_ties_that_began_within_a_year() -> None:
    since = {("p1", "E001"): NOW - 400 * DAY, ("p1", "E000"): NOW - 500 * DAY, ("p1", "E002"): NOW - 10 * DAY}
    graph = Graph({"p1": ["E000", "E001", "E002"]}, since=since)
    assert measure(graph, graph.number["E000"], NOW).grown == 1
    assert measure(graph, graph.number["E001"], NOW).grown == 1
    assert measure(graph, graph.number["E002"], NOW).grown == 2


def test_siblings_were_established_within_a_day() -> None:
    traits = {"E000": shell(NOW), "E001": shell(NOW - DAY), "E002": shell(NOW - DAY - 1), "E003": shell(NOW + DAY)}
    graph = Graph({"r1": list(traits)}, traits)
    assert measure(graph, graph.number["E000"], NOW).siblings == 2


@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0, 1))
def test_core_numbers_are_those_of_networkx(seed: int, size: int, share: float) -> None:
    graph = nx.gnp_random_graph(size, share, seed=seed)
    tied = nx.to_numpy_array(graph, dtype=bool)
    assert core_numbers(tied).tolist() == list(nx.core_number(graph).values())
    assert density(tied) == pytest.approx(nx.density(graph))


@given(st.integers(0, 10_000))
def test_siblings_of_a_mark_are_those_of_some_full_window(seed: int) -> None:
    chance = random.Random(seed)
    count, least, days = 40, 4, 2
    marks = [chance.randrange(3) for _ in range(count)]
    at = [chance.randrange(30) * DAY for _ in range(count)]
    found = sibling_starts(np.arange(count), np.array(at), np.array(marks), days, least, 5 * DAY)
    wanted = set()
    for last in range(count):
        window = [
            one
            for one in range(count)
            if marks[one] == marks[last] > 0 and at[one] >= 5 * DAY and 0 <= at[last] - at[one] <= days * DAY
        ]
        if marks[last] and len(window) >= least:
            wanted.update(window)
    assert {one for start in found for one in start} == wanted
    assert sum(map(len, found)) == len(wanted)
    assert all(len({marks[one] for one in start}) == 1 for start in found)


def test_a_mass_registrar_is_no_start() -> None:
    refs, at, marks = np.arange(300), np.full(300, DAY), np.ones(300, np.int64)
    assert sibling_starts(refs, at, marks, 3, 5, 0) == []
    assert sibling_starts(refs[:4], at[:4], marks[:4], 3, 5, 0) == []
    assert [len(start) for start in sibling_starts(refs[:200], at[:200], marks[:200], 3, 5, 0)] == [200]
