"""What the anomaly model finds at a cut: the live enterprises of each county that are too unlike their peers.

Called once a day over all of them (contract §4). The same rows, marks, model and policy give the same findings in
whatever order the rows stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from models.anomaly.model import AnomalyModel, Judged
from models.arrays import Floats, Ints
from models.calibration.discoveries import q_values, q_values_by
from models.features.computing import Matrix
from models.pieces import Work, finished

SHOWN: Final = 5
"""Contributions that a finding names."""


class Limits(msgspec.Struct, frozen=True):
    """What a county bears: of what is found the share that may be like everybody else, and how many at most."""

    false_discovery_rate: float
    most: int


class AnomalyFound(msgspec.Struct, frozen=True):
    """One enterprise. `row`: its row of the matrix; `q`: the least rate of false discoveries, in its county and in all
    together, at which it is found; `contributions`: features by what their values, and departures of these from what
    the others let expect, add to the score, the most first.
    """

    ref: int
    row: int
    county: int
    score: float
    p: float
    q: float
    contributions: tuple[tuple[str, float], ...]


class Scored(msgspec.Struct, frozen=True):
    """All that a cut worked out: the rows of the matrix that were judged, their numbers, and what was found."""

    rows: Ints
    scores: Floats
    p: Floats
    found: list[AnomalyFound]


def score_all(matrix: Matrix, marks: Ints, model: AnomalyModel, limits_of: Callable[[int], Limits]) -> Scored:
    """Judges all live rows of a matrix.

    `marks`: a number for each row that stands for the enterprise and not for its place or number in this process (see
    `monitor.modelling.learning.marks_of`). `limits_of`: by the number of a county as the matrix has it. Found are, in
    each county, those within its limits, the least probable first; in the order of the rows. The rate is held over all
    counties together too: in ninety counties without anything odd, nine would else find something at 10 %. It is held
    with p-values somewhat above (`Calibration.cautious`); a finding tells its own.
    """
    return finished(score_in_pieces(matrix, marks, model, limits_of))


def score_in_pieces(
    matrix: Matrix, marks: Ints, model: AnomalyModel, limits_of: Callable[[int], Limits]
) -> Work[Scored]:
    """The same in pieces."""
    rows = np.flatnonzero(matrix.live)
    values, peers, counties = matrix.values[rows], matrix.peers[rows], matrix.counties[rows]
    yield
    judged = yield from model.judge_all(values, peers, marks[rows])
    yield
    p = model.calibration.cautious(judged.p)
    q = np.maximum(q_values_by(counties, p), q_values(p))
    chosen = _chosen(counties, q, judged, marks[rows], limits_of)
    added = model.detector.added(values[chosen], peers[chosen]).by_feature
    found = [
        AnomalyFound(
            int(matrix.refs[rows[place]]),
            int(rows[place]),
            int(counties[place]),
            float(judged.scores[place]),
            float(judged.p[place]),
            float(q[place]),
            tuple(
                (model.features[column], float(added[number, column]))
                for column in np.argsort(-added[number], kind="stable")[:SHOWN]
                if added[number, column] > 0
            ),
        )
        for number, place in enumerate(chosen)
    ]
    return Scored(rows, judged.scores, judged.p, found)


def _chosen(counties: Ints, q: Floats, judged: Judged, marks: Ints, limits_of: Callable[[int], Limits]) -> Ints:
    """Places of what is found in each county: of equally probable ones the higher score first, then by mark."""
    order = np.lexsort((marks, -judged.scores, judged.p, counties))
    values, begins = np.unique(counties[order], return_index=True)
    found = [np.empty(0, np.int64)]
    for county, places in zip(values, np.split(order, begins)[1:], strict=True):
        limits = limits_of(int(county))
        found.append(places[q[places] <= limits.false_discovery_rate][: limits.most])
    return np.sort(np.concatenate(found))
