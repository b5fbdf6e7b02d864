"""Events as lines of JSON: types, sources, times, ids and the envelope of contract §1.

All parts of the generator write with `Lines`: many at a time and from ready fragments, where a JSON library
would take five times as long.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np

from models.population.identities import event_ids
from models.population.places import Ints

DAY: Final = 86_400
SOURCES: Final = {
    "registration": "//registry.example/330000",
    "report": "//registry.example/330000",
    "enforcement": "//supervision.example/330000",
    "sampling": "//supervision.example/330000",
    "complaint": "//12315.example/330000",
    "court": "//court.example/330000",
    "tax": "//tax.example/330000",
    "commitment": "//credit.example/330000",
    "credit": "//credit.example/330000",
    "objection": "//credit.example/330000",
    "honour": "//credit.example/330000",
    "clock": "//clock.example/330000",
}
"""Where events of each family come from; the hosts end in `.example`, which nobody can own (RFC 2606)."""

_LATE: Final = 0.03
"""Share of events that their source came to know days later."""

TYPES: Final = tuple(
    """registration.established registration.changed registration.deregistered registration.revoked
    registration.cancelled registration.suspended registration.resumed report.filed report.missed
    enforcement.inspected enforcement.visited enforcement.letter_sent enforcement.letter_returned
    enforcement.letter_delivered enforcement.penalised enforcement.abnormal_listed
    enforcement.abnormal_removed enforcement.dishonest_listed enforcement.dishonest_removed
    complaint.received sampling.failed sampling.passed court.defaulter_listed
    court.defaulter_removed tax.irregular tax.regular commitment.made commitment.breached
    credit.repaired objection.filed objection.decided honour.awarded clock.ticked""".split()
)
"""Every type of contract §2 but the monitor's own."""


def seconds(day: dt.date) -> int:
    """The beginning of a date as seconds since 1970, both in Asia/Shanghai: the generator's only clock."""
    return (day - dt.date(1970, 1, 1)).days * DAY


def new_year(year: int) -> int:
    """The beginning of a year, see `seconds`."""
    return seconds(dt.date(year, 1, 1))


def year_of(moment: int) -> int:
    """The year of a moment, see `seconds`."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=moment // DAY)).year


def moments(times: Ints) -> list[str]:
    """RFC 3339 texts without their offset."""
    texts: list[str] = np.datetime_as_string(times.astype("datetime64[s]")).tolist()
    return texts


class Lines:
    """Writes events down, numbers them and counts them by type.

    `end` is the last moment of the province in seconds: nobody learns of anything later.
    """

    def __init__(self, end: int, seed: int) -> None:
        self.end = end
        self.counts: Counter[str] = Counter()
        self.ids = event_ids()
        self._rng = np.random.default_rng([seed, 3])

    def events(self, type_: str, codes: Iterable[str], times: Ints, data: Iterable[str]) -> list[str]:
        """The lines of events of one type: subjects, times, and the members of each `data` as JSON."""
        self.counts[type_] += len(times)
        middle = f'","source":"{SOURCES[type_.split(".")[0]]}","type":"{type_}","subject":"'
        # The ids stand last in the zip, or it would draw one too many.
        return [
            f'{{"specversion":"1.0","id":"{id_}{middle}{code}","time":"{stamp}","data":{{{members}}}}}\n'
            for code, stamp, members, id_ in zip(codes, self._stamps(times), data, self.ids, strict=False)
        ]

    def _stamps(self, times: Ints) -> list[str]:
        stamps = [f"{text}+08:00" for text in moments(times)]
        late = np.flatnonzero(self._rng.random(len(times)) < _LATE)
        if late.size:
            known = np.minimum(times[late] + self._rng.integers(DAY, 45 * DAY, size=late.size), self.end)
            for index, text in zip(late.tolist(), moments(known), strict=True):
                stamps[index] += f'","recordedtime":"{text}+08:00'
        return stamps
