"""The proof: whether published files show a draw as it had to be, from these files alone.

What is found here: any changed byte, another seed or public value than was bound, a candidate or an officer added,
dropped or exchanged, one drawn who should not be. What is not, and who finds it, stands in `docs/sampling.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import msgspec

from config.officers import PER_VISIT
from monitor.drawing import DrawError, ProofError, boxes
from monitor.drawing.lots import drawn_leaves, joint_seed, officers_in_order
from monitor.drawing.plan import Plan, parse_plan, to_draw
from monitor.drawing.published import (
    CANDIDATES,
    COMMITMENT,
    COMMITTED,
    DRAWN,
    OFFICERS,
    PLAN,
    RESULT,
    SCHEME,
    TABLE,
    Commitment,
    Result,
    Selected,
    box_content,
    candidates_table,
    officers_table,
    read,
    rows_of,
    selected_table,
    sha256,
)

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_BOX: Final = re.compile(rf"[0-9a-f]{{{boxes.BOX_DIGITS}}}")


class Proof(msgspec.Struct, frozen=True):
    """A draw that was proved; `digest`: of its commitment."""

    plan: Plan
    commitment: Commitment
    result: Result
    digest: str


class Lists(msgspec.Struct, frozen=True):
    """The blind lists: leaves of candidates by stratum, leaves of officers with their counties."""

    leaves: dict[int, list[str]]
    officers: dict[str, frozenset[str]]


def verify(files: Mapping[str, str], digest: str | None = None, public_value: str | None = None) -> Proof:
    """Proves a draw from its published files by name.

    `digest`, `public_value`: what the verifier knows from elsewhere; None: not compared. Raises ProofError.
    """
    plan, commitment, lists = committed(files)
    found = sha256(files[COMMITMENT])
    if digest is not None and digest.strip().lower() != found:
        raise ProofError(
            f"{COMMITMENT}：摘要是 {found}，与事先公布的不同，承诺被换 / its digest is {found}, not the one that was "
            "made known before: the commitment was exchanged"
        )
    missing = [name for name in DRAWN if name not in files]
    if missing:
        raise ProofError(f"{missing[0]}：没有，尚未抽取 / is not there: nothing was drawn yet")
    result = read(RESULT, files[RESULT], Result)
    if result.commitment_sha256 != found:
        raise ProofError(f"{RESULT}：属于另一承诺 / belongs to another commitment")
    if public_value is not None and public_value.strip() != result.public_value:
        raise ProofError(
            f"{RESULT}：公开值是 {result.public_value}，与给出的不同 / the public value in it is not the one given"
        )
    if sha256(result.seed) != commitment.seed_sha256:
        raise ProofError(f"{RESULT}：种子不是承诺的种子 / the seed is not the one that was committed to")
    joint = joint_seed(result.seed, found, result.public_value)
    _check_boxes(commitment, result, lists, joint)
    for one in result.selected:
        _check_officers(plan, one, lists, joint)
    if files[TABLE] != selected_table(result):
        raise ProofError(f"{TABLE}：与 {RESULT} 不一致 / does not say what {RESULT} says")
    return Proof(plan, commitment, result, found)


def committed(files: Mapping[str, str]) -> tuple[Plan, Commitment, Lists]:
    """The part of the published files that was committed to, checked. Raises ProofError."""
    for name in COMMITTED:
        if name not in files:
            raise ProofError(f"{name}：没有，请补齐公布的文件 / is not there: get all published files")
    stray = sorted(set(files) - set(COMMITTED) - set(DRAWN))
    if stray:
        raise ProofError(f"{stray[0]}：不属于抽取的公布文件 / is no file of a published draw")
    commitment = read(COMMITMENT, files[COMMITMENT], Commitment)
    if commitment.scheme != SCHEME:
        raise ProofError(f"{COMMITMENT}：方案 {commitment.scheme} 未知 / this program does not know the scheme")
    for name, digest in (
        (PLAN, commitment.plan_sha256),
        (CANDIDATES, commitment.candidates_sha256),
        (OFFICERS, commitment.officers_sha256),
    ):
        if sha256(files[name]) != digest:
            raise ProofError(f"{name}：不是承诺的文件，已被改动 / is not the file that was committed to")
    try:
        plan = parse_plan(files[PLAN])
    except DrawError as error:
        raise ProofError(f"{PLAN}：{error}") from error
    lists = _lists(files)
    _check_strata(plan, commitment, lists)
    return plan, commitment, lists


def _lists(files: Mapping[str, str]) -> Lists:
    rows = rows_of(CANDIDATES, files[CANDIDATES], ("stratum", "leaf"))
    wrong = [row for row in rows if not row[0].isdecimal() or not _DIGEST.fullmatch(row[1])]
    numbered = [] if wrong else [(int(stratum), leaf) for stratum, leaf in rows]
    if wrong or candidates_table(numbered) != files[CANDIDATES] or len({leaf for _, leaf in rows}) < len(rows):
        raise ProofError(f"{CANDIDATES}：有重复或不合规的行 / holds a line that is double or not in order")
    leaves: dict[int, list[str]] = {}
    for stratum, leaf in numbered:
        leaves.setdefault(stratum, []).append(leaf)
    people = rows_of(OFFICERS, files[OFFICERS], ("leaf", "counties"))
    officers = {leaf: frozenset(counties.split()) for leaf, counties in people}
    written = officers_table((leaf, counties.split()) for leaf, counties in people)
    if len(officers) < len(people) or written != files[OFFICERS] or not all(map(_DIGEST.fullmatch, officers)):
        raise ProofError(f"{OFFICERS}：有重复或不合规的行 / holds a line that is double or not in order")
    return Lists(leaves, officers)


def _check_strata(plan: Plan, commitment: Commitment, lists: Lists) -> None:
    """Sizes are those of the list, numbers those of the ratios, and ratios those of classes, as the plan has them."""
    if [one.stratum for one in commitment.strata] != sorted(lists.leaves):
        raise ProofError(f"{COMMITMENT}：层与名单不符 / names other strata than the list has")
    for one in commitment.strata:
        try:
            wanted = to_draw(one.size, one.ratio)
            share = Fraction(one.ratio)
        except (ValueError, ZeroDivisionError) as error:
            raise ProofError(f"{COMMITMENT}：比例不是数字 / a ratio is no number: {one.ratio}") from error
        if not 0 <= share <= 1 or one.size != len(lists.leaves[one.stratum]) or one.drawn != wanted:
            raise ProofError(
                f"{COMMITMENT}：第 {one.stratum} 层的数量与名单或比例不符 / the numbers of stratum {one.stratum} are "
                "not those of list and ratio"
            )
        if one.ratio not in commitment.ratios.values():
            raise ProofError(f"{COMMITMENT}：比例 {one.ratio} 不是任何等级的 / {one.ratio} is the ratio of no class")
    if any(commitment.ratios.get(name) != str(ratio) for name, ratio in plan.ratios.items()):
        raise ProofError(f"{COMMITMENT}：比例与计划不符 / the ratios are not those of the plan")


def _check_boxes(commitment: Commitment, result: Result, lists: Lists, joint: str) -> None:
    """The boxes are those that the lots say, and what is in them are the names."""
    if not all(map(_BOX.fullmatch, result.boxes)):
        raise ProofError(f"{RESULT}：有不合规的盒子 / holds a box that is none")
    drawn = drawn_leaves(joint, commitment.strata, lists.leaves)
    if [sha256(box) for box in result.boxes] != drawn:
        raise ProofError(
            f"{RESULT}：抽中的不是签号最小的候选 / those drawn are not the candidates with the smallest lots"
        )
    codes = [one.code for one in result.selected]
    if codes != sorted(set(codes)) or len(codes) != len(drawn):
        raise ProofError(
            f"{RESULT}：名单有 {len(codes)} 户，应有 {len(drawn)} 户且各不相同 / {len(codes)} enterprises are named: "
            f"{len(drawn)} were drawn, all different, by code"
        )
    opening = result.opening
    if not re.fullmatch(r"[1-9a-f][0-9a-f]*", opening) or int(opening, 16) >= len(drawn) << boxes.BLINDING_BITS:
        raise ProofError(f"{RESULT}：开盒的数不合规 / the number that opens the boxes is none")
    contents = [box_content(one.code, one.name, one.county) for one in result.selected]
    if not boxes.opens(result.boxes, contents, int(opening, 16)):
        raise ProofError(
            f"{RESULT}：名单不是抽中盒子里的内容，有人被替换或改动 / the names are not what is in the boxes drawn: "
            "somebody was exchanged or changed"
        )


def _check_officers(plan: Plan, one: Selected, lists: Lists, joint: str) -> None:
    """The officers are the first two that the lot met, but for those passed over, who are named as such."""
    there = [leaf for leaf, counties in lists.officers.items() if one.county in counties]
    order = officers_in_order(joint, one.code, there)
    chosen = [card.leaf for card in one.officers]
    passed = set(one.passed_over)
    left = [leaf for leaf in order if leaf not in passed]
    if one.county not in plan.counties or list(one.passed_over) != sorted(passed) or not passed.issubset(order):
        raise ProofError(f"{RESULT}：{one.code} 的县或跳过的人员不符 / county or officers passed over are wrong")
    if any(card.agency != plan.agency for card in one.officers):
        raise ProofError(f"{RESULT}：{one.code} 的执法人员不属计划部门 / an officer is not of the plan's agency")
    if chosen:
        last = order.index(chosen[-1]) if chosen[-1] in order else len(order)
        in_order = chosen == left[:PER_VISIT] and len(chosen) == PER_VISIT and passed.issubset(order[:last])
    else:
        in_order = len(left) < PER_VISIT
    if not in_order:
        raise ProofError(
            f"{RESULT}：{one.code} 的执法人员不是签号最小的两名 / the officers are not the two with the smallest lots"
        )
