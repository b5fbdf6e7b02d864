"""The forecast of a home: trained on its log as of a moment, asked at the daily cut and by whoever ranks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from config.moments import as_text
from config.ruleset import Rules
from models import keeping
from models.arrays import Ints
from models.explanation.foretelling import ForecastReasons, Foretold
from models.explanation.usual import Usuals
from models.features.facts import Facts
from models.forecast import storing
from models.forecast.inputs import FEATURES, inputs_of
from models.forecast.model import ForecastModel
from models.forecast.outcomes import Outcomes
from models.forecast.training import trained
from models.keeping import Card
from models.pieces import Work
from monitor.engine.flow import Flow
from monitor.modelling.columns import Histories
from monitor.modelling.evidence import sources_of
from monitor.modelling.gathering import facts_of
from monitor.stages.history import entries_of

MOST_TOLD: Final = 1_000
"""Enterprises whose reasons a daily cut works out: of those whom a signal is about, the likeliest."""

_pack = msgspec.msgpack.Encoder().encode


def train_forecast(
    flow: Flow, outcomes: Outcomes, rules: Rules, moment: int, seed: int, data: Mapping[str, Any]
) -> tuple[bytes, Card]:
    """A forecast learned from what was known at a moment, as its file and its card. `outcomes`: see
    `monitor.modelling.learning.outcomes_of`. Raises ValueError where the log is too short.
    """
    adverse = rules.document.models.adverse
    learned = trained(facts_of(flow), adverse, moment, seed, outcomes)
    return storing.packed(
        learned, as_of=as_text(moment), seed=seed, adverse=adverse, data={**data, "rules": rules.content_hash}
    )


class Forecasts:
    """The forecasts of one home; one that was used stays open."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder below which models are kept."""
        self._home = home
        self._name = ""
        self._model: ForecastModel | None = None

    def ask(self, histories: Histories, facts: Facts, name: str, marks: Ints) -> Asked:
        """What a forecast says of everybody at Now. `facts`: of all of the histories; `name`: the model's hash;
        `marks`: of enterprises by number, see `Calibration.p_values`. Raises ModelError where it may not be used.
        """
        if self._model is None or self._name != name:
            _, self._model = storing.opened(keeping.find(self._home, name))
            self._name = name
        return Asked(histories, self._model, facts, marks)

    def foretell(
        self, histories: Histories, facts: Facts, name: str, marks: Ints, about: Collection[int]
    ) -> Work[Foretelling]:
        """What a forecast says at a daily cut, in pieces; see `ask`. `about`: the enterprises that a signal is about.
        Raises ModelError.
        """
        asked = self.ask(histories, facts, name, marks)
        yield
        chances = asked.chances
        likeliest = sorted(chances.keys() & set(about), key=lambda ref: (-chances[ref], marks[ref]))[:MOST_TOLD]
        reasons = {}
        for ref, why in asked.told(likeliest):
            reasons[ref] = _pack(why)
            yield
        return Foretelling(chances, reasons)


class Foretelling(NamedTuple):
    """Chances by the number of each live enterprise, and for some why, packed."""

    chances: dict[int, float]
    reasons: dict[int, bytes]


class Asked:
    """What one forecast says at one moment; `chances`: of something adverse within twelve months, by the number of each
    live enterprise.
    """

    def __init__(self, histories: Histories, model: ForecastModel, facts: Facts, marks: Ints) -> None:
        """See `Forecasts.ask`."""
        self._histories, self._model, self._marks = histories, model, marks
        self._inputs = inputs_of(facts, histories.now)
        self._refs = facts.refs[self._inputs.places]
        told = zip(self._refs.tolist(), model.probability(self._inputs.values).tolist(), self._inputs.live, strict=True)
        self.chances: dict[int, float] = {ref: chance for ref, chance, live in told if live}

    def told(self, refs: Collection[int]) -> Iterator[tuple[int, Foretold]]:
        """The reasons for some enterprises, one after the other, by number."""
        if not refs:
            return
        inputs, histories = self._inputs, self._histories
        live = np.flatnonzero(inputs.live)
        usuals = Usuals(inputs.values[live], inputs.peers[live], self._marks[self._refs[live]])
        why = ForecastReasons(self._model)
        rows = {ref: row for row, ref in enumerate(self._refs.tolist())}
        for ref in refs:
            row = rows[ref]
            events_of = sources_of(entries_of(histories.records[ref]), histories.sources, histories.now)
            yield ref, why.explain(inputs.values[row], usuals.of(int(inputs.peers[row])), FEATURES, events_of)
