"""What the forecast reads: the registry's features and those of recurrence, as of a date."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from models.arrays import Ints, Mask, Singles
from models.features import recurrence
from models.features.computing import compute
from models.features.facts import Facts
from models.features.feature import Feature
from models.features.present import Present
from models.features.registry import FEATURES as REGISTERED

FEATURES: Final[tuple[Feature, ...]] = (*REGISTERED, *recurrence.FEATURES)
"""In the order of the columns."""

NAMES: Final = tuple(feature.name for feature in FEATURES)
FIRST_OF_RECURRENCE: Final = len(REGISTERED)


class Inputs(msgspec.Struct, frozen=True):
    """`places`: places in the facts, ascending, of the enterprises of which anything is known; a row each in `values`
    (float32, NaN where not known), `peers`, `counties`, `kinds` (as `Registrations.kind`) and `live`.
    """

    now: int
    places: Ints
    values: Singles
    peers: Ints
    counties: Ints
    kinds: Ints
    live: Mask

    def column(self, name: str) -> Singles:
        """One column by name. Raises ValueError."""
        return self.values[:, NAMES.index(name)]


def inputs_of(facts: Facts, now: int) -> Inputs:
    """The inputs of everybody as of a moment; the facts must be of all there are. What took effect or became known
    later is not looked at.
    """
    matrix = compute(facts, now)
    present = Present(facts, now)
    known = np.flatnonzero(present.facts.known)
    found = recurrence.columns(present)
    columns = np.column_stack([found[name][known] for name in recurrence.NAMES]).astype(np.float32)
    return Inputs(
        now,
        known,
        np.hstack([matrix.values, columns]),
        matrix.peers,
        matrix.counties,
        present.kind[known],
        matrix.live,
    )
