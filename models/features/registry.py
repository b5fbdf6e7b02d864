"""All features in the order of the matrix's columns, family by family."""

from __future__ import annotations

from typing import Final, Protocol

from models.features import checks, conduct, links, penalties, registration, voice
from models.features.around import Around
from models.features.facts import Floats
from models.features.feature import Feature as Feature
from models.features.present import Present


class Family(Protocol):
    """A file of features: what they are, and their columns by name."""

    @property
    def FEATURES(self) -> tuple[Feature, ...]:
        """What it computes."""

    def columns(self, present: Present, around: Around) -> dict[str, Floats]:
        """The columns of these features, float64, NaN where not known."""


FAMILIES: Final[tuple[Family, ...]] = (registration, conduct, penalties, checks, links, voice)
"""In the order of the columns. A new family is one more file."""

FEATURES: Final = tuple(feature for family in FAMILIES for feature in family.FEATURES)


def names() -> tuple[str, ...]:
    """The names of all features, in the order of the columns."""
    return tuple(feature.name for feature in FEATURES)


def place_of(name: str) -> int:
    """The column of a feature. Raises KeyError."""
    return _PLACES[name]


_PLACES: Final = {feature.name: place for place, feature in enumerate(FEATURES)}
