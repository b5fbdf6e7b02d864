"""p-values of scores: how rarely an enterprise of the reference has a score as high among its peers.

The reference are live enterprises on which no rule found anything when the model was trained, and from which it did not
learn. A p-value is uniform for whoever is like them (smoothed conformal p-values: Vovk, Gammerman, Shafer, Algorithmic
Learning in a Random World, 2005, ch. 2). Two things make it usable with small groups and in large counties:

- **Borrowing.** The ranks of groups that are too small are those of their nearest parent.
- **The tail.** With n scores no rank says less than 1/(n+1). Beyond the highest few, everybody's tail goes on
  (`models.calibration.tail`) from where the ranks of the group end, as wide as those few say, of whom everybody counts
  as some more; as far as is believed (`REACH`). That its width is known by so few is in the p-value: of an exponential
  tail of which k excesses are known, the next one is beyond x times their mean with the chance (1 + x/k)^-k.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.arrays import Floats, Ints
from models.calibration.tail import Tail, fit_tail, reach
from models.peers import members, nearest, nodes

REACH: Final = 1_000
"""How many times below 1/(n+1) a tail may be believed."""

_OWN_RANKS: Final = 20
_BORROWED: Final = 20
"""Excesses that everybody's tail counts as in the width of a group's."""

_CAUTION: Final = 1.645
"""Standard errors by which p-values are raised for discoveries: a bound that holds for 95 of 100 samples of the
reference.
"""


class Calibration(msgspec.Struct, frozen=True):
    """What was learned from the reference.

    `ranked`: groups with ranks of their own: the sorted scores of the place i in it are
    `scores[offsets[i]:offsets[i + 1]]`. `stretch`: by the same place, how many times as wide as everybody's its tail
    is; `tail_scale`, `tail_shape`: of everybody's.
    """

    ranked: Ints
    offsets: Ints
    scores: Floats
    stretch: Floats
    tail_scale: float
    tail_shape: float

    def p_values(self, scores: Floats, peers: Ints, marks: Ints) -> Floats:
        """A p-value in (0, 1] for each row. `marks`: a number of each enterprise that decides among equal scores, the
        same wherever and whenever it is asked.
        """
        ranks = nearest(peers, self.ranked)
        chance = uniform(marks)
        found = np.empty(len(scores))
        tail = Tail.of(self.scores[: self.offsets[1]], self.tail_scale, self.tail_shape)
        for node in (int(one) for one in np.unique(ranks)):
            rows = np.flatnonzero(ranks == node)
            found[rows] = self._by_rank(node, tail, scores[rows], chance[rows])
        return found

    def _by_rank(self, node: int, tail: Tail, scores: Floats, chance: Floats) -> Floats:
        known = self.scores[self.offsets[node] : self.offsets[node + 1]]
        size = len(known)
        below = np.searchsorted(known, scores, "left")
        upto = np.searchsorted(known, scores, "right")
        found: Floats = (size - upto + chance * (upto - below + 1)) / (size + 1)
        exact = tail.reach if node == 0 else _highest(size)
        if size > exact > 0:
            last = known[-exact - 1]
            out = scores > last
            hazard = float(np.log((size + 1) / exact))
            begin = tail.score_at(hazard)
            more = np.maximum(tail.hazards(begin + (scores[out] - last) / self.stretch[node]) - hazard, 0.0)
            sure = exact if node == 0 else 1.0 / (1.0 / (exact + _BORROWED) + 1.0 / tail.reach)
            found[out] = exact / (size + 1) * np.power(1.0 + more / sure, -sure)
        return np.clip(found, 1.0 / (REACH * (size + 1)), 1.0)

    def cautious(self, p: Floats) -> Floats:
        """p-values for discoveries, above: how rare a score is, is known by a sample of the reference alone. Where this
        holds too few high scores by chance, all p-values are too low at once, and Benjamini and Hochberg's rate, which
        is that of the mean of all samples, leaves nothing to spare for it (Bates et al., Testing for outliers with
        conformal p-values, 2023). Groups borrow from everybody: so does the standard error, which is that of a share
        within the ranks, and by the delta method that of an exponential tail beyond them.
        """
        size = self.offsets[1] + 1
        ranked: Floats = np.maximum(p, reach(self.offsets[1]) / size)
        error = p * np.sqrt((1.0 - ranked + np.log(ranked / p) ** 2) / (ranked * size))
        return np.asarray(np.minimum(p + _CAUTION * error, 1.0), np.float64)

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
    ranked = nodes(peers, _OWN_RANKS)
    parts = [np.sort(scores[members(peers, int(group))]) for group in ranked]
    tail = fit_tail(parts[0])
    return Calibration(
        ranked,
        np.cumsum([0, *(len(part) for part in parts)]),
        np.concatenate(parts),
        np.array([1.0, *(_stretch(part, tail) for part in parts[1:])]),
        tail.scale,
        tail.shape,
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


def _stretch(known: Floats, tail: Tail) -> float:
    """How many times as wide as everybody's the tail of a group is, drawn towards once."""
    size, exact = len(known), _highest(len(known))
    begin = tail.score_at(float(np.log((size + 1) / exact)))
    usual = tail.known[tail.known > begin] - begin
    general = float(usual.mean()) if len(usual) else tail.scale
    mean = float(known[-exact:].mean() - known[-exact - 1])
    return (exact * mean / max(general, 1e-9) + _BORROWED) / (exact + _BORROWED)
