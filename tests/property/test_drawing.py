"""Draws of random inspections: even chances, the same from any order, and no change of what is published unseen."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.drawing import ProofError
from monitor.drawing.boxes import PRIME
from monitor.drawing.lots import blinding, drawn_leaves, officers_in_order
from monitor.drawing.opening import audit
from monitor.drawing.proof import verify
from monitor.drawing.published import (
    CANDIDATES,
    COMMITMENT,
    OFFICERS,
    PRIVATE,
    RESULT,
    TABLE,
    PrivateList,
    Result,
    Stratum,
    candidates_table,
    read,
    selected_table,
    sha256,
)
from monitor.drawing.sealing import seal
from tests.drawing import AS_OF, BEFORE, KEY, PLAN, directory, example, grades_of, opened, sealed, some

SEEDS = [f"{number:064x}" for number in range(3_000)]
"""A fixed list, so that a test of chance has one outcome."""

_SEALED, PUBLISHED = example()


# --- chance


@pytest.mark.parametrize(("size", "drawn"), [(20, 5), (7, 6), (40, 1)])
def test_every_candidate_of_a_stratum_has_the_same_chance(size: int, drawn: int) -> None:
    leaves = [sha256(f"leaf {number}") for number in range(size)]
    counts = Counter(leaf for seed in SEEDS for leaf in drawn_leaves(seed, [Stratum(1, "0", size, drawn)], {1: leaves}))
    assert counts.total() == len(SEEDS) * drawn
    expected = len(SEEDS) * drawn / size
    # Without putting back, counts vary by (1 - drawn/size) of a multinomial's, and their sum is fixed.
    chi_square = sum((counts[leaf] - expected) ** 2 for leaf in leaves) / expected / (1 - drawn / size)
    chi_square *= (size - 1) / size
    degrees = size - 1
    assert chi_square < degrees + 4 * (2 * degrees) ** 0.5
    assert chi_square > degrees - 4 * (2 * degrees) ** 0.5 or degrees < 32


def test_strata_are_drawn_independently() -> None:
    leaves = {number: [sha256(f"{number} {place}") for place in range(2)] for number in (1, 2)}
    strata = [Stratum(1, "0.5", 2, 1), Stratum(2, "0.5", 2, 1)]
    pairs = Counter(tuple(drawn_leaves(seed, strata, leaves)) for seed in SEEDS)
    assert len(pairs) == 4
    # 750 each, with a deviation of some 24
    assert all(abs(count - 750) < 100 for count in pairs.values())


def test_every_pair_of_officers_has_the_same_chance() -> None:
    officers = [sha256(f"officer {number}") for number in range(5)]
    pairs = Counter(frozenset(officers_in_order(seed, "C", officers)[:2]) for seed in SEEDS)
    assert len(pairs) == 10
    # 300 each, with a deviation of some 16
    assert all(abs(count - 300) < 70 for count in pairs.values())


@settings(max_examples=15)
@given(st.permutations(range(25)), st.text("0123456789.", min_size=1, max_size=8))
def test_the_order_of_the_list_is_nothing(order: list[int], value: str) -> None:
    listed = some(25)
    grades = grades_of(listed)
    straight, mixed = (
        seal(PLAN, them, grades, directory(), key=KEY, seed=value.rjust(64, "0"), as_of=AS_OF, at=BEFORE)
        for them in (listed, [listed[place] for place in order])
    )
    assert straight == mixed
    assert opened(straight, value) == opened(mixed, value)
    leaves = {1: [sha256(str(place)) for place in order]}
    wanted = drawn_leaves(value, [Stratum(1, "0.2", 25, 5)], {1: sorted(leaves[1])})
    assert drawn_leaves(value, [Stratum(1, "0.2", 25, 5)], leaves) == wanted


# --- what changes by accident or by somebody who knows nothing


def refused(files: dict[str, str]) -> None:
    with pytest.raises(ProofError):
        verify(files)


def test_what_was_published_is_proved() -> None:
    assert verify(PUBLISHED, _SEALED.digest, " 3456.78\n").digest == _SEALED.digest
    with pytest.raises(ProofError, match="made known before"):
        verify(PUBLISHED, "0" * 64)
    with pytest.raises(ProofError, match="public value"):
        verify(PUBLISHED, _SEALED.digest, "3456.79")


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_changed_line_of_any_file_is_found(name: str) -> None:
    lines = PUBLISHED[name].splitlines(keepends=True)
    for number, line in enumerate(lines):
        for changed in (
            [],
            [line, line],
            [line[:-1] + " \n"],
            [chr(ord(line[0]) ^ 1) + line[1:]],
            [line[: len(line) // 2] + "7" + line[len(line) // 2 :]],
        ):
            refused({**PUBLISHED, name: "".join([*lines[:number], *changed, *lines[number + 1 :]])})
    refused({**PUBLISHED, name: ""})
    refused({**PUBLISHED, name: PUBLISHED[name] + "\n"})
    refused({other: text for other, text in PUBLISHED.items() if other != name})
    refused({**PUBLISHED, f"{name}.bak": PUBLISHED[name]})


@settings(max_examples=250)
@given(st.sampled_from(sorted(PUBLISHED)), st.integers(0, 10**6), st.characters(codec="utf-8"))
def test_a_changed_character_anywhere_is_found(name: str, place: int, character: str) -> None:
    text = PUBLISHED[name]
    place %= len(text)
    if text[place] != character:
        refused({**PUBLISHED, name: text[:place] + character + text[place + 1 :]})


# --- what the agency itself might try after it knows the value


def forged(change: Callable[[dict[str, Any]], None]) -> dict[str, str]:
    """The published files with another result, written as the program writes one."""
    plain = json.loads(PUBLISHED[RESULT])
    change(plain)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    try:
        table = selected_table(read(RESULT, text, Result))
    except ProofError:
        table = PUBLISHED[TABLE]
    return {**PUBLISHED, RESULT: text, TABLE: table}


def test_nobody_drawn_can_be_exchanged_for_another_candidate() -> None:
    """Not even by whoever knows every blinding."""
    private = read(PRIVATE, _SEALED.private[PRIVATE], PrivateList)
    drawn = {one["code"] for one in json.loads(PUBLISHED[RESULT])["selected"]}
    for other in [one for one in private.candidates if one.code not in drawn][:10]:

        def exchange(plain: dict[str, Any], code: str = other.code, name: str = other.name) -> None:
            gone = plain["selected"][0]["code"]
            plain["selected"][0].update(code=code, name=name)
            plain["selected"].sort(key=lambda it: str(it["code"]))
            change = blinding(KEY, code) - blinding(KEY, gone)
            plain["opening"] = f"{int(plain['opening'], 16) + change:x}"

        with pytest.raises(ProofError, match="exchanged"):
            verify(forged(exchange))


def test_nothing_in_a_result_can_be_bent() -> None:
    def drop(plain: dict[str, Any]) -> None:
        del plain["selected"][0]

    def add(plain: dict[str, Any]) -> None:
        plain["selected"].append({**plain["selected"][-1], "code": "Z00001"})

    def other_box(plain: dict[str, Any]) -> None:
        plain["boxes"][0] = f"{int(plain['boxes'][0], 16) ^ 1:0512x}"

    def fewer_boxes(plain: dict[str, Any]) -> None:
        del plain["boxes"][0]

    def by_the_order_of_the_group(plain: dict[str, Any]) -> None:
        plain["opening"] = f"{int(plain['opening'], 16) + (PRIME >> 1):x}"

    def other_county(plain: dict[str, Any]) -> None:
        plain["selected"][0]["county"] = "330106" if plain["selected"][0]["county"] == "330105" else "330105"

    def other_name(plain: dict[str, Any]) -> None:
        plain["selected"][0]["name"] = "乙"

    def officers_turned(plain: dict[str, Any]) -> None:
        plain["selected"][0]["officers"].reverse()

    def officers_of_another(plain: dict[str, Any]) -> None:
        first, *others = plain["selected"]
        first["officers"] = next(one["officers"] for one in others if one["officers"] != first["officers"])

    def one_officer(plain: dict[str, Any]) -> None:
        del plain["selected"][0]["officers"][1]

    def no_officers(plain: dict[str, Any]) -> None:
        plain["selected"][0]["officers"] = []

    def officer_renamed(plain: dict[str, Any]) -> None:
        plain["selected"][0]["officers"][0]["name"] = "李*"

    def other_seed(plain: dict[str, Any]) -> None:
        plain["seed"] = "ab" * 32

    def other_value(plain: dict[str, Any]) -> None:
        plain["public_value"] = "3456.79"

    def stranger_passed_over(plain: dict[str, Any]) -> None:
        plain["selected"][0]["passed_over"] = sorted([*plain["selected"][0]["passed_over"], "0" * 64])

    changes = [
        *(drop, add, other_box, fewer_boxes, by_the_order_of_the_group, other_county, other_name),
        *(officers_turned, officers_of_another, one_officer, no_officers, officer_renamed),
        *(other_seed, other_value, stranger_passed_over),
    ]
    verify(forged(lambda plain: None))
    for change in changes:
        with pytest.raises(ProofError, match=re.escape(RESULT)):
            verify(forged(change))


def test_an_officer_passed_over_without_reason_is_found_by_the_auditor() -> None:
    result = read(RESULT, PUBLISHED[RESULT], Result)
    first = next(one for one in result.selected if one.officers)
    rows = [line.split(",") for line in PUBLISHED[OFFICERS].splitlines()[1:]]
    there = [leaf for leaf, counties in rows if first.county in counties.split()]

    def pass_over_all(plain: dict[str, Any]) -> None:
        one = next(it for it in plain["selected"] if it["code"] == first.code)
        one.update(officers=[], passed_over=sorted(there))

    bent = forged(pass_over_all)
    verify(bent)
    with pytest.raises(ProofError, match="without reason"):
        audit(bent, _SEALED.private[PRIVATE])


def test_a_draw_from_another_commitment_is_another_draw() -> None:
    """A new seed, a candidate less or one more: the result does not fit the commitment that was made known."""
    listed = some(60)
    for other in (sealed(listed, seed="ab" * 32), sealed(listed[1:]), sealed(some(61))):
        files = opened(other)
        verify(files)
        with pytest.raises(ProofError, match="exchanged"):
            verify(files, _SEALED.digest)
        refused({**files, COMMITMENT: PUBLISHED[COMMITMENT]})
        refused({**PUBLISHED, RESULT: files[RESULT], TABLE: files[TABLE]})
        refused({**PUBLISHED, CANDIDATES: files[CANDIDATES][:-1]})


def test_ratios_and_sizes_cannot_be_written_otherwise() -> None:
    """Also where every digest is made anew: the commitment contradicts itself before its digest is looked at."""
    rows = [line.split(",") for line in PUBLISHED[CANDIDATES].splitlines()[1:]]
    moved = candidates_table((1 if number == "5" else int(number), leaf) for number, leaf in rows)
    for changes in (
        {"strata": [{**one, "drawn": one["drawn"] + 1} for one in _strata()]},
        {"strata": [{**one, "size": one["size"] + 1} for one in _strata()]},
        {"strata": [{**one, "ratio": "0.5", "drawn": -(-one["size"] // 2)} for one in _strata()]},
        {"strata": [{**one, "ratio": "all"} for one in _strata()]},
        {"strata": [{**one, "ratio": "1/0"} for one in _strata()]},
        {"strata": _strata()[1:]},
        {"scheme": "another"},
        {"candidates_sha256": sha256(moved)},
    ):
        plain = {**json.loads(PUBLISHED[COMMITMENT]), **changes}
        files = {**PUBLISHED, COMMITMENT: json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1) + "\n"}
        if "candidates_sha256" in changes:
            files[CANDIDATES] = moved
        with pytest.raises(ProofError, match=re.escape(COMMITMENT)):
            verify(files)


def _strata() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(PUBLISHED[COMMITMENT])["strata"]
    return found
