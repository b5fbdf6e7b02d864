"""What the store says of enterprises at a daily cut: the mark of each, which of them a rule has findings on, and since
when the findings of the model are in force. Read in pieces, beside whoever reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import Connection, Select, select

from detectors.anomaly import DETECTOR
from models.arrays import Ints, Mask
from models.pieces import Work
from monitor.modelling.learning import OPINIONS, marks_of
from monitor.modelling.naming import Naming
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS, SIGNALS

_ROWS: Final = 2_048
_SINCE: Final = select(SIGNALS.c.ref, SIGNALS.c.since).where(SIGNALS.c.detector == DETECTOR.id)


class Standing(msgspec.Struct, frozen=True):
    """By the number of an enterprise: its mark (see `Calibration.p_values`), whether a rule counts it in a finding;
    `since`: of the findings of the model.
    """

    marks: Ints
    flagged: Mask
    since: Mapping[int, int]


class Marks:
    """The marks of enterprises by their numbers, kept: neither changes."""

    def __init__(self) -> None:
        """None yet."""
        self._marks: Ints = np.zeros(1, np.int64)

    def renew(self, connection: Connection, count: int) -> Work[Ints]:
        """The marks of so many numbers, from 0 on."""
        table = ENTERPRISES.c
        first = len(self._marks)
        found = np.zeros(max(count, first), np.int64)
        found[:first] = self._marks
        query = select(table.ref, table.code).where(table.ref >= first, table.ref < count)
        for rows in connection.execute(query, execution_options={"yield_per": _ROWS}).partitions():
            found[[row.ref for row in rows]] = marks_of([row.code for row in rows])
            yield
        self._marks = found
        return found


def named_standing(connection: Connection, naming: Naming, count: int, now: int) -> Standing:
    """What holds at `now` of so many numbers, from 0 on, in a store that has numbers of its own."""
    codes = naming.codes(range(1, count))
    marks = np.zeros(count, np.int64)
    marks[list(codes)] = marks_of(list(codes.values()))
    flagged = np.zeros(count, bool)
    found = [row.enterprise for row in connection.execute(_flagged(now))]
    flagged[list(naming.numbers(found).values())] = True
    since = {row.ref: row.since for row in connection.execute(_SINCE)}
    return Standing(marks, flagged, {number: since[stored] for stored, number in naming.numbers(since).items()})


def read_standing(connection: Connection, marks: Ints, now: int) -> Work[Standing]:
    """What holds at `now`. `marks`: of all enterprises, see `Marks`."""
    flagged = np.zeros(len(marks), bool)
    for rows in connection.execute(_flagged(now), execution_options={"yield_per": _ROWS}).partitions():
        flagged[[row.enterprise for row in rows]] = True
        yield
    return Standing(marks, flagged, {row.ref: row.since for row in connection.execute(_SINCE)})


def _flagged(now: int) -> Select[tuple[int]]:
    """Enterprises that a rule counts in a finding."""
    members, signals = SIGNAL_MEMBERS.c, SIGNALS.c
    return (
        select(members.enterprise)
        .join(SIGNALS, (signals.detector == members.detector) & (signals.ref == members.ref))
        .where(signals.since <= now, signals.detector.not_in(OPINIONS))
    )
