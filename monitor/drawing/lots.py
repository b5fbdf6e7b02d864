"""The lots: from a seed, a commitment and a public value to enterprises and their officers. Pure, the same everywhere.

Everything that decides is a SHA-256 or an HMAC of it over ASCII text, so that it can be computed by hand.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping

from config.officers import PER_VISIT, Officer, Visit, obstacle
from monitor.drawing import boxes
from monitor.drawing.plan import Plan
from monitor.drawing.published import Listed, OfficerCard, PrivateList, Result, Selected, Stratum, canonical, sha256
from monitor.identifiers.pseudonyms import masked


def joint_seed(seed: str, commitment: str, public_value: str) -> str:
    """HMAC-SHA-256 of the commitment's digest, a line end and the public value, keyed by the seed; all as texts."""
    return _hmac(seed, f"{commitment}\n{public_value}")


def ticket(joint: str, text: str) -> str:
    """The lot of a leaf, or of an enterprise and an officer: the smaller, the sooner drawn."""
    return _hmac(joint, text)


def drawn_leaves(joint: str, strata: Iterable[Stratum], leaves: Mapping[int, Iterable[str]]) -> list[str]:
    """Of each stratum the leaves with the smallest lots, as many as it says; all together, by leaf."""
    found: list[str] = []
    for one in strata:
        found += sorted(leaves[one.stratum], key=lambda leaf: (ticket(joint, leaf), leaf))[: one.drawn]
    return sorted(found)


def officers_in_order(joint: str, code: str, leaves: Iterable[str]) -> list[str]:
    """Leaves of officers in the order in which the lot meets them for an enterprise."""
    return sorted(leaves, key=lambda leaf: (ticket(joint, f"{code}\n{leaf}"), leaf))


def blinding(key: str, code: str) -> int:
    """The blinding of a candidate's box: 256 bits that nobody can tell without the key."""
    return int(_hmac(key, f"enterprise\n{code}"), 16)


def box_of(key: str, one: Listed) -> str:
    """The box of a candidate."""
    return boxes.seal(one.content, blinding(key, one.code))


def card_of(key: str, officer: Officer) -> OfficerCard:
    """What is published of an officer who was drawn."""
    private = sha256(_hmac(key, f"officer\n{officer.id}") + "\n" + canonical(officer))
    return OfficerCard(masked(officer.name), officer.agency, tuple(sorted(officer.counties)), private)


def draw(
    plan: Plan, private: PrivateList, strata: Iterable[Stratum], commitment: str, seed: str, public_value: str
) -> Result:
    """The draw. `commitment`: digest of the commitment file, hexadecimal; `seed`: 64 hexadecimal digits."""
    joint = joint_seed(seed, commitment, public_value)
    by_leaf: dict[str, tuple[str, Listed]] = {}
    leaves: dict[int, list[str]] = {one.stratum: [] for one in strata}
    for one in private.candidates:
        box = box_of(private.key, one)
        leaf = sha256(box)
        by_leaf[leaf] = box, one
        leaves[one.stratum].append(leaf)
    drawn = [by_leaf[leaf] for leaf in drawn_leaves(joint, strata, leaves)]
    return Result(
        commitment_sha256=commitment,
        seed=seed,
        public_value=public_value,
        boxes=tuple(box for box, _ in drawn),
        opening=f"{sum(blinding(private.key, one.code) for _, one in drawn):x}",
        selected=_with_officers(plan, private, [one for _, one in drawn], joint),
    )


def _with_officers(plan: Plan, private: PrivateList, drawn: list[Listed], joint: str) -> tuple[Selected, ...]:
    """Officers for each enterprise, met in the order of the lots of the enterprises, so that who becomes full first
    is chance as well.
    """
    cards = {card.leaf: (card, officer) for officer in private.officers for card in [card_of(private.key, officer)]}
    loads: Counter[str] = Counter()
    found = []
    for one in sorted(drawn, key=lambda it: (ticket(joint, it.code), it.code)):
        visit = Visit(
            county=one.county,
            codes=frozenset((one.code,)),
            day=plan.visits_from,
            persons=frozenset(one.persons),
            trades=frozenset(plan.trades),
            agency=plan.agency,
        )
        there = [leaf for leaf, (card, _) in cards.items() if one.county in card.counties]
        chosen: list[str] = []
        passed: list[str] = []
        for leaf in officers_in_order(joint, one.code, there):
            if len(chosen) == PER_VISIT:
                break
            officer = cards[leaf][1]
            (passed if obstacle(officer, visit, loads[officer.id]) else chosen).append(leaf)
        if len(chosen) < PER_VISIT:
            chosen = []
        loads.update(cards[leaf][1].id for leaf in chosen)
        sent = tuple(cards[leaf][0] for leaf in chosen)
        found.append(Selected(one.code, one.name, one.county, sent, tuple(sorted(passed))))
    return tuple(sorted(found, key=lambda it: it.code))


def _hmac(key: str, text: str) -> str:
    return hmac.digest(key.encode(), text.encode(), hashlib.sha256).hex()
