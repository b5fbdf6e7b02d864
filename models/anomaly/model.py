"""The anomaly model as it is trained, kept and promoted: detector, calibration, and what the training rows looked like.

Half of the reference teaches the detector, the other half calibrates it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.anomaly.detector import BATCH, Detector
from models.anomaly.scaling import UNUSED
from models.arrays import Floats, Ints, Mask, Singles
from models.calibration.conformal import Calibration, fit_calibration
from models.calibration.drift import Drift, Profile, drift_of, fit_profile
from models.pieces import Work, finished

LEAST_REFERENCE: Final = 200
"""Rows of the reference without which nothing is learned."""


class Judged(msgspec.Struct, frozen=True):
    """By row: the score, and how rarely one of the reference has one as high among its peers."""

    scores: Floats
    p: Floats


class AnomalyModel(msgspec.Struct, frozen=True):
    """`features`: the names of the columns that it reads, in their order."""

    features: tuple[str, ...]
    detector: Detector
    calibration: Calibration
    profile: Profile

    @classmethod
    def fit(
        cls, values: Singles, peers: Ints, reference: Mask, seed: int, *, features: Sequence[str], sides: Ints
    ) -> Self:
        """Learns from the rows of the reference: those on which no rule found anything. `sides`: the harmful side of
        each feature (+1, -1; 0: both). Raises ValueError where the reference is too small.
        """
        rows = np.flatnonzero(reference)
        if len(rows) < LEAST_REFERENCE:
            raise ValueError(
                f"无风险信号的存续主体不足 {LEAST_REFERENCE} 户，无法训练 / fewer than {LEAST_REFERENCE} live "
                "enterprises without findings: there is nothing to learn from"
            )
        order = np.random.default_rng(seed).permutation(rows)
        learned, calibrated = np.sort(order[: len(rows) // 2]), np.sort(order[len(rows) // 2 :])
        detector = Detector.fit(values[learned], peers[learned], seed, sides=sides)
        scores = detector.score(values[calibrated], peers[calibrated])
        return cls(
            tuple(features),
            detector,
            fit_calibration(scores, peers[calibrated]),
            fit_profile(values[learned]),
        )

    def judge(self, values: Singles, peers: Ints, marks: Ints) -> Judged:
        """Scores and p-values. `marks`: see `Calibration.p_values`."""
        return finished(self.judge_all(values, peers, marks))

    def judge_all(self, values: Singles, peers: Ints, marks: Ints) -> Work[Judged]:
        """The same in pieces."""
        scores = np.empty(len(values))
        for first in range(0, len(values), BATCH):
            rows = slice(first, first + BATCH)
            scores[rows] = self.detector.score(values[rows], peers[rows])
            yield
        return Judged(scores, self.calibration.p_values(scores, peers, marks))

    def drift(self, values: Singles, p: Floats) -> Drift:
        """How rows of the reference as it is now, with their p-values, differ from those that it learned from, in the
        features that it uses.
        """
        return finished(self.drift_of_all(values, np.ones(len(values), bool), p))

    def drift_of_all(self, values: Singles, chosen: Mask, p: Floats) -> Work[Drift]:
        """The same in pieces, of the chosen rows; `p`: of those."""
        used = self.detector.scaling.sides != UNUSED
        profile = Profile(self.profile.edges[used], self.profile.shares[used])
        names = [name for name, uses in zip(self.features, used, strict=True) if uses]
        counts = profile.counts(values[:0, used])
        for first in range(0, len(values), BATCH):
            rows = slice(first, first + BATCH)
            counts += profile.counts(values[rows][chosen[rows]][:, used])
            yield
        return drift_of(names, profile, counts, p)

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The model as plain arrays, numbers and a forest, for a file."""
        return {
            "features": list(self.features),
            "detector": self.detector.parts(),
            "calibration": self.calibration.parts(),
            "profile": self.profile.parts(),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """The model of such parts. Raises KeyError where one is missing."""
        return cls(
            tuple(parts["features"]),
            Detector.from_parts(parts["detector"]),
            Calibration.from_parts(parts["calibration"]),
            Profile.from_parts(parts["profile"]),
        )
