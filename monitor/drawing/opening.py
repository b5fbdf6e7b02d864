"""The second step of a draw, for the agency; and the audit, for whoever may see its private list.

The audit closes what the public cannot see without learning classes: that each stratum holds the enterprises of one
class, and that the officers who were passed over had a reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from monitor.drawing import DrawError, ProofError
from monitor.drawing.lots import box_of, card_of, draw
from monitor.drawing.plan import UNCLASSED, Classes
from monitor.drawing.proof import Proof, committed, verify
from monitor.drawing.published import (
    CANDIDATES,
    COMMITMENT,
    OFFICERS,
    PRIVATE,
    RESULT,
    SEED,
    TABLE,
    Commitment,
    PrivateList,
    candidates_table,
    canonical,
    officers_table,
    read,
    selected_table,
    sha256,
)


def open_draw(
    files: Mapping[str, str], private_text: str, seed: str, public_value: str, today: dt.date
) -> dict[str, str]:
    """The files that a draw adds to the published ones. `today`: the date in Asia/Shanghai.

    Raises DrawError before the public value is known, after a draw was made, or for a value that is no line of text;
    ProofError where the files are not those that were committed to.
    """
    plan, commitment, _ = committed(files)
    if RESULT in files:
        raise DrawError(
            "已经抽取，不能再抽；请用 draw verify 核验 / it was drawn already, once for all: see draw verify"
        )
    value = public_value.strip()
    if not value or not value.isprintable() or len(value) > 300:
        raise DrawError("公开值应为一行文字 / the public value is one line of text")
    if today < plan.public_value.known_on:
        raise DrawError(
            f"公开值于 {plan.public_value.known_on} 揭晓，届时再抽 / the public value becomes known on "
            f"{plan.public_value.known_on}: draw on that day or later"
        )
    private = _private(commitment, private_text)
    if sha256(seed) != commitment.seed_sha256:
        raise ProofError(f"{SEED}：不是承诺的种子，请从备份恢复 / is not the seed that was committed to: restore it")
    result = draw(plan, private, commitment.strata, sha256(files[COMMITMENT]), seed, value)
    made = {RESULT: canonical(result), TABLE: selected_table(result)}
    verify({**files, **made})
    return made


def audit(files: Mapping[str, str], private_text: str, classes: Classes | None = None) -> Proof:
    """Proves a draw from its published files and the private list. `classes`: compared where they are given.

    Raises ProofError.
    """
    proof = verify(files)
    private = _private(proof.commitment, private_text)
    _check_lists(files, private)
    ratios = {one.stratum: one.ratio for one in proof.commitment.strata}
    grades = {one.stratum: one.grade for one in private.candidates}
    if len(set(grades.values())) != len(grades):
        raise ProofError(f"{PRIVATE}：同一等级分成了几层 / a class is split into several strata")
    for one in private.candidates:
        if one.grade != grades[one.stratum] or proof.commitment.ratios.get(one.grade) != ratios[one.stratum]:
            raise ProofError(
                f"{PRIVATE}：{one.code} 不在其等级的层中 / {one.code} is not in the stratum of its class {one.grade}"
            )
        if classes is not None and (classes.class_of(one.code) or UNCLASSED) != one.grade:
            raise ProofError(
                f"{PRIVATE}：{one.code} 按 {one.grade} 抽取，与给出的等级不同 / {one.code} was drawn as {one.grade}, "
                "the classes given say otherwise"
            )
    again = draw(
        proof.plan, private, proof.commitment.strata, proof.digest, proof.result.seed, proof.result.public_value
    )
    if again != proof.result:
        raise ProofError(
            f"{RESULT}：与私有名单重抽的结果不同，跳过的执法人员没有理由 / a draw from the private list comes out "
            "otherwise: officers were passed over without reason"
        )
    return proof


def _private(commitment: Commitment, text: str) -> PrivateList:
    if sha256(text) != commitment.private_sha256:
        raise ProofError(f"{PRIVATE}：不是承诺的名单，请从备份恢复 / is not the list that was committed to: restore it")
    return read(PRIVATE, text, PrivateList)


def _check_lists(files: Mapping[str, str], private: PrivateList) -> None:
    """The blind lists are those of the private one, and nobody is in it twice."""
    codes = [one.code for one in private.candidates]
    if codes != sorted(set(codes)):
        raise ProofError(f"{PRIVATE}：有主体重复 / holds an enterprise twice")
    boxes = [(one.stratum, sha256(box_of(private.key, one))) for one in private.candidates]
    if candidates_table(boxes) != files[CANDIDATES]:
        raise ProofError(f"{CANDIDATES}：与私有名单不符 / is not made from the private list")
    cards = [card_of(private.key, officer) for officer in private.officers]
    if officers_table((card.leaf, card.counties) for card in cards) != files[OFFICERS]:
        raise ProofError(f"{OFFICERS}：与私有名录不符 / is not made from the private directory")
