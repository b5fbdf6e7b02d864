"""Bad lines: one of every kind that contract §1 refuses, for `generate --poison`.

Each ends in the dead letters and changes nothing else: no other line bears its id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

_OVERSIZED: Final = 262_200
_MOST_OVERSIZED: Final = 5
_DEEP: Final = 70
_PERSON: Final = '{"role":"operator","id_number":"339900199001010011","id_type":"resident_id"}'


def _line(
    id_: str,
    type_: str = "report.filed",
    data: str = '{"year":2024}',
    *,
    subject: str = "91330000QYYYYYYYYX",
    time: str = "2025-03-01T10:00:00+08:00",
    head: str = '"specversion":"1.0",',
    tail: str = "",
) -> str:
    return (
        f'{{{head}"id":"{id_}","source":"//poison.example/330000","type":"{type_}","subject":"{subject}",'
        f'"time":"{time}","data":{data}{tail}}}\n'
    )


KINDS: Final[dict[str, Callable[[str], str]]] = {
    "unknown-type": lambda id_: _line(id_, "report.lost"),
    "type-in-capitals": lambda id_: _line(id_, "REPORT.FILED"),
    "monitors-own-type": lambda id_: _line(id_, "supervision.task_closed", '{"officer":"nobody"}'),
    "unknown-word": lambda id_: _line(id_, "enforcement.abnormal_listed", '{"ground":"bad_luck"}'),
    "unknown-result": lambda id_: _line(id_, "enforcement.inspected", '{"results":["none_found","fine"]}'),
    "unknown-role": lambda id_: _line(
        id_, "registration.changed", '{"persons":[{"role":"owner","id_number":"339900199001010011"}]}'
    ),
    "null": lambda id_: _line(id_, "complaint.received", '{"number":"浙示诉1","verified":null}'),
    "missing-field": lambda id_: _line(
        id_,
        "registration.established",
        f'{{"name":"无址（虚构）","kind":"individual","persons":[{_PERSON}]}}',
    ),
    "neither-document-nor-alert": lambda id_: _line(id_, "objection.decided", '{"upheld":true}'),
    "year-as-text": lambda id_: _line(id_, data='{"year":"2024"}'),
    "amount-as-text": lambda id_: _line(
        id_, "enforcement.penalised", '{"document":"浙示罚1","amount":"five thousand"}'
    ),
    "truth-as-number": lambda id_: _line(id_, "enforcement.visited", '{"found":1}'),
    "persons-as-object": lambda id_: _line(id_, "registration.changed", f'{{"persons":{_PERSON}}}'),
    "no-date": lambda id_: _line(id_, "registration.suspended", '{"until":"2025-02-30"}'),
    "data-as-list": lambda id_: _line(id_, data="[]"),
    "no-data": lambda id_: _line(id_).replace(',"data":{"year":2024}', ""),
    "no-version": lambda id_: _line(id_, head=""),
    "empty-source": lambda id_: _line(id_).replace("//poison.example/330000", ""),
    "bad-subject": lambda id_: _line(id_, subject="9133 0000"),
    "no-offset": lambda id_: _line(id_, time="2025-03-01T10:00:00"),
    "no-time": lambda id_: _line(id_, time="yesterday"),
    "far-ahead": lambda id_: _line(id_, time="2999-01-01T00:00:00+08:00"),
    "cut-short": lambda id_: _line(id_, "registration.changed", f'{{"persons":[{_PERSON}]}}')[:-9] + "\n",
    "no-json": lambda id_: f"report filed by {id_}\n",
    "no-object": lambda id_: f'"{id_}"\n',
    "no-unicode": lambda id_: _line(id_, "registration.changed", '{"name":"\udcff\udcfe"}'),
    "lone-surrogate": lambda id_: _line(id_, "registration.changed", '{"name":"\\ud800"}'),
    "too-deep": lambda id_: _line(id_, tail=f',"extra":{"[" * _DEEP}{"]" * _DEEP}'),
    "too-large": lambda id_: _line(id_, tail=f',"extra":"{"x" * _OVERSIZED}"'),
}
"""Every kind of bad line, by name. Bytes that are no UTF-8 stand as lone surrogates, see `Mixer.add`."""


class Poison:
    """Makes bad lines at a rate; `counts` says how many of which."""

    def __init__(self, rate: float, ids: Iterator[str], rng: np.random.Generator) -> None:
        """`rate`: bad lines for each good one."""
        self.counts: Counter[str] = Counter()
        self._rate = rate
        self._ids = ids
        self._rng = rng
        self._names = list(KINDS)
        self._turn = 0

    def for_lines(self, count: int) -> list[str]:
        """The bad lines to go among so many good ones: all kinds by turns, but few of the large."""
        bad = []
        for _ in range(int(self._rng.binomial(count, self._rate))):
            name = self._names[self._turn % len(self._names)]
            self._turn += 1
            if name == "too-large" and self.counts[name] >= _MOST_OVERSIZED:
                name = "unknown-type"
            self.counts[name] += 1
            bad.append(KINDS[name](next(self._ids)))
        return bad
