"""How the models are trained and watched: part of the rules that an owner signs (`models:` in a rules file).

What a model finds is a detector's finding, with its thresholds among the detectors (`anomaly`).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

Seed = Annotated[int, Meta(ge=0)]
Limit = Annotated[float, Meta(gt=0)]


class DriftPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When retraining is advised: population stability index of a feature, distance of p-values from uniform."""

    stability: Limit = 0.25
    distance: Limit = 0.10


Adverse = Literal["penalised", "abnormal", "dishonest", "revoked", "unreachable", "inspection"]
"""What a forecast is of: a penalty, a listing as abnormal or dishonest, a revocation, an inspection that could not
reach the enterprise, one that found something else amiss.
"""

ADVERSE: Final[tuple[Adverse, ...]] = get_args(Adverse)


class ModelPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seed`: of whatever is drawn in training, where the command names none. `adverse`: what the forecast
    foretells.
    """

    seed: Seed = 2026
    adverse: Annotated[tuple[Adverse, ...], Meta(min_length=1)] = ADVERSE
    drift: DriftPolicy = DriftPolicy()
