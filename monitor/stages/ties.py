"""Ties as snapshots keep them: the fact that rooms and persons send to the assessment, from an array and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.views import Bar, Predecessor, Tie


def tie_of(values: Sequence[Any]) -> Tie:
    """The tie that an array holds, in the order of the fields of `Tie`."""
    weak, since, opened, opened_event, county, risky, bars, court, predecessors = values
    return Tie(
        weak,
        since,
        opened,
        (opened_event[0], opened_event[1]),
        county,
        tuple((one[0], one[1], one[2], one[3]) for one in risky),
        tuple(Bar(*one) for one in bars),
        None if court is None else (court[0], court[1], court[2]),
        tuple(Predecessor(*one) for one in predecessors),
    )
