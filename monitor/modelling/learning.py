"""What a model learns from: the features of all enterprises as of a date, on which of them no rule found anything, and
what officers found when they closed tasks.

Read beside the writer; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import xxhash
from sqlalchemy import Connection, select

from models.arrays import Ints, Mask
from models.features.computing import Matrix, compute
from models.forecast.outcomes import HOLDS, Found, Outcomes
from monitor.engine.flow import Flow
from monitor.modelling.gathering import facts_of
from monitor.stages.history import RESULTS, results_bits
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS
from monitor.store.work import taskreader

OPINIONS: Final = ("anomaly", "shell-cluster")
"""Detectors whose findings do not say that an enterprise is known: a model must not learn from its own opinion."""

_POSITIVE: Final = (1 << 63) - 1


class Material(msgspec.Struct, frozen=True):
    """`marks`: by row of the matrix, see `Calibration.p_values`; `flagged`: whether a rule found something."""

    matrix: Matrix
    marks: Ints
    flagged: Mask

    @property
    def reference(self) -> Mask:
        """Live enterprises on which no rule found anything."""
        return self.matrix.live & ~self.flagged


def material_of(connection: Connection, flow: Flow, codes: Mapping[int, str], moment: int) -> Material:
    """Everything as of a moment: facts that were known then, and findings of today that go back to before it.

    `flow` and `codes`: see `monitor.modelling.reading.read_flow`; `connection`: to the same look at the home.
    """
    matrix = compute(facts_of(flow), moment)
    flagged = flagged_codes(connection, moment)
    known = [codes[ref] for ref in matrix.refs.tolist()]
    return Material(matrix, marks_of(known), np.fromiter((code in flagged for code in known), bool, count=len(known)))


def marks_of(codes: list[str]) -> Ints:
    """A number for each code, the same everywhere: it decides among equal scores."""
    hashed = (xxhash.xxh3_64_intdigest(code.encode()) & _POSITIVE for code in codes)
    return np.fromiter(hashed, np.int64, count=len(codes))


def marks_by_number(codes: Mapping[int, str]) -> Ints:
    """The marks of enterprises, at their numbers."""
    found = np.zeros(max(codes, default=0) + 1, np.int64)
    found[list(codes)] = marks_of(list(codes.values()))
    return found


def flagged_codes(connection: Connection, moment: int) -> set[str]:
    """The enterprises that findings of rules count, which are in force now and began at or before a moment."""
    query = (
        select(ENTERPRISES.c.code)
        .join(SIGNAL_MEMBERS, SIGNAL_MEMBERS.c.enterprise == ENTERPRISES.c.ref)
        .join(
            SIGNALS,
            (SIGNALS.c.detector == SIGNAL_MEMBERS.c.detector) & (SIGNALS.c.ref == SIGNAL_MEMBERS.c.ref),
        )
        .where(SIGNALS.c.since <= moment, SIGNALS.c.detector.not_in(OPINIONS))
        .distinct()
    )
    return set(connection.execute(query).scalars())


def outcomes_of(connection: Connection, flow: Flow) -> Outcomes:
    """What became of closed tasks on one enterprise, with all corrections. A task on a room or group says nothing of a
    single one of its enterprises.
    """
    found: list[Found] = []
    for code, control, told in taskreader.outcomes_of_one(connection):
        ends = [*(one.at for one in told[1:]), HOLDS]
        found += [
            Found(flow.subjects.find(code), told[0].at, one.at, end, _bits(one.result), control)
            for one, end in zip(told, ends, strict=True)
        ]
    return Outcomes.of(found)


def _bits(result: str) -> int:
    """A result as that of an inspection; a false alarm found nothing."""
    return results_bits([result]) if result in RESULTS else 0
