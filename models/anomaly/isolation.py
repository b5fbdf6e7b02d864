"""Scores of an isolation forest, tree by tree: what scikit-learn's `score_samples` gives, in about half of its time.

The mean number of cuts that it takes to isolate a row, on the scale of Liu, Ting and Zhou (2008, section 3): 0.5 is an
ordinary row, near 1 one that a few cuts isolate.
"""

from __future__ import annotations

from typing import Any, Final, Self

import msgspec
import numpy as np
from sklearn.ensemble import IsolationForest

from models.arrays import Floats, Ints, Singles

_EULER: Final = 0.5772156649015329


class Isolation(msgspec.Struct, frozen=True):
    """A fitted forest with the path length of every node of every tree."""

    forest: IsolationForest
    trees: tuple[Any, ...]
    lengths: tuple[Floats, ...]
    usual: float

    @classmethod
    def of(cls, forest: IsolationForest) -> Self:
        """Reads the trees of a fitted forest, each of which knows all features."""
        trees = tuple(one.tree_ for one in forest.estimators_)
        usual = float(_usual_length(np.array([forest.max_samples_]))[0])
        return cls(forest, trees, tuple(_lengths(tree) for tree in trees), usual * len(trees))

    def score(self, scaled: Singles) -> Floats:
        """A score in (0, 1] for each row, the more unusual the higher."""
        rows = np.ascontiguousarray(scaled, np.float32)
        found = np.zeros(len(rows))
        for tree, lengths in zip(self.trees, self.lengths, strict=True):
            found += lengths[tree.apply(rows)]
        return np.asarray(np.exp2(-found / (self.usual or 1.0)), np.float64)


def _lengths(tree: Any) -> Floats:
    """For each node the cuts that lead to it, and those that its training rows would still take."""
    left, right = tree.children_left, tree.children_right
    depth = np.zeros(tree.node_count)
    level: Ints = np.zeros(1, np.int64)
    while len(level := level[left[level] >= 0]):
        below = np.concatenate([left[level], right[level]])
        depth[below] = np.concatenate([depth[level], depth[level]]) + 1.0
        level = below
    return depth + _usual_length(tree.n_node_samples)


def _usual_length(rows: Any) -> Floats:
    """The mean path length of an unsuccessful search in a binary tree of so many rows."""
    many = np.maximum(rows, 3).astype(np.float64)
    found = 2.0 * (np.log(many - 1.0) + _EULER) - 2.0 * (many - 1.0) / many
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, found))
