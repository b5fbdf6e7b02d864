"""Figures of a neighbourhood: for the features of an enterprise, and for what makes a group dense."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.moments import DAY
from detectors.graph.neighbourhood import Neighbourhood, around
from detectors.graph.neighbours import Neighbours

YEAR: Final = 365 * DAY
SIBLING: Final = DAY


class Measures(msgspec.Struct, frozen=True):
    """The graph features of one enterprise.

    `degree`: enterprises tied to it; `bad`: those of them with a bad record (`Traits.bad`), `bad_share`
    their share (NaN without neighbours). `grown`: those tied to it within the last 365 days, by ties that still hold.
    `core`: its k-core number (Seidman 1983) among the neighbourhood. `density`: of all pairs of its neighbours, those
    tied as well (the local clustering coefficient; NaN below two). `siblings`: neighbours established within 24 hours
    of it.
    """

    degree: int
    bad: int
    bad_share: float
    grown: int
    core: int
    density: float
    siblings: int


def measure(neighbours: Neighbours, enterprise: int, now: int) -> Measures:
    """The figures of one enterprise on its own neighbourhood, at Now."""
    return measured(neighbours, around(neighbours, [enterprise]), enterprise, now)


def measured(neighbours: Neighbours, here: Neighbourhood, enterprise: int, now: int) -> Measures:
    """The figures of one enterprise on a neighbourhood that is known already."""
    place = here.place[enterprise]
    near = np.flatnonzero(here.tied[place])
    degree = len(near)
    traits = {one: neighbours.traits_of(here.enterprises[one]) for one in near.tolist()}
    bad = sum(one.bad for one in traits.values())
    opened = neighbours.traits_of(enterprise).established
    siblings = 0
    if opened is not None:
        days = [one.established[0] for one in traits.values() if one.established is not None]
        siblings = sum(abs(at - opened[0]) <= SIBLING for at in days)
    return Measures(
        degree=degree,
        bad=bad,
        bad_share=bad / degree if degree else float("nan"),
        grown=degree - len(_tied_before(here, enterprise, now - YEAR)),
        core=int(core_numbers(here.tied)[place]),
        density=density(here.tied[np.ix_(near, near)]) if degree > 1 else float("nan"),
        siblings=siblings,
    )


def density(tied: NDArray[np.bool_]) -> float:
    """The share of all pairs that are tied, from 0 to 1; 0 below two enterprises."""
    count = len(tied)
    return float(tied.sum()) / (count * (count - 1)) if count > 1 else 0.0


def core_numbers(tied: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The k-core number of each enterprise: the largest k such that it belongs to a part in which everybody is tied
    to k others (Batagelj and Zaversnik 2003: whoever has fewest ties goes first). n × n in, n out.
    """
    degrees = tied.sum(axis=1).astype(np.int64)
    left = np.ones(len(tied), np.bool_)
    found = np.zeros(len(tied), np.int64)
    core = 0
    while left.any():
        core = max(core, int(degrees[left].min()))
        leaving = left & (degrees <= core)
        found[leaving] = core
        left &= ~leaving
        degrees -= tied[:, leaving].sum(axis=1)
    return found


def _tied_before(here: Neighbourhood, enterprise: int, moment: int) -> set[int]:
    """The enterprises tied to one by a tie that held already at a moment and has held since."""
    found: set[int] = set()
    for members in here.since.values():
        own = members.get(enterprise)
        if own is not None and own <= moment:
            found.update(ref for ref, at in members.items() if at <= moment and ref != enterprise)
    return found
