"""What followed: whether something adverse befell an enterprise in some span of time, by what is known at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from config.modelling import Adverse
from models.arrays import Ints, Mask
from models.features.facts import Facts, What
from models.features.present import Present
from models.forecast.outcomes import NO_OUTCOMES, Outcomes

_KINDS: Final[dict[Adverse, What]] = {
    "penalised": What.PENALISED,
    "abnormal": What.ABNORMAL_LISTED,
    "dishonest": What.DISHONEST_LISTED,
    "revoked": What.REVOKED,
}
_UNREACHABLE: Final = 8
_AMISS: Final = 2 | 4 | 16 | 32 | 64 | 128
"""Results of an inspection that are neither that nothing was found nor that nobody could be reached."""

_DRAWN: Final = 256


def befallen(present: Present, adverse: Sequence[Adverse], after: int, outcomes: Outcomes = NO_OUTCOMES) -> Mask:
    """By enterprise: whether something adverse took effect later than `after`, by what is known at `present.now` and
    not repaired by then; or was the outcome of a task.
    """
    found = np.zeros(present.size, bool)
    found[present.facts.happenings.owner[_rows(present, adverse, after)]] = True
    holding = outcomes.holding(after, present.now)
    return found | holding.mask(present.facts.refs, (holding.results & _mask(adverse)) != 0)


def drawn(present: Present, after: int, outcomes: Outcomes = NO_OUTCOMES) -> Mask:
    """By enterprise: whether it was inspected by lot later than `after`, by a plan or as a task of the control sample.
    Those are a sample of all, not of the suspected: what was found there says what the others hide.
    """
    holding = outcomes.holding(after, present.now)
    table = present.facts.happenings
    rows = present.of(What.INSPECTED)
    rows = rows[(table.at[rows] > after) & ((table.detail[rows] & _DRAWN) != 0)]
    found = np.zeros(present.size, bool)
    found[table.owner[rows]] = True
    return found | holding.mask(present.facts.refs, holding.drawn)


def first_of_all(facts: Facts, adverse: Sequence[Adverse], now: int) -> int | None:
    """The moment of the earliest adverse event that is known at `now`; None where there is none."""
    present = Present(facts, now)
    rows = _rows(present, adverse, -(1 << 62))
    return int(present.facts.happenings.at[rows].min()) if len(rows) else None


def _rows(present: Present, adverse: Sequence[Adverse], after: int) -> Ints:
    table = present.facts.happenings
    wanted = [_KINDS[name] for name in adverse if name in _KINDS]
    rows = present.of(*wanted) if wanted else np.empty(0, np.int64)
    mask = _mask(adverse)
    if mask:
        inspected = present.of(What.INSPECTED)
        rows = np.union1d(rows, inspected[(table.detail[inspected] & mask) != 0])
    rows = rows[table.at[rows] > after]
    return present.kept(rows)


def _mask(adverse: Sequence[Adverse]) -> int:
    """The results of an inspection that are adverse, as bits."""
    return (_UNREACHABLE if "unreachable" in adverse else 0) | (_AMISS if "inspection" in adverse else 0)
