"""What the anomaly model in force finds at a cut, as findings with their reasons."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection

from config.ruleset import Rules
from detectors.anomaly import DETECTOR, AnomalyView
from detectors.base import Text
from models import keeping
from models.anomaly import findings, storing
from models.anomaly.model import AnomalyModel
from models.anomaly.shadow import Agreement, agreement
from models.arrays import Ints
from models.calibration.drift import Drift
from models.explanation.contributions import AnomalyReasons
from models.explanation.explaining import Explainer, Explanation
from models.explanation.usual import Usuals
from models.features import registry
from models.features.computing import Matrix, compute_all
from models.features.feature import Feature
from models.features.peers import words_of
from models.features.present import Present
from models.keeping import ModelError
from models.pieces import Work
from monitor.modelling.columns import Histories
from monitor.modelling.evidence import evidence_of, sources_of
from monitor.modelling.limits import limits_of, region_of
from monitor.modelling.standing import Marks, Standing, read_standing
from monitor.stages.history import Entry, entries_of
from monitor.store.cutsignals import CutFinding

log = logging.getLogger(__name__)

_PATIENCE: Final = 0.005
"""Seconds that a piece waits for a model that is being read."""

_TOLD: Final = 2
"""Reasons that the sentence of a finding names; all of them stand beside it."""


class Opinion(msgspec.Struct, frozen=True):
    """What one cut of a model worked out; nothing of it is written yet. `shadow`: how far a challenger agreed, None
    where none was asked or its file could not be used.
    """

    findings: list[CutFinding]
    drift: Drift
    shadow: Agreement | None = None


class Models:
    """The anomaly models of one home; those that were used last stay open."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder below which models are kept."""
        self._home = home
        self._marks = Marks()
        self._opened: dict[str, _Opened] = {}

    def standing(self, connection: Connection, histories: Histories) -> Work[Standing]:
        """What the store says of enterprises at a cut, in pieces: nothing may be written between them."""
        marks = yield from self._marks.renew(connection, len(histories.records))
        standing = yield from read_standing(connection, marks, histories.now)
        return standing

    def ask(
        self, histories: Histories, present: Present, standing: Standing, rules: Rules, name: str, challenger: str = ""
    ) -> Work[Opinion]:
        """What a model finds, in pieces. `present`: of all enterprises of the histories, at their Now; `challenger`:
        the hash of a model that judges the same rows, empty for none. Raises ModelError where the model may not be
        used.
        """
        self._opened = {key: kept for key, kept in self._opened.items() if key in (name, challenger)}
        opened = yield from self._open(name)
        matrix = yield from compute_all(present)
        marks = standing.marks[matrix.refs]
        limits = partial(limits_of, rules)
        scored = yield from findings.score_in_pieces(matrix, marks, opened.model, limits)
        yield
        usual = ~standing.flagged[matrix.refs[scored.rows]]
        chosen = np.zeros(len(matrix.refs), bool)
        chosen[scored.rows[usual]] = True
        drift = yield from opened.model.drift_of_all(matrix.values, chosen, scored.p[usual])
        shadow = None
        if challenger:
            shadow = yield from self._in_shadow(challenger, matrix, marks, rules, scored)
        told = yield from _told(histories, rules, matrix, marks, scored, opened, standing)
        return Opinion(told, drift, shadow)

    def _in_shadow(
        self, challenger: str, matrix: Matrix, marks: Ints, rules: Rules, scored: findings.Scored
    ) -> Work[Agreement | None]:
        """How far a challenger agrees; it stops nobody where its file cannot be used."""
        try:
            opened = yield from self._open(challenger)
        except ModelError as error:
            log.warning("挑战者未能使用 / the challenger could not be used: %s", error)
            return None
        theirs = yield from findings.score_in_pieces(matrix, marks, opened.model, partial(limits_of, rules))
        return agreement(scored, theirs)

    def _open(self, name: str) -> Work[_Opened]:
        """A model that passes every check. It is read in a thread of its own: the libraries alone take a second."""
        if name not in self._opened:
            with ThreadPoolExecutor(1, "model") as pool:
                reading = pool.submit(_read, self._home, name)
                while wait([reading], _PATIENCE).not_done:
                    yield
            self._opened[name] = reading.result()
        return self._opened[name]


