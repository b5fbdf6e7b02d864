"""Findings held against what is true: precision, recall, lift. A hit is an enterprise that is both."""

from __future__ import annotations

from collections.abc import Collection

import msgspec


class Judgement(msgspec.Struct, frozen=True):
    """`found`: enterprises; `true`: of them; `positives`: all true ones. `lift`: precision over the share of true ones
    among all `enterprises`. What cannot be said (nothing found, nothing true) is null.
    """

    found: int
    true: int
    positives: int
    enterprises: int
    precision: float | None
    recall: float | None
    false_discovery_rate: float | None
    lift: float | None


def judged(found: Collection[str], true: Collection[str], enterprises: int) -> Judgement:
    """What came of findings on so many enterprises."""
    hits, all_found, positives = len(set(found) & set(true)), len(set(found)), len(set(true))
    precision = hits / all_found if all_found else None
    return Judgement(
        all_found,
        hits,
        positives,
        enterprises,
        _rounded(precision),
        _rounded(hits / positives if positives else None),
        _rounded(None if precision is None else 1.0 - precision),
        _rounded(precision * enterprises / positives if precision is not None and positives else None),
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
