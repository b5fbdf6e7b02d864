"""Groups of `shell-cluster`: who is in, at which level, under which key, and that only the set of facts counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from config.moments import DAY
from detectors.graph.lineage import origins
from detectors.graph.neighbours import Traits
from tests.graph import NOW, Graph, groups, plain, shell

NINE = [f"E{number:03d}" for number in range(9)]


def shells(codes: Sequence[str], mark: str = "", *, person: str = "p") -> dict[str, list[str]]:
    """Three rooms and two persons that hold some enterprises together."""
    rooms = {f"r{mark}{number}": list(codes[number::3]) for number in range(3)}
    return {**rooms, **{f"{person}{mark}{number}": list(codes[number::2]) for number in range(2)}}


def traits(codes: Sequence[str], **more: object) -> dict[str, Traits]:
    return {code: shell(NOW - 100 * DAY - place, **more) for place, code in enumerate(codes)}


# --- who is in


def test_a_group_is_found_around_any_of_its_enterprises() -> None:
    for start in NINE:
        (found,) = groups(Graph(shells(NINE), traits(NINE)), [start])
        assert found.codes == tuple(NINE)
        assert (found.finding.level, found.finding.value, found.region) == (2, 9, "330106")
        assert found.finding.facts["traits"] == {"same_day": 9, "same_agent": 9, "same_phone": 9, "capital": 9}
        assert found.finding.members == found.members


def test_nothing_is_found_where_nothing_is_flagged() -> None:
    assert groups(Graph(shells(NINE), traits(NINE))) == []


def test_the_subgraph_says_who_is_tied_by_what() -> None:
    (found,) = groups(Graph(shells(NINE), traits(NINE)), NINE)
    subgraph = found.finding.facts["subgraph"]
    assert subgraph["nodes"] == NINE
    assert {"by": "room", "name": "r0", "weak": False, "nodes": [0, 3, 6]} in subgraph["ties"]
    assert {"by": "person", "name": "p1", "weak": False, "nodes": [1, 3, 5, 7]} in subgraph["ties"]


def test_whoever_hangs_on_by_one_tie_is_left_out() -> None:
    ties = {**shells(NINE), "p9": ["E000", "H000"], "r9": ["H000", "H001"]}
    (found,) = groups(Graph(ties, {**traits(NINE), "H000": shell(), "H001": shell()}), ["H001"])
    assert found.codes == tuple(NINE)


def test_two_dense_groups_with_one_tie_between_them_stay_two() -> None:
    one, other = [f"A{number:03d}" for number in range(9)], [f"B{number:03d}" for number in range(9)]
    ties = {**shells(one, "1"), **shells(other, "2"), "p9": [one[0], other[0]]}
    graph = Graph(ties, traits([*one, *other]))
    found = {group.codes for group in groups(graph, [one[4]], minimum_density=0.4)}
    assert found == {tuple(one), tuple(other)}


def test_a_group_is_found_in_a_room_that_holds_many_others() -> None:
    crowd = [f"H{number:03d}" for number in range(100)]
    ties = {**shells(NINE), "r9": [*crowd, *NINE], **{f"p9{code}": [code] for code in crowd}}
    (found,) = groups(Graph(ties, {**traits(NINE), **traits(crowd, agent=0)}), [*NINE, *crowd])
    assert found.codes == tuple(NINE)


def test_a_chain_of_groups_is_cut_where_it_is_thin() -> None:
    names = [chr(ord("A") + number) for number in range(12)]
    codes = {name: [f"{name}{number:03d}" for number in range(12)] for name in names}
    ties = {link: members for name in names for link, members in shells(codes[name], name).items()}
    ties |= {f"p9{one}": [codes[one][1], codes[other][4]] for one, other in pairwise(names)}
    everybody = [code for some in codes.values() for code in some]
    assert len(groups(Graph(ties, traits(everybody)), codes["D"])) == 12


def test_one_room_or_one_person_alone_makes_no_group() -> None:
    assert groups(Graph({"r1": NINE}, traits(NINE)), NINE) == []
    assert groups(Graph({"p1": NINE}, traits(NINE)), NINE) == []


def test_clients_of_one_agent_make_no_group() -> None:
    assert groups(Graph({"r1": NINE[:1]}, traits(NINE)), NINE) == []


def test_a_hub_ties_nobody() -> None:
    crowd = [f"H{number:05d}" for number in range(300)]
    ties = {**shells(NINE), "r9": [*crowd, *NINE]}
    (found,) = groups(Graph(ties, {**traits(NINE), **traits(crowd)}), crowd[:5], NINE[:1])
    assert found.codes == tuple(NINE)


# --- the level


def test_a_family_without_shell_traits_is_no_group() -> None:
    honest = {
        code: Traits(established=(NOW - place * 400 * DAY, 1, "e", 0), live=True) for place, code in enumerate(NINE)
    }
    assert groups(Graph(shells(NINE), honest), NINE) == []


def test_the_level_needs_both_enterprises_and_traits() -> None:
    large = [f"E{number:03d}" for number in range(16)]
    assert groups(Graph(shells(large), traits(large)), large)[0].finding.level == 3
    assert groups(Graph(shells(large), traits(large, agent=0)), large)[0].finding.level == 2
    assert groups(Graph(shells(large), traits(large, agent=0, phone=0)), large)[0].finding.level == 1
    assert groups(Graph(shells(large), traits(large, agent=0, phone=0, capital=None)), large) == []
    assert groups(Graph(shells(NINE[:6]), traits(NINE)), NINE)[0].finding.level == 1
    assert groups(Graph(shells(NINE[:4]), traits(NINE)), NINE) == []


def test_conduct_makes_traits_too() -> None:
    opened = {code: NOW - (100 + 40 * place) * DAY for place, code in enumerate(NINE)}
    plain_ones = {"agent": 0, "phone": 0, "capital": None}
    known = {code: shell(at, missed=2, moves=2, **plain_ones) for code, at in opened.items()}
    (found,) = groups(Graph(shells(NINE), known), NINE)
    assert found.finding.facts["traits"] == {"no_reports": 9, "moved": 9}
    known = {code: msgspec.structs.replace(one, filed=1) for code, one in known.items()}
    assert groups(Graph(shells(NINE), known), NINE) == []


def test_a_group_that_is_over_is_none() -> None:
    ended = traits(NINE, live=False, ended=NOW - DAY)
    assert groups(Graph(shells(NINE), ended), NINE) == []
    mixed = {**ended, **traits(NINE[:3])}
    (found,) = groups(Graph(shells(NINE), mixed), NINE)
    assert found.finding.facts["traits"]["short_life"] == 6


def test_since_is_when_the_lowest_threshold_was_reached() -> None:
    ties = shells(NINE)
    since = {(name, code): NOW - (50 - int(code[1:])) * DAY for name, members in ties.items() for code in members}
    (found,) = groups(Graph(ties, traits(NINE), since=since), NINE)
    assert found.finding.since == NOW - (50 - 4) * DAY


def test_bare_names_come_second_and_are_weak() -> None:
    (found,) = groups(Graph(shells(NINE, person="n"), traits(NINE)), NINE)
    assert (found.finding.level, found.finding.weak) == (1, True)
    both = {**shells(NINE), "n9": [*NINE, "W000"], "n8": ["E000", "W000"]}
    (strong,) = groups(Graph(both, {**traits(NINE), "W000": shell()}), [*NINE, "W000"])
    assert (strong.codes, strong.finding.weak) == (tuple(NINE), False)


def test_the_region_is_that_of_most_and_of_equals_the_smallest() -> None:
    counties = ["330109", "330106", "330106", "330109", None, "330110"]
    known = {code: shell(county=counties[place % 6]) for place, code in enumerate(NINE[:6])}
    assert groups(Graph(shells(NINE[:6]), known), NINE[:6])[0].region == "330106"


# --- the same in every process


@settings(max_examples=60)
@given(st.integers(0, 100_000))
def test_numbers_and_the_order_of_facts_and_flags_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    codes = [f"E{number:03d}" for number in range(40)]
    names = [f"{kind}{number}" for kind in "rppn" for number in range(9)]
    ties = {name: chance.sample(codes, chance.randrange(2, 9)) for name in names}
    for number in range(2):
        ties |= shells(codes[number * 15 : number * 15 + 8], f"s{number}")
    since = {(name, code): NOW - chance.randrange(900) * DAY for name, members in ties.items() for code in members}
    known = {
        code: shell(NOW - chance.randrange(3) * DAY, live=chance.random() < 0.9, agent=chance.randrange(3))
        for code in codes
    }
    flagged = [chance.sample(codes, chance.randrange(1, 4)) for _ in range(6)]
    wanted = groups(Graph(ties, known, since=since), *flagged, minimum_density=0.2)
    order, shuffled = codes[:], list(ties)
    chance.shuffle(order)
    chance.shuffle(shuffled)
    chance.shuffle(flagged)
    again = Graph({name: ties[name][::-1] for name in shuffled}, known, order, since)
    found = groups(again, *(start[::-1] for start in flagged), flagged[0], minimum_density=0.2)
    assert list(map(plain, found)) == list(map(plain, wanted))
    assert len({code for group in found for code in group.codes}) == sum(len(group.codes) for group in found)


# --- keys


def test_a_group_keeps_its_key_while_it_grows_and_loses_its_oldest() -> None:
    six = NINE[:6]
    (first,) = groups(Graph(shells(six), traits(NINE)), six)
    (grown,) = groups(Graph(shells(NINE), traits(NINE)), NINE, previous={first.key: first.codes})
    (later,) = groups(Graph(shells(NINE[3:]), traits(NINE)), NINE, previous={grown.key: grown.codes})
    assert first.key == grown.key == later.key
    assert (grown.predecessors, later.predecessors) == ((), ())
    (fresh,) = groups(Graph(shells(NINE[:8]), traits(NINE)), NINE)
    assert fresh.key != first.key  # the oldest of them all is another


def test_merged_groups_go_on_under_the_key_of_the_larger_and_name_the_other() -> None:
    previous = {"g-one": NINE[:5], "g-two": NINE[5:]}
    (merged,) = groups(Graph(shells(NINE), traits(NINE)), NINE, previous=previous)
    assert (merged.key, merged.predecessors) == ("g-one", ("g-two",))
    assert merged.finding.facts["predecessors"] == ["g-two"]


def test_of_a_split_group_the_larger_part_keeps_the_key_and_the_other_names_it() -> None:
    codes = [f"E{number:03d}" for number in range(13)]
    ties = {**shells(codes[:5], "1"), **shells(codes[5:], "2")}
    found = {group.codes: group for group in groups(Graph(ties, traits(codes)), codes, previous={"g-all": codes})}
    small, large = found[tuple(codes[:5])], found[tuple(codes[5:])]
    assert (large.key, large.predecessors) == ("g-all", ())
    assert small.key != "g-all"
    assert small.predecessors == ("g-all",)


def test_a_part_that_holds_the_oldest_does_not_take_a_key_that_is_in_use() -> None:
    (key,) = (one.key for one in origins([NINE], [(1, "E000")], {}))
    large, small = origins([NINE[3:], NINE[:3]], [(4, "E003"), (1, "E000")], {key: NINE})
    assert large.key == key
    assert small.key != key
    assert small.predecessors == (key,)


@given(st.integers(0, 100_000))
def test_keys_are_one_to_one_and_do_not_depend_on_the_order_of_groups(seed: int) -> None:
    chance = random.Random(seed)
    codes = [f"E{number:03d}" for number in range(30)]

    def partition() -> list[list[str]]:
        parts: list[list[str]] = [[] for _ in range(chance.randrange(1, 7))]
        for code in codes:
            chance.choice(parts).append(code)
        return [part for part in parts if part]

    previous = {f"g-{number}": part for number, part in enumerate(partition())}
    now = partition()
    firsts = [(int(min(part)[1:]), min(part)) for part in now]
    found = dict(zip(map(tuple, now), origins(now, firsts, previous), strict=True))
    assert len({one.key for one in found.values()}) == len(now)
    order = list(range(len(now)))
    chance.shuffle(order)
    again = origins([now[place] for place in order], [firsts[place] for place in order], previous)
    assert [found[tuple(now[place])] for place in order] == again
    for part, origin in found.items():
        overlapping = {key for key, before in previous.items() if set(before) & set(part)}
        assert set(origin.predecessors) == overlapping - {origin.key}
        assert origin.key in overlapping or origin.key not in previous
