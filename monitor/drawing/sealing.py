"""The first step of a draw: list, officers and a secret seed are fixed, and what binds the agency to them is made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

import msgspec

from config.moments import as_text, start_of_day
from config.officers import Directory
from monitor.drawing import DrawError
from monitor.drawing.candidates import Candidate
from monitor.drawing.lots import box_of, card_of
from monitor.drawing.plan import UNCLASSED, Classes, Plan, parse_plan, ratios_of, to_draw
from monitor.drawing.published import (
    CANDIDATES,
    COMMITMENT,
    OFFICERS,
    PLAN,
    PRIVATE,
    SCHEME,
    SEED,
    Commitment,
    Listed,
    PrivateList,
    Stratum,
    candidates_table,
    canonical,
    officers_table,
    sha256,
)


class Sealed(msgspec.Struct, frozen=True):
    """Files by name: to publish at once, and to keep."""

    commitment: Commitment
    public: dict[str, str]
    private: dict[str, str]

    @property
    def digest(self) -> str:
        """What is to be made known before the day of the public value, where the agency cannot change it."""
        return sha256(self.public[COMMITMENT])


def seal(
    plan_text: str,
    candidates: Iterable[Candidate],
    classes: Classes,
    directory: Directory,
    *,
    key: str,
    seed: str,
    as_of: int,
    at: int,
) -> Sealed:
    """Commits to a draw. The same arguments give the same files, in whatever order list and directory come.

    Args:
        plan_text: the plan as written (YAML); it is published byte for byte.
        candidates: the list before classes are looked at.
        classes: who knows the class of an enterprise.
        directory: all officers; those of the plan's agency and counties are taken.
        key: 64 hexadecimal digits, secret for ever: blindings and salts are made from it.
        seed: 64 hexadecimal digits, secret until the draw.
        as_of: Now of the monitor, microseconds since 1970.
        at: the present moment.

    Raises:
        DrawError: the plan is wrong, the value would be known already, nobody would be drawn, or the names drawn would
            all be of one class and so publish it.
    """
    plan = parse_plan(plan_text)
    if at >= start_of_day(plan.public_value.known_on):
        raise DrawError(
            f"公开值于 {plan.public_value.known_on} 揭晓，须在此前承诺，请改计划日期 / the public value becomes known "
            f"on {plan.public_value.known_on}: commit before that day, or name a later one in the plan"
        )
    listed, strata = _in_strata(plan, candidates, classes)
    officers = sorted(
        (one for one in directory.officers if one.agency == plan.agency and set(one.counties) & set(plan.counties)),
        key=lambda one: one.id,
    )
    private_text = canonical(PrivateList(key, tuple(listed), tuple(officers)))
    cards = [card_of(key, officer) for officer in officers]
    candidates_text = candidates_table((one.stratum, sha256(box_of(key, one))) for one in listed)
    officers_text = officers_table((card.leaf, card.counties) for card in cards)
    commitment = Commitment(
        scheme=SCHEME,
        plan_sha256=sha256(plan_text),
        candidates_sha256=sha256(candidates_text),
        officers_sha256=sha256(officers_text),
        private_sha256=sha256(private_text),
        seed_sha256=sha256(seed),
        ratios=ratios_of(plan),
        strata=tuple(strata),
        list_as_of=as_text(as_of),
        committed_at=as_text(at),
    )
    public = {
        PLAN: plan_text,
        CANDIDATES: candidates_text,
        OFFICERS: officers_text,
        COMMITMENT: canonical(commitment),
    }
    return Sealed(commitment, public, {PRIVATE: private_text, SEED: seed})


def _in_strata(plan: Plan, candidates: Iterable[Candidate], classes: Classes) -> tuple[list[Listed], list[Stratum]]:
    by_class: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        by_class[classes.class_of(one.code) or UNCLASSED].append(one)
    if plan.rule.classes is not None:
        by_class = defaultdict(list, {name: by_class[name] for name in plan.rule.classes if name in by_class})
    ratios = ratios_of(plan)
    names = sorted(by_class, key=lambda name: (-Fraction(ratios[name]), name))
    listed, strata = [], []
    for number, name in enumerate(names, start=1):
        size = len(by_class[name])
        strata.append(Stratum(number, ratios[name], size, to_draw(size, ratios[name])))
        listed += [Listed(one.code, one.name, one.county, number, name, one.persons) for one in by_class[name]]
    drawn = [name for name, one in zip(names, strata, strict=True) if one.drawn]
    if not drawn:
        raise DrawError(
            "没有可抽取的主体，请核对计划的县、类别、行业与比例 / nobody can be drawn: look at the plan's counties, "
            "kinds, industries and ratios"
        )
    if len(drawn) == 1 and drawn[0] != UNCLASSED:
        raise DrawError(
            "抽中者将全属同一等级，公布名单即公布等级，请扩大名单 / all who are drawn would be of one class, so their "
            "names would publish it: widen the list"
        )
    return sorted(listed, key=lambda one: one.code), strata
