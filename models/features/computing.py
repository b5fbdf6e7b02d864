"""From facts to the matrix of features: all at once, some in a batch, or as of a past date, with the same numbers."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.features.around import Around, look_around, surroundings
from models.features.facts import Facts, Ints, Mask
from models.features.peers import peers_of
from models.features.present import Present
from models.features.registry import FAMILIES, FEATURES, place_of
from models.pieces import Work

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


def compute_all(present: Present) -> Work[Matrix]:
    """The features of everybody in pieces, of what holds of all at a moment: batches that fit into a processor's cache,
    with the same numbers as all at once.
    """
    around = yield from look_around(present)
    yield
    parts = []
    for first in range(0, max(present.size, 1), BATCH):
        last = first + BATCH
        parts.append(compute(present.facts.take(first, last), present.now, around.take(first, last)))
        yield
    return Matrix(
        present.now,
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Matrix.__struct_fields__[1:]),
    )
