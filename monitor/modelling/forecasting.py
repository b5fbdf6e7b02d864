"""The forecast of a home: trained on its log as of a moment, and asked by whoever ranks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from config.moments import as_text
from config.ruleset import Rules
from models import keeping
from models.forecast import storing
from models.forecast.inputs import inputs_of
from models.forecast.training import trained
from models.keeping import Card
from monitor.engine.flow import Flow
from monitor.modelling.gathering import facts_of
from monitor.store.work import promotions


class Foretold(msgspec.Struct, frozen=True):
    """The chance of something adverse within twelve months by code of a live enterprise, and the model that says so."""

    model: str
    chances: dict[str, float]


def train_forecast(flow: Flow, rules: Rules, moment: int, seed: int, data: Mapping[str, Any]) -> tuple[bytes, Card]:
    """A forecast learned from what was known at a moment, as its file and its card. Raises ValueError where the log is
    too short.
    """
    adverse = rules.document.models.adverse
    learned = trained(facts_of(flow), adverse, moment, seed)
    return storing.packed(
        learned, as_of=as_text(moment), seed=seed, adverse=adverse, data={**data, "rules": rules.content_hash}
    )


def in_force(connection: Connection) -> str | None:
    """The hash of the forecast in force; None where none was promoted."""
    found = promotions.in_force(connection, "forecast")
    return None if found is None else found.model


def foretell(home: Path, model: str, flow: Flow, codes: Mapping[int, str]) -> Foretold:
    """What a forecast of a home says of every live enterprise at Now. `flow` and `codes`: see
    `monitor.modelling.reading.read_flow`. Raises ModelError where the model may not be used.
    """
    _, opened = storing.opened(keeping.find(home, model))
    facts = facts_of(flow)
    inputs = inputs_of(facts, flow.now)
    chances = opened.probability(inputs.values)
    refs = facts.refs[inputs.places]
    told = zip(refs[inputs.live].tolist(), chances[inputs.live].tolist(), strict=True)
    return Foretold(model, {codes[ref]: chance for ref, chance in told})