class _Opened(msgspec.Struct, frozen=True):
    """A model, and what divides its scores into reasons."""

    model: AnomalyModel
    reasons: AnomalyReasons


def _read(home: Path, name: str) -> _Opened:
    _, model = storing.opened(keeping.find(home, name))
    return _Opened(model, AnomalyReasons(model.detector))


def _told(
    histories: Histories,
    rules: Rules,
    matrix: Matrix,
    marks: Ints,
    scored: findings.Scored,
    opened: _Opened,
    standing: Standing,
) -> Work[list[CutFinding]]:
    """Findings with their reasons, one after the other."""
    raised: dict[int, float] = {}
    for one in scored.found:
        raised[one.county] = max(one.p, raised.get(one.county, 0.0))
    usuals = Usuals(matrix.values[scored.rows], matrix.peers[scored.rows], marks[scored.rows])
    explainer = Explainer(opened.model, registry.FEATURES, usuals, opened.reasons)
    telling = _Telling(histories, rules, matrix, explainer, standing.since)
    told = []
    for one in scored.found:
        yield
        told.append(telling.finding(one, int(marks[one.row]), raised[one.county]))
    return told


class _Telling:
    """Makes findings of what was found at one cut."""

    def __init__(
        self, histories: Histories, rules: Rules, matrix: Matrix, explainer: Explainer, since: Mapping[int, int]
    ) -> None:
        """`since`: of the findings in force, by enterprise."""
        self._explainer = explainer
        self._features = {feature.name: feature for feature in registry.FEATURES}
        self._histories, self._rules, self._matrix, self._since = histories, rules, matrix, since

    def finding(self, found: findings.AnomalyFound, mark: int, threshold: float) -> CutFinding:
        """One enterprise: why it was found, by which events, and what would silence it. `threshold`: the greatest p
        that was found in its county.
        """
        now = self._histories.now
        entries = entries_of(self._histories.records[found.ref])
        explained = self._explained(found, mark, threshold, entries)
        county = region_of(found.county)
        view = AnomalyView(
            ref=found.ref,
            p=found.p,
            q=found.q,
            since=self._since.get(found.ref, now),
            peers=_peers(int(self._matrix.peers[found.row])),
            odd=_odd(explained),
            way_out={"zh": explained.way_out.zh, "en": explained.way_out.en},
            evidence=evidence_of(entries, self._named(explained), found.ref, now),
        )
        finding = DETECTOR.find(view, self._rules.parameters(DETECTOR.id, county), now)
        if finding is None:
            raise ValueError(f"{DETECTOR.id}: q = {found.q} is no finding by the thresholds of its rules")
        facts: dict[str, Any] = {**finding.facts, "explanation": msgspec.to_builtins(explained)}
        return CutFinding(found.ref, msgspec.structs.replace(finding, facts=facts), county)

    def _explained(
        self, found: findings.AnomalyFound, mark: int, threshold: float, entries: Sequence[Entry]
    ) -> Explanation:
        return self._explainer.explain(
            self._matrix.values[found.row],
            int(self._matrix.peers[found.row]),
            mark,
            threshold,
            sources_of(entries, self._histories.sources, self._histories.now),
        )

    def _named(self, explained: Explanation) -> list[Feature]:
        return [self._features[reason.feature] for reason in explained.reasons]


def _peers(group: int) -> Text:
    return Text(*words_of(group))


def _odd(explained: Explanation) -> Text:
    told = explained.reasons[:_TOLD]
    return Text("；".join(one.said.zh for one in told), "; ".join(one.said.en for one in told))
