"""What the anomaly model in force finds at a cut, as findings with their reasons."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from config.ruleset import Rules
from detectors.anomaly import DETECTOR, AnomalyView
from detectors.base import Text
from models import keeping
from models.anomaly import findings
from models.anomaly.detector import TRUSTED
from models.anomaly.model import AnomalyModel
from models.explanation.explaining import Explainer, Explanation
from models.explanation.usual import Usuals
from models.features import registry
from models.features.computing import Matrix, compute
from models.features.facts import Facts
from models.features.feature import Feature
from models.features.peers import words_of
from monitor.engine.flow import Flow
from monitor.modelling.evidence import evidence_of, sources_of
from monitor.modelling.learning import flagged_codes, marks_of
from monitor.modelling.limits import limits_of, region_of
from monitor.modelling.naming import HomeNaming, Naming
from monitor.stages.history import Entry, entries_of
from monitor.store.cutsignals import CutFinding
from monitor.store.schema import SIGNALS
from monitor.store.work import drifts

log = logging.getLogger(__name__)

_TOLD: Final = 2
"""Reasons that the sentence of a finding names; all of them stand beside it."""


class Models:
    """The anomaly models of one home; one that was used stays open."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder below which models are kept."""
        self._home = home
        self._name = ""
        self._model: AnomalyModel | None = None

    def find_anomalies(
        self, connection: Connection, flow: Flow, facts: Facts, rules: Rules, name: str, naming: Naming | None = None
    ) -> list[CutFinding]:
        """The enterprises that a model finds too unlike their peers at Now. `facts`: of all of the flow; `name`: the
        model's hash; `naming`: between the flow and the store, where that is no home's. Raises ModelError where it may
        not be used.
        """
        naming = HomeNaming(connection) if naming is None else naming
        model = self._opened(name)
        matrix = compute(facts, flow.now)
        if not len(matrix.refs):
            return []
        codes = naming.codes(matrix.refs.tolist())
        marks = marks_of([codes[ref] for ref in matrix.refs.tolist()])
        scored = findings.score_all(matrix, marks, model, lambda county: limits_of(rules, county))
        self._watch(connection, flow, rules, model, matrix, scored, codes)
        raised: dict[int, float] = {}
        for one in scored.found:
            raised[one.county] = max(one.p, raised.get(one.county, 0.0))
        live = np.flatnonzero(matrix.live)
        usuals = Usuals(matrix.values[live], matrix.peers[live], marks[live])
        told = _Telling(_since(connection, naming), flow, rules, matrix, Explainer(model, registry.FEATURES, usuals))
        return [told.finding(one, int(marks[one.row]), raised[one.county]) for one in scored.found]

    def _watch(
        self,
        connection: Connection,
        flow: Flow,
        rules: Rules,
        model: AnomalyModel,
        matrix: Matrix,
        scored: findings.Scored,
        codes: Mapping[int, str],
    ) -> None:
        """Writes how far live enterprises without findings of rules have drifted, and says where it is too far."""
        flagged = flagged_codes(connection, flow.now)
        usual = np.array([codes[int(ref)] not in flagged for ref in matrix.refs[scored.rows]], bool)
        drift = model.drift(matrix.values[scored.rows][usual], scored.p[usual])
        drifts.write(connection, DETECTOR.id, drift.stability, drift.distance)
        policy = rules.document.models.drift
        advice = drift.advice(policy.stability, policy.distance)
        if advice is not None:
            log.warning("%s / %s", *advice)

    def _opened(self, name: str) -> AnomalyModel:
        if self._model is None or self._name != name:
            _, parts = keeping.opened(
                keeping.find(self._home, name),
                kind="anomaly",
                trusted=TRUSTED,
                features=registry.FEATURES,
                names=registry.names(),
                score=lambda parts, values, peers: AnomalyModel.from_parts(parts).detector.score(values, peers),
            )
            self._name, self._model = name, AnomalyModel.from_parts(parts)
        return self._model


class _Telling:
    """Makes findings of what was found at one cut."""

    def __init__(
        self, since: Mapping[int, int], flow: Flow, rules: Rules, matrix: Matrix, explainer: Explainer
    ) -> None:
        self._explainer = explainer
        self._features = {feature.name: feature for feature in registry.FEATURES}
        self._flow, self._rules, self._matrix = flow, rules, matrix
        self._since = since

    def finding(self, found: findings.AnomalyFound, mark: int, threshold: float) -> CutFinding:
        """One enterprise: why it was found, by which events, and what would silence it. `threshold`: the greatest p
        that was found in its county.
        """
        entries = entries_of(self._flow.enterprises.record(found.ref))
        explained = self._explained(found, mark, threshold, entries)
        county = region_of(found.county)
        view = AnomalyView(
            ref=found.ref,
            p=found.p,
            q=found.q,
            since=self._since.get(found.ref, self._flow.now),
            peers=_peers(int(self._matrix.peers[found.row])),
            odd=_odd(explained),
            way_out={"zh": explained.way_out.zh, "en": explained.way_out.en},
            evidence=evidence_of(entries, self._named(explained), found.ref, self._flow.now),
        )
        finding = DETECTOR.find(view, self._rules.parameters(DETECTOR.id, county), self._flow.now)
        if finding is None:
            raise ValueError(f"{DETECTOR.id}: q = {found.q} is no finding by the thresholds of its rules")
        facts: dict[str, Any] = {**finding.facts, "explanation": msgspec.to_builtins(explained)}
        return CutFinding(found.ref, msgspec.structs.replace(finding, facts=facts), county)

    def _explained(
        self, found: findings.AnomalyFound, mark: int, threshold: float, entries: Sequence[Entry]
    ) -> Explanation:
        flow = self._flow
        return self._explainer.explain(
            self._matrix.values[found.row],
            int(self._matrix.peers[found.row]),
            mark,
            threshold,
            sources_of(entries, flow.sources, flow.now),
        )

    def _named(self, explained: Explanation) -> list[Feature]:
        return [self._features[reason.feature] for reason in explained.reasons]


def _since(connection: Connection, naming: Naming) -> dict[int, int]:
    """Since when enterprises, by number, have been found that are found now."""
    query = select(SIGNALS.c.ref, SIGNALS.c.since).where(SIGNALS.c.detector == DETECTOR.id)
    found = {row.ref: row.since for row in connection.execute(query)}
    return {number: found[stored] for stored, number in naming.numbers(found).items()}


def _peers(group: int) -> Text:
    return Text(*words_of(group))


def _odd(explained: Explanation) -> Text:
    told = explained.reasons[:_TOLD]
    return Text("；".join(one.said.zh for one in told), "; ".join(one.said.en for one in told))
