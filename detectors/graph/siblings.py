"""Enterprises that one agent or telephone registered together: where no rule flags anything yet, shells show so.

An agent has honest clients too; a start only says where the graph is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.moments import DAY
from detectors.graph.neighbourhood import LIMIT

Ints = NDArray[np.int64]


def sibling_starts(
    refs: Ints, established: Ints, marks: Ints, within_days: int, least: int, since: int
) -> list[tuple[int, ...]]:
    """Enterprises of one mark of which `least` were established within some `within_days` × 24 hours, as starts for
    `find_groups`; more than LIMIT at once are a mass registrar's, and no start.

    `refs`, `established` (microseconds) and `marks` (hash of agent or telephone, 0 and below: not known) stand beside
    one another; those established before `since` are left out.
    """
    chosen = np.flatnonzero((marks > 0) & (established >= since))
    order = chosen[np.lexsort((refs[chosen], established[chosen], marks[chosen]))]
    refs, established, marks = refs[order], established[order], marks[order]
    if len(refs) < least:
        return []
    ends = np.arange(least - 1, len(refs))
    firsts = ends - (least - 1)
    full = (marks[ends] == marks[firsts]) & (established[ends] - established[firsts] <= within_days * DAY)
    inside: NDArray[Any] = np.zeros(len(refs) + 1, np.int64)
    np.add.at(inside, firsts[full], 1)
    np.add.at(inside, ends[full] + 1, -1)
    crowded = np.flatnonzero(np.cumsum(inside[:-1]) > 0)
    if not len(crowded):
        return []
    breaks = np.flatnonzero(
        (np.diff(crowded) > 1) | (np.diff(marks[crowded]) != 0) | (np.diff(established[crowded]) > within_days * DAY)
    )
    runs = np.split(refs[crowded], breaks + 1)
    return [tuple(run.tolist()) for run in runs if len(run) <= LIMIT]
