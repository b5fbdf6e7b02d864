"""The forecast of a home: trained on its log as of a moment, asked at the daily cut and by whoever ranks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from config.moments import as_text
from config.ruleset import Rules
from models import keeping
from models.explanation.foretelling import ForecastReasons, Foretold
from models.explanation.usual import Usuals
from models.features.facts import Facts
from models.forecast import storing
from models.forecast.inputs import FEATURES, inputs_of
from models.forecast.model import ForecastModel
from models.forecast.outcomes import Outcomes
from models.forecast.training import trained
from models.keeping import Card
from monitor.engine.flow import Flow
from monitor.modelling.evidence import sources_of
from monitor.modelling.gathering import facts_of
from monitor.modelling.learning import marks_of
from monitor.stages.history import entries_of
from monitor.store.reader import Reader
from monitor.store.schema import SIGNALS
from monitor.store.work import forecasts

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

    def ask(self, flow: Flow, facts: Facts, name: str, codes: Mapping[int, str] | None = None) -> Asked:
        """What a forecast says of everybody at Now. `facts`: of all of the flow; `name`: the model's hash; `codes`: of
        enterprises by number, for who asks by code or why. Raises ModelError where it may not be used.
        """
        if self._model is None or self._name != name:
            _, self._model = storing.opened(keeping.find(self._home, name))
            self._name = name
        return Asked(flow, self._model, facts, codes or {})

    def keep(self, connection: Connection, flow: Flow, facts: Facts, name: str, seq: int) -> int:
        """What a forecast says at the daily cut of block `seq` becomes what stands in the store; see
        `monitor.store.work.forecasts.put`. Raises ModelError.
        """
        about = set(connection.execute(select(SIGNALS.c.ref).where(SIGNALS.c.kind == "enterprise")).scalars())
        codes = Reader(connection).codes(facts.refs.tolist()) if about else {}
        asked = self.ask(flow, facts, name, codes)
        chances = asked.chances
        likeliest = sorted(about & chances.keys(), key=lambda ref: (-chances[ref], ref))[:MOST_TOLD]
        reasons = {ref: _pack(why) for ref, why in asked.explained(likeliest).items()}
        return forecasts.put(connection, name, chances, reasons, flow.now, seq)


class Asked:
    """What one forecast says at one moment; `chances`: of something adverse within twelve months, by the number of each
    live enterprise.
    """

    def __init__(self, flow: Flow, model: ForecastModel, facts: Facts, codes: Mapping[int, str]) -> None:
        """See `Forecasts.ask`."""
        self._flow, self._model, self._codes = flow, model, codes
        self._inputs = inputs_of(facts, flow.now)
        self._refs = facts.refs[self._inputs.places].tolist()
        told = zip(self._refs, model.probability(self._inputs.values).tolist(), self._inputs.live, strict=True)
        self.chances: dict[int, float] = {ref: chance for ref, chance, live in told if live}

    def by_code(self) -> dict[str, float]:
        """The chances by code."""
        return {self._codes[ref]: chance for ref, chance in self.chances.items()}

    def explained_by_code(self, codes: Collection[str]) -> dict[str, Foretold]:
        """The reasons for some enterprises, by code; nothing for one that is not live."""
        wanted = set(codes)
        found = self.explained([ref for ref in self.chances if self._codes[ref] in wanted])
        return {self._codes[ref]: why for ref, why in found.items()}

    def explained(self, refs: Collection[int]) -> dict[int, Foretold]:
        """The reasons for some enterprises, by number."""
        if not refs:
            return {}
        inputs, flow = self._inputs, self._flow
        live = np.flatnonzero(inputs.live)
        marks = marks_of([self._codes[self._refs[row]] for row in live.tolist()])
        usuals = Usuals(inputs.values[live], inputs.peers[live], marks)
        why = ForecastReasons(self._model)
        rows = {ref: row for row, ref in enumerate(self._refs)}
        found = {}
        for ref in refs:
            row = rows[ref]
            events_of = sources_of(entries_of(flow.enterprises.record(ref)), flow.sources, flow.now)
            found[ref] = why.explain(inputs.values[row], usuals.of(int(inputs.peers[row])), FEATURES, events_of)
        return found
