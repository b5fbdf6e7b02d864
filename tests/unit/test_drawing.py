"""Draws of random inspections: what is committed to, what is drawn, and what the public must not learn."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from importlib.resources import files
from typing import Any

import pytest

from config.moments import parse_moment
from config.officers import Obstacle, Visit, obstacle
from monitor.drawing import DrawError, ProofError, boxes
from monitor.drawing.lots import blinding
from monitor.drawing.opening import audit, open_draw
from monitor.drawing.plan import KnownClasses, parse_plan, ratios_of, to_draw
from monitor.drawing.proof import verify
from monitor.drawing.published import (
    CANDIDATES,
    COMMITMENT,
    PRIVATE,
    RESULT,
    SEED,
    TABLE,
    PrivateList,
    Result,
    read,
    sha256,
)
from monitor.drawing.sealing import seal
from tests.drawing import AS_OF, BEFORE, KEY, KNOWN_ON, PLAN, VALUE, Grades, directory, example, opened, sealed, some

# --- plans


def test_the_shipped_example_is_a_plan_with_the_shipped_ratios() -> None:
    plan = parse_plan(files("config").joinpath("plans/example.yaml").read_text(encoding="utf-8"))
    assert (plan.officers_per_visit, plan.rule.industries, plan.public_value.known_on.year) == (2, ("F52",), 2026)
    assert ratios_of(plan) == {"A": "0.01", "B": "0.02", "C": "0.1", "D": "0.3", "unclassed": "0.03"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1\n", "", "version"),
        ("counties: [", "counties: [33, ", "counties/0"),
        ("visits_from: 2020-07-20", "visits_from: 2026-02-30", "YAML"),
        ("visits_from: 2020-07-20", "visits_from: '2026-02-30'", "wrong"),
        ("version: 1\n", "version: 1\ncolour: red\n", "colour"),
        ("version: 1\n", "version: 1\nratios: {A: 1.5}\n", "ratios/A"),
        ("version: 1\n", "version: 1\nratios: {E: 0.5}\n", "E"),
        ("version: 1\n", "version: 1\nofficers_per_visit: 1\n", "officers_per_visit"),
        ("version: 1\n", "version: 1\nlist: {classes: [D]}\n", "list/classes"),
    ],
)
def test_a_wrong_plan_says_where(old: str, new: str, said: str) -> None:
    with pytest.raises(DrawError, match=said):
        parse_plan(PLAN.replace(old, new, 1))


@pytest.mark.parametrize(
    ("size", "ratio", "drawn"),
    [(0, "0.3", 0), (10, "0.3", 3), (11, "0.3", 4), (100, "0.01", 1), (101, "0.01", 2), (1, "0.01", 1), (7, "0.0", 0),
     (7, "1", 7), (1000, "0.029", 29)],
)  # fmt: skip
def test_a_ratio_is_rounded_up_and_exact(size: int, ratio: str, drawn: int) -> None:
    assert to_draw(size, ratio) == drawn


# --- committing


def test_strata_have_the_numbers_of_their_ratios() -> None:
    one, _ = example()
    assert [(it.stratum, it.ratio, it.size, it.drawn) for it in one.commitment.strata] == [
        (1, "0.3", 6, 2),
        (2, "0.1", 12, 2),
        (3, "0.03", 6, 1),
        (4, "0.02", 12, 1),
        (5, "0.01", 24, 1),
    ]


def test_what_is_published_before_the_draw_names_nobody() -> None:
    one, _ = example()
    text = "".join(one.public.values())
    for word in ("C0000", "甲1", "王", "HZ-0", KEY, one.private[SEED]):
        assert word not in text
    assert one.digest == hashlib.sha256(one.public[COMMITMENT].encode()).hexdigest()


def test_another_key_gives_other_leaves_everywhere() -> None:
    leaves = [
        {line.split(",")[1] for line in sealed(some(20), key=key).public[CANDIDATES].splitlines()[1:]}
        for key in (KEY, "33" * 32)
    ]
    assert not leaves[0] & leaves[1]


def test_the_order_of_list_and_directory_is_nothing() -> None:
    candidates, people = some(30), directory()
    turned = type(people)(**{name: getattr(people, name) for name in people.__struct_fields__ if name != "officers"},
                          officers=people.officers[::-1])  # fmt: skip
    one, other = (
        seal(PLAN, listed, KnownClasses({}), them, key=KEY, seed="aa" * 32, as_of=AS_OF, at=BEFORE)
        for listed, them in ((candidates, people), (candidates[::-1], turned))
    )
    assert one == other


def test_a_commitment_after_the_value_is_known_is_refused() -> None:
    with pytest.raises(DrawError, match="2020-07-10"):
        seal(
            PLAN, some(30), KnownClasses({}), directory(),
            key=KEY, seed="aa" * 32, as_of=AS_OF, at=parse_moment("2020-07-10T00:00:00+08:00"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "grade", "said"),
    [
        (PLAN, "B", "one class"),
        (PLAN + "ratios: {A: 0, B: 0, C: 0, D: 0, unclassed: 0}\n", "B", "nobody"),
        (PLAN + "list: {classes: [C, D]}\n", "B", "nobody"),
    ],
)
def test_a_draw_that_would_publish_a_class_or_nobody_is_refused(plan: str, grade: str, said: str) -> None:
    listed = some(30)
    with pytest.raises(DrawError, match=said):
        seal(plan, listed, Grades({one.code: grade for one in listed}), directory(), key=KEY, seed="aa" * 32,
             as_of=AS_OF, at=BEFORE)  # fmt: skip


def test_a_plan_of_two_classes_lists_these_alone() -> None:
    one = sealed(some(60), plan=PLAN + "list: {classes: [C, D]}\n")
    private = read(PRIVATE, one.private[PRIVATE], PrivateList)
    assert {it.grade for it in private.candidates} == {"C", "D"}
    assert [it.size for it in one.commitment.strata] == [6, 12]


# --- drawing


def test_a_draw_is_what_can_be_computed_by_hand() -> None:
    one, published = example()
    result = json.loads(published[RESULT])

    def by_hand(key: str, text: str) -> str:
        return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()

    joint = by_hand(one.private[SEED], f"{one.digest}\n{VALUE}")
    wanted: list[str] = []
    for stratum in one.commitment.strata:
        rows = [line.split(",") for line in published[CANDIDATES].splitlines()[1:]]
        leaves = [leaf for number, leaf in rows if number == str(stratum.stratum)]
        wanted += sorted(leaves, key=lambda leaf: by_hand(joint, leaf))[: stratum.drawn]
    assert [hashlib.sha256(box.encode()).hexdigest() for box in result["boxes"]] == sorted(wanted)
    private = read(PRIVATE, one.private[PRIVATE], PrivateList)
    leaf_of = {it.code: sha256(boxes.seal(it.content, blinding(KEY, it.code))) for it in private.candidates}
    assert {leaf_of[it["code"]] for it in result["selected"]} == set(wanted)


def test_officers_are_two_who_may_go_and_the_others_had_a_reason() -> None:
    one, published = example()
    plan, people = parse_plan(PLAN), directory().officers
    result = read(RESULT, published[RESULT], Result)
    private = read(PRIVATE, one.private[PRIVATE], PrivateList)
    assert {it.id for it in private.officers} == {it.id for it in people}
    assert any(it.passed_over for it in result.selected)
    for it in result.selected:
        visit = Visit(it.county, frozenset((it.code,)), plan.visits_from, agency=plan.agency)
        reasons = {obstacle(officer, visit) for officer in people}
        assert Obstacle.LEAVE in reasons
        assert len({card.leaf for card in it.officers}) == 2
        assert all(card.name == "王*" and it.county in card.counties for card in it.officers)


def test_no_officer_alone_is_sent() -> None:
    people = directory(4)  # in 330106: 0 is on leave, 2 may go
    listed = [one for one in some(30) if one.county == "330106"]
    one = seal(PLAN, listed, KnownClasses({}), people, key=KEY, seed="aa" * 32, as_of=AS_OF, at=BEFORE)
    published = opened(one)
    (selected,) = read(RESULT, published[RESULT], Result).selected
    assert (selected.officers, len(selected.passed_over)) == ((), 1)
    assert published[TABLE].splitlines()[1].endswith(",330106,,")
    assert audit(published, one.private[PRIVATE]).result.selected == (selected,)


def test_a_full_officer_is_passed_over() -> None:
    people = directory()
    few = tuple(
        type(it)(**{**{name: getattr(it, name) for name in it.__struct_fields__}, "workload_limit": 1})
        for it in people.officers
    )
    full = type(people)(version=1, owner="x", valid_from=people.valid_from, officers=few)
    one = seal(PLAN + "ratios: {unclassed: 0.2}\n", some(60), KnownClasses({}), full, key=KEY, seed="aa" * 32,
               as_of=AS_OF, at=BEFORE)  # fmt: skip
    selected = read(RESULT, opened(one)[RESULT], Result).selected
    sent = [card.leaf for it in selected for card in it.officers]
    assert len(sent) == len(set(sent))
    assert any(not it.officers for it in selected)


def test_the_draw_waits_for_the_day_and_happens_once() -> None:
    one, published = example()
    with pytest.raises(DrawError, match="2020-07-10"):
        open_draw(one.public, one.private[PRIVATE], one.private[SEED], VALUE, KNOWN_ON - dt.timedelta(1))
    with pytest.raises(DrawError, match="once for all"):
        open_draw(published, one.private[PRIVATE], one.private[SEED], VALUE, KNOWN_ON)
    for wrong in ("", " \n", "a\nb", "x" * 301):
        with pytest.raises(DrawError, match="one line"):
            open_draw(one.public, one.private[PRIVATE], one.private[SEED], wrong, KNOWN_ON)
    with pytest.raises(ProofError, match=SEED):
        open_draw(one.public, one.private[PRIVATE], "ab" * 32, VALUE, KNOWN_ON)
    with pytest.raises(ProofError, match=PRIVATE):
        open_draw(one.public, one.private[PRIVATE].replace("C00007", "C00097"), one.private[SEED], VALUE, KNOWN_ON)


def test_another_value_draws_others() -> None:
    one = sealed(some(60))
    drawn = {opened(one, str(value))[TABLE] for value in range(8)}
    assert len(drawn) == 8
    assert opened(one, f" {VALUE} ") == opened(one, VALUE)


# --- what the public learns


def test_what_is_published_tells_of_nobody_who_was_not_drawn_and_of_no_class() -> None:
    one, published = example()
    private = read(PRIVATE, one.private[PRIVATE], PrivateList)
    result: dict[str, Any] = json.loads(published[RESULT])
    named = {it["code"] for it in result["selected"]}
    text = "".join(published.values())
    assert {it.code for it in private.candidates if it.code in text} == named
    assert set(result["selected"][0]) == {"code", "name", "county", "officers", "passed_over"}
    assert [it["code"] for it in result["selected"]] == sorted(named)
    # every box fits every name as well: whichever blinding were named, no single box opens without its own
    for box in result["boxes"]:
        for it in result["selected"]:
            content = f"{it['code']}\n{it['name']}\n{it['county']}"
            assert not boxes.opens([box], [content], int(result["opening"], 16))


# --- boxes


def test_the_prime_is_that_of_rfc_3526() -> None:
    def arctangent(inverse: int, one: int) -> int:
        term = total = one // inverse
        number, sign = 3, -1
        while term:
            term //= inverse * inverse
            total += sign * (term // number)
            number, sign = number + 2, -sign
        return total

    bits = 2_100
    pi = 4 * (4 * arctangent(5, 1 << bits) - arctangent(239, 1 << bits))
    assert boxes.PRIME == 2**2048 - 2**1984 - 1 + 2**64 * ((pi >> (bits - 1918)) + 124_476)
    half = boxes.PRIME >> 1  # a safe prime: half of it is prime too, by Fermat for some bases
    assert all(pow(a, half - 1, half) == 1 and pow(a, boxes.PRIME - 1, boxes.PRIME) == 1 for a in (2, 3, 5, 7))


def test_boxes_open_together_by_the_sum_and_in_no_other_way() -> None:
    texts, blindings = ["a", "b", "c"], [2**256 - 1, 5, 2**200 + 1]
    sealed_boxes = [boxes.seal(text, blinding) for text, blinding in zip(texts, blindings, strict=True)]
    assert {len(box) for box in sealed_boxes} == {boxes.BOX_DIGITS}
    assert sealed_boxes[1] == f"{boxes.point('b') * pow(boxes.base(), 5, boxes.PRIME) % boxes.PRIME:0512x}"
    assert boxes.opens(sealed_boxes, texts[::-1], sum(blindings))
    assert not boxes.opens(sealed_boxes, ["a", "b", "d"], sum(blindings))
    assert not boxes.opens(sealed_boxes, ["a", "b"], sum(blindings))
    assert not boxes.opens(sealed_boxes, texts, sum(blindings) + 1)
    half = boxes.PRIME >> 1
    assert all(pow(int(box, 16), half, boxes.PRIME) == 1 for box in sealed_boxes), "all in one subgroup"


# --- the auditor


def test_the_auditor_finds_what_the_public_cannot_see() -> None:
    one, published = example()
    listed = some(60)
    private = one.private[PRIVATE]
    grades = {it.code: it.grade for it in read(PRIVATE, private, PrivateList).candidates if it.grade != "unclassed"}
    assert audit(published, private, Grades(grades)) == verify(published)
    with pytest.raises(ProofError, match="C00000"):
        audit(published, private, Grades({**grades, "C00000": "D"}))
    with pytest.raises(ProofError, match=PRIVATE):
        audit(published, private.replace("C00007", "C00097"))
    # classes that were bent before the commitment: the public proof holds, the audit with the real ones does not
    bent = seal(PLAN, listed, Grades({**grades, "C00000": "D"}), directory(), key=KEY, seed="aa" * 32,
                as_of=AS_OF, at=BEFORE)  # fmt: skip
    files_of_it = opened(bent)
    verify(files_of_it)
    audit(files_of_it, bent.private[PRIVATE])
    with pytest.raises(ProofError, match="C00000"):
        audit(files_of_it, bent.private[PRIVATE], Grades(grades))
