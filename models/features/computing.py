"""From facts to the matrix of features: all at once, some in a batch, or as of a past date, with the same numbers."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.features.around import Around, surroundings
from models.features.facts import Facts, Ints, Mask
from models.features.peers import peers_of
from models.features.present import Present
from models.features.registry import FAMILIES, FEATURES, place_of

BATCH: Final = 2048


class Matrix(msgspec.Struct, frozen=True):
    """Features of the enterprises of which anything is known at `now`, a row each, ascending by place in the facts.

    `refs`: their numbers; `values`: float32, a column a feature in the order of `FEATURES`, NaN where not known;
    `peers`: see `models.features.peers`; `counties`: 0 where unknown; `live`: whether each is.
    """

    now: int
    refs: Ints
    values: NDArray[np.float32]
    peers: Ints
    counties: Ints
    live: Mask


def compute(facts: Facts, now: int, around: Around | None = None) -> Matrix:
    """The features of some enterprises as of `now`: what has a later `time` or `recordedtime` is left out.

    `around`: what `surroundings` says of these enterprises among all; by default the facts are of all there are.
    """
    if around is None:
        around = surroundings(facts, now)
    present = Present(facts, now)
    values = np.empty((present.size, len(FEATURES)), np.float32)
    for family in FAMILIES:
        for name, column in family.columns(present, around).items():
            values[:, place_of(name)] = column
    known = present.facts.known
    return Matrix(
        now,
        facts.refs[known],
        values[known],
        peers_of(present)[known],
        present.county[known],
        present.live[known],
    )
