"""Training the anomaly model on a home as of a moment: from what was known then to a file and its card."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np

from config.moments import as_text
from config.ruleset import Rules
from models.anomaly import storing
from models.anomaly.findings import Scored, score_all
from models.anomaly.model import AnomalyModel
from models.calibration.drift import distance_from_uniform
from models.features.peers import label_of
from models.features.registry import place_of
from models.keeping import Card
from monitor.modelling.learning import Material
from monitor.modelling.limits import limits_of
from monitor.stages.traits import capital_band

_CAPITAL: Final = "capital_band"
_SIZES: Final = (0, *(capital_band(yuan) for yuan in (100_000, 1_000_000, 10_000_000)))
_SIZE_NAMES: Final = ("未知 unknown", "<10 万 100k", "<100 万 1M", "<1000 万 10M", "≥1000 万 10M")
_LEAST_GROUP: Final = 100


def train_anomaly(material: Material, rules: Rules, moment: int, seed: int, data: dict[str, Any]) -> tuple[bytes, Card]:
    """A model learned from the material, as its file and its card. `data`: what the card is to say of the source.

    Raises ValueError where there is too little to learn from.
    """
    matrix, reference = material.matrix, material.reference
    model = storing.fitted(matrix.values, matrix.peers, reference, seed)
    scored = score_all(matrix, material.marks, model, partial(limits_of, rules))
    rows = np.flatnonzero(reference)
    return storing.packed(
        model,
        matrix.values[rows],
        matrix.peers[rows],
        as_of=as_text(moment),
        seed=seed,
        data={
            **data,
            "enterprises": len(matrix.refs),
            "live": int(matrix.live.sum()),
            "reference": len(rows),
            "rules": rules.content_hash,
        },
        figures=figures_of(material, model, scored),
    )


def figures_of(material: Material, model: AnomalyModel, scored: Scored) -> dict[str, Any]:
    """What is measured on the rows at hand: findings, whether p-values are uniform on the reference, and how often
    enterprises of each kind and size of capital are found.
    """
    matrix, reference = material.matrix, material.reference[scored.rows]
    found = np.zeros(len(matrix.refs), bool)
    found[[one.row for one in scored.found]] = True
    found = found[scored.rows]
    kinds = matrix.peers[scored.rows] // 1000 * 1000
    sizes = np.digitize(np.nan_to_num(matrix.values[scored.rows, place_of(_CAPITAL)], nan=-1.0), _SIZES)
    peers = matrix.peers[scored.rows][reference]
    p = scored.p[reference]
    distances = {
        label_of(int(group)): round(distance_from_uniform(p[peers == group]), 4)
        for group, count in zip(*np.unique(peers, return_counts=True), strict=True)
        if count >= _LEAST_GROUP
    }
    return {
        "found": len(scored.found),
        "found_with_rules": int((found & ~reference).sum()),
        "p_uniform_distance": round(distance_from_uniform(p), 4),
        "p_uniform_distance_by_peers_worst": max(distances.values(), default=0.0),
        "found_by_kind": {
            label_of(int(kind)).partition(" × ")[0]: _share(found[kinds == kind]) for kind in np.unique(kinds)
        },
        "found_by_capital": {name: _share(found[sizes == size]) for size, name in enumerate(_SIZE_NAMES)},
        "drift_worst": round(model.drift(matrix.values[scored.rows][reference], p).worst, 4),
    }


def _share(found: Any) -> str:
    return f"{int(found.sum())}/{len(found)}"
