"""p-values of scores: how rarely an enterprise of the reference has a score as high among its peers.

The reference are live enterprises on which no rule found anything when the model was trained, and from which it did not
learn. A p-value is uniform for whoever is like them (smoothed conformal p-values: Vovk, Gammerman, Shafer, Algorithmic
Learning in a Random World, 2005, ch. 2). Two things make it usable with small groups and in large counties:

- **Borrowing.** Each group has a middle and a spread of its own; the ranks of groups that are too small are those of
  their nearest parent, in which every score stands on the scale of its own group.
- **The tail.** With n scores no rank says less than 1/(n+1). Beyond the highest few a generalised Pareto tail goes on
  (Pickands 1975; fitted by probability-weighted moments, Hosking and Wallis 1987) of one shape for all, its scale a
  standard error above the estimate and for small groups drawn towards everybody's, as far as is believed (`REACH`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.arrays import Floats, Ints, Mask
from models.peers import members, nearest, nodes

REACH: Final = 1_000
"""How many times below 1/(n+1) a tail may be believed."""

_OWN_SCALE: Final = 20
_OWN_RANKS: Final = 20
_TAIL_SHARE: Final = 0.05
_LEAST_TAIL: Final = 50
_LEAST_EXCESSES: Final = 20
_OWN_SHAPE: Final = 50
"""Divided by its own mean, a tail of fewer excesses looks lighter than it is."""

_CAUTION: Final = 0.5
"""Standard errors by which p-values are raised for discoveries; chosen by the trials of docs/models.md."""
_LIGHTEST: Final = -0.25
_HEAVIEST: Final = 0.5


class Calibration(msgspec.Struct, frozen=True):
    """What was learned from the reference.

    `scales`: groups with a `centre` and a `spread` of their own; `ranked`: groups with ranks of their own: the sorted
    scores of the place i in it are `scores[offsets[i]:offsets[i + 1]]`. `tail`: by the same place, the scale of the
    tail; `shape`: of all tails.
    """

    scales: Ints
    centre: Floats
    spread: Floats
    ranked: Ints
    offsets: Ints
    scores: Floats
    tail: Floats
    shape: float

    def p_values(self, scores: Floats, peers: Ints, marks: Ints) -> Floats:
        """A p-value in (0, 1] for each row. `marks`: a number of each enterprise that decides among equal scores, the
        same wherever and whenever it is asked.
        """
        place = nearest(peers, self.scales)
        adjusted = (scores - self.centre[place]) / self.spread[place]
        ranks = nearest(peers, self.ranked)
        chance = uniform(marks)
        found = np.empty(len(scores))
        for node in (int(one) for one in np.unique(ranks)):
            rows = np.flatnonzero(ranks == node)
            found[rows] = self._by_rank(node, adjusted[rows], chance[rows])
        return found

    def _by_rank(self, node: int, adjusted: Floats, chance: Floats) -> Floats:
        known = self.scores[self.offsets[node] : self.offsets[node + 1]]
        size = len(known)
        below = np.searchsorted(known, adjusted, "left")
        upto = np.searchsorted(known, adjusted, "right")
        found: Floats = (size - upto + chance * (upto - below + 1)) / (size + 1)
        exact = _highest(size)
        if size > exact:
            last = known[-exact - 1]
            out = adjusted > last
            scale = max(float(self.tail[node] + self.shape * (last - _threshold(known))), 1e-9)
            found[out] = exact / (size + 1) * _survival(adjusted[out] - last, scale, self.shape)
        return np.clip(found, 1.0 / (REACH * (size + 1)), 1.0)

    def cautious(self, p: Floats) -> Floats:
        """p-values for discoveries, somewhat above: the rarity of a score is known by a sample of the reference alone.
        Where this holds too few high scores by chance, all p-values are too low at once, and Benjamini and Hochberg's
        rate, which is that of the mean of all samples, leaves nothing to spare for it (Bates et al., Testing for
        outliers with conformal p-values, 2023). The tails borrow from everybody: so does the standard error.
        """
        return np.asarray(np.minimum(p + _CAUTION * np.sqrt(p * (1.0 - p) / (self.offsets[1] + 1)), 1.0), np.float64)

    def behind(self, group: int) -> int:
        """How many scores of the reference the p-values of a group rest on."""
        place = int(nearest(np.array([group], np.int64), self.ranked)[0])
        return int(self.offsets[place + 1] - self.offsets[place])

    # -- for keeping ----------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """As plain arrays and numbers."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Of such parts. Raises KeyError where one is missing."""
        return cls(**{name: parts[name] for name in cls.__struct_fields__})


