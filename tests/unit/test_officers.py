"""The officers' directory: what it takes, who may go, and two or nobody."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.officers import (
    Directory,
    Leave,
    Obstacle,
    Officer,
    OfficersError,
    Pair,
    TooFew,
    Visit,
    assign,
    eligible,
    from_table,
    from_yaml,
    load,
    obstacle,
)
from models.population.officers import AGENCY, as_yaml, made_up_officers
from monitor.identifiers import regions

COUNTY = "330106"
DAY = dt.date(2026, 7, 20)
CODE = "91330106MAQ0000000"


def officer(number: int, **given: object) -> Officer:
    fields: dict[str, object] = {"name": "王某", "agency": AGENCY, "counties": (COUNTY,), **given}
    return Officer(id=f"HZ-{number:04}", **fields)  # type: ignore[arg-type]


def visit(**given: object) -> Visit:
    fields: dict[str, object] = {"county": COUNTY, "codes": frozenset((CODE,)), "day": DAY, **given}
    return Visit(**fields)  # type: ignore[arg-type]


def directory(officers: str) -> str:
    return f"version: 1\nowner: x\nvalid_from: 2026-01-01\nofficers: {officers}\n"


# --- reading


def test_the_example_is_a_directory_of_made_up_people() -> None:
    found = from_yaml(files("config").joinpath("officers/example.yaml").read_text(encoding="utf-8"))
    assert found.synthetic
    assert [one.id for one in found.officers] == ["HZ-0001", "HZ-0002"]
    assert found.officers[1].leave == (Leave(dt.date(2026, 5, 4), dt.date(2026, 5, 15)),)
    assert (found.officers[0].workload_limit, found.officers[1].workload_limit) == (20, 10)


def test_a_table_says_the_same_as_yaml(tmp_path: Path) -> None:
    table = (
        "id,name,agency,counties,trades,leave,conflicts,workload_limit\n"
        "HZ-1,王示例,局,330106 330105,food general,2026-05-04/2026-05-15 2026-10-01/2026-10-07,n1:abc,7\n"
        "HZ-2,李示例,局,330106,,,,\n"
    )
    wanted = from_yaml(
        directory(
            "[{id: HZ-1, name: 王示例, agency: 局, counties: ['330106', '330105'], trades: [food, general], leave: "
            "[{from: 2026-05-04, until: 2026-05-15}, {from: 2026-10-01, until: 2026-10-07}], conflicts: ['n1:abc'], "
            "workload_limit: 7}, {id: HZ-2, name: 李示例, agency: 局, counties: ['330106']}]"
        )
    )
    assert from_table(table).officers == wanted.officers
    (tmp_path / "officers.csv").write_text("\ufeff" + table, encoding="utf-8")
    assert load(tmp_path / "officers.csv").officers == wanted.officers


ONE = "id: a, name: b, agency: c, counties: ['330106']"


@pytest.mark.parametrize(
    ("officers", "said"),
    [
        ("[{id: a, name: b, agency: c}]", "counties"),
        ("[{id: a, name: b, agency: c, counties: ['33']}]", "officers/0/counties/0"),
        ("[{id: 'a b', name: b, agency: c, counties: ['330106']}]", "officers/0/id"),
        (f"[{{{ONE}, colour: red}}]", "colour"),
        (f"[{{{ONE}, workload_limit: -1}}]", "workload_limit"),
        (f"[{{{ONE}, leave: [{{from: 2026-05-04}}]}}]", "until"),
        (f"[{{{ONE}, leave: [{{from: '2026-02-30', until: '2026-03-01'}}]}}]", "wrong"),
        (f"[{{{ONE}, leave: [{{from: 2026-05-04, until: 2026-05-03}}]}}]", "before"),
        (f"[{{{ONE}}}, {{{ONE}}}]", "twice"),
        ("[", "YAML"),
        ("2026-02-30", "YAML"),
    ],
)
def test_a_wrong_directory_says_where(officers: str, said: str) -> None:
    with pytest.raises(OfficersError, match=said):
        from_yaml(directory(officers))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("id,name,agency\nHZ-1,王,局\n", "counties"),
        ("id,name,agency,counties\nHZ-1,王,局,330106,more\n", "line 2"),
        ("id,name,agency,counties,leave\nHZ-1,王,局,330106,2026-05-04\n", "until"),
        ("id,name,agency,counties,workload_limit\nHZ-1,王,局,330106,many\n", "workload_limit"),
        ('id,name,agency,counties\n"HZ-1"x,王,局,330106\n', "line 2"),
    ],
)
def test_a_wrong_table_says_where(table: str, said: str) -> None:
    with pytest.raises(OfficersError, match=said):
        from_table(table)


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "officers.yaml").write_bytes("owner: 杭州".encode("gb18030"))
    with pytest.raises(OfficersError, match="UTF-8"):
        load(tmp_path / "officers.yaml")


# --- who may go


@pytest.mark.parametrize(
    ("given", "wanted", "load", "why"),
    [
        ({}, {}, 19, None),
        ({}, {}, 20, Obstacle.WORKLOAD),
        ({"counties": ("330105",)}, {}, 0, Obstacle.COUNTY),
        ({}, {"agency": "应急管理局"}, 0, Obstacle.AGENCY),
        ({"trades": ("food",)}, {"trades": frozenset(("food", "toys"))}, 0, Obstacle.TRADE),
        ({"trades": ("food", "toys")}, {"trades": frozenset(("food",))}, 0, None),
        ({"conflicts": (CODE,)}, {}, 0, Obstacle.CONFLICT),
        ({"conflicts": ("p1:x",)}, {"persons": frozenset(("p1:x", "p1:y"))}, 0, Obstacle.CONFLICT),
        ({"conflicts": ("p1:z",)}, {"persons": frozenset(("p1:x",))}, 0, None),
        ({"leave": (Leave(DAY, DAY),)}, {}, 0, Obstacle.LEAVE),
        ({"leave": (Leave(DAY + dt.timedelta(1), DAY + dt.timedelta(9)),)}, {}, 0, None),
        ({"leave": (Leave(DAY - dt.timedelta(9), DAY - dt.timedelta(1)),)}, {}, 0, None),
    ],
)
def test_what_stands_against_an_officer(
    given: dict[str, object], wanted: dict[str, object], load: int, why: Obstacle | None
) -> None:
    assert obstacle(officer(1, **given), visit(**wanted), load) is why
    assert eligible([officer(1, **given)], visit(**wanted), {"HZ-0001": load}) == ([] if why else [officer(1, **given)])


def test_the_least_loaded_go_first_and_those_who_were_there_last_go_last() -> None:
    officers = [officer(number) for number in range(1, 5)]
    loads = {"HZ-0001": 3, "HZ-0002": 1, "HZ-0003": 2}
    pair = assign(officers, loads, visit(), "task")
    assert isinstance(pair, Pair)
    assert (pair.first.id, pair.second.id) == ("HZ-0004", "HZ-0002")
    pair = assign(officers, loads, visit(), "task", last_with=("HZ-0004", "HZ-0002"))
    assert isinstance(pair, Pair)
    assert (pair.first.id, pair.second.id) == ("HZ-0003", "HZ-0001")
    pair = assign(officers[:3], loads, visit(), "task", last_with=("HZ-0001", "HZ-0002", "HZ-0003"))
    assert isinstance(pair, Pair), "nobody else being there, those who were there last go again"


def test_ties_fall_evenly_over_tasks() -> None:
    officers = [officer(number) for number in range(1, 6)]
    counts = dict.fromkeys((one.id for one in officers), 0)
    for task in range(2_000):
        pair = assign(officers, {}, visit(), f"task-{task}")
        assert isinstance(pair, Pair)
        counts[pair.first.id] += 1
        counts[pair.second.id] += 1
    # 4,000 places over 5 officers: 800 each, with a deviation of some 22
    assert all(abs(count - 800) < 110 for count in counts.values()), counts


def test_one_officer_alone_is_never_assigned() -> None:
    officers = [
        officer(1),
        officer(2, conflicts=(CODE,)),
        officer(3, leave=(Leave(DAY, DAY),)),
        officer(4, counties=("330105",)),
    ]
    found = assign(officers, {}, visit(), "task")
    assert isinstance(found, TooFew)
    assert found.qualified == ("HZ-0001",)
    assert found.obstacles == {Obstacle.LEAVE: 1, Obstacle.CONFLICT: 1}
    assert "须回避 1" in found.reason
    assert "1 on leave" in found.reason
    assert "nobody in the directory" in TooFew(COUNTY, (), {}).reason


CHOICE = st.builds(
    officer,
    st.integers(1, 9_999),
    counties=st.sampled_from(((COUNTY,), ("330105",), (COUNTY, "330105"))),
    conflicts=st.sampled_from(((), (CODE,), ("p1:x",))),
    leave=st.sampled_from(((), (Leave(DAY, DAY),))),
    workload_limit=st.integers(0, 3),
)


@given(st.lists(CHOICE, max_size=12, unique_by=lambda one: one.id), st.randoms(use_true_random=False), st.data())
def test_an_assignment_keeps_the_rules_whatever_the_order(
    officers: list[Officer], chance: object, data: st.DataObject
) -> None:
    loads = {one.id: data.draw(st.integers(0, 3)) for one in officers}
    wanted = visit(persons=frozenset(("p1:x",)))
    found = assign(officers, loads, wanted, "task")
    chance.shuffle(officers)  # type: ignore[attr-defined]
    assert assign(officers, loads, wanted, "task") == found
    may = {one.id for one in officers if obstacle(one, wanted, loads[one.id]) is None}
    if isinstance(found, TooFew):
        assert set(found.qualified) == may
        assert len(may) < 2
    else:
        assert found.first.id != found.second.id
        assert {found.first.id, found.second.id} <= may
        assert max(loads[found.first.id], loads[found.second.id]) <= min(
            (loads[one] for one in may - {found.first.id, found.second.id}), default=99
        )


# --- the made-up directory


def test_the_made_up_directory_serves_every_county_and_says_what_it_is() -> None:
    made = made_up_officers(7, DAY)
    assert from_yaml(as_yaml(made)) == made
    assert isinstance(made, Directory)
    assert made.synthetic
    assert all("虚构" in one.name for one in made.officers)
    for county in regions.zhejiang():
        for day in (DAY, DAY + dt.timedelta(20)):
            assert len(eligible(made.officers, Visit(county.code, frozenset(), day), {})) >= 6
    assert made_up_officers(8, DAY) != made
