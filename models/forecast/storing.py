"""Forecasts in their folders: with a card and a self-test, opened where everything about them checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from config.modelling import Adverse
from models import keeping
from models.arrays import Floats, Ints, Singles
from models.forecast.inputs import FEATURES, NAMES
from models.forecast.model import SETTINGS, TRUSTED, ForecastModel
from models.forecast.training import Trained, probe_rows
from models.keeping import Card, ModelError

_PROBES: Final = 24

_NOTES: Final = [
    (
        "第二意见：只影响排序，不单独产生任何处理",
        "a second opinion: it changes the order and never acts alone",
    ),
    (
        "只有被检查者才会被发现：预测的是“被发现”，不是“违法”；selection 一节给出量度，随机样本按抽中概率的倒数加权",
        "only who is looked at is found: it foretells findings, not faults; `selection` says how far, and those "
        "inspected by lot count by the inverse of their chance of being drawn",
    ),
    (
        "不使用人员的年龄、性别、籍贯，也不使用浙江省条例禁止的信息",
        "age, sex and home region of persons, and whatever the Zhejiang regulation forbids, are no inputs",
    ),
]


def packed(
    trained: Trained, *, as_of: str, seed: int, adverse: Sequence[Adverse], data: Mapping[str, Any]
) -> tuple[bytes, Card]:
    """The file of a model and its card."""
    model, inputs = trained.model, trained.inputs
    file = keeping.packed(model.parts())
    some = probe_rows(inputs, _PROBES)
    card = Card(
        hash=keeping.hash_of(file),
        kind="forecast",
        as_of=as_of,
        seed=seed,
        data={**data, "live": len(inputs.places)},
        features=list(NAMES),
        features_hash=keeping.features_hash(FEATURES),
        settings={**SETTINGS, "adverse": list(adverse)},
        figures=trained.figures,
        notes=_NOTES,
        libraries=keeping.libraries(),
        probe=keeping.probe_of(inputs.values[some], inputs.peers[some], lambda values, _: model.order(values)),
    )
    return file, card


def opened(folder: Path) -> tuple[Card, ForecastModel]:
    """A model and its card. Raises ModelError where a check fails."""
    card, parts = keeping.opened(folder, kind="forecast", trusted=TRUSTED, features=FEATURES, names=NAMES, score=_score)
    return card, ForecastModel.from_parts(parts)


def promotable(folder: Path) -> tuple[Card, ForecastModel]:
    """The same, for one that beat the plain baselines before its date. Raises ModelError where it did not."""
    card, model = opened(folder)
    if not card.figures.get("beats_baselines"):
        lost = [name for name, beats in card.figures.get("beats", {}).items() if not beats]
        raise ModelError(
            f"{folder.name}：未胜过基线 {'、'.join(lost)}，不得启用 / the model does not beat {', '.join(lost)}: "
            "it may not be promoted; train on more of the log"
        )
    return card, model


def _score(parts: Mapping[str, Any], values: Singles, peers: Ints) -> Floats:
    return ForecastModel.from_parts(parts).order(values)
