"""Whether enterprises still are as those that the model learned from, and what to do where they are not.

For each feature the population stability index (PSI) between training and now, over tenths of the training rows and one
bin for what is not known; and whether p-values still are uniform. Customary reading of a PSI: below 0.1 stable, from
0.25 on another population (Siddiqi, Credit Risk Scorecards, 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.arrays import Floats, Ints, Singles

_TENTHS: Final = 9
_LEAST: Final = 1e-4


class Profile(msgspec.Struct, frozen=True):
    """How the training rows spread. `edges`: m × 9, `shares`: m × 11, the last for what is not known."""

    edges: Singles
    shares: Floats

    def counts(self, values: Singles) -> Ints:
        """Rows in each bin (m × 11); counts of batches may be added."""
        found = np.zeros((values.shape[1], _TENTHS + 2), np.int64)
        for feature in range(values.shape[1]):
            column = values[:, feature]
            known = column[~np.isnan(column)]
            bins = np.searchsorted(self.edges[feature], known, side="left")
            found[feature, :-1] = np.bincount(bins, minlength=_TENTHS + 1)
            found[feature, -1] = len(column) - len(known)
        return found

    def stability(self, counts: Ints) -> Floats:
        """The PSI of each feature."""
        now = np.maximum(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), _LEAST)
        then = np.maximum(self.shares, _LEAST)
        return np.asarray(((now - then) * np.log(now / then)).sum(axis=1), np.float64)

    def parts(self) -> dict[str, Any]:
        """As plain arrays."""
        return {"edges": self.edges, "shares": self.shares}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Of such parts. Raises KeyError where one is missing."""
        return cls(parts["edges"], parts["shares"])


def fit_profile(values: Singles) -> Profile:
    """The profile of training rows (n × m, NaN: not known)."""
    edges = np.zeros((values.shape[1], _TENTHS), np.float32)
    for feature in range(values.shape[1]):
        column = values[:, feature]
        known = column[~np.isnan(column)]
        if len(known):
            edges[feature] = np.percentile(known, np.arange(10, 100, 10))
    profile = Profile(edges, np.zeros((values.shape[1], _TENTHS + 2)))
    counts = profile.counts(values)
    return Profile(edges, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


class Drift(msgspec.Struct, frozen=True):
    """`stability`: the PSI by feature; `distance`: of the p-values of `rows` rows from uniform, see below."""

    stability: dict[str, float]
    distance: float
    rows: int

    @property
    def worst(self) -> float:
        """The greatest PSI."""
        return max(self.stability.values(), default=0.0)

    def drifted(self, limit: float) -> list[str]:
        """The features beyond a limit, the worst first."""
        found = [(-value, name) for name, value in self.stability.items() if value >= limit]
        return [name for _, name in sorted(found)]

    def beyond(self, limit: float, most_distance: float) -> int:
        """How many features are beyond a limit, and one more where p-values are as far from uniform as they may be."""
        return len(self.drifted(limit)) + (self.distance >= most_distance)

    def advice(self, limit: float, most_distance: float) -> tuple[str, str] | None:
        """What to do, zh and en; None where nothing is to be done."""
        if not self.beyond(limit, most_distance):
            return None
        names = self.drifted(limit)
        shown = ", ".join(f"{name} {self.stability[name]:.2f}" for name in names[:3])
        return (
            f"请重新训练并比较模型：{len(names)} 个特征已偏移（PSI ≥ {limit:g}）{shown}；p 值与均匀分布之差 "
            f"{self.distance:.3f}（限 {most_distance:g}）",
            f"train again and compare the models: {len(names)} features have drifted (PSI >= {limit:g}) {shown}; "
            f"p-values are {self.distance:.3f} from uniform (limit {most_distance:g})",
        )


def drift_of(names: Sequence[str], profile: Profile, counts: Ints, p: Floats) -> Drift:
    """Drift of rows, by how many are in each bin of the profile and by their p-values, against the training rows."""
    stability = profile.stability(counts)
    return Drift(dict(zip(names, (float(one) for one in stability), strict=True)), distance_from_uniform(p), len(p))


def distance_from_uniform(p: Floats) -> float:
    """The greatest difference between the shares of p-values and those of a uniform distribution; 0 without any."""
    if not len(p):
        return 0.0
    ordered = np.sort(p)
    upper = np.arange(1, len(p) + 1) / len(p)
    return float(np.maximum(upper - ordered, ordered - (upper - 1.0 / len(p))).max())
