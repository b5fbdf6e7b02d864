"""The control sample: random tasks on enterprises without alerts, to measure what targeting adds over chance.

Which enterprises are drawn follows from the day, the county and the seed in the rules alone, so that a replay draws the
same. A draw costs two look-ups, however many enterprises a county has.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol


class Pool(Protocol):
    """The live enterprises of each county, in the order of their codes."""

    def counties(self) -> Iterable[str]:
        """The codes of those counties that have any."""

    def size(self, county: str) -> int:
        """How many a county has."""

    def at(self, county: str, place: int) -> str:
        """The code at a place, counted from 0."""


def drawn(pool: Pool, county: str, day: dt.date, seed: str) -> Iterator[str]:
    """Codes of a county's enterprises in the random order of a day; each once, and some thousand tries at most.

    The places are HMAC-SHA256 of day, county and number of the try under the seed, modulo the size: with 128 bits the
    bias is none to speak of.
    """
    size = pool.size(county)
    if size == 0:
        return
    seen = set()
    for place in islice(_places(county, day, seed, size), 4096):
        if place not in seen:
            seen.add(place)
            yield pool.at(county, place)
            if len(seen) == size:
                return


def _places(county: str, day: dt.date, seed: str, size: int) -> Iterator[int]:
    number = 0
    while True:
        text = f"{day.isoformat()}|{county}|{number}".encode()
        yield int.from_bytes(hmac.digest(seed.encode(), text, "sha256")[:16], "big") % size
        number += 1
