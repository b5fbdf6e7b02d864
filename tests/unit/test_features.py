"""The registry of features, their catalogue, and what they cost and say at the edges: hubs and hostile histories."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.moments import DAY, parse_moment
from config.scorecards import DIMENSIONS
from models.features import registry
from models.features.catalogue import catalogue
from models.features.computing import Matrix, compute
from models.features.facts import Facts, What
from models.features.feature import FORBIDDEN, Feature
from models.features.peers import EVERYBODY, label_of, parent_of
from monitor.events.types import PUBLIC_TYPES
from monitor.modelling.gathering import gather
from monitor.stages.history import Kind, appended, identity_bytes
from monitor.stages.shelf import Shelf
from tests.engine import CLOCK, Engine, event, lines, opened

ROOT = Path(__file__).resolve().parents[2]
NOW = parse_moment("2025-01-01T00:00:00Z")


def feature(**more: Any) -> Feature:
    plain: dict[str, Any] = {
        "name": "visits",
        "zh": "走访",
        "en": "visits",
        "dimension": "supervision",
        "family": "checks",
        "unit": "次",
        "computed": ("走访次数", "visits"),
        "why": ("常被走访", "often visited"),
        "events": ("enforcement.visited",),
    }
    return Feature(**{**plain, **more})


# --- the registry


def test_there_are_as_many_features_as_were_asked_for_over_all_dimensions() -> None:
    assert 30 <= len(registry.FEATURES) <= 60
    assert len(set(registry.names())) == len(registry.FEATURES)
    assert set(Counter(one.dimension for one in registry.FEATURES)) == set(DIMENSIONS)
    assert [registry.place_of(name) for name in registry.names()] == list(range(len(registry.FEATURES)))


def test_every_feature_names_events_that_there_are() -> None:
    unknown = {name for one in registry.FEATURES for name in one.events} - set(PUBLIC_TYPES)
    assert not unknown
    assert all(one.events for one in registry.FEATURES)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "birth_year"},
        {"en": "age of the lead person"},
        {"zh": "负责人性别"},
        {"computed": ("按籍贯统计", "by home region")},
        {"why": ("宗教信仰", "religion")},
        {"name": "fingerprint_hash"},
        {"en": "blood group"},
        {"zh": "负责人病史"},
        {"computed": ("收入", "income of the operator")},
        {"name": "insurance_paid"},
    ],
)
def test_what_the_law_forbids_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="不得用作特征"):
        feature(**more)


def test_what_is_no_name_is_refused() -> None:
    assert feature().name == "visits"
    for name in ("Visits", "visits-90", "", "_visits"):
        with pytest.raises(ValueError, match="is no name of a feature"):
            feature(name=name)
    assert FORBIDDEN


def test_the_catalogue_is_that_of_the_registry() -> None:
    assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == catalogue(), (
        "run `python -m models.features.catalogue > docs/features.md`"
    )
    for one in registry.FEATURES:
        assert f"| `{one.name}` {one.zh} {one.en} |" in catalogue()


def test_what_happens_has_the_numbers_of_histories() -> None:
    assert {what.name: int(what) for what in What} == {
        kind.name: int(kind) for kind in Kind if kind.name not in ("ESTABLISHED", "CHANGED", "REMEMBERED", "OBJECTED")
    }


def test_peers_borrow_from_wider_groups() -> None:
    group, steps = 2_063, []
    while group != EVERYBODY:
        steps.append(label_of(group))
        group = parent_of(group)
    assert steps == [
        "个体工商户 individual businesses × 批发和零售业 wholesale and retail × 成立 3–5 年 3 to 5 years old",
        "个体工商户 individual businesses × 批发和零售业 wholesale and retail × 各存续年限 all ages",
        "个体工商户 individual businesses × 各行业 all trades × 各存续年限 all ages",
    ]
    assert parent_of(EVERYBODY) == EVERYBODY


# --- edges


def history(*entries: tuple[int, int, tuple[Any, ...]]) -> bytes:
    record = b""
    for number, (at, kind, payload) in enumerate(entries):
        record = appended(record, identity_bytes(1, str(number)), at, kind, 0, payload)
    return record


def establishment(room: int, lead: int, at: int = NOW - 100 * DAY) -> tuple[int, int, tuple[Any, ...]]:
    return at, Kind.ESTABLISHED, (room, 330106, 0, 0, [lead], "F5191", 0, 0, [20, 8, None, 7, None])


def facts_of(records: list[bytes]) -> Facts:
    return gather(Shelf([b"", *records], 3), range(1, len(records) + 1), ["", "//a"], lambda _: True, ())


def values(matrix: Matrix, name: str) -> list[float]:
    found: list[float] = matrix.values[:, registry.place_of(name)].tolist()
    return found


def test_a_hub_costs_as_much_as_any_other_member_and_ties_nobody() -> None:
    size = 20_000
    alone = facts_of([history(establishment(1 + number, 1 + number)) for number in range(size)])
    hub = facts_of([history(establishment(1, 1)) for _ in range(size)])
    took = {}
    for name, facts in (("alone", alone), ("hub", hub)):
        began = time.process_time()
        matrix = compute(facts, NOW)
        took[name] = time.process_time() - began
    assert took["hub"] < 3 * took["alone"]
    assert set(values(matrix, "room_live")) == {size - 1}
    assert set(values(matrix, "lead_load")) == {size - 1}
    assert set(values(matrix, "same_day")) == {size - 1}
    assert set(values(matrix, "ties")) == {0}


def test_two_hundred_are_tied_and_one_more_are_not() -> None:
    for size, ties in ((200, 199), (201, 0)):
        matrix = compute(facts_of([history(establishment(1, 1 + number)) for number in range(size)]), NOW)
        assert set(values(matrix, "ties")) == {ties}


def test_the_core_number_of_a_room_with_a_neighbour() -> None:
    records = [history(establishment(1, lead)) for lead in (1, 2, 3, 4)] + [history(establishment(2, 4))]
    assert values(compute(facts_of(records), NOW), "core") == [3, 3, 3, 3, 1]


def test_a_long_history_is_counted_whole_and_quickly() -> None:
    many = 100_000
    complaints = [(NOW - number, int(Kind.COMPLAINT), (number, 0, 2)) for number in range(1, many + 1)]
    record = b"\xdd" + (many + 1).to_bytes(4, "big")
    record += b"".join(history(one)[5:] for one in [establishment(1, 1), *complaints])
    matrix = compute(facts_of([record]), NOW)
    assert values(matrix, "complaints_30") == [many]
    assert values(matrix, "complaints_true_1095") == [many]


def test_wild_values_are_numbers_or_not_known() -> None:
    code = "E0001"
    wild = [
        opened(code, capital=1e308, industry="🙂" * 50, name="Ａ" * 4000, phone=" ", agent="", address={"text": "?"}),
        event(code, "registration.changed", "0001-01-01T00:00:00Z", capital=-1e308, name=""),
        event(code, "report.missed", "2025-01-02T00:00:00Z", year=2**63 - 1),
        event(code, "report.filed", "2025-01-02T00:00:00Z", year=-(2**63)),
        event(code, "enforcement.penalised", "1969-12-31T23:59:59.999999Z", document="", amount=1e300),
        event(code, "enforcement.penalised", "0001-01-01T00:00:01Z", document="0" * 10_000),
        event(code, "credit.repaired", "2025-01-02T00:00:00Z", documents=["", "x"]),
        event(code, "registration.suspended", "2025-01-02T00:00:00Z", until="9999-12-31"),
        event(code, "court.defaulter_listed", "2025-01-02T00:00:00Z", person={"name": "王芳"}),
    ]
    engine = Engine().take(lines(wild))
    flow = engine.flow
    facts = gather(flow.enterprises.records, [1], flow.sources, flow.enterprises.trusts, flow.weak_persons)
    for now in (CLOCK, parse_moment("0001-06-01T00:00:00Z"), parse_moment("9999-01-01T00:00:00Z")):
        matrix = compute(facts, now)
        assert len(matrix.refs) == 1
        assert not np.isinf(matrix.values).any()
    assert values(compute(facts, CLOCK), "penalties") == [1]  # the one of the empty document was repaired


def test_nothing_is_known_of_nobody() -> None:
    matrix = compute(facts_of([]), NOW)
    assert matrix.values.shape == (0, len(registry.FEATURES))
    late = compute(facts_of([history(establishment(1, 1, NOW + DAY))]), NOW)
    assert len(late.refs) == 0
