"""Anomaly models in their folders: with a card and a self-test, opened where everything about them checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import keeping
from models.anomaly.detector import RARE_WEIGHT, SUBSAMPLE, TAILS_WEIGHT, TREES, TRUSTED
from models.anomaly.model import AnomalyModel
from models.anomaly.scaling import UNUSED
from models.arrays import Floats, Ints, Mask, Singles
from models.features.registry import FEATURES, names
from models.keeping import Card

_PROBES: Final = 24

FORM: Final = 2
"""Of the parts of a model and what its score is made of. Cards before the second name none."""

SETTINGS: Final = {
    "form": FORM,
    "trees": TREES,
    "subsample": SUBSAMPLE,
    "tails_weight": TAILS_WEIGHT,
    "rare_weight": RARE_WEIGHT,
}


LEFT_OUT: Final = frozenset(
    {"industry_rate", "county_rate", "peer_rate", "days_since_report", "days_since_contact", "abnormal_days"}
)
"""The first three are about an industry or county and the same for all peers: nothing that an enterprise could be
unusual by, though of use to a forecast. The others move with the calendar for all who filed or were listed together:
that a report is missing, or an enterprise listed, are features of their own.
"""


def sides() -> Ints:
    """The harmful side of each feature, by the registry; `UNUSED` for those that do not tell peers apart."""
    return np.array(
        [UNUSED if feature.name in LEFT_OUT else feature.direction for feature in FEATURES],
        np.int64,
    )


def fitted(values: Singles, peers: Ints, reference: Mask, seed: int) -> AnomalyModel:
    """A model of the features of the registry. Raises ValueError where the reference is too small."""
    return AnomalyModel.fit(values, peers, reference, seed, features=names(), sides=sides())


def packed(
    model: AnomalyModel,
    values: Singles,
    peers: Ints,
    *,
    as_of: str,
    seed: int,
    data: Mapping[str, Any],
    figures: Mapping[str, Any],
) -> tuple[bytes, Card]:
    """The file of a model and its card. `values`, `peers`: rows of which some become the self-test."""
    file = keeping.packed(model.parts())
    some = np.unique(np.linspace(0, len(values) - 1, _PROBES).astype(np.int64))
    card = Card(
        hash=keeping.hash_of(file),
        kind="anomaly",
        as_of=as_of,
        seed=seed,
        data=dict(data),
        features=list(model.features),
        features_hash=keeping.features_hash(FEATURES),
        settings=SETTINGS,
        figures=dict(figures),
        notes=[
            (
                "第二意见：只提示关注，不单独产生任何处理；标准为无规则信号的存续主体",
                "a second opinion: it asks for attention and never acts alone; the reference are live enterprises on "
                "which no rule found anything",
            ),
            (
                "不使用人员的年龄、性别、籍贯，也不使用浙江省条例禁止的信息",
                "age, sex and home region of persons, and whatever the Zhejiang regulation forbids, are no inputs",
            ),
        ],
        libraries=keeping.libraries(),
        probe=keeping.probe_of(values[some], peers[some], model.detector.score),
    )
    return file, card


def opened(folder: Path) -> tuple[Card, AnomalyModel]:
    """A model and its card. Raises ModelError where a check fails, also for a model of another form."""
    form = keeping.card_of(folder).settings.get("form", 1)
    if form != FORM:
        raise keeping.refused(folder, "模型形式不是", "its form is not", f"{FORM}: {form}")
    card, parts = keeping.opened(
        folder, kind="anomaly", trusted=TRUSTED, features=FEATURES, names=names(), score=_score
    )
    return card, AnomalyModel.from_parts(parts)


def _score(parts: Mapping[str, Any], values: Singles, peers: Ints) -> Floats:
    return AnomalyModel.from_parts(parts).detector.score(values, peers)