def fit_calibration(scores: Floats, peers: Ints) -> Calibration:
    """Learns from the scores of the reference. Raises ValueError where there is none."""
    if not len(scores):
        raise ValueError("校准至少需要一行 / at least one row is needed to calibrate by")
    scales = nodes(peers, _OWN_SCALE)
    centre, spread = np.zeros(len(scales)), np.ones(len(scales))
    for place, group in enumerate(scales):
        low, middle, high = np.percentile(scores[members(peers, int(group))], [25, 50, 75])
        centre[place], spread[place] = middle, (high - low) or spread[0]
    own = nearest(peers, scales)
    adjusted = (scores - centre[own]) / spread[own]
    ranked = nodes(peers, _OWN_RANKS)
    parts = [np.sort(adjusted[members(peers, int(group))]) for group in ranked]
    shape = _shape_of_all(parts, np.isin(ranked, peers))
    general = _tail_scale(parts[0], shape)
    return Calibration(
        scales,
        centre,
        spread,
        ranked,
        np.cumsum([0, *(len(part) for part in parts)]),
        np.concatenate(parts),
        np.array([_drawn(part, _tail_scale(part, shape), general) for part in parts]),
        shape,
    )


def uniform(marks: Ints) -> Floats:
    """Numbers in (0, 1) that look drawn at random, each a function of its mark (splitmix64: Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        mixed = marks.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)


def _highest(size: int) -> int:
    """How many of the highest scores of so many are left to the tail."""
    return max(5, min(20, size // 50))


def _drawn(known: Floats, own: float, general: float) -> float:
    """The scale of a tail, drawn towards everybody's by the size of it, and a standard error above."""
    size = _tail_size(len(known))
    return (size * own + _LEAST_TAIL * general) / (size + _LEAST_TAIL) * float(1.0 + 1.0 / np.sqrt(max(size, 1)))


def _tail_size(size: int) -> int:
    return min(size - 1, max(_LEAST_EXCESSES, int(size * _TAIL_SHARE)))


def _threshold(known: Floats) -> float:
    """The score beyond which the tail is fitted."""
    return float(known[-_tail_size(len(known)) - 1])


def _excesses(known: Floats) -> Floats:
    return known[-_tail_size(len(known)) :] - _threshold(known) if len(known) > 1 else np.zeros(1)


def _shape_of_all(parts: list[Floats], own: Mask) -> float:
    """The shape of the tails of groups that have no parts (`own`), each on its own scale: tails of several scales mixed
    are not of the shape of any. Where no tail is large enough to have a scale to divide by, it is everybody's.
    """
    tails = [
        _excesses(part) for part, its in zip(parts, own, strict=True) if its and _tail_size(len(part)) >= _OWN_SHAPE
    ]
    return _shape(
        np.sort(np.concatenate([tail / max(float(tail.mean()), 1e-9) for tail in tails or [_excesses(parts[0])]]))
    )


def _shape(excess: Floats) -> float:
    """The shape of a tail (0: exponential) by how far its scores are beyond the threshold, ascending; between the
    lightest and the heaviest that are believed.
    """
    size = len(excess)
    mean = float(excess.mean())
    weighted = float((excess * (size - np.arange(1, size + 1) + 0.35)).sum() / size**2)
    if mean - 2.0 * weighted <= 0.0:
        return _HEAVIEST
    return float(np.clip(2.0 - mean / (mean - 2.0 * weighted), _LIGHTEST, _HEAVIEST))


def _tail_scale(known: Floats, shape: float) -> float:
    return max(float(_excesses(known).mean()) * (1.0 - shape), 1e-9)


def _survival(beyond: Floats, scale: float, shape: float) -> Floats:
    if abs(shape) < 1e-6:
        return np.exp(-beyond / scale)
    return np.asarray(np.maximum(1.0 + shape * beyond / scale, 0.0) ** (-1.0 / shape), np.float64)
